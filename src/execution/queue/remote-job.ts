/**
 * One job on the queue, from its submission to its end. Events may be lost while the server is unreachable, so the job is also
 * polled. What the queue returns is untrusted and checked where it is used.
 */
import type { Queue } from 'bullmq';
import { JobFailure, type Job } from '../../training/job.ts';
import { channel, type Channel } from '../../util/channel.ts';
import { RunError } from '../../util/user-error.ts';
import { patiently } from '../patience.ts';
import type { JobObserver, RemoteStatus } from '../pool.ts';
import { deliverReports, deliverStatus, nothingDelivered, type Delivered } from './delivery.ts';
import {
  answerSchema,
  jobName,
  requestOf,
  statusSchema,
  type Answer,
  type JobStatus,
  type Request,
  type ReturnedJob,
} from './messages.ts';
import { markDamaged, uploadInputs, type RunFiles } from './run-files.ts';

/** Milliseconds between polls of a job. */
const pollEvery = 5000;
/** Tries of a job whose worker cannot reach the store, a minute each, and milliseconds between them: half an hour. */
const attempts = 30;
const backoff = 10_000;
/** Seconds for which the queue keeps finished jobs of a run that was abandoned. */
const keptFor = 14 * 86_400;
/** Seconds for which the queue or the store may be unreachable before the run ends, to be resumed. */
export const patience = 900;

export type JobEvent =
  | { readonly kind: 'status' | 'answer'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'poll' };

/** A run's queue, its files in the store, and the jobs that it waits for, by name. */
export interface RunQueue {
  readonly queue: Queue<Request, Answer>;
  readonly files: RunFiles;
  /** All jobs that this process has submitted. */
  readonly submitted: Set<string>;
  readonly waiting: Map<string, RemoteJob>;
  /** Shows a line to the user. */
  say(line: string): void;
}

export interface RemoteJob {
  readonly name: string;
  readonly job: Job;
  readonly observer: JobObserver;
  readonly signal: AbortSignal;
  readonly events: Channel<JobEvent>;
  readonly delivered: Delivered;
  /** Whether a worker has taken it, though it may not have reported yet. */
  isTaken: boolean;
  worker: RemoteStatus['workers'][number] | null;
  /** By which worker it was given back, and why, while no other has reported. */
  returned: ReturnedJob | null;
  /** What was said of that. */
  readonly said: Set<string>;
}

/** Repeats a request to the queue while it is unreachable. */
async function retried<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await patiently(act, { seconds: patience, signal, isPassing: () => true });
  } catch (error) {
    if (signal.aborted) throw signal.reason as Error;
    throw new RunError(`the queue: ${(error as Error).message}`);
  }
}

function submit({ queue, files }: RunQueue, { name, job, signal }: RemoteJob): Promise<unknown> {
  const settings = {
    jobId: name,
    attempts,
    backoff: { type: 'fixed' as const, delay: backoff },
    removeOnComplete: { age: keptFor },
    removeOnFail: { age: keptFor },
  };
  return retried(() => queue.add(job.kind, requestOf(job, files.run), settings), signal);
}

/** Whether an answer is final; a training that failed is retried under another name. */
const isFinal = ({ kind }: Job, { end }: Answer): boolean =>
  end.kind === 'done' || (kind === 'training' && end.kind === 'failed');

/** Prepares a job that an interrupted run has submitted: without a final answer it is done again. */
async function adopt({ queue }: RunQueue, { name, job, events, signal }: RemoteJob): Promise<void> {
  const found = await retried(() => queue.getJob(name), signal);
  if (found === undefined) return;
  const answer = answerSchema.safeParse(found.returnvalue);
  if (found.finishedOn !== undefined && !(answer.success && isFinal(job, answer.data)))
    await retried(() => queue.remove(name), signal);
  else if (found.data.cancelled) await retried(() => found.updateData({ ...found.data, cancelled: false }), signal);
  events.put({ kind: 'poll' });
}

/** The job's state on the server as events. A job that the server has lost is submitted again. */
async function poll(on: RunQueue, remote: RemoteJob): Promise<readonly JobEvent[]> {
  const { name, signal } = remote;
  // The state first: what is read of the job afterwards is at least as recent.
  const state = await retried(() => on.queue.getJobState(name), signal);
  const found = await retried(() => on.queue.getJob(name), signal);
  if (found === undefined) {
    await submit(on, remote);
    return [];
  }
  if (state !== 'active') [remote.isTaken, remote.worker] = [false, null];
  const status: JobEvent = { kind: 'status', value: found.progress };
  if (state === 'completed') return [{ kind: 'answer', value: found.returnvalue }];
  return state === 'failed' ? [status, { kind: 'failed', reason: found.failedReason ?? '' }] : [status];
}

/**
 * The error of a job that the queue has given up. A request that workers refuse and a job that kills its workers fail the
 * candidate. Anything else was trouble with a worker's disk or the store, for half an hour: the run ends, to be resumed.
 */
const givenUp = (job: Job, reason: string): Error =>
  /^refused:|stalled/.test(reason)
    ? new JobFailure('error', reason)
    : new RunError(`the queue: ${job.id} failed on all tries: ${reason === '' ? 'no worker could do it' : reason}`);

/** Says once of each worker and reason that it gave the job back. */
function noteReturned({ say }: RunQueue, remote: RemoteJob, { returned }: JobStatus): void {
  remote.returned = returned ?? null;
  if (returned === undefined) return;
  const line = `${remote.job.id} was given back by worker ${returned.worker}: ${returned.reason}`;
  if (!remote.said.has(line)) say(line);
  remote.said.add(line);
}

function noteWorker(remote: RemoteJob, { workers, progress, kept }: JobStatus): void {
  const worker = workers[progress?.by ?? kept.at(-1)?.by ?? workers.length - 1];
  if (worker === undefined) return;
  remote.isTaken = true;
  remote.worker = { task: remote.job.id, worker: worker.name, engine: worker.bits };
}

/** Whether the job has ended with this answer. A JobFailure makes the run try it again under another name. */
async function finish(on: RunQueue, remote: RemoteJob, value: unknown): Promise<boolean> {
  const { name, job, observer, delivered, signal } = remote;
  const answer = answerSchema.safeParse(value);
  if (!answer.success) throw new JobFailure('crashed', 'a worker sent an invalid answer');
  const { end } = answer.data;
  await deliverReports(answer.data, delivered, observer, on.files);
  switch (end.kind) {
    case 'done':
      if (job.kind !== 'training' || delivered.done >= job.minibatches.count) return true;
      throw new JobFailure('crashed', 'a worker sent an answer without the last epoch');
    case 'failed':
      throw new JobFailure(end.failure, end.message);
    case 'lacking':
      markDamaged(on.files, job);
      throw new JobFailure('crashed', end.message);
    case 'cancelled':
      // Cancelled before the run was resumed.
      await retried(() => on.queue.remove(name), signal);
      await submit(on, remote);
      return false;
  }
}

async function untilEnd(on: RunQueue, remote: RemoteJob): Promise<void> {
  const { job, events, observer, delivered, signal } = remote;
  for (;;) {
    const first = await events.take();
    signal.throwIfAborted();
    for (const event of first.kind === 'poll' ? await poll(on, remote) : [first])
      switch (event.kind) {
        case 'poll':
          break;
        case 'failed':
          throw givenUp(job, event.reason);
        case 'answer':
          if (await finish(on, remote, event.value)) return;
          break;
        case 'status': {
          const status = statusSchema.safeParse(event.value);
          if (!status.success) break; // None yet, or an invalid one, which the next replaces.
          noteReturned(on, remote, status.data);
          if (remote.returned !== null) [remote.isTaken, remote.worker] = [false, null];
          else if (first.kind === 'status') noteWorker(remote, status.data);
          await deliverStatus(job, status.data, delivered, observer, on.files);
        }
      }
  }
}

/** Submits a job and waits for its end. Rejects as `Pool.run` does. */
export async function runRemotely(on: RunQueue, job: Job, observer: JobObserver, signal: AbortSignal): Promise<void> {
  await uploadInputs(on.files, job);
  const name = jobName(on.files.run, job);
  const events = channel<JobEvent>();
  const delivered = nothingDelivered(job);
  const remote: RemoteJob = {
    name,
    job,
    observer,
    signal,
    events,
    delivered,
    isTaken: false,
    worker: null,
    returned: null,
    said: new Set(),
  };
  const wake = (): void => events.put({ kind: 'poll' });
  on.waiting.set(name, remote);
  on.submitted.add(name);
  const timer = setInterval(wake, pollEvery);
  signal.addEventListener('abort', wake);
  try {
    await adopt(on, remote);
    await submit(on, remote);
    await untilEnd(on, remote);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', wake);
    on.waiting.delete(name);
  }
}

/** Marks a job as not wanted: its worker stops after the epoch, and no other begins it. */
export async function cancel({ queue, files }: RunQueue, job: Job): Promise<void> {
  const found = await queue.getJob(jobName(files.run, job));
  if (found === undefined) return;
  await found.updateData({ ...found.data, cancelled: true });
}
