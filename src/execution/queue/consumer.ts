/**
 * A worker of the queue: takes jobs and does them in processes of their own, so that the queue's locks are renewed while they
 * train.
 *
 * Fast engines come first. Only heterogeneous runs can choose between engines; for those, a worker of a slower engine takes
 * jobs only after they have waited for some seconds: then no faster worker was free. BullMQ's priorities rank jobs, not
 * workers, and with a queue for each engine the search would have to know which workers are free.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DelayedError, UnrecoverableError, WaitingError, type Job as QueueJob, type Queue, type Worker } from 'bullmq';
import { printable } from '../../util/words.ts';
import type { Pool } from '../pool.ts';
import { patientStore } from '../store/open.ts';
import type { Broker } from './connections.ts';
import { openCache } from './cache.ts';
import type { Answer, Request } from './messages.ts';
import { patience } from './reporter.ts';
import { createSlots } from './slots.ts';
import { doJob, NoSlots, Reassigned, Returned, tellReturned, TooFewCores, type WorkerContext } from './worker-job.ts';

/** A queue from which a worker takes jobs. */
export interface JobSource {
  readonly name: string;
  /** Whether jobs run with this worker's engine, whichever they name. */
  readonly heterogeneous: boolean;
  /** Seconds that a job must have waited before this worker takes it. */
  readonly minimumWait: number;
}

export interface ConsumerOptions extends Pick<WorkerContext, 'store' | 'identity' | 'engine' | 'now' | 'say'> {
  readonly broker: Broker;
  readonly sources: readonly JobSource[];
  /** Threads for all jobs together; a job takes as many as it was planned with. */
  readonly slots: number;
  /** Jobs at a time, at most. Default: as many as there are slots. */
  readonly jobs?: number;
  /** Threads of one job, at most; a job that needs more is left to others. Default: any. */
  readonly cores?: number;
  /** A folder for checkpoints and data, which no other worker uses. */
  readonly cache: string;
  /** Bytes that the cache may hold, approximately. */
  readonly cacheBytes: number;
  /** Opens a pool over a folder of checkpoints. */
  open(checkpoints: string): Pool;
}

export interface Consumer {
  /** Takes no more jobs; those in progress stop after their epoch and return to the queue. */
  drain(): Promise<void>;
  /** Jobs in progress. */
  busy(): number;
}

/**
 * Milliseconds after which a silent worker loses its job, and between checks for such jobs. Workers share the checks, so two
 * may be twice as far apart: 15 s at most.
 */
const lockDuration = 9_000;
const stalledInterval = 3_000;
/** Milliseconds between checks of a queue with a minimum wait. */
const checkEvery = 500;
/** Milliseconds before a job without slots may be taken again. */
const noSlotsDelay = 500;
/** How often a job may lose its worker: the search decides when to give up. */
const maxStalledCount = 1000;

/** Errors that need no handling: the request is repeated. */
const ignore = (): void => undefined;

/** What the queue calls for each job: does it, or returns it in the way that the queue expects. */
function processorOf(on: WorkerContext, { heterogeneous }: JobSource, queue: Queue<Request, Answer>) {
  // A job that is too large comes again and again.
  const told = new Set<string>();
  return async (queued: QueueJob<Request, Answer>, token?: string): Promise<Answer> => {
    const name = printable(queued.id ?? '');
    try {
      const answer = await doJob(on, queued, heterogeneous, queue);
      on.say(`${name}: ${answer.end.kind}${'message' in answer.end ? `: ${answer.end.message}` : ''}`);
      return answer;
    } catch (error) {
      const { message } = error as Error;
      const isRefused = error instanceof UnrecoverableError;
      if (!isRefused && !(error instanceof NoSlots) && !(error instanceof Reassigned)) await tellReturned(queued, on, message);
      if (error instanceof NoSlots || error instanceof TooFewCores) {
        if (error instanceof TooFewCores && !told.has(name)) on.say(`${name}: returned to the queue: ${message}`);
        told.add(name);
        await queued.moveToDelayed(on.now() + noSlotsDelay, token);
        // Longer than the job's delay: another worker takes it first.
        await sleep(2 * noSlotsDelay, undefined, { signal: on.draining }).catch(ignore);
        throw new DelayedError();
      }
      on.say(`${name}: ${isRefused ? message : `returned to the queue: ${message}`}`);
      if (error instanceof Returned) {
        // Not counted as a failed try.
        await queued.moveToWait(token);
        throw new WaitingError();
      }
      throw error;
    }
  };
}

/** Pauses the worker while no job has waited for `seconds`. It still looks for jobs of workers that died. */
function enforceWait(on: WorkerContext, worker: Worker<Request, Answer>, queue: Queue<Request, Answer>, seconds: number) {
  const check = async (): Promise<void> => {
    const [next] = await queue.getWaiting(0, 0);
    const waited = next === undefined ? 0 : (on.now() - next.timestamp) / 1000;
    const takes = worker.isRunning() && !worker.isPaused();
    if (takes && waited < seconds) {
      await worker.pause(true);
      await worker.startStalledCheckTimer();
    } else if (!takes && waited >= seconds) void worker.resume();
  };
  const timer = setInterval(() => void check().catch(ignore), checkEvery);
  on.draining.addEventListener('abort', () => clearInterval(timer));
}

/** Begins to take jobs from a queue. Returns what closes it. */
async function consume(
  on: WorkerContext,
  broker: Broker,
  source: JobSource,
  concurrency: number,
): Promise<() => Promise<unknown>> {
  const queue = broker.queue<Request, Answer>(source.name);
  const worker = broker.worker<Request, Answer>(source.name, processorOf(on, source, queue), {
    concurrency,
    lockDuration,
    stalledInterval,
    maxStalledCount,
    name: on.identity.name,
    autorun: source.minimumWait === 0,
  });
  worker.on('error', ignore);
  queue.on('error', ignore);
  worker.on('lockRenewalFailed', (names) => {
    for (const name of names) on.running.get(name)?.abort(new Reassigned());
  });
  if (source.minimumWait > 0) {
    await worker.startStalledCheckTimer();
    enforceWait(on, worker, queue, source.minimumWait);
  }
  return () => worker.close().finally(() => queue.close().catch(ignore));
}

export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { broker, slots, jobs = slots, cores = Infinity, sources, identity, engine, now, say } = options;
  const store = patientStore(options.store, patience);
  const cache = await openCache({ store, folder: options.cache, bytes: options.cacheBytes, now });
  const pool = options.open(cache.checkpoints);
  const draining = new AbortController();
  const running = new Map<string, AbortController>();
  const resources = { store, cache, pool, running, slots: createSlots(slots), cores, draining: draining.signal };
  const on: WorkerContext = { ...resources, identity, engine, now, say };
  const closers: (() => Promise<unknown>)[] = [];
  for (const source of sources) closers.push(await consume(on, broker, source, jobs));
  return {
    busy: () => running.size,
    async drain() {
      draining.abort();
      await Promise.all(closers.map((close) => close()));
      pool.close();
    },
  };
}
