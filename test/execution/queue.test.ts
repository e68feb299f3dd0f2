/**
 * A search on a queue, with real servers and workers as processes of their own: the winner of a local run, bit for bit, whatever
 * happens on the way.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { search, type SearchOptions } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { collect, engine, finishedRun, newFolder, place, sleep, startProcess, tiny, until, winnerOf } from '../support/runs.ts';
import { startPostgres, startRedis, withoutPostgres, withoutRedis, type Server } from './brokers.ts';

const program = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

interface Worker {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

let workers = 0;
function startWorker(queue: string, store: string, engineName = 'reference', jobs = 2): Worker {
  const cache = join(place, `worker-${workers++}`);
  const child = spawn(
    process.execPath,
    [program, 'worker', '--queue', queue, '--store', store, '--engine', engineName, '--jobs', String(jobs), '--cache', cache],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { child, said: () => said, ended: new Promise((resolve) => child.on('close', resolve)) };
}

const storeIn = (name: string): { address: string; folder: string } => {
  const folder = join(place, name);
  mkdirSync(folder, { recursive: true });
  return { address: `file:${folder}`, folder };
};

/** Epochs that the journal counts, by line: none twice. */
function epochsOnce(root: string): void {
  for (const line of readRun(root).state.search.candidates.values()) {
    const epochs = line.epochs.map(({ epoch }) => epoch);
    assert.deepEqual(epochs, [...new Set(epochs)], `${line.id}: ${epochs.join()}`);
  }
}

/** One step of asynchronous halving, `8×1 4×1 2×2`, on one worker: who is promoted follows from the order of results. */
const promoting: SearchOptions = {
  ...tiny,
  workers: 1,
  settings: {
    ...tiny.settings,
    method: 'asha',
    vanilla: { epochs: 1 },
    step: { children: 8, mutations: 3, epochs: 16 },
    limits: { ...tiny.settings?.limits, steps: 1 },
    final: { epochs: 1 },
  },
};

/** What a run decided, and the checkpoint of each epoch, in order. */
const recordOf = (root: string): string[] =>
  readRun(root).replay.entries.flatMap((entry) => {
    if (entry.type === 'promotion') return [`${entry.line} enters rung ${entry.rung}`];
    if (entry.type === 'epoch') return [`${entry.task} ${entry.done}: ${entry.checkpoint}`];
    return entry.type === 'selected' ? [`${entry.line} wins`] : [];
  });

let promotedHere: Promise<string> | undefined;

/** The same promotions, checkpoints and winner from one worker of a queue as from a local run. */
async function promotesAsHere(queue: string, name: string): Promise<void> {
  const here = await (promotedHere ??= finishedRun(promoting));
  const store = storeIn(name);
  const { child, ended } = startWorker(queue, store.address, 'reference', 1);
  try {
    const run = newFolder();
    await collect(search({ ...promoting, run, elsewhere: { queue, store: store.address } }));
    const record = recordOf(run);
    assert.deepEqual(record, recordOf(here));
    assert.equal(winnerOf(run), winnerOf(here));
    const rungs = [0, 1, 2].map((rung) => record.filter((line) => line.endsWith(` enters rung ${rung}`)).length);
    assert.ok(rungs[0] === 8 && rungs.every((entered) => entered > 0), rungs.join());
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

describe('a search on Redis', { skip: withoutRedis() }, () => {
  let server: Server;
  let expected: string;
  before(async () => {
    server = await startRedis(join(place, 'redis'));
    expected = winnerOf(await finishedRun());
  });
  after(() => server.stop());

  test('two workers: the winner of the local run, and nothing left behind', async () => {
    const store = storeIn('store-1');
    const two = [startWorker(server.address, store.address), startWorker(server.address, store.address)];
    const run = newFolder();
    await collect(search({ ...tiny, run, elsewhere: { queue: server.address, store: store.address } }));
    assert.equal(winnerOf(run), expected);
    epochsOnce(run);
    assert.ok(
      two.every(({ said }) => said().includes(': done')),
      'both have worked',
    );
    assert.deepEqual(
      readdirSync(store.folder, { recursive: true, withFileTypes: true })
        .filter((each) => each.isFile())
        .map(({ parentPath }) => parentPath.split('/').at(-1)),
      ['data'],
    );
    for (const { child } of two) child.kill('SIGTERM');
    assert.deepEqual(await Promise.all(two.map(({ ended }) => ended)), [0, 0]);
  });

  test('a worker is killed, Redis is restarted, the search is killed and resumed: the same winner', async () => {
    const store = storeIn('store-2');
    const elsewhere = { queue: server.address, store: store.address };
    const first = startWorker(server.address, store.address);
    const run = newFolder();
    const begun = startProcess('search', run, { ...tiny, elsewhere });
    const epochs = (): number => {
      try {
        return readRun(run).replay.entries.filter(({ type }) => type === 'epoch').length;
      } catch {
        return 0;
      }
    };
    await until('some epochs are done', 60, () => epochs() >= 4);
    first.child.kill('SIGKILL');
    const second = startWorker(server.address, store.address);
    await until('the job of the killed worker goes on', 40, () => epochs() >= 7);
    await server.restart();
    await until('it goes on behind the restart', 60, () => epochs() >= 10);
    begun.child.kill('SIGKILL');
    await begun.ended;
    await sleep(500);
    const resumed = startProcess('resume', run, { elsewhere });
    const { code, errors } = await resumed.ended;
    assert.equal(code, 0, errors);
    assert.equal(winnerOf(run), expected);
    epochsOnce(run);
    second.child.kill('SIGTERM');
    assert.equal(await second.ended, 0, second.said());
  });

  test('asha on one worker: the promotions, checkpoints and winner of a local run', () =>
    promotesAsHere(server.address, 'store-asha-redis'));
});

describe('a search whose workers differ', { skip: withoutRedis() }, () => {
  let server: Server;
  const started: Worker[] = [];
  before(async () => {
    server = await startRedis(join(place, 'redis-mixed'));
  });
  after(() => server.stop());
  afterEach(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await Promise.all(started.splice(0).map(({ ended }) => ended));
  });
  const ofSteps = (steps: number) => ({
    ...tiny,
    workers: 1,
    settings: { ...tiny.settings, limits: { ...tiny.settings?.limits, steps } },
  });
  const short = ofSteps(1);

  test('a worker of another engine is left out; where the run is mixed it is preferred, and the journal says what it did', async () => {
    const store = storeIn('store-mixed');
    const elsewhere = { queue: server.address, store: store.address };
    const other = startWorker(server.address, store.address, engine);
    started.push(other);
    const exact = newFolder();
    const notes: string[] = [];
    const leaving = new AbortController();
    const left = collect(
      search({
        ...short,
        run: exact,
        elsewhere,
        signal: leaving.signal,
        onData: (event) => void (event.kind === 'note' && notes.push(event.message)),
      }),
    );
    await until('it says who is there', 60, () => notes.some((note) => note.startsWith('no worker')));
    leaving.abort();
    await left;
    assert.match(notes.join('; '), /(?:^|; )no worker can take this run's jobs: 1 worker on the queue .*--mixed/);
    assert.ok(other.said().includes('up to 2 jobs at a time') && !other.said().includes('started'), other.said());

    // The one that the run was begun for is slow, and gets what it would have to wait for.
    const own = startWorker(server.address, store.address);
    started.push(own);
    await until('it has done what was left there', 60, () => /: (done|cancelled)/.test(own.said()));
    const had = own.said();
    const run = newFolder();
    await collect(search({ ...short, run, elsewhere: { ...elsewhere, mixed: true } }));
    const { state } = readRun(run);
    assert.ok(state.search.finished);
    const names = [...state.computedBy.values()].flat();
    assert.ok(names.length > 0 && names.every(({ bits }) => bits.startsWith(engine)), JSON.stringify(names));
    assert.equal(own.said(), had);
    for (const task of ['vanilla', 's1c0/0', 'final/0', 'final/test']) assert.ok(state.computedBy.has(task), task);
    const shown = spawnSync(process.execPath, [program, 'show', run], { encoding: 'utf8' }).stdout;
    assert.match(shown, new RegExp(`workers +\\S+:${other.child.pid} +${engine} .*: vanilla, s1c0/0`));

    other.child.kill('SIGTERM');
    assert.equal(await other.ended, 0);
    const last = newFolder();
    // Each of its jobs waits until no faster worker can be expected.
    await collect(search({ ...ofSteps(0), run: last, elsewhere: { ...elsewhere, mixed: true } }));
    assert.ok([...readRun(last).state.computedBy.values()].flat().every(({ bits }) => bits.startsWith('reference')));
  });

  test('a budget is planned by what a worker measures', async () => {
    const store = storeIn('store-budget');
    started.push(startWorker(server.address, store.address, engine));
    const run = newFolder();
    await collect(search({ ...tiny, engine, budget: 45, run, elsewhere: { queue: server.address, store: store.address } }));
    const { plan, search: state } = readRun(run).state;
    assert.ok(state.finished && plan !== null && plan.alone > 0 && plan.beside > 0, JSON.stringify(plan));
  });
});

describe('a search on PostgreSQL', { skip: withoutPostgres() }, () => {
  let server: Server;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  test('two workers: the winner of the local run', async () => {
    const store = storeIn('store-3');
    const two = [startWorker(server.address, store.address), startWorker(server.address, store.address)];
    const run = newFolder();
    await collect(search({ ...tiny, run, elsewhere: { queue: server.address, store: store.address } }));
    assert.equal(winnerOf(run), winnerOf(await finishedRun()));
    epochsOnce(run);
    for (const { child } of two) child.kill('SIGTERM');
    await Promise.all(two.map(({ ended }) => ended));
  });

  test('asha on one worker: the promotions, checkpoints and winner of a local run', () =>
    promotesAsHere(server.address, 'store-asha-postgres'));
});
