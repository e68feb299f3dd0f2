/** The loss with its gradient, and the update of the parameters. */
import { type Rows, channelsFirst, rowsOf } from './rows.ts';

export const learning = {
  /** loss = −Σ labels·log softmax(logits) / N;  gradient = (softmax(logits) − labels)/N. */
  'softmax-cross-entropy'(s, b) {
    const [batch] = b.shape(s.labels) as [number, number];
    // (classes, N), as the logits are.
    const labels = b.node('Transpose', [b.read(s.labels)], { perm: [1, 0] });
    const logarithms = b.node('LogSoftmax', [rowsOf(b, s.logits)], { axis: 0 });
    const total = b.node('ReduceSum', [b.node('Mul', [labels, logarithms])], { keepdims: 0 });
    b.node('Mul', [b.reshape(total, [1]), b.number(-1 / batch)], {}, b.write(s.loss));
    const difference = b.node('Sub', [b.node('Exp', [logarithms]), labels]);
    channelsFirst(b, b.node('Mul', [difference, b.number(1 / batch)]), s.gradient);
  },

  /** g = gradient + decay·p;  v ← momentum·v + g;  p ← p − rate·v; clamped, p stays in [0, 1] and v is 0 where that bites. */
  sgd(s, b) {
    const parameter = b.read(s.parameter);
    const decayed =
      s.decay === 0 ? b.read(s.gradient) : b.node('Add', [b.read(s.gradient), b.node('Mul', [parameter, b.number(s.decay)])]);
    const kept = b.node('Mul', [b.read(s.velocity), b.number(s.momentum)]);
    const velocity = b.node('Add', [kept, decayed], {}, s.clamp ? undefined : b.update(s.velocity));
    const change = b.node('Mul', [velocity, b.read(s.rate)]);
    const moved = b.node('Sub', [parameter, change], {}, s.clamp ? undefined : b.update(s.parameter));
    if (!s.clamp) return;
    const [zero, one] = [b.number(0), b.number(1)];
    const outside = b.node('Or', [b.node('Less', [moved, zero]), b.node('Greater', [moved, one])]);
    // What is not a number is not outside and stays, so that a training that diverged shows.
    b.node('Where', [outside, b.node('Clip', [moved, b.scalar(0), b.scalar(1)]), moved], {}, b.update(s.parameter));
    b.node('Where', [outside, zero, velocity], {}, b.update(s.velocity));
  },
} satisfies Rows;
