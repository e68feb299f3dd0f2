/**
 * The gradient to the bias of a convolution whose kernel is not trained: the mean of each image by a pool, in the layout of what
 * it reads, and their sum in JavaScript. The library's own reductions over other axes than the last are its reference loops.
 */
import { must } from '../../../util/assert.ts';
import { argument, query } from '../constants.ts';
import { averagePool } from './pooling.ts';
import type { Rows } from './rows.ts';

export const biases = {
  'bias-gradient'(s, b) {
    const layout = b.home(s.outputGradient);
    const [batch, channels, height, width] = layout.dimensions as [number, number, number, number];
    const primitive = averagePool(b, layout);
    const means = must(b.native.layout(primitive, query.destination, [batch, channels, 1, 1]), 'layout of means');
    const given = b.scratch(means.bytes);
    b.run('bias gradient', primitive, [
      [argument.source, b.read(s.outputGradient, layout), layout],
      [argument.destination, given, means],
    ]);
    const plain = b.native.plain([batch, channels, 1, 1]);
    const rows = means === plain ? given : b.scratch(plain.bytes);
    if (means !== plain)
      b.run('reorder means', b.describe({ kind: 'reorder', source: means.descriptor, destination: plain.descriptor }), [
        [argument.source, given, means],
        [argument.destination, rows, plain],
      ]);
    const result = b.write(s.biasGradient, b.plain(s.biasGradient));
    b.script('bias gradient sum', [rows, result], (view) => {
      const [from, to] = [view(rows), view(result)];
      return () => {
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0;
          for (let image = 0; image < batch; image++) sum += from[image * channels + channel] as number;
          to[channel] = sum * height * width;
        }
      };
    });
  },
} satisfies Rows;
