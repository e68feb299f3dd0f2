/** What a job is done with, beside itself. */
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
  /** Milliseconds of a clock; only for what is told of speed. */
  now(): number;
  /** Awaited after each minibatch, so that a process can answer; it throws where the job is to be left. */
  breathe(): Promise<void>;
}
