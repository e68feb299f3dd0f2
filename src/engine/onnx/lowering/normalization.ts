/** ReLU, batch normalisation with its gradient, and batch and running statistics. */
import { dataType } from '../../../formats/onnx/proto.ts';
import { accessOf } from '../../../program/access.ts';
import { bufferOf, type BufferId, type StepOf } from '../../../program/program.ts';
import { assert } from '../../../util/assert.ts';
import type { Builder } from '../builder.ts';
import { gradientsByColumns, normalizeByColumns, normalizedOf } from './covariance.ts';
import { type Rows, channelSum, channelsFirst, deviation, perRow, planesOf, rowsOf } from './rows.ts';

/** 1 where a value is positive, else 0. */
const positive = (b: Builder, value: string): string =>
  b.node('Cast', [b.node('Greater', [value, b.number(0)])], { to: dataType.float });

/** μ and the biased variance over (N, H, W), in two passes. */
function statistics(b: Builder, { input, mean, variance }: Statistics): void {
  const [batch, , height, width] = planesOf(b, input);
  const rows = rowsOf(b, input);
  const average = b.node('ReduceMean', [rows], { axes: [1], keepdims: 0 }, b.write(mean));
  const centered = b.node('Sub', [rows, perRow(b, average)]);
  const squares = channelSum(b, b.node('Mul', [centered, centered]));
  b.node('Mul', [squares, b.number(1 / (batch * height * width))], {}, b.write(variance));
}

interface Statistics {
  readonly input: BufferId;
  readonly mean: BufferId;
  readonly variance: BufferId;
}

/** (rows − mean)/√(variance + ε)·scale + shift, the four of shape (C); as rows. */
function normalize(b: Builder, rows: string, coefficients: readonly string[], epsilon: number): string {
  // All images as a single one, (1, C, N·H·W).
  const image = b.node('Unsqueeze', [rows, b.integers(0)]);
  const normalized = b.node('BatchNormalization', [image, ...coefficients], { epsilon: { float: epsilon } });
  return b.node('Squeeze', [normalized, b.integers(0)]);
}

/**
 * Normalises with the statistics of the batch, and writes them. With a momentum of 0, the running statistics that ONNX Runtime
 * returns are those of the batch. Version 1.30 overwrites the memory of the running statistics that are passed in, even of
 * weights and constants. So it gets zeros computed from this normalisation's own parameters: nothing else reads them, and graph
 * optimisation cannot merge them with other values.
 */
function normalizeByBatch(b: Builder, rows: string, s: StepOf<'batch-normalization'>): string {
  const image = b.node('Unsqueeze', [rows, b.integers(0)]);
  const parameters = [b.read(s.scale), b.read(s.shift)];
  assert(b.noted(`${s.scale} normalises`) === undefined, () => 'two batch normalisations share their parameters');
  b.note(`${s.scale} normalises`);
  const zeros = parameters.map((value) => b.node('Cast', [b.node('IsNaN', [value])], { to: dataType.float }));
  const normalized = b.fresh('normalized');
  const attributes = { epsilon: { float: s.epsilon }, momentum: { float: 0 }, training_mode: 1 };
  const bias = b.noted(`${s.input} lacks`);
  const mean = bias === undefined ? b.write(s.mean) : b.fresh('mean without the bias');
  b.nodeOf('BatchNormalization', [image, ...parameters, ...zeros], [normalized, mean, b.write(s.variance)], attributes);
  if (bias !== undefined) {
    b.node('Add', [mean, bias], {}, b.write(s.mean));
    b.note(`mean of ${s.input}`, mean);
  }
  return b.node('Squeeze', [normalized, b.integers(0)]);
}

/** Whether only max-pools read an image. The ReLU can then follow the pool, which has fewer values; the result is the same. */
const isPooledAlone = (b: Builder, id: BufferId): boolean =>
  bufferOf(b.program, id).kind === 'temporary' &&
  b.program.steps.every((step) => step.kind === 'max-pool' || !accessOf(step).reads.includes(id));

export const normalizations = {
  relu(s, b) {
    b.node('Relu', [b.read(s.input)], {}, b.write(s.output));
    b.note(`rectified ${s.output}`);
  },

  /** dx = dy·[y > 0]. */
  'relu-gradient'(s, b) {
    b.node('Mul', [b.read(s.outputGradient), positive(b, b.read(s.output))], {}, b.write(s.inputGradient));
  },

  /** y = (x − μ)/σ·γ + β, then ReLU. The mask is y. */
  'batch-normalization'(s, b) {
    const coefficients = (): string[] => [s.scale, s.shift, s.mean, s.variance].map((id) => b.read(id));
    const byColumns = normalizedOf(b, s);
    const byBatch = s.statistics === 'batch';
    if (byBatch && b.portable) statistics(b, s);
    let normalized: string;
    if (byColumns !== undefined) normalized = normalizeByColumns(b, byColumns);
    else if (byBatch && !b.portable) normalized = normalizeByBatch(b, rowsOf(b, s.input), s);
    else normalized = normalize(b, rowsOf(b, s.input), coefficients(), s.epsilon);
    const later = s.relu && isPooledAlone(b, s.output);
    channelsFirst(b, s.relu && !later ? b.node('Relu', [normalized]) : normalized, s.output);
    if (s.relu) b.note(`rectified ${s.output}`);
    if (later) b.note(`unrectified ${s.output}`);
    if (s.mask === null) return;
    b.keep(s.mask, b.read(s.output));
    b.note(`mask ${s.mask} is of`, String(s.output));
  },

  /**
   * g = dy·[y > 0];  dβ = Σ g;  dγ = (Σ g·x − μ·Σ g)/σ;  dx = γ/σ·(g − dβ/m − (x − μ)/σ·dγ/m), with m values per channel. The terms
   * beside g are a batch normalisation of x with scale −dγ/m and shift −dβ/m. The factor γ/σ, one per channel, is left to the
   * reader of dx: a convolution multiplies its kernel by it. With running statistics there are no terms beside g.
   */
  'batch-normalization-gradient'(s, b) {
    const [batch, channels, height, width] = planesOf(b, s.input);
    let gradient = rowsOf(b, s.outputGradient);
    // The gradient of a max-pool may have applied the mask already.
    const masked = s.mask === null || b.noted(`zero where ${b.noted(`mask ${s.mask} is of`)} is`) === String(s.outputGradient);
    if (s.mask !== null && !masked) gradient = b.node('Mul', [gradient, positive(b, b.reshape(b.read(s.mask), [channels, -1]))]);
    const byColumns = normalizedOf(b, s);
    if (byColumns !== undefined) return gradientsByColumns(b, byColumns, gradient);
    const count = batch * height * width;
    const rows = rowsOf(b, s.input);
    // The mean of the values in the buffer, from which the bias may have been left out.
    const mean = b.noted(`mean of ${s.input}`) ?? b.read(s.mean);
    const variance = b.read(s.variance);
    const sigma = deviation(b, variance, s.epsilon);
    const shiftGradient = channelSum(b, gradient, b.write(s.shiftGradient));
    const products = channelSum(b, b.node('Mul', [gradient, rows]));
    const centered = b.node('Sub', [products, b.node('Mul', [mean, shiftGradient])]);
    const scaleGradient = b.node('Div', [centered, sigma], {}, b.write(s.scaleGradient));
    const factor = perRow(b, b.node('Div', [b.read(s.scale), sigma]));
    if (s.statistics === 'running') return b.scale(s.inputGradient, gradient, factor);
    const [scale, shift] = [scaleGradient, shiftGradient].map((sum) => b.node('Mul', [sum, b.number(-1 / count)]));
    const others = normalize(b, rows, [scale as string, shift as string, mean, variance], s.epsilon);
    b.scale(s.inputGradient, b.node('Add', [gradient, others]), factor);
  },

  'fold-normalization'(s, b) {
    const shape = b.shape(s.kernel);
    const factor = b.node('Div', [b.read(s.scale), deviation(b, b.read(s.variance), s.epsilon)]);
    const rows = b.reshape(b.read(s.kernel), [shape[0] as number, -1]);
    b.reshape(b.node('Mul', [rows, perRow(b, factor)]), shape, b.write(s.foldedKernel));
    const mean = b.read(s.mean);
    const centered = s.bias === null ? b.node('Neg', [mean]) : b.node('Sub', [b.read(s.bias), mean]);
    b.node('Add', [b.node('Mul', [factor, centered]), b.read(s.shift)], {}, b.write(s.foldedBias));
  },

  /** With gradients g and h of the folded kernel and bias: dkernel = f·g; dbias = f·h; dscale = (Σ g·kernel + h·(bias − mean))/σ; dshift = h. */
  'fold-normalization-gradient'(s, b) {
    const shape = b.shape(s.kernel);
    const sigma = deviation(b, b.read(s.variance), s.epsilon);
    const factor = b.node('Div', [b.read(s.scale), sigma]);
    const [kernel, g] = [s.kernel, s.foldedKernelGradient].map((id) => b.reshape(b.read(id), [shape[0] as number, -1]));
    const [h, mean] = [b.read(s.foldedBiasGradient), b.read(s.mean)];
    b.reshape(b.node('Mul', [g as string, perRow(b, factor)]), shape, b.write(s.kernelGradient));
    if (s.biasGradient !== null) b.node('Mul', [factor, h], {}, b.write(s.biasGradient));
    const centered = s.bias === null ? b.node('Neg', [mean]) : b.node('Sub', [b.read(s.bias), mean]);
    const products = channelSum(b, b.node('Mul', [g as string, kernel as string]));
    const along = b.node('Add', [products, b.node('Mul', [h, centered])]);
    b.node('Div', [along, sigma], {}, b.write(s.scaleGradient));
    b.node('Identity', [h], {}, b.write(s.shiftGradient));
  },

  /** running = (1 − momentum)·running + momentum·batch, the variance made unbiased. */
  'running-statistics'(s, b) {
    // A single value has no unbiased variance; the biased one, 0, is used.
    const unbiased = s.count > 1 ? s.count / (s.count - 1) : 1;
    for (const [running, batch, factor] of [
      [s.runningMean, s.mean, 1],
      [s.runningVariance, s.variance, unbiased],
    ] as const) {
      const kept = b.node('Mul', [b.read(running), b.number(1 - s.momentum)]);
      const followed = b.node('Mul', [b.read(batch), b.number(s.momentum * factor)]);
      b.node('Add', [kept, followed], {}, b.update(running));
    }
  },

  'channel-statistics': (s, b) => void statistics(b, s),
} satisfies Rows;
