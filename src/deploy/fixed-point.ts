/**
 * Real factors as integers: factor ≈ multiplier·2^−shift with a multiplier of 31 bits, as in "Quantization and Training of Neural
 * Networks for Efficient Integer-Arithmetic-Only Inference" (Jacob et al. 2018, arXiv 1712.05877, §2.2). A product of 64 bits is
 * rounded once, half up, as CMSIS-NN does with CMSIS_NN_USE_SINGLE_ROUNDING and TensorFlow Lite with TFLITE_SINGLE_ROUNDING.
 */
import { assert } from '../util/assert.ts';

export interface FixedPoint {
  /** −2^31 < multiplier < 2^31 */
  readonly multiplier: number;
  /** 1 to 62 */
  readonly shift: number;
}

const largest = 2 ** 31 - 1;

/** The shift at which a factor has 31 bits. */
function shiftOf(factor: number): number {
  if (factor === 0) return 31;
  const shift = 30 - Math.floor(Math.log2(Math.abs(factor)));
  return Math.min(62, shift);
}

const at = (factor: number, shift: number): number => Math.max(-largest, Math.min(largest, Math.round(factor * 2 ** shift)));

export function fixedPoint(factor: number): FixedPoint {
  const shift = shiftOf(factor);
  assert(shift >= 1, () => `a factor below 2^30, not ${factor}`);
  return { multiplier: at(factor, shift), shift };
}

/** Several factors with one shift, that of the largest. */
export function fixedPoints(factors: readonly number[]): { readonly multipliers: readonly number[]; readonly shift: number } {
  const { shift } = fixedPoint(factors.reduce((most, factor) => Math.max(most, Math.abs(factor)), 0));
  return { multipliers: factors.map((factor) => at(factor, shift)), shift };
}
