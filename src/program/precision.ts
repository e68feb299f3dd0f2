/**
 * The precision of convolutions. In `bf16` the operands of a convolution and of its gradients are rounded to bf16 (8 bits of
 * significand) where that is faster; sums, results, parameters and all else stay in f32.
 */
import type { Geometry } from './program.ts';

export const precisions = ['f32', 'bf16'] as const;
export type Precision = (typeof precisions)[number];

/** With fewer channels on either side, or windows of one pixel, matrix units gain nothing (LOG.md). */
const fewestChannels = 12;

/**
 * Whether the operands of such a convolution are rounded where the precision is bf16. It follows from the shape alone, and holds for
 * its gradients, too. `channels`: read and written.
 */
export const isRounded = ({ kernel, groups, dilation }: Geometry, channels: readonly [number, number]): boolean =>
  groups === 1 && kernel > 1 && dilation === undefined && Math.min(...channels) >= fewestChannels;
