/** Normalisations across channels, which come first here: sums over them are along the first axis. */
import type { BufferId } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { channelsFirst, deviation, planesOf, type Rows } from './rows.ts';

/** The mean over channels: (1, N, H, W). */
const channelMean = (b: Builder, value: string, output?: string): string =>
  b.node('ReduceMean', [value], { axes: [0], keepdims: 1 }, output);

/** (C) → (C, 1, 1, 1) */
const perChannel = (b: Builder, value: string): string => b.reshape(value, [-1, 1, 1, 1]);

/** Σ over all pixels: (C). */
const pixelSum = (b: Builder, value: string, output: string): string =>
  b.node('ReduceSum', [value, b.integers(1, 2, 3)], { keepdims: 0 }, output);

/** The mean of the `size` channels around each, those beyond the first and the last being zero. */
function meanAround(b: Builder, value: string, like: BufferId, size: number): string {
  const [batch, channels, height, width] = planesOf(b, like);
  const half = (size - 1) / 2;
  // All as a single image with a row a channel.
  const image = b.reshape(value, [1, 1, channels, batch * height * width]);
  const attributes = { kernel_shape: [size, 1], pads: [half, 0, half, 0], count_include_pad: 1 };
  return b.reshape(b.node('AveragePool', [image], attributes), [channels, batch, height, width]);
}

const power = (b: Builder, value: string, exponent: number): string => b.node('Pow', [value, b.number(exponent)]);

export const acrossChannels = {
  'layer-normalization'(s, b) {
    const x = b.read(s.input);
    const mean = channelMean(b, x, s.mean === null ? undefined : b.write(s.mean));
    const centred = b.node('Sub', [x, mean]);
    const squares = b.node('Mul', [centred, centred]);
    const variance = channelMean(b, squares, s.variance === null ? undefined : b.write(s.variance));
    const normalised = b.node('Div', [centred, deviation(b, variance, s.epsilon)]);
    const scaled = b.node('Mul', [normalised, perChannel(b, b.read(s.scale))]);
    b.node('Add', [scaled, perChannel(b, b.read(s.shift))], {}, b.write(s.output));
  },

  'layer-normalization-gradient'(s, b) {
    const [x, dy] = [b.read(s.input), b.read(s.outputGradient)];
    const wide = deviation(b, b.read(s.variance), s.epsilon);
    const normalised = b.node('Div', [b.node('Sub', [x, b.read(s.mean)]), wide]);
    pixelSum(b, b.node('Mul', [dy, normalised]), b.write(s.scaleGradient));
    pixelSum(b, dy, b.write(s.shiftGradient));
    const gradient = b.node('Mul', [dy, perChannel(b, b.read(s.scale))]);
    const along = b.node('Mul', [normalised, channelMean(b, b.node('Mul', [gradient, normalised]))]);
    const left = b.node('Sub', [b.node('Sub', [gradient, channelMean(b, gradient)]), along]);
    b.node('Div', [left, wide], {}, b.write(s.inputGradient));
  },

  'response-normalization'(s, b) {
    const x = b.read(s.input);
    const squares = meanAround(b, b.node('Mul', [x, x]), s.input, s.size);
    const base = b.node('Add', [b.node('Mul', [squares, b.number(s.alpha)]), b.number(s.bias)]);
    if (s.mask !== null) b.keep(s.mask, base);
    b.node('Mul', [x, power(b, base, -s.beta)], {}, b.write(s.output));
  },

  'response-normalization-gradient'(s, b) {
    const [x, dy, base] = [b.read(s.input), b.read(s.outputGradient), b.read(s.mask)];
    const own = b.node('Mul', [dy, power(b, base, -s.beta)]);
    const shared = meanAround(b, b.node('Mul', [b.node('Div', [own, base]), x]), s.input, s.size);
    const others = b.node('Mul', [b.node('Mul', [x, shared]), b.number(-2 * s.alpha * s.beta)]);
    channelsFirst(b, b.node('Add', [own, others]), s.inputGradient);
  },
} satisfies Rows;
