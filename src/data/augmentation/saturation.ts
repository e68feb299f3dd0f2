/**
 * Brings the channels of each position nearer to their luma, or farther from it, by one factor for the image, uniform in 1 ± the
 * setting. Draws one float. Never for grey images.
 */
import { assert } from '../../util/assert.ts';
import type { Augmentation } from './augmentation.ts';
import { drawFactor, makeSaturation } from './bytes.ts';

export const saturation = {
  stage: 'pixels',
  create({ saturation: range }, { shape }) {
    assert(range >= 0 && range <= 1, () => `a saturation of 0 … 1, not ${range}`);
    if (range === 0 || shape.channels !== 3) return undefined;
    const change = makeSaturation(shape);
    return (image, random) => change(image, drawFactor(range, random));
  },
} as const satisfies Augmentation;
