/** ReLU, sums, convex combinations (§3.2.3), concatenations (§3.2.4), and their gradients. */
import { planesOf, type Planes, type Rows } from './memory.ts';

/** Visits each plane that is taken: where it begins in all channels, and where among those that are taken. */
function eachTaken(
  [batch, channels, height, width]: Planes,
  take: readonly number[],
  visit: (whole: number, part: number, size: number) => void,
): void {
  const size = height * width;
  for (let n = 0; n < batch; n++)
    take.forEach((channel, at) => visit((n * channels + channel) * size, (n * take.length + at) * size, size));
}

export const joins = {
  relu(step, m) {
    const [x, y] = [m.values(step.input), m.values(step.output)];
    for (let j = 0; j < y.length; j++) y[j] = Math.max(x[j] as number, 0);
  },

  'relu-gradient'(step, m) {
    const [y, dy, dx] = [m.values(step.output), m.values(step.outputGradient), m.values(step.inputGradient)];
    for (let j = 0; j < y.length; j++) dx[j] = (y[j] as number) > 0 ? (dy[j] as number) : 0;
  },

  add(step, m) {
    const output = m.values(step.output);
    output.fill(0);
    for (const id of step.inputs) {
      const input = m.values(id);
      for (let j = 0; j < output.length; j++) (output[j] as number) += input[j] as number;
    }
  },

  convex(step, m) {
    const [first, second, output] = [m.values(step.first), m.values(step.second), m.values(step.output)];
    const mix = m.values(step.mix)[0] as number;
    for (let j = 0; j < output.length; j++) output[j] = mix * (first[j] as number) + (1 - mix) * (second[j] as number);
  },

  'convex-gradient'(step, m) {
    const [first, second, dy] = [m.values(step.first), m.values(step.second), m.values(step.outputGradient)];
    const mix = m.values(step.mix)[0] as number;
    let sum = 0;
    for (let j = 0; j < dy.length; j++) sum += (dy[j] as number) * ((first[j] as number) - (second[j] as number));
    m.values(step.mixGradient)[0] = sum;
    if (step.firstGradient !== null) {
      const gradient = m.values(step.firstGradient);
      for (let j = 0; j < dy.length; j++) gradient[j] = mix * (dy[j] as number);
    }
    if (step.secondGradient !== null) {
      const gradient = m.values(step.secondGradient);
      for (let j = 0; j < dy.length; j++) gradient[j] = (1 - mix) * (dy[j] as number);
    }
  },

  concat(step, m) {
    const output = m.values(step.output);
    const [batch, channels, height, width] = planesOf(m, step.output);
    let offset = 0;
    for (const id of step.inputs) {
      const input = m.values(id);
      const length = input.length / batch;
      for (let n = 0; n < batch; n++)
        output.set(input.subarray(n * length, (n + 1) * length), (n * channels + offset) * height * width);
      offset += planesOf(m, id)[1];
    }
  },

  'concat-gradient'(step, m) {
    const [outputGradient, inputGradient] = [m.values(step.outputGradient), m.values(step.inputGradient)];
    const [batch, channels, height, width] = planesOf(m, step.outputGradient);
    const length = inputGradient.length / batch;
    for (let n = 0; n < batch; n++) {
      const from = (n * channels + step.offset) * height * width;
      inputGradient.set(outputGradient.subarray(from, from + length), n * length);
    }
  },

  select(step, m) {
    const [x, y] = [m.values(step.input), m.values(step.output)];
    eachTaken(planesOf(m, step.input), step.take, (whole, part, size) => y.set(x.subarray(whole, whole + size), part));
  },

  'select-gradient'(step, m) {
    const [dy, dx] = [m.values(step.outputGradient), m.values(step.inputGradient)];
    dx.fill(0);
    eachTaken(planesOf(m, step.inputGradient), step.take, (whole, part, size) => dx.set(dy.subarray(part, part + size), whole));
  },
} satisfies Rows;
