/**
 * The precision of convolutions. In `bf16` the operands of a convolution and of its gradients are rounded to bf16 (8 bits of
 * significand) where that is faster; sums, results, parameters and all else stay in f32.
 */
import type { Geometry } from './program.ts';

export const precisions = ['f32', 'bf16'] as const;
export type Precision = (typeof precisions)[number];

/** The nearest numbers of bf16, of two as near the even one; as an infinite sum of f32 would be, what is too large is infinite. */
export function rounded(values: Float64Array): Float64Array {
  const floats = Float32Array.from(values);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    // A NaN stays one, whatever its low bits are.
    if (!Number.isNaN(floats[i])) bits[i] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
  }
  return Float64Array.from(floats);
}

/** With fewer channels on either side, fewer pixels written, or windows of one pixel, matrix units gain nothing (LOG.md). */
const [fewestChannels, fewestPixels] = [8, 64];

/**
 * Whether the operands of such a convolution are rounded where the precision is bf16. It follows from the shape alone, and holds for
 * its gradients, too. `from` and `to`: the tensors (N, C, H, W) that the convolution reads and writes.
 */
export function isRounded({ kernel, groups, dilation }: Geometry, from: readonly number[], to: readonly number[]): boolean {
  const [, read] = from as [number, number];
  const [, written, height, width] = to as [number, number, number, number];
  const isPlain = groups === 1 && kernel > 1 && dilation === undefined;
  return isPlain && Math.min(read, written) >= fewestChannels && height * width >= fewestPixels;
}
