/**
 * A random part of an image becomes the whole of it (Szegedy et al. 2015, "Going deeper with convolutions", §6). The part's share
 * s of the area is uniform between the setting and 1. It has √(s·r) of the width and √(s/r) of the height; the logarithm of its
 * aspect r is uniform between those of 3/4 and 4/3, or of the farthest aspects at which a part of that area fits. Its place is
 * uniform, not in whole pixels. Bilinear, to as many pixels as before. Draws four floats: share, aspect, top, left.
 */
import { assert } from '../../util/assert.ts';
import type { Augmentation } from './augmentation.ts';

const widestAspect = 4 / 3;

/** Where the pixels of one axis come from: between `first` and `second`, `weight` of the way. */
interface Axis {
  readonly first: Uint16Array;
  readonly second: Uint16Array;
  readonly weight: Float64Array;
}

const axisOf = (side: number): Axis => ({
  first: new Uint16Array(side),
  second: new Uint16Array(side),
  weight: new Float64Array(side),
});

/** Spreads the `share` of an axis over all of it; `place` 0 to 1: how far along it the part lies. */
function spread({ first, second, weight }: Axis, share: number, place: number): void {
  const side = first.length;
  const start = place * (1 - share) * side;
  for (let at = 0; at < side; at++) {
    // Pixel k has its centre at k + 1/2.
    const from = Math.min(side - 1, Math.max(0, start + (at + 0.5) * share - 0.5));
    const whole = Math.floor(from);
    first[at] = whole;
    second[at] = Math.min(side - 1, whole + 1);
    weight[at] = from - whole;
  }
}

export const crop = {
  stage: 'pixels',
  create({ crop: smallest }, { shape }) {
    assert(smallest > 0 && smallest <= 1, () => `a crop of more than 0, at most 1, not ${smallest}`);
    if (smallest === 1) return undefined;
    const { channels, height, width } = shape;
    const before = new Uint8Array(channels * height * width);
    const [rows, columns] = [axisOf(height), axisOf(width)];
    return (image, random) => {
      const share = smallest + (1 - smallest) * random.float();
      const farthest = Math.min(Math.log(widestAspect), -Math.log(share));
      const aspect = Math.exp(farthest * (2 * random.float() - 1));
      spread(rows, Math.min(1, Math.sqrt(share / aspect)), random.float());
      spread(columns, Math.min(1, Math.sqrt(share * aspect)), random.float());
      before.set(image);
      for (let channel = 0, at = 0; channel < channels; channel++)
        for (let y = 0; y < height; y++) {
          const above = (channel * height + (rows.first[y] as number)) * width;
          const below = (channel * height + (rows.second[y] as number)) * width;
          const down = rows.weight[y] as number;
          for (let x = 0; x < width; x++, at++) {
            const left = columns.first[x] as number;
            const right = columns.second[x] as number;
            const across = columns.weight[x] as number;
            const aboveLeft = before[above + left] as number;
            const belowLeft = before[below + left] as number;
            const upper = aboveLeft + across * ((before[above + right] as number) - aboveLeft);
            const lower = belowLeft + across * ((before[below + right] as number) - belowLeft);
            image[at] = upper + down * (lower - upper) + 0.5;
          }
        }
    };
  },
} as const satisfies Augmentation;
