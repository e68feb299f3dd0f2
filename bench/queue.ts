/**
 * `npm run bench:queue`: the overhead of a queue. Measures the time from requesting a job to its result, minus its training, for real
 * jobs one after another; and 2,000 jobs without work on 64 workers, which go through BullMQ and the store. Writes results/queue.md.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bitsOf } from '../src/engine/bits.ts';
import { openEngine } from '../src/engine/open.ts';
import type { Pool } from '../src/execution/pool.ts';
import { parseQueue } from '../src/execution/queue/address.ts';
import { openBroker } from '../src/execution/queue/broker.ts';
import { queueName } from '../src/execution/queue/messages.ts';
import { createQueuePool } from '../src/execution/queue/pool.ts';
import { openStore } from '../src/execution/store/open.ts';
import type { Report, TrainingJob } from '../src/training/job.ts';
import { must } from '../src/util/assert.ts';
import { version } from '../src/util/version.ts';
import { startPostgres, startRedis, type Server } from '../test/execution/brokers.ts';
import { queueOf, simulatedJob } from '../test/execution/simulated.ts';
import { place, readQuadrants, until } from '../test/support/runs.ts';

const program = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const simulated = fileURLToPath(new URL('../test/execution/simulated.js', import.meta.url));
const say = (text: string): void => void writeSync(2, `${text}\n`);

const sequence = 20;
const many = 2000;
const workers = 64;
/** The number of processes for these workers. */
const processes = 2;

let names = 0;
async function poolOn(address: string, store: string, queue: string): Promise<Pool> {
  const checkpoints = join(place, `checkpoints-${names++}`);
  mkdirSync(checkpoints);
  const broker = await openBroker(parseQueue(address), {});
  return createQueuePool({
    broker,
    store: await openStore(store),
    queue,
    run: '0123456789abcdef',
    checkpoints,
    say: () => undefined,
  });
}

function begin(words: readonly string[]): { readonly child: ChildProcess; readonly said: () => string } {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { child, said: () => said };
}

const median = (values: readonly number[]): number =>
  must(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)], 'value');

/** For each of several jobs in sequence, the seconds from the request to the result, minus the training by the worker's clock. */
async function overheads(server: Server): Promise<readonly number[]> {
  const store = join(place, `store-${names++}`);
  mkdirSync(store);
  const { fingerprint } = await openEngine('reference', { threads: 1, environment: process.env });
  const there = ['--queue', server.address, '--store', `file:${store}`, '--engine', 'reference', '--jobs', '1'];
  const worker = begin([program, 'worker', ...there, '--cache', join(place, `cache-${names++}`)]);
  const pool = await poolOn(server.address, `file:${store}`, queueName(bitsOf(fingerprint, process.versions.node)));
  const { path, dataset } = await readQuadrants();
  try {
    await until('a worker', 60, () => worker.said().includes('takes 1'));
    const found: number[] = [];
    let job: TrainingJob = {
      ...simulatedJob('0', 1, { path, hash: dataset.hash }),
      minibatches: { first: 0, count: 13, done: 0 },
    };
    // The first two jobs warm up the worker: they start its process and fetch the data.
    for (let index = 0; index < sequence + 2; index++) {
      const clocks: number[] = [];
      let hash = '';
      const report = (each: Report, _peak: number, clock: number): void => {
        clocks.push(clock);
        if (each.kind === 'epoch') hash = each.checkpoint;
      };
      const asked = performance.now();
      await pool.run(job, { report, started: () => undefined }, new AbortController().signal);
      const training = must(clocks.at(-1), 'clock') - must(clocks[0], 'clock');
      if (index >= 2) found.push((performance.now() - asked) / 1000 - training);
      const start = { from: { kind: 'checkpoint', hash }, edits: [], optimizerState: 'kept' } as const;
      job = { ...job, id: String(index + 1), start, minibatches: { first: 13 * (index + 1), count: 13, done: 0 } };
    }
    return found;
  } finally {
    worker.child.kill('SIGKILL');
    pool.close();
  }
}

interface Crowd {
  readonly milliseconds: number;
  /** The peak memory of this process, in MB. */
  readonly memory: number;
  /** Milliseconds of processor time of this process per job. */
  readonly own: number;
}

async function crowd(server: Server): Promise<Crowd> {
  const store = join(place, `store-${names++}`);
  mkdirSync(store);
  const queue = queueOf(`bench-${process.pid}`);
  const others = Array.from({ length: processes }, (_none, index) =>
    begin([simulated, server.address, `file:${store}`, '0', `many-${index}`, queue, String(workers / processes)]),
  );
  const pool = await poolOn(server.address, `file:${store}`, queue);
  const { path, dataset } = await readQuadrants();
  const data = { path, hash: dataset.hash };
  try {
    await until('all workers', 120, () => others.every(({ said }) => said().includes('ready')));
    let next = 0;
    let reports = 0;
    const watch = { report: (): void => void reports++, started: (): void => undefined };
    const one = async (): Promise<void> => {
      while (next < many) {
        const { network, ...job } = simulatedJob(`n${next++}`, 1, data);
        await pool.run({ ...job, network }, watch, new AbortController().signal);
      }
    };
    const before = process.cpuUsage();
    const begun = performance.now();
    await Promise.all(Array.from({ length: workers }, one));
    const milliseconds = (performance.now() - begun) / many;
    const { user, system } = process.cpuUsage(before);
    if (reports !== many) throw new Error(`${reports} epochs of ${many}`);
    return { milliseconds, memory: process.resourceUsage().maxRSS / 1000, own: (user + system) / 1000 / many };
  } finally {
    for (const { child } of others) child.kill('SIGKILL');
    pool.close();
  }
}

const redis = await startRedis(join(place, 'redis'));
const postgres = await startPostgres();
try {
  const whole = await crowd(redis);
  say(
    `${many} jobs: ${whole.milliseconds.toFixed(2)} ms each, ${whole.own.toFixed(2)} ms of them here; ${whole.memory.toFixed(0)} MB`,
  );
  const onRedis = await overheads(redis);
  say(`Redis: ${onRedis.map((each) => each.toFixed(2)).join(' ')}: median ${median(onRedis).toFixed(2)} s`);
  const onPostgres = await overheads(postgres);
  say(`PostgreSQL: ${onPostgres.map((each) => each.toFixed(2)).join(' ')}: median ${median(onPostgres).toFixed(2)} s`);
  const row = (name: string, values: readonly number[]): string =>
    `| ${name} | ${median(values).toFixed(2)} s | ${Math.min(...values).toFixed(2)} s | ${Math.max(...values).toFixed(2)} s |`;
  mkdirSync('results', { recursive: true });
  writeFileSync(
    join('results', 'queue.md'),
    `${[
      '# The overhead of a queue',
      '',
      `- command: \`npm run bench:queue\`; machine: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}, shared with other work`,
      `- versions: Instar ${version}, Node ${process.versions.node}, Redis (appendfsync always) and PostgreSQL of Debian 12; store: a folder`,
      '',
      `The time from requesting a job to its result, minus its training by the worker's clock: ${sequence} jobs one after another, each one`,
      'epoch from the checkpoint of the job before, on a running worker.',
      '',
      '| queue | median | least | most |',
      '| --- | ---: | ---: | ---: |',
      row('Redis', onRedis),
      row('PostgreSQL', onPostgres),
      '',
      `${many} jobs without work on ${workers} workers in ${processes} processes, with Redis; each has one epoch, whose small file goes through the store:`,
      `${whole.milliseconds.toFixed(1)} ms per job by the clock, ${whole.own.toFixed(1)} ms of them processor time of the search; its peak memory was ${whole.memory.toFixed(0)} MB.`,
    ].join('\n')}\n`,
  );
} finally {
  await redis.stop();
  await postgres.stop();
}
