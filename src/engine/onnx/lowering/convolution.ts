/**
 * Convolutions and their two gradients. Minimal filtering is used where it is allowed and faster, otherwise matrix products.
 * Where these would need a copy of the image for each offset of the kernel, the gradient is written as another convolution.
 */
import { windowAttributes } from '../../../formats/onnx/build.ts';
import { reachOf } from '../../../network/network.ts';
import { accessOf } from '../../../program/access.ts';
import { bufferOf, type BufferId, type Step, type StepOf } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { columnsOf, shifted } from './columns.ts';
import { normalizedOf } from './covariance.ts';
import { type Rows, channelSum, channelsFirst, perRow, planesOf, rowsOf } from './rows.ts';
import { fewChannels, isByColumns, isPointwise } from './windows.ts';
import { filter, filterGradient, pays } from './winograd.ts';

/*
 * ONNX Runtime 1.30 on WebGPU computes wrong results for some Conv nodes, for instance from 9 to 32 channels (8 or 40 are right).
 * Portable graphs use products and transposed convolutions instead, and Conv only for depthwise convolutions, which have a kernel
 * of their own there.
 */

/** (C, N, H, W) ↔ (N, C, H, W), for operators that require the latter. */
const swapped = (b: Builder, value: string): string => b.node('Transpose', [value], { perm: [1, 0, 2, 3] });

/** dW[o,i,u,v] = Σ x[n,i,y·s+u−p,x·s+v−p]·dy[n,o,y,x]: for each (u, v) a matrix product over all (n, y, x). */
function byProducts(s: StepOf<'convolution-gradient-kernel'>, b: Builder): string {
  const [outputs, inputs, size] = b.shape(s.kernelGradient) as [number, number, number];
  const outputGradient = b.reshape(b.scaled(s.outputGradient).value, [outputs, -1]);
  const product = (value: string): string => b.node('Gemm', [outputGradient, value], { transB: 1 });
  if (inputs < fewChannels)
    return b.reshape(product(columnsOf(b, s.input, s.outputGradient, s.geometry)), b.shape(s.kernelGradient));
  const each = shifted(b, s.input, s.outputGradient, s.geometry).map((value) => product(b.reshape(value, [inputs, -1])));
  const all = b.reshape(b.node('Concat', each, { axis: 0 }), [size * size, outputs, inputs]);
  const ordered = b.node('Transpose', [all], { perm: [1, 2, 0] });
  return b.reshape(ordered, b.shape(s.kernelGradient));
}

/**
 * dW[o,i] = Σ_n x[n,i] ⋆ dy[n,o]: a convolution in which images and channels are swapped, dy is the kernel, and stride and dilation
 * are each the other.
 */
function byConvolution(s: StepOf<'convolution-gradient-kernel'>, b: Builder): void {
  const { kernel: size, stride, padding, groups, dilation = 1 } = s.geometry;
  const [batch, inputs, height, width] = planesOf(b, s.input);
  const [, , rows, columns] = planesOf(b, s.outputGradient);
  const ofGroup = inputs / groups;
  // (G·I, N, H, W) → (I, G·N, H, W)
  const grouped = b.reshape(b.read(s.input), [groups, ofGroup, batch, height, width]);
  const turned = ofGroup === 1 ? grouped : b.node('Transpose', [grouped], { perm: [1, 0, 2, 3, 4] });
  const images = b.reshape(turned, [ofGroup, groups * batch, height, width]);
  const attributes = {
    kernel_shape: [rows, columns],
    dilations: [stride, stride],
    strides: [dilation, dilation],
    pads: [padding, padding, padding, padding],
    group: groups,
  };
  let gradient = b.node('Conv', [images, b.read(s.outputGradient)], attributes);
  // Where the stride leaves out the last rows or columns of the input, the result is larger than the kernel.
  const found = (extent: number, outputs: number): number =>
    Math.floor((extent + 2 * padding - (outputs - 1) * stride - 1) / dilation) + 1;
  const [high, wide] = [found(height, rows), found(width, columns)];
  if (high > size || wide > size)
    gradient = b.node('Slice', [gradient, b.integers(0, 0), b.integers(size, size), b.integers(2, 3)]);
  b.node('Transpose', [gradient], { perm: [1, 0, 2, 3] }, b.write(s.kernelGradient));
}

/** Multiplies a kernel (O, I, k, k), or its gradient, by a factor per output channel, if there is one. */
const multiplied = (b: Builder, kernel: string, factor: string | null): string =>
  factor === null ? kernel : b.node('Mul', [kernel, b.reshape(factor, [-1, 1, 1, 1])]);

const isItsSibling = (step: Step, { outputGradient, geometry }: StepOf<'convolution-gradient-kernel'>): boolean =>
  step.kind === 'convolution-gradient-input' &&
  step.outputGradient === outputGradient &&
  step.geometry.kernel === geometry.kernel &&
  step.geometry.padding === geometry.padding;

/**
 * Whether only batch normalisations with batch statistics read a convolution's output. They subtract the mean, which includes the
 * bias, so the bias need not be added to every pixel, only to the mean.
 */
const isAbsorbed = (b: Builder, output: BufferId): boolean =>
  !b.portable &&
  bufferOf(b.program, output).kind === 'temporary' &&
  b.program.steps.every(
    (step) =>
      ((step.kind === 'batch-normalization' || step.kind === 'batch-normalization-gradient') && step.statistics === 'batch') ||
      !accessOf(step).reads.includes(output),
  );

export const convolutions = {
  /** y = W·x + b, where x holds the pixels (1×1 kernels), the columns, or the tiles. */
  convolution(s, b) {
    if (normalizedOf(b, s) !== undefined) return;
    const [outputs, inputs, size] = b.shape(s.kernel) as [number, number, number];
    const [, , rows, columns] = planesOf(b, s.output);
    const { padding, groups } = s.geometry;
    const absorbed = s.bias !== null && isAbsorbed(b, s.output);
    if (s.bias !== null && absorbed) b.note(`${s.output} lacks`, b.read(s.bias));
    const bias = s.bias === null || absorbed ? null : perRow(b, b.read(s.bias));
    const product = (kernel: string, value: string): string =>
      b.node('Gemm', [b.reshape(kernel, [outputs, -1]), value, ...(bias === null ? [] : [bias])]);
    if (isPointwise(s.geometry)) channelsFirst(b, product(b.read(s.kernel), rowsOf(b, s.input)), s.output);
    else if (b.freely && pays(s.geometry, inputs, outputs, rows, columns)) {
      const { input, output } = s;
      const filtered = filter(b, { input, kernel: b.read(s.kernel), output, size, padding, flipped: false });
      channelsFirst(b, bias === null ? filtered : b.node('Add', [filtered, bias]), s.output);
    } else if (isByColumns(b, s.input, s.output, s.geometry)) {
      channelsFirst(b, product(b.read(s.kernel), columnsOf(b, s.input, s.output, s.geometry)), s.output);
    } else {
      const given = s.bias === null || absorbed ? [] : [b.read(s.bias)];
      const operands = [swapped(b, b.read(s.input)), b.read(s.kernel), ...given];
      const images = b.node('Conv', operands, { ...windowAttributes(s.geometry), group: groups });
      b.node('Transpose', [images], { perm: [1, 0, 2, 3] }, b.write(s.output));
    }
  },

  /**
   * dx[n,i] = Σ_o dy[n,o] ∗ flip(W[o,i]). With stride 1 this is a convolution with the flipped kernel and its channels swapped,
   * otherwise a transposed convolution.
   */
  'convolution-gradient-input'(s, b) {
    const { kernel: size, stride, padding, groups } = s.geometry;
    const [outputs, inputs] = b.shape(s.kernel) as [number, number];
    const [, , rows, columns] = planesOf(b, s.inputGradient);
    const kernel = b.read(s.kernel);
    const convolved = (operator: string, by: string, attributes: Parameters<Builder['node']>[2]): void => {
      const images = b.node(operator, [swapped(b, b.read(s.outputGradient)), by], { ...attributes, group: groups });
      b.node('Transpose', [images], { perm: [1, 0, 2, 3] }, b.write(s.inputGradient));
    };
    if (isPointwise(s.geometry)) {
      const product = b.node('Gemm', [b.reshape(kernel, [outputs, inputs]), rowsOf(b, s.outputGradient)], { transA: 1 });
      channelsFirst(b, product, s.inputGradient);
    } else if (b.freely && pays(s.geometry, outputs, inputs, rows, columns)) {
      const [input, output] = [s.outputGradient, s.inputGradient];
      const taken = multiplied(b, kernel, b.scaled(input).factor);
      const filtering = { input, kernel: taken, output, size, padding: size - 1 - padding, flipped: true };
      channelsFirst(b, filter(b, filtering), output);
    } else if (stride > 1 || (groups === 1 && b.portable)) {
      const from = planesOf(b, s.outputGradient);
      const rest = [
        rows - ((from[2] - 1) * stride + reachOf(s.geometry) - 2 * padding),
        columns - ((from[3] - 1) * stride + reachOf(s.geometry) - 2 * padding),
      ];
      convolved('ConvTranspose', kernel, { ...windowAttributes(s.geometry), output_padding: rest });
    } else {
      const ranges = [b.integers(-1, -1), b.integers(-size - 1, -size - 1), b.integers(2, 3), b.integers(-1, -1)];
      const flipped = size === 1 ? kernel : b.node('Slice', [kernel, ...ranges]);
      const ofGroup = outputs / groups;
      const grouped = b.reshape(flipped, [groups, ofGroup, inputs, size, size]);
      const turned = b.node('Transpose', [grouped], { perm: [0, 2, 1, 3, 4] });
      const by = b.reshape(turned, [groups * inputs, ofGroup, size, size]);
      convolved('Conv', by, windowAttributes({ ...s.geometry, padding: reachOf(s.geometry) - 1 - padding }));
    }
  },

  'convolution-gradient-kernel'(s, b) {
    if (normalizedOf(b, s) !== undefined) return;
    const [, inputs] = planesOf(b, s.input);
    const [, outputs, rows, columns] = planesOf(b, s.outputGradient);
    const { factor } = b.scaled(s.outputGradient);
    const free = b.freely && pays(s.geometry, inputs, outputs, rows, columns);
    if (isPointwise(s.geometry)) {
      const product = b.node('Gemm', [rowsOf(b, s.outputGradient), rowsOf(b, s.input)], { transB: 1 });
      b.reshape(product, b.shape(s.kernelGradient), b.write(s.kernelGradient));
    } else if (free || s.geometry.groups === 1) {
      // Shares the tiles of dy with the gradient to the input if there is one, and if the input has no more channels than the output.
      const exchanged = inputs <= outputs && b.program.steps.some((step) => isItsSibling(step, s));
      const gradient = free ? filterGradient(b, s.input, s.outputGradient, s.geometry, exchanged) : byProducts(s, b);
      b.reshape(multiplied(b, gradient, factor), b.shape(s.kernelGradient), b.write(s.kernelGradient));
    } else byConvolution(s, b);
    if (s.biasGradient !== null) channelSum(b, rowsOf(b, s.outputGradient), b.write(s.biasGradient));
  },

  'bias-gradient': (s, b) => void channelSum(b, rowsOf(b, s.outputGradient), b.write(s.biasGradient)),
} satisfies Rows;
