/** Convolutions and their two gradients: as convolutions of other tensors, and as matrix products. */
import type { StepOf } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import type { Rows } from './rows.ts';
import { filter, filterGradient, pays } from './winograd.ts';
import { channelSum, planesOf, windowOf } from './rows.ts';

/** Channels below which one product over all offsets of the kernel is faster than one an offset: a row of MLAS's kernel. */
const fewChannels = 16;

/**
 * dW[o,i,u,v] = Σ x[n,i,y·s+u−p,x·s+v−p]·dy[n,o,y,x]: for each offset (u, v) a matrix product of dy and the shifted input, both
 * with the channels first, over all (n, y, x).
 */
function byProducts(s: StepOf<'convolution-gradient-kernel'>, b: Builder): void {
  const { kernel: size, stride, padding } = s.geometry;
  const [, inputs] = planesOf(b, s.input);
  const [, outputs, rows, columns] = planesOf(b, s.outputGradient);
  const channelsFirst = (value: string): string => b.node('Transpose', [value], { perm: [1, 0, 2, 3] });
  const flat = (value: string, channels: number): string => b.reshape(value, [channels, -1]);
  const outputGradient = flat(channelsFirst(b.read(s.outputGradient)), outputs);
  let images = channelsFirst(b.read(s.input));
  if (padding > 0) images = b.node('Pad', [images, b.integers(0, 0, padding, padding, 0, 0, padding, padding)]);
  const shifted = Array.from({ length: size * size }, (_none, offset) => {
    const [u, v] = [Math.floor(offset / size), offset % size];
    const end = [u + (rows - 1) * stride + 1, v + (columns - 1) * stride + 1] as const;
    const ranges = [b.integers(u, v), b.integers(...end), b.integers(2, 3), b.integers(stride, stride)];
    return b.node('Slice', [images, ...ranges]);
  });
  const product = (value: string): string => b.node('Gemm', [outputGradient, value], { transB: 1 });
  // (k², O, I), or (O, k², I)
  const few = inputs < fewChannels;
  const gradient = few
    ? product(flat(b.node('Concat', shifted, { axis: 0 }), size * size * inputs))
    : b.node(
        'Concat',
        shifted.map((value) => product(flat(value, inputs))),
        { axis: 0 },
      );
  const ordered = few
    ? b.node('Transpose', [b.reshape(gradient, [outputs, size * size, inputs])], { perm: [0, 2, 1] })
    : b.node('Transpose', [b.reshape(gradient, [size * size, outputs, inputs])], { perm: [1, 2, 0] });
  b.reshape(ordered, b.shape(s.kernelGradient), b.write(s.kernelGradient));
}

/**
 * dW[o,i] = Σ_n x[n,i] ⋆ dy[n,o]: a convolution in which the images are the channels and the channels the images, dy the kernel,
 * its stride the dilation.
 */
function byConvolution(s: StepOf<'convolution-gradient-kernel'>, b: Builder): void {
  const { kernel: size, stride, padding, groups } = s.geometry;
  const [batch, inputs, height, width] = planesOf(b, s.input);
  const [, , rows, columns] = planesOf(b, s.outputGradient);
  const ofGroup = inputs / groups;
  // (N, G·I, H, W) → (I, G·N, H, W)
  const grouped = b.reshape(b.read(s.input), [batch, groups, ofGroup, height, width]);
  const turned = b.node('Transpose', [grouped], { perm: [2, 1, 0, 3, 4] });
  const images = b.reshape(turned, [ofGroup, groups * batch, height, width]);
  const kernel = b.node('Transpose', [b.read(s.outputGradient)], { perm: [1, 0, 2, 3] });
  const attributes = {
    kernel_shape: [rows, columns],
    dilations: [stride, stride],
    pads: [padding, padding, padding, padding],
    group: groups,
  };
  let gradient = b.node('Conv', [images, kernel], attributes);
  // What the last rows and columns of the input reach beyond the kernel: no stride leads there.
  const [high, wide] = [height + 2 * padding - (rows - 1) * stride, width + 2 * padding - (columns - 1) * stride];
  if (high > size || wide > size)
    gradient = b.node('Slice', [gradient, b.integers(0, 0), b.integers(size, size), b.integers(2, 3)]);
  b.node('Transpose', [gradient], { perm: [1, 0, 2, 3] }, b.write(s.kernelGradient));
}

export const convolutions = {
  convolution(s, b) {
    const [, outputs, rows, columns] = planesOf(b, s.output);
    if (b.freely && pays(s.geometry, b.shape(s.kernel)[1] as number, outputs, rows, columns)) {
      const { kernel: size, padding } = s.geometry;
      const filtering = { input: s.input, kernel: s.kernel, output: s.output, size, padding, flipped: false };
      if (s.bias === null) filter(b, filtering, b.write(s.output));
      else b.node('Add', [filter(b, filtering), b.reshape(b.read(s.bias), [-1, 1, 1])], {}, b.write(s.output));
      return;
    }
    const bias = s.bias === null ? [] : [b.read(s.bias)];
    const attributes = { ...windowOf(s.geometry), group: s.geometry.groups };
    b.node('Conv', [b.read(s.input), b.read(s.kernel), ...bias], attributes, b.write(s.output));
  },

  /**
   * dx[n,i] = Σ_o dy[n,o] ∗ flip(W[o,i]): with stride 1 a convolution with the kernel flipped and its channels swapped, else a
   * transposed one.
   */
  'convolution-gradient-input'(s, b) {
    const { kernel: size, stride, padding, groups } = s.geometry;
    const [outputs, inputs] = b.shape(s.kernel) as [number, number];
    const [, , rows, columns] = planesOf(b, s.inputGradient);
    if (b.freely && pays(s.geometry, outputs, inputs, rows, columns)) {
      const [input, output] = [s.outputGradient, s.inputGradient];
      filter(b, { input, kernel: s.kernel, output, size, padding: size - 1 - padding, flipped: true }, b.write(output));
      return;
    }
    const [outputGradient, kernel] = [b.read(s.outputGradient), b.read(s.kernel)];
    if (stride > 1) {
      const [from, to] = [planesOf(b, s.outputGradient), planesOf(b, s.inputGradient)];
      const rest = ([2, 3] as const).map((axis) => to[axis] - ((from[axis] - 1) * stride + size - 2 * padding));
      const attributes = { ...windowOf(s.geometry), group: groups, output_padding: rest };
      b.node('ConvTranspose', [outputGradient, kernel], attributes, b.write(s.inputGradient));
      return;
    }
    const ranges = [b.integers(-1, -1), b.integers(-size - 1, -size - 1), b.integers(2, 3), b.integers(-1, -1)];
    let swapped = size === 1 ? kernel : b.node('Slice', [kernel, ...ranges]);
    const ofGroup = outputs / groups;
    if (groups === 1) swapped = b.node('Transpose', [swapped], { perm: [1, 0, 2, 3] });
    else if (ofGroup > 1 || inputs > 1) {
      const grouped = b.reshape(swapped, [groups, ofGroup, inputs, size, size]);
      const turned = b.node('Transpose', [grouped], { perm: [0, 2, 1, 3, 4] });
      swapped = b.reshape(turned, [groups * inputs, ofGroup, size, size]);
    }
    const attributes = { ...windowOf({ ...s.geometry, padding: size - 1 - padding }), group: groups };
    b.node('Conv', [outputGradient, swapped], attributes, b.write(s.inputGradient));
  },

  'convolution-gradient-kernel'(s, b) {
    const [, inputs] = planesOf(b, s.input);
    const [, outputs, rows, columns] = planesOf(b, s.outputGradient);
    if (b.freely && pays(s.geometry, inputs, outputs, rows, columns))
      filterGradient(b, s.input, s.outputGradient, s.geometry, b.write(s.kernelGradient));
    else if (s.geometry.groups === 1) byProducts(s, b);
    else byConvolution(s, b);
    if (s.biasGradient !== null) channelSum(b, b.read(s.outputGradient), b.write(s.biasGradient));
  },
} satisfies Rows;
