/** Multiplies all pixels by one factor, uniform in 1 ± the setting. Draws one float. */
import { assert } from '../../util/assert.ts';
import type { Augmentation } from './augmentation.ts';
import { drawFactor, makeBrightness } from './bytes.ts';

export const brightness = {
  stage: 'pixels',
  create({ brightness: range }) {
    assert(range >= 0 && range <= 1, () => `a brightness of 0 … 1, not ${range}`);
    if (range === 0) return undefined;
    const change = makeBrightness();
    return (image, random) => change(image, drawFactor(range, random));
  },
} as const satisfies Augmentation;
