/** Dense layers as matrix products over whole images: an image's (C, H, W) is one row, channel-major. */
import type { Rows } from './rows.ts';

export const denses = {
  /** y = x·Wᵀ + b. */
  dense(s, b) {
    const rows = b.reshape(b.read(s.input), [b.shape(s.input)[0] as number, -1]);
    const product = b.node('Gemm', [rows, b.read(s.kernel), b.read(s.bias)], { transB: 1 });
    b.reshape(product, b.shape(s.output), b.write(s.output));
  },

  /** dx = dy·W. */
  'dense-gradient-input'(s, b) {
    const rows = b.reshape(b.read(s.outputGradient), b.shape(s.outputGradient).slice(0, 2));
    const product = b.node('Gemm', [rows, b.read(s.kernel)]);
    b.reshape(product, b.shape(s.inputGradient), b.write(s.inputGradient));
  },

  /** dW = dyᵀ·x;  db = Σ dy. */
  'dense-gradient-kernel'(s, b) {
    const outputGradient = b.reshape(b.read(s.outputGradient), b.shape(s.outputGradient).slice(0, 2));
    const rows = b.reshape(b.read(s.input), [b.shape(s.input)[0] as number, -1]);
    b.node('Gemm', [outputGradient, rows], { transA: 1 }, b.write(s.kernelGradient));
    b.node('ReduceSum', [outputGradient, b.integers(0)], { keepdims: 0 }, b.write(s.biasGradient));
  },
} satisfies Rows;
