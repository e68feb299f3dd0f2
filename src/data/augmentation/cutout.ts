/**
 * One square of every image becomes 0, all channels of it, after normalisation (DeVries & Taylor 2017). Its side is
 * s = round(fraction · min(height, width)), 16 of 32 in the paper; its centre is uniform over all pixels; it covers
 * [c − ⌊s/2⌋, c − ⌊s/2⌋ + s) on each axis, clipped at the border. Draws two integers: the centre's row, then its column.
 */
import { assert } from '../../util/assert.ts';
import type { Augmentation } from './augmentation.ts';

export const cutout = {
  stage: 'values',
  create({ cutout: fraction }, { shape }) {
    assert(fraction >= 0 && fraction <= 1, () => `a cutout of 0 … 1, not ${fraction}`);
    const { channels, height, width } = shape;
    const side = Math.round(fraction * Math.min(height, width));
    if (side === 0) return undefined;
    const before = Math.floor(side / 2);
    return (images, offset, random) => {
      const top = random.integer(height) - before;
      const left = random.integer(width) - before;
      const [firstRow, endRow] = [Math.max(0, top), Math.min(height, top + side)];
      const [first, end] = [Math.max(0, left), Math.min(width, left + side)];
      for (let channel = 0; channel < channels; channel++) {
        for (let y = firstRow; y < endRow; y++) {
          const row = offset + (channel * height + y) * width;
          for (let at = row + first; at < row + end; at++) images[at] = 0;
        }
      }
    };
  },
} as const satisfies Augmentation;
