/**
 * Jobs on a queue, done by workers elsewhere. A job is put there under a name that follows from the run alone, so that a run
 * which was killed finds its jobs again; whatever a worker says is taken once and in order, however often it is said, and by
 * however many.
 */
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkpointPath } from '../../training/checkpoint.ts';
import { JobFailure, type Job, type Report } from '../../training/job.ts';
import { channel, type Channel } from '../../util/channel.ts';
import { sha256 } from '../../util/hash.ts';
import { RunError } from '../../util/user-error.ts';
import { readBytes } from '../../util/files.ts';
import { patiently } from '../patience.ts';
import type { Elsewhere, Pool, Watch } from '../pool.ts';
import { patientStore } from '../store/patient.ts';
import { StoreFailure, type Store } from '../store/store.ts';
import type { Broker } from './broker.ts';
import { openCompany } from './company.ts';
import {
  answerSchema,
  checkpointKey,
  checkpointsOf,
  dataKey,
  jobName,
  requestOf,
  standingSchema,
  type Answer,
  type Request,
  type Standing,
} from './messages.ts';

export interface QueuePoolOptions {
  readonly broker: Broker;
  readonly store: Store;
  /** The queue's name. */
  readonly queue: string;
  /** A queue that all workers look at, whatever they compute with. */
  readonly everybody: string;
  /** Names the run: 16 hexadecimal digits. */
  readonly run: string;
  /** The folder of the run's checkpoints here. */
  readonly checkpoints: string;
  /** What a person should know. */
  say(line: string): void;
}

/** Milliseconds in which a connection ends in order. */
const farewell = 3000;
/** Milliseconds between two looks at a job that is waited for: events may be lost while a server is away. */
const lookEvery = 5000;
/** Tries of a job whose worker could not reach the store, each for a minute, and milliseconds before the next: half an hour. */
const attempts = 30;
const backoff = 10_000;
/** Seconds for which the answers to a run that was given up stay in the queue. */
const keptFor = 14 * 86_400;
/** Seconds for which the queue or the store may be away before the run ends, to be resumed. */
const patience = 900;

/** What is heard of a job that is waited for. Whatever it holds comes from elsewhere, and is checked where it is used. */
type Heard =
  | { readonly kind: 'standing' | 'answer'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Nothing may have been heard for a while. */
  | { readonly kind: 'look' };

/** The ends of a job that are not tried again under its name. */
const endsFor = ({ kind }: Job): readonly Answer['end']['kind'][] => (kind === 'training' ? ['done', 'failed'] : ['done']);

/**
 * What it means that the queue gave a job up. A message that no worker reads and a job that ends its workers' processes are the
 * child's end. All else was a worker's trouble, with its disk or with the store, for half an hour: the run ends, to be resumed.
 */
const givenUp = (job: Job, reason: string): Error =>
  /^refused:|stalled/.test(reason)
    ? new JobFailure('error', reason)
    : new RunError(`the queue: ${job.id} was given up: ${reason === '' ? 'no worker could do it' : reason}`);

/** Of what will be tried again, or is for others to clean up. */
const ignored = (): void => undefined;

/** What of a job has been told to whoever waits for it. */
interface Told {
  /** Its certificate; of a probe, that it has begun. */
  grown: boolean;
  /** Minibatches of the last epoch. */
  done: number;
  /** Readings and verifications. */
  results: number;
  /** Of the task that runs, as it was last told. */
  progress: string;
  /** Checkpoints of its epochs that are in the store. */
  readonly stored: Set<string>;
}

export function createQueuePool({ broker, queue: name, run, checkpoints, ...options }: QueuePoolOptions): Pool {
  const stop = new AbortController();
  // As many as there are jobs at a time.
  setMaxListeners(0, stop.signal);
  const store = patientStore(options.store, patience, stop.signal);
  const queue = broker.queue<Request, Answer>(name);
  const events = broker.events(name);
  /** Of the jobs that were asked for. */
  const names = new Set<string>();
  const company = openCompany({ broker, queue, everybody: options.everybody, waits: () => names.size > 0, say: options.say });
  const waiting = new Map<string, Channel<Heard>>();
  // Errors of a connection that is tried again are no end of anything.
  queue.on('error', ignored);
  events.on('error', ignored);
  events.on('active', ({ jobId }) => {
    company.heard();
    if (waiting.has(jobId)) taken.add(jobId);
  });
  events.on('completed', company.heard);
  events.on('progress', ({ jobId, data }) => waiting.get(jobId)?.put({ kind: 'standing', value: data }));
  events.on('completed', ({ jobId, returnvalue }) => waiting.get(jobId)?.put({ kind: 'answer', value: returnvalue }));
  events.on('failed', ({ jobId, failedReason }) => waiting.get(jobId)?.put({ kind: 'failed', reason: failedReason }));
  const sent = new Set<string>();
  /** Keys whose content somebody found damaged or missing. */
  const doubted = new Set<string>();
  const cancelling = new Set<Promise<void>>();
  /** Jobs that are waited for and were taken by somebody, who may not have said a word yet. */
  const taken = new Set<string>();
  /** Who is on which of them, by what was last heard. */
  const doing = new Map<string, Elsewhere['workers'][number]>();

  /** Of the queue, which may be away. */
  async function asked<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await patiently(act, { seconds: patience, signal, isPassing: () => true });
    } catch (error) {
      if (signal.aborted) throw signal.reason as Error;
      throw new RunError(`the queue: ${(error as Error).message}`);
    }
  }

  /** To the store, unless it is there. */
  async function offer(key: string, path: string): Promise<void> {
    if (sent.has(key)) return;
    if (doubted.has(key) || !(await store.has(key))) await store.put(key, path);
    doubted.delete(key);
    sent.add(key);
  }

  /** From the store to the run's own checkpoints. */
  async function fetched(hash: string): Promise<void> {
    const path = checkpointPath(checkpoints, hash);
    if (existsSync(path)) return;
    const key = checkpointKey(run, hash);
    // Tried once more under another name: then it is trained anew, from where the run has it.
    if (!(await store.get(key, path)))
      throw new JobFailure('crashed', `${store.address}: ${key} is not there, though a worker has put it there`);
    if (sha256(await readBytes(path)) === hash) return void sent.add(key);
    throw new JobFailure('crashed', `${store.address}: ${key} is damaged: its content does not fit its name`);
  }

  /** What has been said since: to whoever waits, each once. */
  async function tell({ kept, workers, peak }: Omit<Standing, 'progress'>, told: Told, watch: Watch): Promise<void> {
    let results = 0;
    for (const { by, clock, report } of kept) {
      switch (report.kind) {
        case 'grown':
          if (told.grown) continue;
          told.grown = true;
          break;
        case 'epoch':
          // A run that goes on has had its first epochs already.
          if (report.done <= told.done) continue;
          await fetched(report.checkpoint);
          told.stored.add(report.checkpoint);
          told.done = report.done;
          break;
        case 'verified':
        case 'evaluated':
          if (++results <= told.results) continue;
          told.results = results;
          break;
        // Of a probe, which is told when it is over: a clock of its own belongs to each try.
        case 'progress':
        case 'reached':
          break;
      }
      watch.report(report as Report, peak, clock, workers[by]);
    }
    // What the run itself has let go of is behind a later epoch, which is written down.
    for (const hash of told.stored)
      if (!existsSync(checkpointPath(checkpoints, hash))) {
        told.stored.delete(hash);
        await store.remove(checkpointKey(run, hash)).catch(ignored);
      }
  }

  /** The first word of a probe is told at once: how long that took belongs to what it measures. */
  function beginning({ kept, peak }: Standing, told: Told, watch: Watch): void {
    const [first] = kept;
    if (told.grown || first === undefined) return;
    told.grown = true;
    watch.report(first.report as Report, peak, first.clock);
  }

  const request = (job: Job): { id: string; add: () => Promise<unknown> } => {
    const id = jobName(run, job);
    const settings = {
      jobId: id,
      attempts,
      backoff: { type: 'fixed' as const, delay: backoff },
      removeOnComplete: { age: keptFor },
      removeOnFail: { age: keptFor },
    };
    return { id, add: () => queue.add(job.kind, requestOf(job, run), settings) };
  };

  const keysOf = (job: Job): readonly (readonly [key: string, path: string])[] => [
    [dataKey(job.data.hash), job.data.path],
    ...checkpointsOf(job).map((hash) => [checkpointKey(run, hash), checkpointPath(checkpoints, hash)] as const),
  ];

  async function follow(job: Job, watch: Watch, signal: AbortSignal): Promise<void> {
    for (const [key, path] of keysOf(job)) await offer(key, path);
    const { id, add } = request(job);
    const heard = channel<Heard>();
    const look = (): void => heard.put({ kind: 'look' });
    waiting.set(id, heard);
    names.add(id);
    const timer = setInterval(look, lookEvery);
    signal.addEventListener('abort', look);
    try {
      const there = await asked(() => queue.getJob(id), signal);
      if (there !== undefined) {
        // Of a run that was interrupted and goes on: what was given up, or had no answer, is asked for again; what failed, too,
        // but for a training, whose second try has a name of its own.
        const answer = answerSchema.safeParse(there.returnvalue);
        const isAnswered = answer.success && endsFor(job).includes(answer.data.end.kind);
        const isOver = there.finishedOn !== undefined && !isAnswered;
        if (isOver) await asked(() => queue.remove(id), signal);
        else if (there.data.cancelled) await asked(() => there.updateData({ ...there.data, cancelled: false }), signal);
        look();
      }
      await asked(add, signal);
      await answered(job, heard, watch, signal);
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', look);
      waiting.delete(id);
      for (const each of [taken, doing]) each.delete(id);
    }
  }

  function isOnIt(job: Job, { workers, progress, kept }: Standing): void {
    const worker = workers[progress?.by ?? kept.at(-1)?.by ?? workers.length - 1];
    if (worker === undefined) return;
    taken.add(jobName(run, job));
    doing.set(jobName(run, job), { task: job.id, worker: worker.name, engine: worker.bits });
  }

  /** As the queue has it now. A job that is gone is put there again: a server that lost it holds nobody up. */
  async function looked(job: Job, signal: AbortSignal): Promise<readonly Heard[]> {
    const { id, add } = request(job);
    // Before the job itself, which is then at least so far.
    const state = await asked(() => queue.getJobState(id), signal);
    const found = await asked(() => queue.getJob(id), signal);
    if (found === undefined) {
      await asked(add, signal);
      return [];
    }
    const standing: Heard = { kind: 'standing', value: found.progress };
    if (state !== 'active') for (const each of [taken, doing]) each.delete(id);
    if (state === 'completed') return [{ kind: 'answer', value: found.returnvalue }];
    return state === 'failed' ? [standing, { kind: 'failed', reason: found.failedReason ?? '' }] : [standing];
  }

  async function answered(job: Job, heard: Channel<Heard>, watch: Watch, signal: AbortSignal): Promise<void> {
    const isTraining = job.kind === 'training';
    const told: Told = {
      grown: isTraining && job.start.edits.length === 0,
      done: isTraining ? job.minibatches.done : -1,
      results: 0,
      progress: '',
      stored: new Set(),
    };
    for (;;) {
      const first = await heard.take();
      signal.throwIfAborted();
      for (const each of first.kind === 'look' ? await looked(job, signal) : [first]) {
        if (each.kind === 'failed') throw givenUp(job, each.reason);
        if (each.kind === 'answer') {
          if (await ended(job, each.value, told, watch, signal)) return;
        } else if (each.kind === 'standing') {
          const standing = standingSchema.safeParse(each.value);
          if (!standing.success) continue; // No word yet, or none that means anything: the next one may.
          const { progress } = standing.data;
          if (first.kind === 'standing') isOnIt(job, standing.data);
          if (job.kind === 'probe') beginning(standing.data, told, watch);
          else await tell(standing.data, told, watch);
          const mark = JSON.stringify(progress);
          if (progress !== null && mark !== told.progress) {
            const { by, done, loss, clock } = progress;
            watch.report({ kind: 'progress', done, loss }, standing.data.peak, clock, standing.data.workers[by]);
          }
          told.progress = mark;
        }
      }
    }
  }

  /** Whether the job has ended with this answer; throws where it has given nothing. */
  async function ended(job: Job, value: unknown, told: Told, watch: Watch, signal: AbortSignal): Promise<boolean> {
    const answer = answerSchema.safeParse(value);
    // Tried once more, under another name.
    if (!answer.success) throw new JobFailure('crashed', 'a worker gave an answer that is none');
    const { end } = answer.data;
    await tell(answer.data, told, watch);
    switch (end.kind) {
      case 'done':
        if (job.kind !== 'training' || told.done >= job.minibatches.count) return true;
        throw new JobFailure('crashed', 'a worker gave an answer that lacks the last epoch');
      case 'failed':
        throw new JobFailure(end.failure, end.message);
      case 'lacking':
        for (const [key] of keysOf(job)) {
          sent.delete(key);
          doubted.add(key);
        }
        throw new JobFailure('crashed', end.message);
      case 'cancelled':
        // Of an earlier life of the run: it is asked for again.
        await asked(() => queue.remove(jobName(run, job)), signal);
        await asked(request(job).add, signal);
        return false;
    }
  }

  /** Nobody waits for it any more: who has it leaves it at its next epoch, and nobody begins it. */
  async function cancel(job: Job): Promise<void> {
    const found = await queue.getJob(jobName(run, job));
    if (found === undefined) return;
    await found.updateData({ ...found.data, cancelled: true });
  }

  return {
    async run(job, watch, signal) {
      const both = AbortSignal.any([signal, stop.signal]);
      try {
        await follow(job, { ...watch, report: (...what) => void (both.aborted || watch.report(...what)) }, both);
      } catch (error) {
        if (signal.aborted) {
          const leaving = cancel(job).catch(ignored); // The queue is away: a worker does it for nobody.
          cancelling.add(leaving);
          throw signal.reason as Error;
        }
        if (error instanceof StoreFailure) throw new RunError(`the store: ${error.message}`);
        throw error;
      }
    },
    workers: () => [],
    elsewhere() {
      const workers = [...doing.values()];
      const seen = company.seen();
      const others = seen.workers.filter((each) => !workers.some(({ worker }) => worker.startsWith(each)));
      const unclaimed = waiting.size - taken.size;
      return { waiting: unclaimed, queued: Math.max(unclaimed, seen.queued), workers, others };
    },
    close() {
      stop.abort(new Error('closed'));
      company.leave();
      const closed = Promise.allSettled(cancelling).then(() => Promise.allSettled([queue.close(), events.close()]));
      // A server that is away holds nobody up.
      void Promise.race([closed, sleep(farewell)]).then(() => broker.leave());
    },
    async forget() {
      // What cannot be removed now is in nobody's way.
      for (const each of names) await queue.remove(each).catch(ignored);
      const keys = await store.list(`runs/${run}/`).catch(() => []);
      for (const key of keys) await store.remove(key).catch(ignored);
    },
  };
}
