/** Mirrors an image left to right with probability 0.5. Draws one float. Never where the subject may not be mirrored. */
import type { Augmentation } from './augmentation.ts';

export const flip = {
  stage: 'pixels',
  create(settings, subject) {
    if (!settings.flip || !subject.flip) return undefined;
    const { channels, height, width } = subject.shape;
    const rows = channels * height;
    return (image, random) => {
      if (random.float() >= 0.5) return;
      for (let row = 0, start = 0; row < rows; row++, start += width) {
        for (let left = start, right = start + width - 1; left < right; left++, right--) {
          const pixel = image[left] as number;
          image[left] = image[right] as number;
          image[right] = pixel;
        }
      }
    };
  },
} as const satisfies Augmentation;
