/** Batch normalisation (Ioffe & Szegedy 2015) with its gradient, and batch and running statistics. */
import type { BufferId } from '../../program/program.ts';
import { type Memory, planesOf, type Rows } from './memory.ts';

/** Calls `visit` with the first index of each plane of a channel, one per image. */
function eachPlane(batch: number, channels: number, size: number, channel: number, visit: (from: number) => void): void {
  for (let n = 0; n < batch; n++) visit((n * channels + channel) * size);
}

/** Mean and biased variance of each channel over (N, H, W). */
function channelStatistics(m: Memory, input: BufferId, mean: Float64Array, variance: Float64Array): void {
  const x = m.values(input);
  const [batch, channels, height, width] = planesOf(m, input);
  const size = height * width;
  const count = batch * size;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    eachPlane(batch, channels, size, c, (from) => {
      for (let j = from; j < from + size; j++) sum += x[j] as number;
    });
    const center = sum / count;
    let squares = 0;
    eachPlane(batch, channels, size, c, (from) => {
      for (let j = from; j < from + size; j++) squares += ((x[j] as number) - center) ** 2;
    });
    mean[c] = center;
    variance[c] = squares / count;
  }
}

export const normalizations = {
  'channel-statistics'(step, m) {
    channelStatistics(m, step.input, m.values(step.mean), m.values(step.variance));
  },

  'batch-normalization'(step, m) {
    const [x, scale, shift] = [m.values(step.input), m.values(step.scale), m.values(step.shift)];
    const [mean, variance, y] = [m.values(step.mean), m.values(step.variance), m.values(step.output)];
    const mask = step.mask === null ? null : m.values(step.mask);
    const [batch, channels, height, width] = planesOf(m, step.input);
    const size = height * width;
    if (step.statistics === 'batch') channelStatistics(m, step.input, mean, variance);
    for (let c = 0; c < channels; c++) {
      const factor = (scale[c] as number) / Math.sqrt((variance[c] as number) + step.epsilon);
      const [center, offset] = [mean[c] as number, shift[c] as number];
      eachPlane(batch, channels, size, c, (from) => {
        for (let j = from; j < from + size; j++) {
          const value = ((x[j] as number) - center) * factor + offset;
          // Math.max keeps NaN, so that a diverged training shows in the loss.
          y[j] = step.relu ? Math.max(value, 0) : value;
          if (mask !== null) mask[j] = value > 0 ? 1 : 0;
        }
      });
    }
  },

  /** x̂ = (x − μ)/σ;  dγ = Σ dy·x̂;  dβ = Σ dy;  dx = γ/σ·(dy − mean(dy) − x̂·mean(dy·x̂)), with running statistics γ/σ·dy. */
  'batch-normalization-gradient'(step, m) {
    const [x, dy, dx] = [m.values(step.input), m.values(step.outputGradient), m.values(step.inputGradient)];
    const [mean, variance, scale] = [m.values(step.mean), m.values(step.variance), m.values(step.scale)];
    const [scaleGradient, shiftGradient] = [m.values(step.scaleGradient), m.values(step.shiftGradient)];
    const mask = step.mask === null ? null : m.values(step.mask);
    const [batch, channels, height, width] = planesOf(m, step.input);
    const size = height * width;
    const count = batch * size;
    const received = (j: number): number => (mask === null ? (dy[j] as number) : (dy[j] as number) * (mask[j] as number));
    for (let c = 0; c < channels; c++) {
      const center = mean[c] as number;
      const deviation = Math.sqrt((variance[c] as number) + step.epsilon);
      let [sum, product] = [0, 0];
      eachPlane(batch, channels, size, c, (from) => {
        for (let j = from; j < from + size; j++) {
          const gradient = received(j);
          sum += gradient;
          product += (gradient * ((x[j] as number) - center)) / deviation;
        }
      });
      scaleGradient[c] = product;
      shiftGradient[c] = sum;
      const factor = (scale[c] as number) / deviation;
      const [evenly, along] = step.statistics === 'batch' ? [sum / count, product / count] : [0, 0];
      eachPlane(batch, channels, size, c, (from) => {
        for (let j = from; j < from + size; j++)
          dx[j] = factor * (received(j) - evenly - (((x[j] as number) - center) / deviation) * along);
      });
    }
  },

  'fold-normalization'(step, m) {
    const [kernel, scale, shift] = [m.values(step.kernel), m.values(step.scale), m.values(step.shift)];
    const [mean, variance] = [m.values(step.mean), m.values(step.variance)];
    const [foldedKernel, foldedBias] = [m.values(step.foldedKernel), m.values(step.foldedBias)];
    const bias = step.bias === null ? null : m.values(step.bias);
    const row = kernel.length / scale.length;
    for (let c = 0; c < scale.length; c++) {
      const factor = (scale[c] as number) / Math.sqrt((variance[c] as number) + step.epsilon);
      for (let j = c * row; j < (c + 1) * row; j++) foldedKernel[j] = factor * (kernel[j] as number);
      foldedBias[c] = factor * ((bias?.[c] ?? 0) - (mean[c] as number)) + (shift[c] as number);
    }
  },

  /** With gradients g and h of the folded kernel and bias: dkernel = f·g; dbias = f·h; dscale = (Σ g·kernel + h·(bias − mean))/σ; dshift = h. */
  'fold-normalization-gradient'(step, m) {
    const [kernel, scale, mean, variance] = [
      m.values(step.kernel),
      m.values(step.scale),
      m.values(step.mean),
      m.values(step.variance),
    ];
    const [g, h] = [m.values(step.foldedKernelGradient), m.values(step.foldedBiasGradient)];
    const [kernelGradient, scaleGradient] = [m.values(step.kernelGradient), m.values(step.scaleGradient)];
    const shiftGradient = m.values(step.shiftGradient);
    const bias = step.bias === null ? null : m.values(step.bias);
    const biasGradient = step.biasGradient === null ? null : m.values(step.biasGradient);
    const row = kernel.length / scale.length;
    for (let c = 0; c < scale.length; c++) {
      const deviation = Math.sqrt((variance[c] as number) + step.epsilon);
      const [factor, received] = [(scale[c] as number) / deviation, h[c] as number];
      let along = received * ((bias?.[c] ?? 0) - (mean[c] as number));
      for (let j = c * row; j < (c + 1) * row; j++) {
        along += (g[j] as number) * (kernel[j] as number);
        kernelGradient[j] = factor * (g[j] as number);
      }
      scaleGradient[c] = along / deviation;
      shiftGradient[c] = received;
      if (biasGradient !== null) biasGradient[c] = factor * received;
    }
  },

  /** A single value has no unbiased variance; the biased one, 0, is used. */
  'running-statistics'(step, m) {
    const unbiased = step.count > 1 ? step.count / (step.count - 1) : 1;
    const follow = (running: Float64Array, batch: Float64Array, factor: number): void => {
      for (let c = 0; c < running.length; c++)
        running[c] = Math.fround((1 - step.momentum) * (running[c] as number) + step.momentum * factor * (batch[c] as number));
    };
    follow(m.values(step.runningMean), m.values(step.mean), 1);
    follow(m.values(step.runningVariance), m.values(step.variance), unbiased);
  },
} satisfies Rows;
