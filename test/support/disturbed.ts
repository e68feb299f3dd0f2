/**
 * Runs a search on a queue with two workers, each in a process of its own, with faults at given moments; and checks the result. The
 * servers are real: Redis, which persists each change, and s3rver for S3.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { bitsOf } from '../../src/engine/bits.ts';
import { openEngine } from '../../src/engine/open.ts';
import { queueName } from '../../src/execution/queue/messages.ts';
import type { SearchOptions } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { startRedis, startS3, type Server } from '../execution/brokers.ts';
import { gateTo, wireTo, type Gate, type Wire } from './faults.ts';
import { longer, sleep, startProcess, winnerOf, type Running } from './runs.ts';

export const faults = [
  'worker killed',
  'search killed',
  'Redis restarted',
  'network cut',
  'delivered twice',
  'store full',
] as const;
export type Fault = (typeof faults)[number];

/** Four steps of `2×1 1×2` epochs. Most of the time is spent on starting and sending, where the faults are. */
export const fourSteps: SearchOptions = {
  ...longer,
  settings: {
    ...longer.settings,
    vanilla: { epochs: 1 },
    step: { ...longer.settings?.step, children: 2, epochs: 4 },
    limits: { ...longer.settings?.limits, steps: 4 },
    final: { epochs: 2 },
  },
};

/** Seconds. */
const cutFor = 20;
const fullFor = 10;

const program = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface Cluster {
  readonly redis: Server;
  readonly gate: Gate;
  /** The connections of the first worker to queue and store. */
  readonly wires: { readonly queue: Wire; readonly store: Wire };
  readonly folder: string;
  close(): Promise<void>;
}

export async function startCluster(folder: string): Promise<Cluster> {
  const redis = await startRedis(join(folder, 'redis'));
  const s3 = await startS3(join(folder, 's3'));
  const gate = await gateTo(s3.port);
  const wires = { queue: await wireTo(Number(new URL(redis.address).port)), store: await wireTo(gate.port) };
  return {
    redis,
    gate,
    wires,
    folder,
    async close() {
      wires.queue.close();
      wires.store.close();
      gate.close();
      await s3.close();
      await redis.stop();
    },
  };
}

const credentials = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };
const storeAddress = 's3://instar/soak';

interface WorkerProcess {
  readonly child: ChildProcess;
  readonly said: () => string;
}

/** A fault, and the seconds after the start of the search at which it happens. */
export interface Planned {
  readonly fault: Fault;
  readonly at: number;
}

export interface Disturbed {
  readonly run: string;
  /** The faults that happened, with their times in seconds. */
  readonly happened: readonly string[];
  readonly seconds: number;
  /** The output of the processes, for failure messages. */
  readonly said: string;
}

/** Runs the search from start to end, with all planned faults. */
export async function disturbed(
  { redis, gate, wires, folder }: Cluster,
  options: SearchOptions,
  run: string,
  planned: readonly Planned[],
): Promise<Disturbed> {
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1000;
  const happened: string[] = [];
  const note = (text: string): void => void happened.push(`${seconds().toFixed(1)} s ${text}`);
  let said = '';

  let count = 0;
  function startWorker(isFar: boolean): WorkerProcess {
    const queue = isFar ? `redis://127.0.0.1:${wires.queue.port}` : redis.address;
    const cache = join(folder, `cache-${process.pid}-${count++}`);
    const child = spawn(
      process.execPath,
      [
        program,
        'worker',
        '--queue',
        queue,
        '--store',
        storeAddress,
        '--engine',
        options.engine ?? 'auto',
        '--jobs',
        '1',
        '--cache',
        cache,
      ],
      {
        env: { ...process.env, ...credentials, AWS_ENDPOINT_URL: `http://127.0.0.1:${isFar ? wires.store.port : gate.port}` },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let own = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      own += text;
      said += text.replaceAll(/^/gm, `worker ${child.pid}: `);
    });
    child.on('close', () => rmSync(cache, { recursive: true, force: true }));
    return { child, said: () => own };
  }
  const workers = [startWorker(true), startWorker(false)];

  const env = { ...credentials, AWS_ENDPOINT_URL: `http://127.0.0.1:${gate.port}` };
  Object.assign(process.env, env);
  const elsewhere = { queue: redis.address, store: storeAddress };
  const written = (): number => {
    const journal = join(run, 'journal.jsonl');
    return existsSync(journal) ? statSync(journal).size : 0;
  };
  let atBegin = 0;
  const begin = (what: 'search' | 'resume'): Running => {
    atBegin = written();
    const made = startProcess(what, run, what === 'search' ? { ...options, elsewhere } : { elsewhere });
    made.child.stdout?.resume(); // Nobody reads it, and it must not fill up.
    return made;
  };
  let search = begin('search');

  const engine = await openEngine(options.engine === 'auto' || options.engine === undefined ? 'reference' : options.engine, {
    threads: 1,
    environment: process.env,
  });
  const name = queueName(bitsOf(engine.fingerprint, process.versions.node));

  /** Gives a running job to another worker too, and delivers the last report again. */
  async function deliverTwice(): Promise<string> {
    const connection = new Redis(redis.address, { maxRetriesPerRequest: null });
    const queue = new Queue(name, { connection });
    try {
      for (let tries = 0; tries < 200; tries++) {
        const [job] = await queue.getActive(0, 0);
        if (job?.id !== undefined) {
          const key = `bull:${name}:${job.id}`;
          const progress = await connection.hget(key, 'progress');
          if (progress !== null)
            await connection.xadd(`bull:${name}:events`, '*', 'event', 'progress', 'jobId', job.id, 'data', progress);
          await connection.del(`${key}:lock`);
          return job.id.split('-').slice(1).join('-');
        }
        await sleep(50);
      }
      return 'nothing was on';
    } finally {
      await queue.close();
      connection.disconnect();
    }
  }

  const over = new AbortController();
  const acts: { readonly [F in Fault]: () => Promise<void> } = {
    async 'worker killed'() {
      const place = workers[1]?.said().includes('started') === true ? 1 : 0;
      workers[place]?.child.kill('SIGKILL');
      note('a worker is killed');
      await sleep(1000);
      workers[place] = startWorker(place === 0);
    },
    async 'search killed'() {
      // Wait for the run folder; without it, nothing can be resumed.
      while (!existsSync(join(run, 'config.json'))) await sleep(20);
      search.child.kill('SIGKILL');
      note('the search is killed, and resumed');
      await search.ended;
      search = begin('resume');
    },
    async 'Redis restarted'() {
      await redis.restart();
      note('Redis is restarted');
    },
    async 'network cut'() {
      note(`the network to a worker is cut for ${cutFor} s`);
      for (const wire of Object.values(wires)) wire.cut('drop');
      await sleep(1000 * cutFor);
      for (const wire of Object.values(wires)) wire.mend();
    },
    async 'delivered twice'() {
      note(`a job and a result are delivered twice: ${await deliverTwice()}`);
    },
    async 'store full'() {
      // A search that finds the store full when it begins refuses: it has to have begun.
      while (written() === atBegin && !over.signal.aborted) await sleep(20);
      note(`the store is full for ${fullFor} s`);
      const before = gate.refused();
      gate.full(true);
      await sleep(1000 * fullFor);
      gate.full(false);
      note(`the store has room again, ${gate.refused() - before} writes were refused`);
    },
  };

  const latest = (): Running => search;
  const troubles = planned.map(async ({ fault, at }) => {
    while (!over.signal.aborted && seconds() < at) await sleep(50);
    if (over.signal.aborted) return note(`${fault}: not reached`);
    await acts[fault]();
  });
  try {
    for (;;) {
      const current = latest();
      const { code, signal, errors } = await current.ended;
      // If the search was killed, its successor is running by now.
      if (signal === 'SIGKILL') {
        while (latest() === current) await sleep(20);
        continue;
      }
      assert.equal(code, 0, `${happened.join('\n')}\n${errors}\n${said.slice(-4000)}`);
      break;
    }
    over.abort();
    const took = seconds();
    await Promise.all(troubles);
    return { run, happened, seconds: took, said };
  } finally {
    over.abort();
    for (const { child } of workers) child.kill('SIGKILL');
  }
}

/** All trained epochs of all networks, with their checkpoints, sorted. */
function epochsOf(run: string): string[] {
  const { entries } = readRun(run).replay;
  return entries
    .flatMap((entry) => (entry.type === 'epoch' ? [`${entry.line} ${entry.task} ${entry.epoch} ${entry.checkpoint}`] : []))
    .toSorted();
}

/** How a run differs from a local one, or from having each epoch of each network once; null if it does not. */
export function difference(run: string, local: string): string | null {
  const [found, wanted] = [winnerOf(run), winnerOf(local)];
  if (found !== wanted) return `another winner: ${found}`;
  const epochs = epochsOf(run);
  const expected = epochsOf(local);
  const twice = epochs.filter((epoch, index) => epoch === epochs[index - 1]);
  if (twice.length > 0) return `counted twice: ${twice.join('; ')}`;
  const lost = expected.filter((epoch) => !epochs.includes(epoch));
  const more = epochs.filter((epoch) => !expected.includes(epoch));
  if (lost.length + more.length > 0) return `lost: ${lost.join('; ')}; not of the local run: ${more.join('; ')}`;
  return null;
}
