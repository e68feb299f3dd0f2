/** The update of a parameter. State is kept in f32, as it is saved: going on after a save and after a load is one. */
import { evaluate, type Operations } from '../../program/expression.ts';
import { operandsOf, type StepOf } from '../../program/program.ts';
import { must } from '../../util/assert.ts';
import type { Memory } from './memory.ts';

/** Of element j. */
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

export function update(step: StepOf<'update'>, m: Memory): void {
  const values = new Map(Object.entries(operandsOf(step)).map(([name, id]) => [name, m.values(id)]));
  for (const { target, value } of step.assignments) {
    const computed = evaluate<Value>(
      value,
      (leaf) => {
        if (typeof leaf === 'number') return () => leaf;
        const operand = must(values.get(leaf), leaf);
        return operand.length === 1 ? () => operand[0] as number : (j) => operand[j] as number;
      },
      operations,
    );
    values.set(
      target,
      must(values.get(target), target).map((_old, j) => computed(j)),
    );
  }
  const parameter = must(values.get('parameter'), 'parameter').map(Math.fround);
  const states = Object.entries(step.states).map(([name, id]) => ({ id, data: must(values.get(name), name).map(Math.fround) }));
  if (step.bounds !== null) {
    const [least, most] = step.bounds;
    for (const [j, value] of parameter.entries()) {
      if (!(value < least || value > most)) continue;
      parameter[j] = value < least ? least : most;
      for (const { data } of states) if (data.length === parameter.length) data[j] = 0;
    }
  }
  m.values(step.parameter).set(parameter);
  for (const { id, data } of states) m.values(id).set(data);
}
