/**
 * Moves an image by −m … m pixels on each axis, uniformly and independently, m = round(fraction · side) with the axis' own
 * side (4 of 32 in the paper). What comes in is black before normalisation. Draws two integers: down, then right.
 */
import { assert } from '../../util/assert.ts';
import type { Augmentation } from './augmentation.ts';

export const shift = {
  stage: 'pixels',
  create({ shift: fraction }, { shape }) {
    assert(fraction >= 0 && fraction <= 1, () => `a shift of 0 … 1, not ${fraction}`);
    const { channels, height, width } = shape;
    const farthest = { down: Math.round(fraction * height), right: Math.round(fraction * width) };
    if (farthest.down === 0 && farthest.right === 0) return undefined;
    const area = height * width;
    return (image, random) => {
      const down = random.integer(2 * farthest.down + 1) - farthest.down;
      const right = random.integer(2 * farthest.right + 1) - farthest.right;
      const forward = down * width + right;
      // One move a channel; then the rows that nothing reached, and the columns that came from the neighbouring row.
      const [firstStrange, endStrange] = right >= 0 ? [0, right] : [width + right, width];
      for (let start = 0; start < channels * area; start += area) {
        const end = start + area;
        if (Math.abs(forward) >= area) {
          image.fill(0, start, end);
        } else if (forward >= 0) {
          image.copyWithin(start + forward, start, end - forward);
          image.fill(0, start, start + forward);
        } else {
          image.copyWithin(start, start - forward, end);
          image.fill(0, end + forward, end);
        }
        for (let row = start; row < end; row += width) for (let x = firstStrange; x < endStrange; x++) image[row + x] = 0;
      }
    };
  },
} as const satisfies Augmentation;
