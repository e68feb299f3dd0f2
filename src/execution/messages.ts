/** What a worker process and its parent say to each other. */
import type { Fingerprint } from '../engine/engine.ts';
import type { Failure, Job, Report } from '../training/job.ts';

export type ToWorker = { readonly kind: 'job'; readonly job: Job; readonly checkpoints: string };

export type FromWorker =
  /** A sign of life outside of minibatches. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'started'; readonly fingerprint: Fingerprint }
  /**
   * `peak`: the most memory the process has had, bytes. `clock`: seconds of the process's own clock, which tell how fast it
   * works also where the parent is late to hear of it.
   */
  | { readonly kind: 'report'; readonly report: Report; readonly peak: number; readonly clock: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly message: string }
  /** A mistake in the data or the machine's set-up that no retry helps: the run ends with it. */
  | { readonly kind: 'refused'; readonly message: string };
