/** Max-pooling, global average pooling and their gradients. The mask of a max-pool holds the index of each maximum in its plane. */
import { marginsOf } from '../../network/network.ts';
import type { Geometry } from '../../program/program.ts';
import { type Memory, planesOf, type Rows } from './memory.ts';

interface Averaging {
  readonly geometry: Geometry;
  readonly counted: boolean;
}

/** Visits each window: its index in the output, how many pixels it counts, and each of its pixels inside the image by index. */
function eachWindow(
  m: Memory,
  input: number,
  output: number,
  { geometry, counted }: Averaging,
  visit: (target: number, count: number, pixels: readonly number[]) => void,
): void {
  const [batch, channels, height, width] = planesOf(m, input);
  const [, , outputHeight, outputWidth] = planesOf(m, output);
  const { kernel, stride } = geometry;
  const before = marginsOf(geometry);
  let target = 0;
  for (let plane = 0; plane < batch * channels; plane++)
    for (let row = 0; row < outputHeight; row++)
      for (let column = 0; column < outputWidth; column++, target++) {
        const pixels: number[] = [];
        const [top, left] = [row * stride - before.top, column * stride - before.left];
        for (let i = Math.max(0, top); i < Math.min(height, top + kernel); i++)
          for (let j = Math.max(0, left); j < Math.min(width, left + kernel); j++) pixels.push((plane * height + i) * width + j);
        visit(target, counted ? kernel * kernel : pixels.length, pixels);
      }
}

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

  'average-pool'(step, m) {
    const [x, y] = [m.values(step.input), m.values(step.output)];
    eachWindow(m, step.input, step.output, step, (target, count, pixels) => {
      y[target] = pixels.reduce((sum, pixel) => sum + (x[pixel] as number), 0) / count;
    });
  },

  'average-pool-gradient'(step, m) {
    const [dy, dx] = [m.values(step.outputGradient), m.values(step.inputGradient)];
    dx.fill(0);
    eachWindow(m, step.inputGradient, step.outputGradient, step, (target, count, pixels) => {
      for (const pixel of pixels) (dx[pixel] as number) += (dy[target] as number) / count;
    });
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
