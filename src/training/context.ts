/** What running a job needs besides the job. */
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../engine/engine.ts';
import type { CheckpointStore } from './checkpoint.ts';
import type { Report } from './job.ts';

/** None of it changes the result. */
export interface JobContext {
  readonly engine: Engine;
  readonly dataset: Dataset;
  readonly checkpoints: CheckpointStore;
  report(report: Report): void;
  /** Milliseconds; only for reported speeds. */
  now(): number;
  /** Awaited after each minibatch, so that the process can handle messages; throws if the job is cancelled. */
  breathe(): Promise<void>;
}
