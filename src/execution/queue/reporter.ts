/** Sends a job's reports to the queue, in order: an epoch only once its checkpoint is in the store. */
import type { Job as QueueJob } from 'bullmq';
import { checkpointPath } from '../../training/checkpoint.ts';
import type { Job, Report } from '../../training/job.ts';
import { patiently } from '../patience.ts';
import type { Store } from '../store/store.ts';
import {
  checkpointKey,
  isKept,
  type Answer,
  type JobStatus,
  type ReportLog,
  type Request,
  type WorkerIdentity,
} from './messages.ts';

/** Milliseconds between updates of a job's progress. */
const updateEvery = 1000;
/** Seconds for which the store and the queue may be unreachable before a job is returned to the queue. */
export const patience = 60;

export interface ReporterOptions {
  readonly queued: QueueJob<Request, Answer>;
  readonly run: string;
  readonly job: Job;
  /** The status that the last worker left; null where the job starts anew. */
  readonly before: JobStatus | null;
  readonly identity: WorkerIdentity;
  readonly store: Store;
  /** The folder of the worker's checkpoints. */
  readonly checkpoints: string;
  /** Aborted with the error where a report cannot be sent. */
  readonly abort: AbortController;
  now(): number;
  /** Called after each epoch that was sent. */
  epochSent(): void;
}

export interface Reporter {
  report(report: Report, peak: number, clock: number): void;
  answer(end: Answer['end']): Answer;
  /** Waits until all reports are sent; resolves to the first error. */
  flushed(): Promise<Error | null>;
}

/** The index of a worker in the list, to which it is added if it is new. */
function indexOf(workers: WorkerIdentity[], { name, bits, instar }: WorkerIdentity): number {
  const known = workers.findIndex((each) => each.name === name && each.bits === bits && each.instar === instar);
  return known < 0 ? workers.push({ name, bits, instar }) - 1 : known;
}

export function createReporter(options: ReporterOptions): Reporter {
  const { queued, run, job, before, identity, store, checkpoints, abort } = options;
  const workers = [...(before?.workers ?? [])];
  const by = indexOf(workers, identity);
  const kept: ReportLog = [...(before?.kept ?? [])];
  let peak = 0;
  let updated = -Infinity;
  let sending: Promise<void> = Promise.resolve();
  let failure: Error | null = null;

  function enqueue(act: () => Promise<void>): void {
    sending = sending.then(act).catch((error: Error) => {
      failure ??= error;
      abort.abort(error);
    });
  }
  const update = (progress: JobStatus['progress']): Promise<void> =>
    patiently(() => queued.updateProgress({ kept: [...kept], workers, peak, progress }), {
      seconds: patience,
      signal: abort.signal,
      isPassing: () => true,
    });
  async function sendKept(report: Report, clock: number): Promise<void> {
    if (report.kind === 'epoch')
      await store.put(checkpointKey(run, report.checkpoint), checkpointPath(checkpoints, report.checkpoint));
    kept.push({ by, clock, report: report as ReportLog[number]['report'] });
    if (report.kind !== 'progress') await update(null);
    if (report.kind === 'epoch') options.epochSent();
  }

  return {
    report(report, peakBytes, clock) {
      peak = Math.max(peak, peakBytes);
      if (isKept(job, report)) return enqueue(() => sendKept(report, clock));
      if (report.kind !== 'progress' || options.now() - updated < updateEvery) return;
      updated = options.now();
      const { done, loss } = report;
      enqueue(() => update({ by, done, loss, clock }));
    },
    answer: (end) => ({ kept, workers, peak, end }),
    async flushed() {
      await sending;
      return failure;
    },
  };
}
