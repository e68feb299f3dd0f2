/** Max-pooling, global average pooling and their gradients. The mask of a max-pool holds the index of each maximum in its plane. */
import { planesOf, type Rows } from './memory.ts';

export const pools = {
  /** Padding counts as −∞. No window covers only padding. */
  'max-pool'(step, m) {
    const [x, y] = [m.values(step.input), m.values(step.output)];
    const mask = step.mask === null ? null : m.values(step.mask);
    const [batch, channels, height, width] = planesOf(m, step.input);
    const [, , outputHeight, outputWidth] = planesOf(m, step.output);
    const { kernel, stride, padding } = step.geometry;
    let target = 0;
    for (let plane = 0; plane < batch * channels; plane++)
      for (let row = 0; row < outputHeight; row++)
        for (let column = 0; column < outputWidth; column++, target++) {
          const [top, left] = [row * stride - padding, column * stride - padding];
          let [best, where] = [-Infinity, -1];
          for (let i = Math.max(0, top); i < Math.min(height, top + kernel); i++)
            for (let j = Math.max(0, left); j < Math.min(width, left + kernel); j++) {
              const value = x[(plane * height + i) * width + j] as number;
              if (where < 0 || value > best || Number.isNaN(value)) [best, where] = [value, i * width + j];
            }
          y[target] = best;
          if (mask !== null) mask[target] = where;
        }
  },

  'max-pool-gradient'(step, m) {
    const [mask, dy, dx] = [m.values(step.mask), m.values(step.outputGradient), m.values(step.inputGradient)];
    const [batch, channels, height, width] = planesOf(m, step.inputGradient);
    const outputs = dy.length / (batch * channels);
    dx.fill(0);
    for (let j = 0; j < dy.length; j++)
      (dx[Math.floor(j / outputs) * height * width + (mask[j] as number)] as number) += dy[j] as number;
  },

  'global-average-pool'(step, m) {
    const [x, y] = [m.values(step.input), m.values(step.output)];
    const size = x.length / y.length;
    for (let plane = 0; plane < y.length; plane++) {
      let sum = 0;
      for (let j = 0; j < size; j++) sum += x[plane * size + j] as number;
      y[plane] = sum / size;
    }
  },

  'global-average-pool-gradient'(step, m) {
    const [dy, dx] = [m.values(step.outputGradient), m.values(step.inputGradient)];
    const size = dx.length / dy.length;
    for (let plane = 0; plane < dy.length; plane++) dx.fill((dy[plane] as number) / size, plane * size, (plane + 1) * size);
  },
} satisfies Rows;
