/** All augmentations, in the order in which they act and draw: pixels, normalise, values, batch, labels. */
import type { AllSettings, Augmentation } from './augmentation.ts';
import { brightness } from './brightness.ts';
import { contrast } from './contrast.ts';
import { crop } from './crop.ts';
import { cutout } from './cutout.ts';
import { flip } from './flip.ts';
import { mixup } from './mixup.ts';
import { normalise } from './normalise.ts';
import { policy } from './policy.ts';
import { saturation } from './saturation.ts';
import { shift } from './shift.ts';
import { smoothing } from './smoothing.ts';

/** A row for each setting; `alternate` is a setting of the flip, `edges` one of the shift. */
export const augmentations = {
  crop,
  flip,
  shift,
  policy,
  brightness,
  contrast,
  saturation,
  normalise,
  cutout,
  mixup,
  smoothing,
} satisfies {
  readonly [K in Exclude<keyof AllSettings, 'alternate' | 'edges'>]: Augmentation;
};
