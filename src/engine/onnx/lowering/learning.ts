/** The loss with its gradient, and the update of a parameter. */
import { sizeOf } from '../../../network/tensor.ts';
import { evaluate, type Assignment, type Operations } from '../../../program/expression.ts';
import { operandsOf } from '../../../program/program.ts';
import { must } from '../../../util/assert.ts';
import type { Builder } from '../builder.ts';
import { type Rows, channelsFirst, rowsOf } from './rows.ts';

export const learning = {
  /** loss = −Σ labels·log softmax(logits) / N;  gradient = (softmax(logits) − labels)/N. */
  'softmax-cross-entropy'(s, b) {
    const [batch] = b.shape(s.labels) as [number, number];
    const images = batch * (s.passes ?? 1);
    // (classes, N), as the logits are.
    const labels = b.node('Transpose', [b.read(s.labels)], { perm: [1, 0] });
    const logarithms = b.node('LogSoftmax', [rowsOf(b, s.logits)], { axis: 0 });
    const total = b.node('ReduceSum', [b.node('Mul', [labels, logarithms])], { keepdims: 0 });
    b.node('Mul', [b.reshape(total, [1]), b.number(-1 / images)], {}, b.write(s.loss));
    const difference = b.node('Sub', [b.node('Exp', [logarithms]), labels]);
    channelsFirst(b, b.node('Mul', [difference, b.number(1 / images)]), s.gradient);
  },

  accumulate(s, b) {
    b.node('Add', [b.read(s.sum), b.read(s.gradient)], {}, b.update(s.sum));
  },

  update(s, b) {
    const values = new Map(Object.entries(operandsOf(s)).map(([name, id]) => [name, b.read(id)]));
    const targets = new Map([['parameter', s.parameter], ...Object.entries(s.states)]);
    const { after = [] } = s;
    /** The last assignment to each target of `ending` gives the new state. */
    const assign = (assignments: readonly Assignment[], ending: readonly Assignment[]): void => {
      const last = new Map(ending.map((assignment) => [assignment.target, assignment]));
      for (const assignment of assignments) {
        const { target, value } = assignment;
        const id = must(targets.get(target), target);
        const leaf = (of: number | string): Value => {
          const name = typeof of === 'number' ? b.number(of) : must(values.get(of), of);
          return (output) => (output === undefined ? name : b.node('Identity', [name], {}, output));
        };
        const isNew = last.get(target) === assignment;
        values.set(target, evaluate(value, leaf, operations(b))(isNew ? b.update(id) : undefined));
      }
    };
    if (s.bounds === null) {
      const all = [...s.assignments, ...after];
      assign(all, all);
      return;
    }
    assign(s.assignments, []);
    const [least, most] = s.bounds;
    const moved = must(values.get('parameter'), 'parameter');
    const outside = b.node('Or', [b.node('Less', [moved, b.number(least)]), b.node('Greater', [moved, b.number(most)])]);
    // NaN compares as inside the bounds and is kept.
    const clipped = b.node('Clip', [moved, b.scalar(least), b.scalar(most)]);
    values.set('parameter', b.node('Where', [outside, clipped, moved], {}, b.update(s.parameter)));
    const left = new Set(after.map(({ target }) => target));
    for (const [name, id] of Object.entries(s.states)) {
      if (left.has(name)) continue;
      const value = must(values.get(name), name);
      if (sizeOf(b.shape(id)) === sizeOf(b.shape(s.parameter))) b.node('Where', [outside, b.number(0), value], {}, b.update(id));
      else b.node('Identity', [value], {}, b.update(id));
    }
    assign(after, after);
  },
} satisfies Rows;

/** Makes the nodes that compute a value, and returns its name: `output` if that is given. */
type Value = (output?: string) => string;

const operations = (b: Builder): Operations<Value> => {
  const made = (operator: string) => {
    return (...of: readonly Value[]): Value =>
      (output) => {
        const operands = of.map((operand) => operand());
        return b.node(operator, operands, {}, output);
      };
  };
  const add = made('Add');
  return {
    sum: (...terms) => terms.reduceRight((rest, term) => add(term, rest)),
    difference: made('Sub'),
    product: made('Mul'),
    quotient: made('Div'),
    'square-root': (of) => made('Sqrt')(of),
  };
};
