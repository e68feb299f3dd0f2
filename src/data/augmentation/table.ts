/** All augmentations, in the order in which they act and draw: pixels, normalise, values, batch. */
import type { Augmentation, AugmentationSettings } from './augmentation.ts';
import { cutout } from './cutout.ts';
import { flip } from './flip.ts';
import { mixup } from './mixup.ts';
import { normalise } from './normalise.ts';
import { shift } from './shift.ts';

export const augmentations = { flip, shift, normalise, cutout, mixup } satisfies {
  readonly [K in keyof AugmentationSettings]: Augmentation;
};
