/**
 * Dense layers as matrix products. The kernel reads an image (C, H, W) as one row, channel-major. The output has its channels
 * first, as everywhere in the graph: (F, N).
 */
import type { BufferId } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { type Rows, channelSum, channelsFirst, planesOf, rowsOf } from './rows.ts';

/** The images as (N, C·H·W); images of one pixel stay as they are, (C, N), with `turned` true. */
function imagesOf(b: Builder, id: BufferId): { readonly value: string; readonly turned: boolean } {
  const [batch, , height, width] = planesOf(b, id);
  if (height * width === 1) return { value: rowsOf(b, id), turned: true };
  const images = b.once(`images of ${id}`, () =>
    b.reshape(b.node('Transpose', [b.read(id)], { perm: [1, 0, 2, 3] }), [batch, -1]),
  );
  return { value: images, turned: false };
}

export const denses = {
  /** yᵀ = W·xᵀ + b. */
  dense(s, b) {
    const images = imagesOf(b, s.input);
    const bias = b.reshape(b.read(s.bias), [-1, 1]);
    channelsFirst(b, b.node('Gemm', [b.read(s.kernel), images.value, bias], { transB: images.turned ? 0 : 1 }), s.output);
  },

  /** dxᵀ = Wᵀ·dyᵀ. */
  'dense-gradient-input'(s, b) {
    const [batch, channels, height, width] = planesOf(b, s.inputGradient);
    const outputGradient = rowsOf(b, s.outputGradient);
    const columns = b.node('Gemm', [b.read(s.kernel), outputGradient], { transA: 1 });
    if (height * width === 1) channelsFirst(b, columns, s.inputGradient);
    else {
      const pixels = b.reshape(columns, [channels, height, width, batch]);
      b.node('Transpose', [pixels], { perm: [0, 3, 1, 2] }, b.write(s.inputGradient));
    }
  },

  /** dW = dyᵀ·x;  db = Σ dy. */
  'dense-gradient-kernel'(s, b) {
    const images = imagesOf(b, s.input);
    const outputGradient = rowsOf(b, s.outputGradient);
    b.node('Gemm', [outputGradient, images.value], { transB: images.turned ? 1 : 0 }, b.write(s.kernelGradient));
    channelSum(b, outputGradient, b.write(s.biasGradient));
  },
} satisfies Rows;
