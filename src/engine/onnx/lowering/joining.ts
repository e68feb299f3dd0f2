/** Sums, convex combinations (§3.2.3), concatenations (§3.2.4), and their gradients. */
import { padZero } from '../../../formats/onnx/build.ts';
import type { Rows } from './rows.ts';

export const joins = {
  add(s, b) {
    const inputs = s.inputs.map((id) => b.read(id));
    b.node('Sum', inputs, {}, b.write(s.output));
  },

  /** y = λ·first + (1 − λ)·second. */
  convex(s, b) {
    const mix = b.read(s.mix);
    const first = b.node('Mul', [b.read(s.first), mix]);
    const second = b.node('Mul', [b.read(s.second), b.node('Sub', [b.number(1), mix])]);
    b.node('Add', [first, second], {}, b.write(s.output));
  },

  /** dλ = Σ dy·(first − second);  dfirst = λ·dy;  dsecond = (1 − λ)·dy. */
  'convex-gradient'(s, b) {
    const [mix, outputGradient] = [b.read(s.mix), b.read(s.outputGradient)];
    const difference = b.node('Sub', [b.read(s.first), b.read(s.second)]);
    const product = b.node('Mul', [outputGradient, difference]);
    b.reshape(b.node('ReduceSum', [product], { keepdims: 0 }), [1], b.write(s.mixGradient));
    if (s.firstGradient !== null) b.node('Mul', [outputGradient, mix], {}, b.write(s.firstGradient));
    if (s.secondGradient !== null)
      b.node('Mul', [outputGradient, b.node('Sub', [b.number(1), mix])], {}, b.write(s.secondGradient));
  },

  concat(s, b) {
    const inputs = s.inputs.map((id) => b.read(id));
    b.node('Concat', inputs, { axis: 0 }, b.write(s.output));
  },

  'concat-gradient'(s, b) {
    const channels = b.shape(s.inputGradient)[1] as number;
    const range = [b.integers(s.offset), b.integers(s.offset + channels), b.integers(0)];
    b.node('Slice', [b.read(s.outputGradient), ...range], {}, b.write(s.inputGradient));
  },

  select: (s, b) => void b.node('Gather', [b.read(s.input), b.integers(...s.take)], { axis: 0 }, b.write(s.output)),

  'select-gradient'({ take, outputGradient, inputGradient }, b) {
    const channels = b.shape(inputGradient)[1] as number;
    // Channels that were not taken get the plane of zeros behind the others.
    const from = Array.from({ length: channels }, () => take.length);
    take.forEach((channel, at) => (from[channel] = at));
    const all = take.length < channels;
    const pads = b.integers(0, 0, 0, 0, 1, 0, 0, 0);
    const source = all ? b.node('Pad', [b.read(outputGradient), pads, b.scalar(padZero)]) : b.read(outputGradient);
    b.node('Gather', [source, b.integers(...from)], { axis: 0 }, b.write(inputGradient));
  },
} satisfies Rows;
