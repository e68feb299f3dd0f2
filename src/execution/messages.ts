/** Messages between a worker process and its parent. */
import type { Fingerprint } from '../engine/engine.ts';
import type { Failure, Job, Report } from '../training/job.ts';

export type ToWorker = { readonly kind: 'job'; readonly job: Job; readonly checkpoints: string };

export type FromWorker =
  /** The worker runs, though no minibatch has ended. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'started'; readonly fingerprint: Fingerprint }
  /**
   * `peak`: the process's peak memory, bytes. `clock`: seconds of its own clock, which measure its speed even where the parent
   * receives the message late.
   */
  | { readonly kind: 'report'; readonly report: Report; readonly peak: number; readonly clock: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly message: string }
  /** The data or the machine's set-up is wrong, and a retry cannot help: the run ends. */
  | { readonly kind: 'refused'; readonly message: string };
