/**
 * Every image becomes λ·itself + (1 − λ)·another, and its label likewise (Zhang et al. 2018): one λ ~ Beta(α, α) a batch,
 * partners by one random permutation of the batch. Draws λ, then the permutation.
 */
import { assert } from '../../util/assert.ts';
import type { Random } from '../../util/random.ts';
import type { Augmentation } from './augmentation.ts';

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
