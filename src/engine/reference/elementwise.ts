/** Activations by their definitions, products and gates, padding, and their gradients. */
import { rowOf } from '../../network/activations.ts';
import { lowestNumber } from '../../network/network.ts';
import { planesOf, type Rows } from './memory.ts';

export const elementwise = {
  activation(step, m) {
    const [x, y] = [m.values(step.input), m.values(step.output)];
    const { value } = rowOf(step.function);
    for (let j = 0; j < y.length; j++) y[j] = value(x[j] as number);
  },

  'activation-gradient'(step, m) {
    const [x, dy, dx] = [m.values(step.input), m.values(step.outputGradient), m.values(step.inputGradient)];
    const { derivative } = rowOf(step.function);
    for (let j = 0; j < x.length; j++) dx[j] = (dy[j] as number) * derivative(x[j] as number);
  },

  product(step, m) {
    const [first, second, output] = [m.values(step.first), m.values(step.second), m.values(step.output)];
    // A gate has one number for each plane.
    const size = first.length / second.length;
    for (let j = 0; j < output.length; j++) output[j] = (first[j] as number) * (second[Math.floor(j / size)] as number);
  },

  'product-gradient'(step, m) {
    const [first, second, dy] = [m.values(step.first), m.values(step.second), m.values(step.outputGradient)];
    const size = first.length / second.length;
    if (step.firstGradient !== null) {
      const gradient = m.values(step.firstGradient);
      for (let j = 0; j < dy.length; j++) gradient[j] = (dy[j] as number) * (second[Math.floor(j / size)] as number);
    }
    if (step.secondGradient !== null) {
      const gradient = m.values(step.secondGradient);
      gradient.fill(0);
      for (let j = 0; j < dy.length; j++) (gradient[Math.floor(j / size)] as number) += (dy[j] as number) * (first[j] as number);
    }
  },

  pad(step, m) {
    const [x, y] = [m.values(step.input), m.values(step.output)];
    const [batch, channels, height, width] = planesOf(m, step.input);
    const [, , rows, columns] = planesOf(m, step.output);
    y.fill(step.value === 'zero' ? 0 : lowestNumber);
    for (let plane = 0; plane < batch * channels; plane++)
      for (let row = 0; row < height; row++) {
        const from = (plane * height + row) * width;
        y.set(x.subarray(from, from + width), (plane * rows + row + step.top) * columns + step.left);
      }
  },

  'pad-gradient'(step, m) {
    const [dy, dx] = [m.values(step.outputGradient), m.values(step.inputGradient)];
    const [batch, channels, height, width] = planesOf(m, step.inputGradient);
    const [, , rows, columns] = planesOf(m, step.outputGradient);
    for (let plane = 0; plane < batch * channels; plane++)
      for (let row = 0; row < height; row++) {
        const from = (plane * rows + row + step.top) * columns + step.left;
        dx.set(dy.subarray(from, from + width), (plane * height + row) * width);
      }
  },
} satisfies Rows;
