/**
 * What operators gained in recorded runs: where the learned choice of mutations begins. Written by `npm run bench:prior`, from
 * 71 children of 7 runs: 2 of cifar10, 2 of fashion-mnist, 2 of flowers.
 */
import type { OperatorName } from '../morphism/edit.ts';

export interface PriorGain {
  /** Of ln loss, over siblings of the same multiply-adds, shrunk to 0. */
  readonly gain: number;
  /** The same at each place, by how often the side of the image was halved before; shrunk to `gain`. */
  readonly places: Readonly<Record<number, number>>;
}

/** The standard deviation of the gains of siblings. */
export const deviation = 0.0659;

export const priorGains: { readonly [Name in OperatorName]?: PriorGain } = {
  // 8.6 children.
  'insert-convolution': { gain: -0.0196, places: { 0: -0.022, 1: -0.0241, 2: -0.0252, 3: -0.0217, 4: -0.0208 } },
  // 13.6 children.
  'alter-channels': { gain: -0.0039, places: { 0: -0.0008, 1: -0.0002, 2: 0.0029, 3: -0.0132, 4: -0.0126 } },
  // 4.0 children.
  'merge-convex': { gain: -0.0127, places: { 1: -0.0143, 2: -0.0176, 3: -0.0189, 4: -0.0106 } },
  // 8.9 children.
  'merge-concat': { gain: -0.0091, places: { 1: -0.0095, 2: -0.0057, 3: -0.0139, 4: -0.0153, 5: -0.0089 } },
  // 4.5 children.
  split: { gain: -0.0054, places: { 1: -0.0103, 2: -0.0042, 3: -0.0069, 4: -0.005 } },
  // 6.5 children.
  'insert-separable': { gain: -0.0078, places: { 0: -0.0097, 1: -0.0097, 2: -0.0075, 3: -0.0071, 4: -0.0117 } },
  // 1.2 children.
  'drop-block': { gain: -0.0072, places: { 0: -0.0097, 1: -0.0087, 2: -0.0103, 3: -0.0073 } },
  // 23.7 children.
  widen: { gain: 0.0124, places: { 0: 0.0129, 1: 0.0153, 2: 0.0238, 3: 0.0024, 4: 0.0176 } },
};
