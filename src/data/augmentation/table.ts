/** All augmentations, and the table of them. */
import { assert } from '../../util/assert.ts';
import type { Random } from '../../util/random.ts';
import type { Augmentation, AugmentationSettings } from './augmentation.ts';

/** Mirrors an image left to right with probability 0.5. Draws one float. Never where the subject may not be mirrored. */
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

/**
 * Moves an image by −m … m pixels on each axis, uniformly and independently, m = round(fraction · side) with the axis' own
 * side (4 of 32 in the paper). What comes in is black before normalisation. Draws two integers: down, then right.
 */
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

/** (pixel/255 − mean)/std of each channel; pixel/255 where it is switched off. Rounded to f32 once, from f64. Draws nothing. */
export const normalise = {
  stage: 'normalise',
  create(settings, { shape, mean, std }) {
    const levels = new Float32Array(shape.channels * 256);
    for (let channel = 0; channel < shape.channels; channel++) {
      const [centre, scale] = settings.normalise ? [mean[channel] as number, std[channel] as number] : [0, 1];
      for (let pixel = 0; pixel < 256; pixel++) levels[channel * 256 + pixel] = (pixel / 255 - centre) / scale;
    }
    return levels;
  },
} as const satisfies Augmentation;

/**
 * One square of every image becomes 0, all channels of it, after normalisation (DeVries & Taylor 2017). Its side is
 * s = round(fraction · min(height, width)), 16 of 32 in the paper; its centre is uniform over all pixels; it covers
 * [c − ⌊s/2⌋, c − ⌊s/2⌋ + s) on each axis, clipped at the border. Draws two integers: the centre's row, then its column.
 */
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

/** log of a Gamma(shape, 1) number, shape ≥ 1: Marsaglia & Tsang, "A simple method for generating gamma variables", 2000. */
function logGamma(shape: number, random: Random): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.float()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/**
 * Beta(α, α) for any α > 0, as X/(X + Y) of two Gamma(α) numbers. These are made as Gamma(α + 1)·U^(1/α) and kept as
 * logarithms, since the numbers themselves underflow for small α.
 */
export function drawBeta(alpha: number, random: Random): number {
  assert(alpha > 0 && Number.isFinite(alpha), () => `an α above 0, not ${alpha}`);
  const logX = logGamma(alpha + 1, random) + Math.log(1 - random.float()) / alpha;
  const logY = logGamma(alpha + 1, random) + Math.log(1 - random.float()) / alpha;
  return 1 / (1 + Math.exp(logY - logX));
}

/** `to` = λ·`from` + (1 − λ)·`from` in another order; rows of that width. */
function mix(from: Float32Array, to: Float32Array, width: number, order: Uint32Array, lambda: number): void {
  const rest = 1 - lambda;
  for (let row = 0; row < order.length; row++) {
    const start = row * width;
    const away = (order[row] as number) * width - start;
    for (let at = start; at < start + width; at++) to[at] = lambda * (from[at] as number) + rest * (from[at + away] as number);
  }
}

/**
 * Every image becomes λ·itself + (1 − λ)·another, and its label likewise (Zhang et al. 2018): one λ ~ Beta(α, α) a batch,
 * partners by one random permutation of the batch. Draws λ, then the permutation.
 */
export const mixup = {
  stage: 'batch',
  create({ mixup: alpha }, { batch, classes, shape }) {
    assert(alpha >= 0 && Number.isFinite(alpha), () => `an α of 0 or more, not ${alpha}`);
    if (alpha === 0) return undefined;
    const width = shape.channels * shape.height * shape.width;
    return (from, to, random) => {
      const lambda = drawBeta(alpha, random);
      const partners = random.permutation(batch);
      mix(from.images, to.images, width, partners, lambda);
      mix(from.labels, to.labels, classes, partners, lambda);
    };
  },
} as const satisfies Augmentation;

/** In the order in which they act and draw: pixels, normalise, values, batch. */
export const augmentations = { flip, shift, normalise, cutout, mixup } satisfies {
  readonly [K in keyof AugmentationSettings]: Augmentation;
};
