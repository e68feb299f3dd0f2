/** Max-pooling, global average pooling and their gradients. A pool's mask is the index of each maximum in the whole input. */
import { type Rows, planesOf, windowOf } from './rows.ts';

export const pools = {
  'max-pool'(s, b) {
    const output = b.write(s.output);
    if (s.mask === null) {
      b.node('MaxPool', [b.read(s.input)], windowOf(s.geometry), output);
      return;
    }
    const indices = b.fresh('indices');
    b.nodeOf('MaxPool', [b.read(s.input)], [output, indices], windowOf(s.geometry));
    b.keep(s.mask, indices);
  },

  /**
   * Each gradient goes where its maximum was; windows that overlap add up. The indices say all: the pool to be undone is given
   * as one without windows, over one long row.
   */
  'max-pool-gradient'(s, b) {
    const shape = b.shape(s.inputGradient);
    const size = shape.reduce((product, extent) => product * extent, 1);
    const row = (value: string): string => b.reshape(value, [1, 1, 1, -1]);
    const [indices, outputGradient] = [row(b.read(s.mask)), row(b.read(s.outputGradient))];
    const sums =
      s.geometry.stride >= s.geometry.kernel
        ? b.node('MaxUnpool', [outputGradient, indices, b.integers(1, 1, 1, size)], { kernel_shape: [1, 1] })
        : b.node('ScatterElements', [b.node('ConstantOfShape', [b.integers(1, 1, 1, size)]), indices, outputGradient], {
            axis: 3,
            reduction: 'add',
          });
    b.reshape(sums, shape, b.write(s.inputGradient));
  },

  'global-average-pool': (s, b) => void b.node('GlobalAveragePool', [b.read(s.input)], {}, b.write(s.output)),

  /** dx = dy/(H·W), everywhere. */
  'global-average-pool-gradient'(s, b) {
    const [, , height, width] = planesOf(b, s.inputGradient);
    const share = b.node('Mul', [b.read(s.outputGradient), b.number(1 / (height * width))]);
    b.node('Expand', [share, b.integers(...b.shape(s.inputGradient))], {}, b.write(s.inputGradient));
  },
} satisfies Rows;
