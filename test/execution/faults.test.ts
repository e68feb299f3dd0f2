/**
 * What goes wrong between a search and its workers, one thing at a time, with real servers and simulated training: everything
 * is counted once, nothing is lost, and what is not to be believed is refused.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { parseQueue } from '../../src/execution/queue/address.ts';
import { openBroker } from '../../src/execution/queue/broker.ts';
import type { Broker } from '../../src/execution/queue/connections.ts';
import type { Consumer } from '../../src/execution/queue/consumer.ts';
import { checkpointKey, jobName, requestOf, type WorkerIdentity } from '../../src/execution/queue/messages.ts';
import { createQueuePool } from '../../src/execution/queue/pool.ts';
import type { Pool } from '../../src/execution/pool.ts';
import { openStore } from '../../src/execution/store/open.ts';
import type { Store } from '../../src/execution/store/store.ts';
import { readRun } from '../../src/run/record/read.ts';
import { checkpointPath } from '../../src/training/checkpoint.ts';
import { JobFailure, type Job, type Report, type TrainingJob } from '../../src/training/job.ts';
import { sha256 } from '../../src/util/hash.ts';
import { RunError } from '../../src/util/user-error.ts';
import { gateTo, wireTo } from '../support/faults.ts';
import { skipFor } from '../support/machine.ts';
import { newFolder, place, quadrantFolder, readQuadrants, sleep, until } from '../support/runs.ts';
import { startPostgres, startRedis, startS3, withoutPostgres, withoutRedis, type Server } from './brokers.ts';
import { epochsOf, expectedEpochs, queueOf, simulatedJob, startSimulated } from './simulated.ts';

const program = fileURLToPath(new URL('./simulated.js', import.meta.url));
const commandLine = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const run = '0123456789abcdef';

interface Setting {
  readonly name: string;
  readonly broker: Broker;
  readonly store: Store;
  readonly pool: Pool;
  readonly checkpoints: string;
  readonly folder: string;
  /** What the search is told. */
  readonly told: string[];
}

const ends: (() => unknown)[] = [];
/** Before the servers: who is cut off for good waits for them. */
async function endAll(): Promise<void> {
  for (const end of ends.splice(0).toReversed()) await end();
}

let settings = 0;
/** A search's side, with a queue and a store of its own. */
async function setting(address: string, storeAddress?: string): Promise<Setting> {
  const folder = join(place, `setting-${settings}`);
  const name = queueOf(`${process.pid}-${settings++}`);
  const checkpoints = join(folder, 'run');
  const told: string[] = [];
  mkdirSync(checkpoints, { recursive: true });
  const broker = await openBroker(parseQueue(address), {});
  const store = await openStore(storeAddress ?? `file:${join(folder, 'store')}`);
  const pool = createQueuePool({ broker, store, queue: name, run, checkpoints, say: (line) => void told.push(line) });
  ends.push(() => pool.close());
  return { name, broker, store, pool, checkpoints, folder, told };
}

interface Follow {
  readonly reports: Report[];
  readonly by: (string | undefined)[];
  readonly ended: Promise<Error | null>;
}

function follow({ pool }: Setting, job: Job): Follow {
  const reports: Report[] = [];
  const by: (string | undefined)[] = [];
  const report = (each: Report, _peak: number, _clock: number, who?: WorkerIdentity): void => {
    if (each.kind === 'progress') return;
    reports.push(each);
    by.push(who?.name);
  };
  const ended = pool.run(job, { report, started: () => undefined }, new AbortController().signal).then(
    () => null,
    (error: Error) => error,
  );
  return { reports, by, ended };
}

let workers = 0;
async function worker(
  { name, store, folder }: Setting,
  address: string,
  seconds: number,
  more: {
    readonly store?: Store;
    readonly says?: string[];
    readonly slots?: number;
    readonly jobs?: number;
    readonly cores?: number;
  } = {},
): Promise<Consumer> {
  const called = `worker-${workers++}`;
  const says = more.says;
  const consumer = await startSimulated({
    address,
    store: more.store ?? store,
    name: called,
    queue: name,
    cache: join(folder, called),
    seconds,
    ...(more.slots === undefined ? {} : { slots: more.slots }),
    ...(more.jobs === undefined ? {} : { jobs: more.jobs }),
    ...(more.cores === undefined ? {} : { cores: more.cores }),
    ...(says === undefined ? {} : { say: (line: string): void => void says.push(line) }),
  });
  ends.push(() => consumer.drain());
  return consumer;
}

interface WorkerProcess {
  readonly child: ChildProcess;
  readonly name: string;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

async function workerProcess({ name, store }: Setting, address: string, seconds: number): Promise<WorkerProcess> {
  const called = `process-${workers++}`;
  const child = spawn(process.execPath, [program, address, store.address, String(seconds), called, name], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  ends.push(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until('the worker is there', 30, () => said.includes('ready'));
  return { child, name: called, said: () => said, ended: new Promise((resolve) => child.on('close', resolve)) };
}

let data: { path: string; hash: string };
before(async () => {
  const { path, dataset } = await readQuadrants();
  data = { path, hash: dataset.hash };
});

const jobOf = (id: string, epochs: number): TrainingJob => simulatedJob(id, epochs, data);
const expected = (folder: string, id: string, epochs: number): string[] => expectedEpochs(folder, id, 'simulated', epochs);

describe('faults on Redis', { skip: withoutRedis() }, () => {
  let server: Server;
  before(async () => {
    server = await startRedis(join(place, 'redis-faults'));
  });
  after(async () => {
    await endAll();
    await server.stop();
  });
  const cli = (...words: readonly string[]): string =>
    spawnSync('/usr/bin/redis-cli', ['-u', server.address, ...words], { encoding: 'utf8' }).stdout;

  test('a result that is delivered again, and again later, is counted once', async () => {
    const here = await setting(server.address);
    const job = jobOf('again', 4);
    const following = follow(here, job);
    await worker(here, server.address, 0.6);
    await until('two epochs', 20, () => following.reports.length >= 2);
    const id = jobName(run, job);
    const raw = cli('HGET', `bull:${here.name}:${id}`, 'progress').trim();
    // As the worker said it, twice more; then as one that knows less than was said already.
    for (let times = 0; times < 2; times++)
      cli('XADD', `bull:${here.name}:events`, '*', 'event', 'progress', 'jobId', id, 'data', raw);
    const less = JSON.parse(raw) as { kept: unknown[] };
    less.kept.pop();
    cli('XADD', `bull:${here.name}:events`, '*', 'event', 'progress', 'jobId', id, 'data', JSON.stringify(less));
    assert.equal(await following.ended, null);
    const answer = cli('HGET', `bull:${here.name}:${id}`, 'returnvalue').trim();
    cli('XADD', `bull:${here.name}:events`, '*', 'event', 'completed', 'jobId', id, 'returnvalue', answer);
    // Asked for again, as by a search that was killed: nothing is trained anew.
    const again = follow(here, job);
    assert.equal(await again.ended, null);
    for (const each of [following, again]) assert.deepEqual(epochsOf(each.reports), expected(here.folder, 'again', 4));
  });

  test('a job that is delivered to two workers is counted once', async () => {
    const here = await setting(server.address);
    const job = jobOf('twice', 12);
    const says: string[] = [];
    await worker(here, server.address, 1.2, { says });
    const following = follow(here, job);
    await until('an epoch', 20, () => following.reports.length >= 1);
    await worker(here, server.address, 1.2, { says });
    // The queue believes that its worker is dead, and it is not.
    cli('DEL', `bull:${here.name}:${jobName(run, job)}:lock`);
    assert.equal(await following.ended, null);
    assert.equal(says.filter((line) => line.endsWith(': started')).length, 2, says.join('\n'));
    assert.deepEqual(epochsOf(following.reports), expected(here.folder, 'twice', 12));
  });

  test('what is no job is refused and recorded, and the worker goes on', async () => {
    const here = await setting(server.address);
    const queue = here.broker.queue(here.name);
    ends.push(() => queue.close());
    const whole = JSON.parse(JSON.stringify(requestOf(jobOf('poisoned', 1), run))) as Record<string, never> & {
      job: { data: object; start: object };
    };
    const poisoned: readonly (readonly [name: string, message: unknown, reason: RegExp])[] = [
      ['nothing', null, /a message of version undefined/],
      ['text', 'rm -rf', /a message of version undefined/],
      ['version', { ...whole, protocol: 99 }, /a message of version 99; this worker reads/],
      ['more', { ...whole, command: 'rm' }, /refused: .*command/],
      ['run', { ...whole, run: '../../etc/passwd' }, /refused: run/],
      ['path', { ...whole, job: { ...whole.job, data: { ...whole.job.data, path: '/etc/passwd' } } }, /refused: job\.data.*path/],
      [
        'hash',
        {
          ...whole,
          job: { ...whole.job, start: { ...whole.job.start, from: { kind: 'checkpoint', hash: '../../../etc/passwd' } } },
        },
        /refused: job\.start\.from\.hash/,
      ],
      [
        'engine',
        { ...whole, job: { ...whole.job, engine: { name: 'onnx', device: 'cpu', threads: 1, convolution: 'direct' } } },
        /refused: job\.engine/,
      ],
      ['network', { ...whole, job: { ...whole.job, network: { nodes: [] } } }, /refused: job\.network/],
    ];
    for (const [name, message] of poisoned) await queue.add('training', message, { jobId: `poisoned-${name}` });
    const says: string[] = [];
    await worker(here, server.address, 0.1, { says });
    const following = follow(here, jobOf('good', 2));
    assert.equal(await following.ended, null);
    assert.equal(following.reports.length, 2);
    for (const [name, , reason] of poisoned) {
      const found = await queue.getJob(`poisoned-${name}`);
      assert.match(found?.failedReason ?? 'it was done', reason, name);
      assert.ok(
        says.some((line) => line.startsWith(`poisoned-${name}: refused`)),
        `${name} in the worker's log`,
      );
    }
  });

  test('a checkpoint that is missing or damaged in the store: the job fails with the reason, and the next try finds it whole', async () => {
    for (const harm of ['missing', 'damaged'] as const) {
      const here = await setting(server.address);
      const content = `parent ${harm}`;
      const hash = sha256(content);
      writeFileSync(checkpointPath(here.checkpoints, hash), content);
      const base = jobOf(`child-${harm}`.replace('-', '_'), 2);
      const job: TrainingJob = { ...base, start: { from: { kind: 'checkpoint', hash }, edits: [], optimizerState: 'kept' } };
      const first = follow(here, job);
      const path = join(here.folder, 'store', checkpointKey(run, hash));
      await until('it is in the store', 20, () => {
        try {
          return readFileSync(path, 'utf8') === content;
        } catch {
          return false;
        }
      });
      if (harm === 'missing') rmSync(path);
      else writeFileSync(path, 'something else');
      await worker(here, server.address, 0.1);
      const error = await first.ended;
      assert.ok(error instanceof JobFailure && error.failure === 'crashed', String(error));
      assert.match(error.message, harm === 'missing' ? /is missing/ : /is damaged: its content does not match its hash/);
      const second = follow(here, { ...job, attempt: 1 });
      assert.equal(await second.ended, null);
      assert.equal(second.reports.length, 2);
    }
  });

  test('a reading that failed is done again when it is asked for again, and of another checkpoint it is another', async () => {
    const here = await setting(server.address);
    const says: string[] = [];
    await worker(here, server.address, 0.1, { says });
    const { id: _id, ...training } = jobOf('final/test', 1);
    const reading = (content: string): Job => {
      const { network, data: of, batch, engine } = training;
      const checkpoint = sha256(content);
      writeFileSync(checkpointPath(here.checkpoints, checkpoint), content);
      return {
        kind: 'evaluation',
        id: 'final/test',
        network,
        data: of,
        batch,
        engine,
        checkpoint,
        part: 'test',
        normalise: true,
      };
    };
    const [one, other] = [reading('one'), reading('other')];
    for (const job of [one, one, other]) {
      const error = await follow(here, job).ended;
      assert.ok(error instanceof JobFailure && error.failure === 'memory', String(error));
    }
    assert.equal(says.filter((line) => line.endsWith(': started')).length, 3, says.join('\n'));
    assert.notEqual(jobName(run, one), jobName(run, other));
  });

  test('a job that the queue gives up: the run ends, to be resumed, unless it was the child’s fault', async () => {
    const here = await setting(server.address);
    const reasons = [
      ['file:/shared: no space left on device', RunError],
      ['job stalled more than allowable limit', JobFailure],
      ['refused: job.network', JobFailure],
    ] as const;
    for (const [reason, kind] of reasons) {
      const job = jobOf('given_up', 2);
      const following = follow(here, job);
      const key = `bull:${here.name}:${jobName(run, job)}`;
      await until('it is on the queue', 20, () => cli('EXISTS', key).trim() === '1');
      cli('XADD', `bull:${here.name}:events`, '*', 'event', 'failed', 'jobId', jobName(run, job), 'failedReason', reason);
      const error = await following.ended;
      assert.ok(error instanceof kind && error.message.includes(reason), String(error));
    }
  });

  test('a job that the queue has lost is put there again', async () => {
    const here = await setting(server.address);
    const following = follow(here, jobOf('lost', 2));
    await until('it is there', 20, () => cli('EXISTS', `bull:${here.name}:${jobName(run, jobOf('lost', 2))}`).trim() === '1');
    cli('FLUSHALL');
    await worker(here, server.address, 0.1);
    assert.equal(await following.ended, null);
    assert.deepEqual(epochsOf(following.reports), expected(here.folder, 'lost', 2));
  });

  test('a worker that is killed: another goes on from its last epoch within 30 s', async (context) => {
    const here = await setting(server.address);
    const both = [await workerProcess(here, server.address, 1.5), await workerProcess(here, server.address, 1.5)];
    const following = follow(here, jobOf('killed', 6));
    await until('two epochs', 20, () => following.reports.length >= 2);
    const first = both.find(({ name }) => name === following.by[0]);
    const second = both.find((each) => each !== first);
    assert.ok(first !== undefined && second !== undefined);
    first.child.kill('SIGKILL');
    const killed = performance.now();
    await sleep(1000); // What it had said before is heard.
    const had = following.reports.length;
    await until('the other goes on', 30, () => following.reports.length > had);
    const seconds = (performance.now() - killed) / 1000;
    context.diagnostic(
      `the next epoch of the job ended ${seconds.toFixed(1)} s after its worker was killed, 1.5 s of it training`,
    );
    assert.equal(await following.ended, null);
    assert.deepEqual(epochsOf(following.reports), expected(here.folder, 'killed', 6));
    // None of the first one's epochs was trained again.
    assert.deepEqual(following.by, [
      ...Array.from({ length: had }, () => first.name),
      ...Array.from({ length: 6 - had }, () => second.name),
    ]);
  });

  test('a worker that is told to go: it ends its epoch, and another goes on from there at once', async () => {
    const here = await setting(server.address);
    const following = follow(here, jobOf('drained', 6));
    const first = await workerProcess(here, server.address, 1.5);
    await until('an epoch', 20, () => following.reports.length >= 1);
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);
    await until('its epoch is heard of', 20, () => following.reports.length >= 2);
    await sleep(1000); // Or two, where the word to go was late.
    const had = following.reports.length;
    assert.match(first.said(), /returned to the queue: this worker is stopping/);
    const second = await workerProcess(here, server.address, 1.5);
    // Given back, and not waited for as one that is dead.
    await until('the other has it', 10, () => following.reports.length > had);
    assert.equal(await following.ended, null);
    assert.deepEqual(epochsOf(following.reports), expected(here.folder, 'drained', 6));
    assert.deepEqual(following.by, [
      ...Array.from({ length: had }, () => first.name),
      ...Array.from({ length: 6 - had }, () => second.name),
    ]);
  });

  test('a worker does no more at a time than it was told, whatever its threads', async () => {
    const here = await setting(server.address);
    const both = [follow(here, jobOf('single0', 3)), follow(here, jobOf('single1', 3))];
    await worker(here, server.address, 1, { slots: 4, jobs: 1 });
    const seen = (): number[] => both.map(({ reports }) => reports.length).toSorted((a, b) => a - b);
    await until('an epoch', 20, () => seen().at(-1) !== 0);
    await Promise.race(both.map(({ ended }) => ended));
    assert.equal(seen()[0], 0, String(seen()));
    for (const { ended } of both) assert.equal(await ended, null);
  });

  test('a job of more threads than a machine has is given back, which the search is told once, and done by a larger machine', async () => {
    const here = await setting(server.address);
    const job = jobOf('large', 3);
    const following = follow(here, { ...job, engine: { ...job.engine, threads: 4 } });
    const says: string[] = [];
    await worker(here, server.address, 0.1, { slots: 2, cores: 2, says });
    const line = /^large was given back by worker worker-\d+: the job needs 4 threads, and this machine has 2 cores: /;
    await until('the search is told', 10, () => here.told.length > 0);
    assert.match(here.told[0] ?? '', line);
    assert.deepEqual(
      here.pool.elsewhere?.().returned?.map(({ task }) => task),
      ['large'],
    );
    await sleep(4000);
    assert.deepEqual([here.told.length, says.length, following.reports.length], [1, 1, 0], [...here.told, ...says].join('\n'));
    await worker(here, server.address, 0.1, { slots: 4, cores: 4 });
    assert.equal(await following.ended, null);
  });

  test('a job that a worker gives back for another reason is told, with the reason', async () => {
    const here = await setting(server.address);
    const following = follow(here, jobOf('returned', 6));
    const first = await worker(here, server.address, 0.4);
    await until('an epoch', 20, () => following.reports.length > 0);
    await first.drain();
    await until('the search is told', 5, () => here.told.length > 0);
    assert.match(here.told.join('\n'), /^returned was given back by worker worker-\d+: this worker is stopping$/);
    await worker(here, server.address, 0.1);
    assert.equal(await following.ended, null);
    assert.equal(here.pool.elsewhere?.().returned, undefined);
  });

  test('a job that one worker has no room for is done by another that has', async () => {
    const here = await setting(server.address);
    const wide = (id: string): TrainingJob => ({ ...jobOf(id, 16), engine: { ...jobOf(id, 16).engine, threads: 2 } });
    const both = [follow(here, wide('wide0')), follow(here, wide('wide1'))];
    // It takes both, and can do one.
    await worker(here, server.address, 1, { slots: 2 });
    await until('an epoch', 20, () => both.some(({ reports }) => reports.length > 0));
    await worker(here, server.address, 1, { slots: 2 });
    for (const { ended } of both) assert.equal(await ended, null);
    const names = both.map(({ by }) => [...new Set(by)]);
    assert.deepEqual([names[0]?.length, names[1]?.length, names[0]?.[0] === names[1]?.[0]], [1, 1, false], JSON.stringify(names));
  });

  for (const how of ['stall', 'drop'] as const)
    test(`the network to the only worker is cut for 20 s (${how}): it goes on`, async () => {
      const here = await setting(server.address);
      const wire = await wireTo(Number(new URL(server.address).port));
      ends.push(() => wire.close());
      await worker(here, `redis://127.0.0.1:${wire.port}`, 1);
      const following = follow(here, jobOf(`cut_${how}`, 8));
      await until('two epochs', 20, () => following.reports.length >= 2);
      wire.cut(how);
      await sleep(20_000);
      wire.mend();
      assert.equal(await Promise.race([following.ended, sleep(60_000).then(() => 'it stands still')]), null);
      assert.deepEqual(epochsOf(following.reports), expected(here.folder, `cut_${how}`, 8));
    });

  test('a search is interrupted while the queue is away: it ends', async () => {
    const away = await startRedis(join(place, 'redis-away'));
    const store = join(place, 'store-away');
    mkdirSync(store);
    const root = newFolder();
    const there = ['--queue', away.address, '--store', `file:${store}`, '--engine', 'reference'];
    const child = spawn(process.execPath, [commandLine, 'search', quadrantFolder, '--preset', 'quick', '--run', root, ...there], {
      stdio: 'ignore',
    });
    ends.push(() => child.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    await until('it waits for a worker', 60, () => {
      try {
        return readRun(root).replay.entries.some(({ type }) => type === 'task');
      } catch {
        return false;
      }
    });
    await away.stop();
    await sleep(1000);
    child.kill('SIGINT');
    assert.equal(await Promise.race([ended, sleep(40_000).then(() => 'it stays')]), 130);
  });

  test('a folder on a disk that is full for 10 s: the worker waits, and goes on', { skip: withoutMount() }, async () => {
    const disk = join(place, 'full');
    mkdirSync(disk);
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', disk]).status, 0);
    ends.push(() => spawnSync('umount', ['-l', disk]));
    const here = await setting(server.address, `file:${disk}`);
    const following = follow(here, jobOf('full', 4));
    const says: string[] = [];
    await worker(here, server.address, 0.5, { says });
    await until('an epoch', 20, () => following.reports.length >= 1);
    spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'ballast')}`, 'bs=4k']);
    await sleep(1500);
    const had = following.reports.length;
    await sleep(8500);
    assert.equal(following.reports.length, had, 'nothing is said that is not in the store');
    rmSync(join(disk, 'ballast'));
    assert.equal(await following.ended, null);
    assert.deepEqual(epochsOf(following.reports), expected(here.folder, 'full', 4));
    assert.ok(!says.some((line) => line.includes('returned to the queue')), says.join('\n'));
  });

  test('an S3 store that answers 507 for 10 s: search and worker wait, and go on', async () => {
    const s3 = await startS3(join(place, 's3-faults'));
    const gate = await gateTo(s3.port);
    ends.push(
      () => s3.close(),
      () => gate.close(),
    );
    process.env['AWS_ENDPOINT_URL'] = `http://127.0.0.1:${gate.port}`;
    process.env['AWS_REGION'] = 'us-east-1';
    process.env['AWS_ACCESS_KEY_ID'] = 'S3RVER';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'S3RVER';
    const here = await setting(server.address, 's3://instar/faults');
    await worker(here, server.address, 0.5);
    // From the start: the search cannot even send the data.
    gate.full(true);
    const following = follow(here, jobOf('s3', 12));
    await sleep(5000);
    assert.ok(gate.refused() > 0);
    gate.full(false);
    await until('an epoch', 20, () => following.reports.length >= 1);
    gate.full(true);
    const refused = gate.refused();
    await sleep(10_000);
    assert.ok(gate.refused() > refused);
    gate.full(false);
    assert.equal(await following.ended, null);
    assert.deepEqual(epochsOf(following.reports), expected(here.folder, 's3', 12));
  });
});

describe('faults on PostgreSQL', { skip: withoutPostgres() }, () => {
  let server: Server;
  before(async () => {
    server = await startPostgres();
  });
  after(async () => {
    await endAll();
    await server.stop();
  });

  test('a connection that breaks while nobody waits for an answer ends no process: the next query says it', async () => {
    await setting(server.address);
    const { host, port, user = '' } = parseQueue(server.address);
    // As BullMQ makes them.
    const connect = async (): Promise<pg.Client> => {
      const client = new pg.Client({ host, port, user, database: 'postgres' });
      await client.connect();
      return client;
    };
    const [broken, other] = [await connect(), await connect()];
    await broken.query('BEGIN');
    const { rows } = await broken.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const gone = new Promise((resolve) => broken.once('end', resolve));
    await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await gone;
    await assert.rejects(broken.query('COMMIT'), /not queryable|terminated|ended/i);
    await other.end();
  });

  test('the server is restarted and a worker told to go in the middle of a job', async () => {
    const here = await setting(server.address);
    const first = await workerProcess(here, server.address, 1);
    const following = follow(here, jobOf('postgres', 8));
    await until('two epochs', 30, () => following.reports.length >= 2);
    await server.restart();
    await until('it goes on', 60, () => following.reports.length >= 4);
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);
    await workerProcess(here, server.address, 1);
    assert.equal(await following.ended, null);
    assert.deepEqual(epochsOf(following.reports), expected(here.folder, 'postgres', 8));
  });
});

/** Only root may mount a small disk. */
function withoutMount(): string | false {
  return skipFor(process.getuid?.() === 0 ? null : 'only root may mount a small disk');
}
