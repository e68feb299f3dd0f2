/** Brings pixels nearer to the mean luma of their image, or farther from it, by one factor, uniform in 1 ± the setting. Draws one float. */
import { assert } from '../../util/assert.ts';
import type { Augmentation } from './augmentation.ts';
import { drawFactor, makeContrast } from './bytes.ts';

export const contrast = {
  stage: 'pixels',
  create({ contrast: range }, { shape }) {
    assert(range >= 0 && range <= 1, () => `a contrast of 0 … 1, not ${range}`);
    if (range === 0) return undefined;
    const change = makeContrast(shape);
    return (image, random) => change(image, drawFactor(range, random));
  },
} as const satisfies Augmentation;
