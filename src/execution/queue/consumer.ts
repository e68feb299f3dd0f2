/**
 * A worker of the queue: takes jobs, fetches what they need from the store, has them done in processes of their own (so that
 * the queue's locks are renewed whatever trains), and says after each epoch how far it is, so that another can go on there.
 *
 * Fast engines first: only runs to which the bits do not matter (`mixed`) can choose between engines, and for those a worker
 * of a slower engine looks away from the queue until a job has waited there for some seconds. Then no faster one was free.
 * Priorities rank jobs, not workers, and queues of their own for each engine would leave to the search what it cannot know:
 * who is free. A little patience needs neither.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DelayedError, UnrecoverableError, WaitingError, type Job as QueueJob, type Queue, type Worker } from 'bullmq';
import type { Device, EngineName } from '../../engine/engine.ts';
import { checkpointPath } from '../../training/checkpoint.ts';
import { JobFailure, type Job, type Report } from '../../training/job.ts';
import { RunError } from '../../util/user-error.ts';
import { printable } from '../../util/words.ts';
import { patiently } from '../patience.ts';
import type { Pool } from '../pool.ts';
import { patientStore } from '../store/patient.ts';
import type { Store } from '../store/store.ts';
import type { Broker } from './broker.ts';
import { Lacking, openCache } from './cache.ts';
import {
  checkpointKey,
  checkpointsOf,
  continued,
  isKept,
  jobOf,
  readRequest,
  standingSchema,
  type Answer,
  type Kept,
  type Request,
  type Standing,
  type WorkerWord,
} from './messages.ts';
import { createSlots } from './slots.ts';

/** A queue that jobs are taken from. */
export interface Source {
  readonly name: string;
  /** Whether its jobs are done with this worker's engine, whatever they were planned with. */
  readonly mixed: boolean;
  /** Seconds that a job has to wait there before this worker looks; 0: it takes what comes. */
  readonly hesitation: number;
}

export interface ConsumerOptions {
  readonly broker: Broker;
  readonly store: Store;
  readonly sources: readonly Source[];
  /** Threads that all jobs have together; one takes as many of these as it was planned with. */
  readonly slots: number;
  /** Jobs at a time, at most. Default: as many as there are slots. */
  readonly jobs?: number;
  /** A folder of its own for checkpoints and data. */
  readonly cache: string;
  /** Bytes that the cache may hold, about. */
  readonly cacheBytes: number;
  /** Who it is. */
  readonly word: WorkerWord;
  readonly engine: { readonly name: EngineName; readonly device: Device };
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

/**
 * Milliseconds after which a job whose worker says nothing may be another's, and between two looks at that; workers share the
 * looks, so that two may be twice as far apart: 15 s at most.
 */
const lockDuration = 9_000;
const stalledInterval = 3_000;
/** Milliseconds between two words of a job's progress, and between two looks at whether anyone waits for it. */
const tellEvery = 1000;
const askEvery = 4000;
/** Milliseconds between two looks at a queue that the worker hesitates to take from. */
const hesitateEvery = 500;
/** Milliseconds that a job waits for room here, and then before anyone takes it again. */
const crowdedAfter = 2000;
const crowdedFor = 500;
/** Seconds for which the store and the queue may be away before a job is given back. */
const patience = 60;
/** How often a job is given to another worker because one died. Whoever waits for it decides when that is enough. */
const maxStalledCount = 1000;

/** Thrown through a pool by a job that stops after its epoch, and goes on elsewhere. */
class Left extends Error {}
/** There is no room for the job here for now: another worker may have some. */
class Crowded extends Error {}
/** Another worker has the job by now. */
class Taken extends Error {
  override readonly message = 'the queue has given it to another';
}

/** Of what is asked again anyway. */
const ignored = (): void => undefined;

/** What the worker has to say of a job, in order and one after another: an epoch only once its checkpoint is in the store. */
interface Teller {
  report(report: Report, peak: number, clock: number): void;
  answer(end: Answer['end']): Answer;
  /** Resolves when all is said; gives what went wrong with saying it. */
  told(): Promise<Error | null>;
}

export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { broker, slots, jobs = slots, word, engine } = options;
  const store = patientStore(options.store, patience);
  const cache = await openCache({ store, folder: options.cache, bytes: options.cacheBytes, now: options.now });
  const pool = options.open(cache.checkpoints);
  const places = createSlots(slots);
  const draining = new AbortController();
  /** Jobs that are on, by name. */
  const on = new Map<string, AbortController>();

  function teller(
    queued: QueueJob<Request, Answer>,
    run: string,
    job: Job,
    before: Standing | null,
    left: AbortController,
  ): Teller {
    const workers = [...(before?.workers ?? [])];
    const known = workers.findIndex(
      ({ name, bits, instar }) => `${name} ${bits} ${instar}` === `${word.name} ${word.bits} ${word.instar}`,
    );
    const by = known < 0 ? workers.push(word) - 1 : known;
    const kept: Kept = [...(before?.kept ?? [])];
    let peak = 0;
    let toldAt = -Infinity;
    let telling: Promise<void> = Promise.resolve();
    let trouble: Error | null = null;
    const tell = (act: () => Promise<void>): void => {
      telling = telling.then(act).catch((error: Error) => {
        trouble ??= error;
        left.abort(error);
      });
    };
    const say = (progress: Standing['progress']): Promise<void> =>
      patiently(() => queued.updateProgress({ kept: [...kept], workers, peak, progress }), {
        seconds: patience,
        signal: left.signal,
        isPassing: () => true,
      });
    return {
      report(report, peakBytes, clock) {
        peak = Math.max(peak, peakBytes);
        if (!isKept(job, report)) {
          if (report.kind !== 'progress' || options.now() - toldAt < tellEvery) return;
          toldAt = options.now();
          const { done, loss } = report;
          return tell(() => say({ by, done, loss, clock }));
        }
        tell(async () => {
          if (report.kind === 'epoch')
            await store.put(checkpointKey(run, report.checkpoint), checkpointPath(cache.checkpoints, report.checkpoint));
          kept.push({ by, clock, report: report as Kept[number]['report'] });
          if (report.kind !== 'progress') await say(null);
          if (report.kind === 'epoch' && draining.signal.aborted) left.abort(new Left('this worker goes'));
        });
      },
      answer: (end) => ({ kept, workers, peak, end }),
      async told() {
        await telling;
        return trouble;
      },
    };
  }

  /** The job from where another left it, fetched; from its beginning where what that left is gone. */
  async function begin(run: string, asked: Job, before: Standing | null): Promise<{ job: Job; before: Standing | null }> {
    await cache.fetchData(asked.data.hash);
    if (asked.kind === 'training' && before !== null) {
      const job = continued(asked, before.kept);
      try {
        for (const hash of checkpointsOf(job)) await cache.fetchCheckpoint(run, hash);
        return { job, before };
      } catch (error) {
        if (!(error instanceof Lacking)) throw error;
      }
    }
    for (const hash of checkpointsOf(asked)) await cache.fetchCheckpoint(run, hash);
    return { job: asked, before: null };
  }

  function readJob(data: unknown, source: Source): { request: Request; job: Job } | string {
    const request = readRequest(data);
    if (typeof request === 'string') return request;
    const job = jobOf(request, cache.dataPath(request.job.data.hash));
    if (typeof job === 'string') return job;
    if (source.mixed) return { request, job: { ...job, engine: { ...job.engine, ...engine } } };
    const { name, device } = job.engine;
    return name === engine.name && device === engine.device ? { request, job } : `job.engine: ${name} on ${device}`;
  }

  async function doJob(queued: QueueJob<Request, Answer>, source: Source, queue: Queue<Request, Answer>): Promise<Answer> {
    const read = readJob(queued.data, source);
    if (typeof read === 'string') throw new UnrecoverableError(`refused: ${read}`);
    const { request, job: asked } = read;
    const { run } = request;
    const standing = standingSchema.safeParse(queued.progress);
    const left = new AbortController();
    const nothing = teller(queued, run, asked, null, left);
    if (request.cancelled) return nothing.answer({ kind: 'cancelled' });
    // Of a job that was given away while its worker was cut off, and has come back to it.
    on.get(queued.id ?? '')?.abort(new Taken());
    on.set(queued.id ?? '', left);
    const leave = (): void => void (begun || left.abort(new Left('this worker goes')));
    let begun = false;
    draining.signal.addEventListener('abort', leave);
    let inputs: readonly string[] = [cache.dataPath(asked.data.hash)];
    let release = cache.hold(inputs);
    let asking: NodeJS.Timeout | undefined;
    try {
      const { job, before } = await begin(run, asked, standing.success ? standing.data : null);
      const say = teller(queued, run, job, before, left);
      if (job.kind === 'training' && job.minibatches.done >= job.minibatches.count) return say.answer({ kind: 'done' });
      release();
      inputs = [job.data.path, ...checkpointsOf(job).map((hash) => checkpointPath(cache.checkpoints, hash))];
      release = cache.hold(inputs);
      asking = setInterval(() => {
        void queue
          .getJob(queued.id ?? '')
          .then((now) => {
            if (now === undefined || now.data.cancelled) left.abort(new Left('nobody waits for it'));
          })
          .catch(ignored); // The queue is away: asked again.
      }, askEvery);
      const watch = { started: ignored, report: say.report };
      const crowded = setTimeout(() => left.abort(new Crowded()), crowdedAfter);
      try {
        await places.with(job.engine.threads, left.signal, () => {
          clearTimeout(crowded);
          begun = true;
          options.say(`${printable(queued.id ?? '')}: begun`);
          return pool.run(job, watch, left.signal);
        });
      } catch (error) {
        clearTimeout(crowded);
        const trouble = await say.told();
        if (error instanceof JobFailure) return say.answer({ kind: 'failed', failure: error.failure, message: error.message });
        // Perhaps a file here that is damaged. Another worker may do better, or this one with new files.
        if (error instanceof RunError && trouble === null) await cache.drop(inputs);
        throw error;
      }
      const trouble = await say.told();
      // The store or the queue is away: the job is another's, from its last epoch on.
      if (trouble !== null) throw trouble;
      return say.answer({ kind: 'done' });
    } catch (error) {
      if (error instanceof Lacking) return nothing.answer({ kind: 'lacking', message: error.message });
      throw error;
    } finally {
      clearInterval(asking);
      draining.signal.removeEventListener('abort', leave);
      if (on.get(queued.id ?? '') === left) on.delete(queued.id ?? '');
      release();
      await cache.trim();
    }
  }

  /** Takes nothing while no job has waited there for long; looks for jobs of workers that died all the same. */
  function hesitate(worker: Worker<Request, Answer>, queue: Queue<Request, Answer>, seconds: number): NodeJS.Timeout {
    const look = async (): Promise<void> => {
      const [next] = await queue.getWaiting(0, 0);
      const waited = next === undefined ? 0 : (options.now() - next.timestamp) / 1000;
      const takes = worker.isRunning() && !worker.isPaused();
      if (takes && waited < seconds) {
        await worker.pause(true);
        await worker.startStalledCheckTimer();
      } else if (!takes && waited >= seconds) void worker.resume();
    };
    return setInterval(() => void (draining.signal.aborted || look().catch(ignored)), hesitateEvery);
  }

  const queues: Queue<Request, Answer>[] = [];
  const workers: Worker<Request, Answer>[] = [];
  const timers: NodeJS.Timeout[] = [];
  for (const source of options.sources) {
    const queue = broker.queue<Request, Answer>(source.name);
    const act = async (queued: QueueJob<Request, Answer>, token?: string): Promise<Answer> => {
      const id = printable(queued.id ?? '');
      try {
        const answer = await doJob(queued, source, queue);
        options.say(`${id}: ${answer.end.kind}${'message' in answer.end ? `: ${answer.end.message}` : ''}`);
        return answer;
      } catch (error) {
        if (error instanceof Crowded) {
          await queued.moveToDelayed(options.now() + crowdedFor, token);
          // Else this worker would take it again itself, time after time.
          await sleep(2 * crowdedFor, undefined, { signal: draining.signal }).catch(ignored);
          throw new DelayedError();
        }
        const { message } = error as Error;
        options.say(`${id}: ${error instanceof UnrecoverableError ? message : `given back: ${message}`}`);
        if (error instanceof Left) {
          // To whoever takes it next; no failure of it.
          await queued.moveToWait(token);
          throw new WaitingError();
        }
        throw error;
      }
    };
    const worker = broker.worker<Request, Answer>(source.name, act, {
      concurrency: jobs,
      lockDuration,
      stalledInterval,
      maxStalledCount,
      name: word.name,
      autorun: source.hesitation === 0,
    });
    worker.on('error', ignored); // A connection that is tried again.
    queue.on('error', ignored);
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) on.get(id)?.abort(new Taken());
    });
    if (source.hesitation > 0) {
      await worker.startStalledCheckTimer();
      timers.push(hesitate(worker, queue, source.hesitation));
    }
    queues.push(queue);
    workers.push(worker);
  }

  return {
    busy: () => on.size,
    async drain() {
      draining.abort();
      for (const timer of timers) clearInterval(timer);
      await Promise.all(workers.map((each) => each.close()));
      pool.close();
      await Promise.allSettled(queues.map((each) => each.close()));
    },
  };
}
