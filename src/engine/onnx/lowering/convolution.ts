/** Convolutions and their two gradients, each as a convolution of other tensors. */
import type { Rows } from './rows.ts';
import { channelSum, planesOf, windowOf } from './rows.ts';

export const convolutions = {
  convolution(s, b) {
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

  /**
   * dW[o,i] = Σ_n x[n,i] ⋆ dy[n,o]: a convolution in which the images are the channels and the channels the images, dy the
   * kernel, its stride the dilation.
   */
  'convolution-gradient-kernel'(s, b) {
    const { kernel: size, stride, padding, groups } = s.geometry;
    const [batch, inputs, height, width] = planesOf(b, s.input);
    const [, , outputHeight, outputWidth] = planesOf(b, s.outputGradient);
    const [input, outputGradient] = [b.read(s.input), b.read(s.outputGradient)];
    const ofGroup = inputs / groups;
    // (N, G·I, H, W) → (I, G·N, H, W)
    const grouped = b.reshape(input, [batch, groups, ofGroup, height, width]);
    const turned = b.node('Transpose', [grouped], { perm: [2, 1, 0, 3, 4] });
    const images = b.reshape(turned, [ofGroup, groups * batch, height, width]);
    const kernel = b.node('Transpose', [outputGradient], { perm: [1, 0, 2, 3] });
    const attributes = {
      kernel_shape: [outputHeight, outputWidth],
      dilations: [stride, stride],
      pads: [padding, padding, padding, padding],
      group: groups,
    };
    let gradient = b.node('Conv', [images, kernel], attributes);
    // What the last rows and columns of the input reach beyond the kernel: no stride leads there.
    const [high, wide] = [height + 2 * padding - (outputHeight - 1) * stride, width + 2 * padding - (outputWidth - 1) * stride];
    if (high > size || wide > size)
      gradient = b.node('Slice', [gradient, b.integers(0, 0), b.integers(size, size), b.integers(2, 3)]);
    b.node('Transpose', [gradient], { perm: [1, 0, 2, 3] }, b.write(s.kernelGradient));
    if (s.biasGradient !== null) channelSum(b, outputGradient, b.write(s.biasGradient));
  },
} satisfies Rows;
