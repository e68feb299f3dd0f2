/** Passes a job's reports to its observer, each once and in order, however often and by however many workers they are sent. */
import type { Job, Report } from '../../training/job.ts';
import type { JobObserver } from '../pool.ts';
import type { JobStatus } from './messages.ts';
import { download, removeDeleted, type RunFiles } from './run-files.ts';

/** Which reports of a job its observer has had. */
export interface Delivered {
  /** The certificate; of a probe, the first report. */
  grown: boolean;
  /** Minibatches at the last epoch. */
  done: number;
  /** Evaluations and verifications. */
  results: number;
  /** The last progress, as JSON. */
  progress: string;
  /** Checkpoints of the job's epochs that are in the store. */
  readonly stored: Set<string>;
}

/** A resumed training has had its first epochs; the parent itself has no certificate. */
export const nothingDelivered = (job: Job): Delivered => ({
  grown: job.kind === 'training' && job.start.edits.length === 0,
  done: job.kind === 'training' ? job.minibatches.done : -1,
  results: 0,
  progress: '',
  stored: new Set(),
});

/** Delivers the new reports of a log. An epoch is identified by its minibatches and delivered once its checkpoint is here. */
export async function deliverReports(
  { kept, workers, peak }: Omit<JobStatus, 'progress'>,
  delivered: Delivered,
  observer: JobObserver,
  files: RunFiles,
): Promise<void> {
  let results = 0;
  for (const { by, clock, report } of kept) {
    switch (report.kind) {
      case 'grown':
        if (delivered.grown) continue;
        delivered.grown = true;
        break;
      case 'epoch':
        if (report.done <= delivered.done) continue;
        await download(files, report.checkpoint);
        delivered.stored.add(report.checkpoint);
        delivered.done = report.done;
        break;
      case 'verified':
      case 'evaluated':
        if (++results <= delivered.results) continue;
        delivered.results = results;
        break;
      // Only of probes, whose log is delivered once, with the answer: each try has a clock of its own.
      case 'progress':
      case 'reached':
        break;
    }
    observer.report(report as Report, peak, clock, workers[by]);
  }
  await removeDeleted(files, delivered.stored);
}

/** Delivers a probe's first report at once: the time until then is part of the measurement. */
function deliverFirst({ kept, peak }: JobStatus, delivered: Delivered, observer: JobObserver): void {
  const [first] = kept;
  if (delivered.grown || first === undefined) return;
  delivered.grown = true;
  observer.report(first.report as Report, peak, first.clock);
}

/** Delivers what is new in the status of a job that is running. */
export async function deliverStatus(
  job: Job,
  status: JobStatus,
  delivered: Delivered,
  observer: JobObserver,
  files: RunFiles,
): Promise<void> {
  if (job.kind === 'probe') deliverFirst(status, delivered, observer);
  else await deliverReports(status, delivered, observer, files);
  const { progress, peak, workers } = status;
  const text = JSON.stringify(progress);
  if (progress !== null && text !== delivered.progress) {
    const { by, done, loss, clock } = progress;
    observer.report({ kind: 'progress', done, loss }, peak, clock, workers[by]);
  }
  delivered.progress = text;
}
