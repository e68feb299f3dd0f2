import type { OperatorTimes } from '../deploy/latency.ts';
import type { Shape } from '../network/network.ts';

/** What a search knows about its data, and about its machine. */
export interface Counts {
  readonly shape: Shape;
  readonly classes: number;
  /** Images that are trained on, without those of validation. */
  readonly train: number;
  readonly validation: number;
  /** Times of operations on this machine, where latency is limited. */
  readonly times?: OperatorTimes | undefined;
}
