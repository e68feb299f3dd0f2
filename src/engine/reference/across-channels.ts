/** Normalisations across channels, and their gradients. The mask of a response normalisation holds what is divided by, before its power. */
import type { BufferId } from '../../program/program.ts';
import { planesOf, type Memory, type Rows } from './memory.ts';

/** Calls `visit` with the index of the first channel of each pixel, and its number. `step`: between two channels of a pixel. */
function eachPixel(m: Memory, id: BufferId, visit: (first: number, pixel: number, channels: number, step: number) => void): void {
  const [batch, channels, height, width] = planesOf(m, id);
  const size = height * width;
  for (let n = 0; n < batch; n++)
    for (let at = 0; at < size; at++) visit(n * channels * size + at, n * size + at, channels, size);
}

/** Σ over the channels around each of what `value` gives at an index, of the pixel whose first channel is at `first`. */
function around(
  channel: number,
  channels: number,
  first: number,
  step: number,
  size: number,
  value: (at: number) => number,
): number {
  const half = (size - 1) / 2;
  let sum = 0;
  for (let c = Math.max(0, channel - half); c <= Math.min(channels - 1, channel + half); c++) sum += value(first + c * step);
  return sum;
}

export const acrossChannels = {
  'layer-normalization'(s, m) {
    const [x, y, scale, shift] = [m.values(s.input), m.values(s.output), m.values(s.scale), m.values(s.shift)];
    const [means, variances] = [s.mean, s.variance].map((id) => (id === null ? null : m.values(id)));
    eachPixel(m, s.input, (first, pixel, channels, step) => {
      let [mean, variance] = [0, 0];
      for (let c = 0; c < channels; c++) mean += (x[first + c * step] as number) / channels;
      for (let c = 0; c < channels; c++) variance += ((x[first + c * step] as number) - mean) ** 2 / channels;
      const deviation = Math.sqrt(variance + s.epsilon);
      for (let c = 0; c < channels; c++) {
        const at = first + c * step;
        y[at] = (((x[at] as number) - mean) / deviation) * (scale[c] as number) + (shift[c] as number);
      }
      if (means) means[pixel] = mean;
      if (variances) variances[pixel] = variance;
    });
  },

  /** x̂ = (x − μ)/σ;  dγ = Σ dy·x̂;  dβ = Σ dy;  g = dy·γ;  dx = (g − mean(g) − x̂·mean(g·x̂))/σ, the means over channels. */
  'layer-normalization-gradient'(s, m) {
    const [x, dy, dx, scale] = [m.values(s.input), m.values(s.outputGradient), m.values(s.inputGradient), m.values(s.scale)];
    const [means, variances] = [m.values(s.mean), m.values(s.variance)];
    const [scaleGradient, shiftGradient] = [m.values(s.scaleGradient).fill(0), m.values(s.shiftGradient).fill(0)];
    eachPixel(m, s.input, (first, pixel, channels, step) => {
      const [mean, deviation] = [means[pixel] as number, Math.sqrt((variances[pixel] as number) + s.epsilon)];
      const normalised = (at: number): number => ((x[at] as number) - mean) / deviation;
      let [sum, product] = [0, 0];
      for (let c = 0; c < channels; c++) {
        const at = first + c * step;
        const gradient = dy[at] as number;
        (scaleGradient[c] as number) += gradient * normalised(at);
        (shiftGradient[c] as number) += gradient;
        sum += (gradient * (scale[c] as number)) / channels;
        product += (gradient * (scale[c] as number) * normalised(at)) / channels;
      }
      for (let c = 0; c < channels; c++) {
        const at = first + c * step;
        dx[at] = ((dy[at] as number) * (scale[c] as number) - sum - normalised(at) * product) / deviation;
      }
    });
  },

  'response-normalization'(s, m) {
    const [x, y] = [m.values(s.input), m.values(s.output)];
    const bases = s.mask === null ? null : m.values(s.mask);
    eachPixel(m, s.input, (first, _pixel, channels, step) => {
      for (let c = 0; c < channels; c++) {
        const at = first + c * step;
        const base = s.bias + (s.alpha / s.size) * around(c, channels, first, step, s.size, (of) => (x[of] as number) ** 2);
        y[at] = (x[at] as number) * base ** -s.beta;
        if (bases) bases[at] = base;
      }
    });
  },

  /** s = bias + alpha/size·Σ x²;  dx = dy·s^−β − 2·alpha·β/size·x·Σ dy·x·s^(−β−1). */
  'response-normalization-gradient'(s, m) {
    const [x, dy, dx, bases] = [m.values(s.input), m.values(s.outputGradient), m.values(s.inputGradient), m.values(s.mask)];
    const factor = (-2 * s.alpha * s.beta) / s.size;
    const part = (at: number): number => (dy[at] as number) * (x[at] as number) * (bases[at] as number) ** (-s.beta - 1);
    eachPixel(m, s.input, (first, _pixel, channels, step) => {
      for (let c = 0; c < channels; c++) {
        const at = first + c * step;
        const own = (dy[at] as number) * (bases[at] as number) ** -s.beta;
        dx[at] = own + factor * (x[at] as number) * around(c, channels, first, step, s.size, part);
      }
    });
  },
} satisfies Rows;
