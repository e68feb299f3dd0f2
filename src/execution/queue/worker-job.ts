/**
 * One job on a worker: its inputs are fetched from the store, it runs in a process of its own once there are enough slots, and
 * its reports go to the queue. A job that another worker has begun goes on after its last epoch.
 */
import { UnrecoverableError, type Job as QueueJob, type Queue } from 'bullmq';
import type { Device, EngineName } from '../../engine/engine.ts';
import { checkpointPath } from '../../training/checkpoint.ts';
import { JobFailure, type Job } from '../../training/job.ts';
import { RunError } from '../../util/user-error.ts';
import { plural, printable } from '../../util/words.ts';
import type { Pool } from '../pool.ts';
import type { Store } from '../store/store.ts';
import { MissingInput, type InputCache } from './cache.ts';
import {
  checkpointsOf,
  jobOf,
  readRequest,
  resumeJob,
  statusSchema,
  type Answer,
  type JobStatus,
  type Request,
  type WorkerIdentity,
} from './messages.ts';
import { createReporter, type Reporter } from './reporter.ts';
import type { Slots } from './slots.ts';

/** Milliseconds between checks whether a job was cancelled. */
const checkEvery = 4000;
/** Milliseconds that a job waits for slots before it is returned to the queue. */
const slotWait = 2000;

/** Aborts a job that goes back to the queue: the worker stops, or the search has cancelled it. */
export class Returned extends Error {}
/** Aborts a job for which there are no slots at present: another worker may have some. */
export class NoSlots extends Error {}
/** The job needs more threads than this machine has. */
export class TooFewCores extends Error {}
/** Aborts a job that the queue has given to another worker. */
export class Reassigned extends Error {
  override readonly message = 'the queue has given the job to another worker';
}

const stopping = (): Returned => new Returned('this worker is stopping');

/** Tells the search that this worker gives the job back, unless it has told it. The queue may be unreachable: it repeats the job anyway. */
export async function tellReturned(
  queued: QueueJob<Request, Answer>,
  { identity }: Pick<WorkerContext, 'identity'>,
  reason: string,
): Promise<void> {
  const returned = { worker: identity.name, reason: reason.slice(0, 1000) };
  const status = statusSchema.safeParse(queued.progress).data ?? { kept: [], workers: [], peak: 0, progress: null };
  if (status.returned?.worker === returned.worker && status.returned.reason === returned.reason) return;
  await queued.updateProgress({ ...status, progress: null, returned }).catch(() => undefined);
}

/** What all jobs of a worker share. */
export interface WorkerContext {
  readonly store: Store;
  readonly cache: InputCache;
  readonly pool: Pool;
  readonly slots: Slots;
  readonly identity: WorkerIdentity;
  readonly engine: { readonly name: EngineName; readonly device: Device };
  /** Threads of one job, at most. */
  readonly cores: number;
  /** Aborted when the worker is to stop. */
  readonly draining: AbortSignal;
  /** Jobs in progress by name; aborting one ends it. */
  readonly running: Map<string, AbortController>;
  now(): number;
  say(line: string): void;
}

/** The job of a message; a message says why it is refused. */
function readJob(on: WorkerContext, data: unknown, heterogeneous: boolean): { request: Request; job: Job } | string {
  const request = readRequest(data);
  if (typeof request === 'string') return request;
  const job = jobOf(request, on.cache.dataPath(request.job.data.hash));
  if (typeof job === 'string') return job;
  if (heterogeneous) return { request, job: { ...job, engine: { ...job.engine, ...on.engine } } };
  const { name, device } = job.engine;
  return name === on.engine.name && device === on.engine.device ? { request, job } : `job.engine: ${name} on ${device}`;
}

interface Prepared {
  readonly job: Job;
  readonly before: JobStatus | null;
}

/** Fetches the job's inputs. Continues from the last epoch; starts anew where its checkpoint is gone. */
async function prepare({ cache }: WorkerContext, run: string, job: Job, before: JobStatus | null): Promise<Prepared> {
  const fetchCheckpoints = async (of: Job): Promise<void> => {
    for (const hash of checkpointsOf(of)) await cache.fetchCheckpoint(run, hash);
  };
  await cache.fetchData(job.data.hash);
  if (job.kind === 'training' && before !== null) {
    const resumed = resumeJob(job, before.kept);
    try {
      await fetchCheckpoints(resumed);
      return { job: resumed, before };
    } catch (error) {
      if (!(error instanceof MissingInput)) throw error;
    }
  }
  await fetchCheckpoints(job);
  return { job, before: null };
}

/** Aborts the job once the search has cancelled it. */
function watchCancellation(queue: Queue<Request, Answer>, name: string, abort: AbortController): NodeJS.Timeout {
  const check = async (): Promise<void> => {
    const found = await queue.getJob(name);
    if (found === undefined || found.data.cancelled) abort.abort(new Returned('the search has cancelled it'));
  };
  // Checked again where the queue is unreachable.
  return setInterval(() => void check().catch(() => undefined), checkEvery);
}

/** Runs the job in the pool once there are slots. While it waits, a worker that is to stop returns it. */
async function runInSlots(on: WorkerContext, name: string, job: Job, reporter: Reporter, abort: AbortController): Promise<void> {
  const { signal } = abort;
  const stop = (): void => abort.abort(stopping());
  on.draining.addEventListener('abort', stop);
  if (on.draining.aborted) stop();
  const timer = setTimeout(() => abort.abort(new NoSlots()), slotWait);
  const leaveQueue = (): void => {
    clearTimeout(timer);
    on.draining.removeEventListener('abort', stop);
  };
  try {
    await on.slots.with(job.engine.threads, signal, () => {
      leaveQueue();
      on.say(`${printable(name)}: started`);
      return on.pool.run(job, { started: () => undefined, report: reporter.report }, signal);
    });
  } finally {
    leaveQueue();
  }
}

/** The answer of a job that was run; throws what returns it to the queue. */
async function answerOf(
  on: WorkerContext,
  name: string,
  job: Job,
  inputs: readonly string[],
  reporter: Reporter,
  abort: AbortController,
): Promise<Answer> {
  try {
    await runInSlots(on, name, job, reporter, abort);
  } catch (error) {
    const failure = await reporter.flushed();
    if (error instanceof JobFailure) return reporter.answer({ kind: 'failed', failure: error.failure, message: error.message });
    // A file in the cache may be damaged: another worker, or this one with new files, may succeed.
    if (error instanceof RunError && failure === null) await on.cache.drop(inputs);
    throw error;
  }
  const failure = await reporter.flushed();
  if (failure !== null) throw failure;
  return reporter.answer({ kind: 'done' });
}

/** Does a job from the queue. An UnrecoverableError refuses it; any other error returns it to the queue. */
export async function doJob(
  on: WorkerContext,
  queued: QueueJob<Request, Answer>,
  heterogeneous: boolean,
  queue: Queue<Request, Answer>,
): Promise<Answer> {
  const { cache, store, identity, draining, running } = on;
  const read = readJob(on, queued.data, heterogeneous);
  if (typeof read === 'string') throw new UnrecoverableError(`refused: ${read}`);
  const { request, job: requested } = read;
  const { run } = request;
  const name = queued.id ?? '';
  const abort = new AbortController();
  const epochSent = (): void => void (draining.aborted && abort.abort(stopping()));
  const shared = { queued, run, identity, store, abort, checkpoints: cache.checkpoints, now: on.now, epochSent };
  const reporterOf = (prepared: Prepared): Reporter => createReporter({ ...shared, ...prepared });
  const empty = reporterOf({ job: requested, before: null });
  if (request.cancelled) return empty.answer({ kind: 'cancelled' });
  const { threads } = requested.engine;
  if (threads > on.cores)
    throw new TooFewCores(
      `the job needs ${threads} threads, and this machine has ${plural(on.cores, 'core')}: the search needs --threads ${on.cores}, or workers on larger machines`,
    );
  // The queue may give a job back to the worker that it took it from.
  running.get(name)?.abort(new Reassigned());
  running.set(name, abort);
  let release = cache.hold([requested.data.path]);
  let checking: NodeJS.Timeout | undefined;
  try {
    const status = statusSchema.safeParse(queued.progress);
    const prepared = await prepare(on, run, requested, status.success ? status.data : null);
    const { job } = prepared;
    const reporter = reporterOf(prepared);
    if (job.kind === 'training' && job.minibatches.done >= job.minibatches.count) return reporter.answer({ kind: 'done' });
    release();
    const inputs = [job.data.path, ...checkpointsOf(job).map((hash) => checkpointPath(cache.checkpoints, hash))];
    release = cache.hold(inputs);
    checking = watchCancellation(queue, name, abort);
    return await answerOf(on, name, job, inputs, reporter, abort);
  } catch (error) {
    if (error instanceof MissingInput) return empty.answer({ kind: 'lacking', message: error.message });
    throw error;
  } finally {
    clearInterval(checking);
    if (running.get(name) === abort) running.delete(name);
    release();
    await cache.trim();
  }
}
