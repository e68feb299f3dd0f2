/** The loss, and the update of a parameter. State is rounded to f32, as it is saved, so that saving and loading change nothing. */
import { evaluate, type Assignment, type Operations } from '../../program/expression.ts';
import { operandsOf } from '../../program/program.ts';
import { must } from '../../util/assert.ts';
import type { Rows } from './memory.ts';

/** The value of element j. */
type Value = (j: number) => number;

const operations: Operations<Value> = {
  sum:
    (first, ...rest) =>
    (j) =>
      rest.reduce((total, term) => total + term(j), first(j)),
  difference: (first, second) => (j) => first(j) - second(j),
  product: (first, second) => (j) => first(j) * second(j),
  quotient: (first, second) => (j) => first(j) / second(j),
  'square-root': (of) => (j) => Math.sqrt(of(j)),
};

type Values = Map<string, Float64Array>;

/** Each reads the results of those before it. */
function assign(values: Values, assignments: readonly Assignment[]): void {
  for (const { target, value } of assignments) {
    const computed = evaluate<Value>(
      value,
      (leaf) => {
        if (typeof leaf === 'number') return () => leaf;
        const operand = must(values.get(leaf), leaf);
        return operand.length === 1 ? () => operand[0] as number : (j) => operand[j] as number;
      },
      operations,
    );
    const old = must(values.get(target), target);
    values.set(
      target,
      old.map((_old, j) => computed(j)),
    );
  }
}

export const learning = {
  /** The mean over the minibatch, and its gradient. Labels may be mixtures of classes (mixup). */
  'softmax-cross-entropy'(step, m) {
    const [logits, labels, gradient] = [m.values(step.logits), m.values(step.labels), m.values(step.gradient)];
    const [batch, classes] = m.shape(step.labels) as [number, number];
    const images = batch * (step.passes ?? 1);
    let loss = 0;
    for (let from = 0; from < logits.length; from += classes) {
      let largest = -Infinity;
      for (let k = from; k < from + classes; k++) largest = Math.max(largest, logits[k] as number);
      let sum = 0;
      for (let k = from; k < from + classes; k++) sum += Math.exp((logits[k] as number) - largest);
      for (let k = from; k < from + classes; k++) {
        const logProbability = (logits[k] as number) - largest - Math.log(sum);
        loss -= (labels[k] as number) * logProbability;
        gradient[k] = (Math.exp(logProbability) - (labels[k] as number)) / images;
      }
    }
    m.values(step.loss)[0] = loss / images;
  },

  accumulate(step, m) {
    const [gradient, sum] = [m.values(step.gradient), m.values(step.sum)];
    gradient.forEach((value, j) => (sum[j] = (sum[j] as number) + value));
  },

  update(step, m) {
    const values: Values = new Map(Object.entries(operandsOf(step)).map(([name, id]) => [name, m.values(id)]));
    const { assignments, bounds, after = [] } = step;
    assign(values, assignments);
    const updated = ['parameter', ...Object.keys(step.states)];
    const rounded = (name: string): Float64Array => must(values.get(name), name).map(Math.fround);
    for (const name of updated) values.set(name, rounded(name));
    if (bounds !== null) {
      const [least, most] = bounds;
      const parameter = must(values.get('parameter'), 'parameter');
      const left = new Set(['parameter', ...after.map(({ target }) => target)]);
      const zeroed = updated.flatMap((name) => (left.has(name) ? [] : [must(values.get(name), name)]));
      for (const [j, value] of parameter.entries()) {
        if (!(value < least || value > most)) continue;
        parameter[j] = value < least ? least : most;
        for (const data of zeroed) if (data.length === parameter.length) data[j] = 0;
      }
    }
    assign(values, after);
    const buffers = operandsOf(step);
    for (const name of updated) m.values(must(buffers[name], name)).set(rounded(name));
  },
} satisfies Rows;
