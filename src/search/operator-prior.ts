/**
 * What operators gained in recorded runs: where the learned choice of mutations begins. Written by `npm run lab -- prior` (bench/prior.ts), which
 * says of which runs.
 */
import type { OperatorName } from '../morphism/edit.ts';

export interface PriorGain {
  /** Of ln loss, over siblings of the same multiply-adds, shrunk to 0. */
  readonly gain: number;
  /** The same at each place, by how often the side of the image was halved before; shrunk to `gain`. */
  readonly places: Readonly<Record<number, number>>;
}

/** The standard deviation of the gains of siblings. */
export const deviation = 0.02;

export const priorGains: { readonly [Name in OperatorName]?: PriorGain } = {};
