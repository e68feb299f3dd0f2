/**
 * A worker of the queue: takes jobs, fetches what they need from the store, has them done in processes of their own (so that
 * the queue's locks are renewed whatever trains), and says after each epoch how far it is, so that another can go on there.
 */
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { UnrecoverableError, WaitingError, type Job as QueueJob, type Worker } from 'bullmq';
import { readBytes } from '../../data/files.ts';
import { checkpointPath } from '../../training/checkpoint.ts';
import { JobFailure, type Job, type Report } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { sha256 } from '../../util/hash.ts';
import { RunError } from '../../util/user-error.ts';
import type { Pool } from '../pool.ts';
import type { Store } from '../store/store.ts';
import type { Broker } from './broker.ts';
import {
  checkpointKey,
  checkpointsOf,
  continued,
  dataKey,
  isKept,
  jobOf,
  requestSchema,
  standingSchema,
  type Answer,
  type Request,
  type Standing,
} from './messages.ts';

export interface ConsumerOptions {
  readonly broker: Broker;
  readonly store: Store;
  /** Names of the queues that it takes jobs from. */
  readonly queues: readonly string[];
  /** Jobs at a time; one takes as many of these as it has threads. */
  readonly slots: number;
  /** A folder of its own for checkpoints and data. */
  readonly cache: string;
  /** Bytes that the cache may hold, about. */
  readonly cacheBytes: number;
  /** Says who it is. */
  readonly name: string;
  readonly engine: string;
  /** Opens a pool over a folder of checkpoints. */
  open(checkpoints: string): Pool;
  now(): number;
  say(line: string): void;
}

export interface Consumer {
  /** Ends in order: no more jobs are taken, and those that are on stop after their epoch and are put back. */
  drain(): Promise<void>;
  /** Jobs that are on. */
  busy(): number;
}

/** Milliseconds after which a job whose worker says nothing is another's. */
const lockDuration = 12_000;
const stalledInterval = 6_000;
/** Milliseconds between two words of a job's progress, and between two looks at whether anyone waits for it. */
const tellEvery = 1000;
const askEvery = 4000;

/** Thrown through a pool by a job that stops after its epoch. */
class Left extends Error {
  override readonly message = 'this worker goes';
}

export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { broker, store, slots, cache, name, engine } = options;
  const folder = join(cache, 'checkpoints');
  const dataFolder = join(cache, 'data');
  await mkdir(folder, { recursive: true });
  await mkdir(dataFolder, { recursive: true });
  const pool = options.open(folder);
  const queues = new Map(options.queues.map((each) => [each, broker.queue<Request, Answer>(each)]));
  const draining = new AbortController();
  let on = 0;

  // Slots: a job of several threads waits until so many are free.
  let free = slots;
  const queueing: { readonly wanted: number; go(): void }[] = [];
  const serve = (): void => {
    for (let next = queueing[0]; next !== undefined && next.wanted <= free; next = queueing[0]) {
      free -= next.wanted;
      queueing.shift()?.go();
    }
  };
  async function withSlots<T>(threads: number, act: () => Promise<T>): Promise<T> {
    const wanted = Math.min(threads, slots);
    await new Promise<void>((resolve) => {
      queueing.push({ wanted, go: resolve });
      serve();
    });
    try {
      return await act();
    } finally {
      free += wanted;
      serve();
    }
  }

  /** Files that jobs are on. */
  const needed = new Set<string>();

  /** Fetched once at a time, whoever asks. */
  const fetching = new Map<string, Promise<void>>();
  async function fetched(key: string, path: string, check: ((bytes: Uint8Array) => boolean) | null): Promise<void> {
    const known = fetching.get(path);
    if (known !== undefined) return known;
    const act = async (): Promise<void> => {
      if (existsSync(path)) {
        const now = new Date(options.now());
        await utimes(path, now, now);
        return;
      }
      if (!(await store.get(key, path))) throw new RunError(`${store.address}: ${key} is not there`);
      if (check !== null && !check(await readBytes(path))) {
        await rm(path, { force: true });
        throw new RunError(`${store.address}: ${key} is damaged: its content does not fit its name`);
      }
    };
    const made = act().finally(() => fetching.delete(path));
    fetching.set(path, made);
    return made;
  }
  const checkpoint = (run: string, hash: string): Promise<void> =>
    fetched(checkpointKey(run, hash), checkpointPath(folder, hash), (bytes) => sha256(bytes) === hash);

  const hasAll = async (run: string, job: Job): Promise<boolean> => {
    for (const hash of checkpointsOf(job))
      if (!existsSync(checkpointPath(folder, hash)) && !(await store.has(checkpointKey(run, hash)))) return false;
    return true;
  };

  /** What has not been used for longest goes first. */
  async function trim(): Promise<void> {
    const paths: string[] = [];
    for (const each of [folder, dataFolder]) for (const file of await readdir(each)) paths.push(join(each, file));
    const facts = paths.flatMap((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? [] : [{ path, size: found.size, used: found.mtimeMs }];
    });
    let total = facts.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of facts.toSorted((a, b) => a.used - b.used)) {
      if (total <= options.cacheBytes) return;
      if (needed.has(path)) continue;
      await rm(path, { force: true });
      total -= size;
    }
  }

  async function doJob(queued: QueueJob<Request, Answer>): Promise<Answer> {
    const request = requestSchema.safeParse(queued.data);
    let peak = 0;
    const worker = (): Standing['worker'] => ({ name, engine, peak });
    const refuse = (message: string): Answer => ({ kept: [], worker: worker(), end: { kind: 'refused', message } });
    if (!request.success) throw new UnrecoverableError('a job that is none: it was refused');
    const { run } = request.data;
    const dataPath = join(dataFolder, `${request.data.job.data.hash}.safetensors`);
    const asked = jobOf(request.data, dataPath);
    if (typeof asked === 'string') return refuse(`the job's network: ${asked}`);
    if (request.data.cancelled) return { kept: [], worker: worker(), end: { kind: 'cancelled' } };
    const before = standingSchema.safeParse(queued.progress);
    let kept: Report[] = before.success ? (before.data.kept as Report[]) : [];
    let job: Job = asked.kind === 'training' ? continued(asked, kept) : asked;
    if (job.kind === 'training' && job.minibatches.done >= job.minibatches.count)
      return { kept, worker: worker(), end: { kind: 'done' } };
    needed.add(dataPath);
    await fetched(dataKey(job.data.hash), dataPath, null);
    // Its last epoch is gone, which a later one had replaced: it is done anew, and gives the same.
    if (job !== asked && !(await hasAll(run, job))) [job, kept] = [asked, []];
    for (const hash of checkpointsOf(job)) await checkpoint(run, hash);

    // Told in order, one after another: an epoch only once its checkpoint is in the store.
    let telling: Promise<void> = Promise.resolve();
    let trouble: Error | null = null;
    let toldAt = -Infinity;
    const left = new AbortController();
    const tell = (act: () => Promise<void>): void => {
      telling = telling.then(act).catch((error: Error) => {
        trouble ??= error;
        left.abort(error);
      });
    };
    const standing = (progress: Standing['progress']): Standing => ({ kept: [...kept], progress, worker: worker() });
    const watch = {
      started: (): void => undefined,
      report(report: Report, bytes: number, clock: number): void {
        peak = Math.max(peak, bytes);
        if (report.kind === 'progress') {
          if (options.now() - toldAt < tellEvery) return;
          toldAt = options.now();
          const { done, loss } = report;
          return tell(() => queued.updateProgress(standing({ done, loss, clock })));
        }
        tell(async () => {
          if (report.kind === 'epoch')
            await store.put(checkpointKey(run, report.checkpoint), checkpointPath(folder, report.checkpoint));
          if (isKept(report)) kept.push(report);
          await queued.updateProgress(standing(null));
          if (report.kind === 'epoch' && draining.signal.aborted) left.abort(new Left());
        });
      },
    };
    const asking = setInterval(() => {
      void must(queues.get(queued.queueName), 'queue')
        .getJob(queued.id ?? '')
        .then((now) => {
          if (now === undefined || now.data.cancelled) left.abort(new Left());
        })
        .catch(() => undefined); // The queue is away: asked again.
    }, askEvery);
    try {
      await withSlots(job.engine.threads, () => pool.run(job, watch, left.signal));
      await telling;
      if (trouble !== null) throw trouble as Error;
      return { kept, worker: worker(), end: { kind: 'done' } };
    } catch (error) {
      await telling;
      if (error instanceof JobFailure)
        return { kept, worker: worker(), end: { kind: 'failed', failure: error.failure, message: error.message } };
      if (error instanceof RunError && trouble === null)
        return { kept, worker: worker(), end: { kind: 'refused', message: error.message } };
      // The store or the queue is away, or this worker goes: the job is another's, from its last epoch on.
      throw error;
    } finally {
      clearInterval(asking);
      await trim();
    }
  }

  const workers: Worker<Request, Answer>[] = options.queues.map((each) => {
    const made = broker.worker<Request, Answer>(
      each,
      async (queued, token) => {
        on++;
        options.say(`${queued.id}: begun`);
        try {
          const answer = await doJob(queued);
          options.say(`${queued.id}: ${answer.end.kind}`);
          return answer;
        } catch (error) {
          options.say(`${queued.id}: given back: ${(error as Error).message}`);
          if (error instanceof Left) {
            // To whoever takes it next; no failure of it.
            await queued.moveToWait(token);
            throw new WaitingError();
          }
          throw error;
        } finally {
          on--;
        }
      },
      { concurrency: slots, lockDuration, stalledInterval, maxStalledCount: 1000, name },
    );
    made.on('error', () => undefined); // A connection that is tried again.
    return made;
  });

  return {
    busy: () => on,
    async drain() {
      draining.abort();
      await Promise.all(workers.map((each) => each.close()));
      pool.close();
      await Promise.allSettled([...queues.values()].map((each) => each.close()));
    },
  };
}
