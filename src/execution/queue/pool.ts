/**
 * Jobs on a queue, done by workers elsewhere. A job is put there under a name that follows from the run alone, so that a run
 * which was killed finds its jobs again; whatever a worker says is taken once and in order, however often it is said.
 */
import { existsSync } from 'node:fs';
import type { Job as QueueJob } from 'bullmq';
import { checkpointPath } from '../../training/checkpoint.ts';
import { JobFailure, type Job, type Report } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { latch } from '../../util/latch.ts';
import { sha256 } from '../../util/hash.ts';
import { RunError } from '../../util/user-error.ts';
import { readBytes } from '../../data/files.ts';
import type { Elsewhere, Pool, Watch } from '../pool.ts';
import type { Store } from '../store/store.ts';
import type { Broker } from './broker.ts';
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
} from './messages.ts';

export interface QueuePoolOptions {
  readonly broker: Broker;
  readonly store: Store;
  /** The queue's name. */
  readonly queue: string;
  /** Names the run: 16 hexadecimal digits. */
  readonly run: string;
  /** The folder of the run's checkpoints here. */
  readonly checkpoints: string;
}

/** Milliseconds between two looks at a job that is waited for: events may be lost while a server is away. */
const lookEvery = 5000;
/** Tries of a job whose worker could not reach the store, and milliseconds before the second. */
const attempts = 8;
const backoff = 1000;
/** Seconds for which the answers to a run that was given up stay in the queue. */
const keptFor = 14 * 86_400;

/** Of what will be tried again, or is for others to clean up. */
const ignored = (): void => undefined;

export function createQueuePool({ broker, store, queue: name, run, checkpoints }: QueuePoolOptions): Pool {
  const queue = broker.queue<Request, Answer>(name);
  const events = broker.events(name);
  const waiting = new Map<string, () => void>();
  const stop = new AbortController();
  // Errors of a connection that is tried again are no end of anything.
  queue.on('error', ignored);
  events.on('error', ignored);
  const wake = ({ jobId }: { readonly jobId: string }): void => waiting.get(jobId)?.();
  events.on('progress', wake);
  events.on('completed', wake);
  events.on('failed', wake);
  const sent = new Set<string>();
  /** Of the jobs that were asked for. */
  const names = new Set<string>();
  const cancelling = new Set<Promise<void>>();
  /** Who is on which of the jobs that are waited for, by what was last heard. */
  const doing = new Map<string, Elsewhere['workers'][number]>();

  /** To the store, unless it is there. */
  async function offer(key: string, path: string): Promise<void> {
    if (sent.has(key)) return;
    if (!(await store.has(key))) await store.put(key, path);
    sent.add(key);
  }

  /** From the store to the run's own checkpoints. */
  async function fetched(hash: string): Promise<void> {
    const path = checkpointPath(checkpoints, hash);
    if (existsSync(path)) return;
    const key = checkpointKey(run, hash);
    if (!(await store.get(key, path)))
      throw new RunError(`${store.address}: ${key} is not there, though a worker has put it there`);
    if (sha256(await readBytes(path)) !== hash) throw new RunError(`${store.address}: ${key} is damaged`);
    sent.add(key);
  }

  /** What has been said since: to whoever waits, each once. */
  async function tell(
    kept: readonly Report[],
    told: number,
    job: Job,
    watch: Watch,
    peak: number,
    clock: number,
  ): Promise<number> {
    for (const [index, report] of kept.entries()) {
      if (index < told) continue;
      if (report.kind === 'epoch') {
        await fetched(report.checkpoint);
        // Whoever goes on with the job goes on from here.
        const before = kept.slice(0, index).findLast((each) => each.kind === 'epoch');
        if (before !== undefined && before.checkpoint !== report.checkpoint)
          await store.remove(checkpointKey(run, before.checkpoint)).catch(ignored);
      }
      // A run that goes on has had its first epochs already.
      const isOld =
        job.kind === 'training' &&
        (report.kind === 'epoch' ? report.done <= job.minibatches.done : report.kind === 'grown' && job.start.edits.length === 0);
      if (!isOld) watch.report(report, peak, clock);
    }
    return Math.max(told, kept.length);
  }

  async function follow(job: Job, watch: Watch, signal: AbortSignal): Promise<void> {
    for (const hash of checkpointsOf(job)) await offer(checkpointKey(run, hash), checkpointPath(checkpoints, hash));
    await offer(dataKey(job.data.hash), job.data.path);
    const id = jobName(run, job);
    const options = {
      jobId: id,
      attempts,
      backoff: { type: 'exponential' as const, delay: backoff },
      removeOnComplete: { age: keptFor },
      removeOnFail: { age: keptFor },
    };
    const there = await queue.getJob(id);
    // Of a run that was interrupted and goes on: what was given up is asked for again.
    if (there !== undefined && there.returnvalue?.end.kind === 'cancelled') await there.remove();
    else if (there?.data.cancelled === true) await there.updateData({ ...there.data, cancelled: false });
    names.add(id);
    await queue.add(job.kind, requestOf(job, run), options);
    const { wake: wakeUp, woken } = latch();
    waiting.set(id, wakeUp);
    const timer = setInterval(wakeUp, lookEvery);
    signal.addEventListener('abort', wakeUp);
    try {
      await answered(id, job, watch, signal, woken);
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', wakeUp);
      waiting.delete(id);
      doing.delete(id);
    }
  }

  async function answered(id: string, job: Job, watch: Watch, signal: AbortSignal, woken: () => Promise<void>): Promise<void> {
    let told = 0;
    let progress = '';
    for (;;) {
      signal.throwIfAborted();
      // Before the job itself, which is then at least so far.
      const state = await queue.getJobState(id);
      const found = must(await queue.getJob(id), `job ${id} in the queue`) as QueueJob<Request, Answer>;
      const standing = standingSchema.safeParse(found.progress);
      if (state !== 'active' || !standing.success) doing.delete(id);
      else doing.set(id, { task: job.id, worker: standing.data.worker.name, engine: standing.data.worker.engine });
      if (standing.success) {
        const { kept, progress: now, worker } = standing.data;
        told = await tell(kept as Report[], told, job, watch, worker.peak, now?.clock ?? 0);
        const mark = JSON.stringify(now);
        if (now !== null && mark !== progress)
          watch.report({ kind: 'progress', done: now.done, loss: now.loss }, worker.peak, now.clock);
        progress = mark;
      }
      if (state === 'completed') {
        const answer = answerSchema.safeParse(found.returnvalue);
        if (!answer.success) throw new RunError(`job ${id}: an answer that is none`);
        const { kept, worker, end } = answer.data;
        told = await tell(kept as Report[], told, job, watch, worker.peak, 0);
        switch (end.kind) {
          case 'done':
            return;
          case 'failed':
            throw new JobFailure(end.failure, end.message);
          case 'refused':
            throw new RunError(end.message);
          case 'cancelled':
            throw new JobFailure('error', 'it was cancelled');
        }
      }
      if (state === 'failed') throw new JobFailure('error', found.failedReason ?? 'no worker could do it');
      await woken();
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
        await follow(
          job,
          { ...watch, report: (report, peak, clock) => void (both.aborted || watch.report(report, peak, clock)) },
          both,
        );
      } catch (error) {
        if (signal.aborted) {
          const leaving = cancel(job).catch(ignored); // The queue is away: a worker does it for nobody.
          cancelling.add(leaving);
          throw signal.reason as Error;
        }
        throw error;
      }
    },
    workers: () => [],
    elsewhere: () => ({ waiting: waiting.size - doing.size, workers: [...doing.values()] }),
    close() {
      stop.abort(new Error('closed'));
      void Promise.allSettled(cancelling).then(() => Promise.allSettled([queue.close(), events.close()]));
    },
    async forget() {
      // What cannot be removed now is in nobody's way.
      for (const each of names) await queue.remove(each).catch(ignored);
      const keys = await store.list(`runs/${run}/`).catch(() => []);
      for (const key of keys) await store.remove(key).catch(ignored);
    },
  };
}
