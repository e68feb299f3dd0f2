/**
 * Updates as loops in JavaScript, over whole regions, padding included. Values are computed in f64, which is faster here than
 * rounding each product, and stored in f32; in chunks, so that intermediate values stay in the cache.
 */
import { evaluate, type Assignment, type Operation, type Operations } from '../../program/expression.ts';
import type { StepOf } from '../../program/program.ts';
import { must } from '../../util/assert.ts';

/** Elements at a time. */
const chunk = 256;

type Values = Float64Array;

const loops: { readonly [Kind in Operation]: (result: Values, first: Values, second: Values) => void } = {
  sum(result, first, second) {
    for (let i = 0; i < result.length; i++) result[i] = (first[i] as number) + (second[i] as number);
  },
  difference(result, first, second) {
    for (let i = 0; i < result.length; i++) result[i] = (first[i] as number) - (second[i] as number);
  },
  product(result, first, second) {
    for (let i = 0; i < result.length; i++) result[i] = (first[i] as number) * (second[i] as number);
  },
  quotient(result, first, second) {
    for (let i = 0; i < result.length; i++) result[i] = (first[i] as number) / (second[i] as number);
  },
  'square-root'(result, of) {
    for (let i = 0; i < result.length; i++) result[i] = Math.sqrt(of[i] as number);
  },
};

/** `arrays`: the operands by name; those of one number are broadcast. */
export function updater(step: StepOf<'update'>, arrays: ReadonlyMap<string, Float32Array>): () => void {
  const { length } = must(arrays.get('parameter'), 'parameter');
  const size = Math.min(chunk, length);
  const operands = [...arrays].map(([name, array]) => ({ name, array, values: new Float64Array(size), before: 0 }));
  const byName = new Map(operands.map((operand) => [operand.name, operand.values]));
  const valuesOf = (name: string): Values => must(byName.get(name), name);
  const work: (() => void)[] = [];
  const computed = (kind: Operation, first: Values, second: Values = first): Values => {
    const result = new Float64Array(size);
    work.push(() => loops[kind](result, first, second));
    return result;
  };
  const assign = ({ target, value }: Assignment): void => {
    const result = evaluate<Values>(
      value,
      (leaf) => (typeof leaf === 'number' ? new Float64Array(size).fill(leaf) : valuesOf(leaf)),
      {
        sum: (...terms) => terms.reduceRight((rest, term) => computed('sum', term, rest)),
        difference: (first, second) => computed('difference', first, second),
        product: (first, second) => computed('product', first, second),
        quotient: (first, second) => computed('quotient', first, second),
        'square-root': (of) => computed('square-root', of),
      },
    );
    const values = valuesOf(target);
    work.push(() => values.set(result));
  };
  step.assignments.forEach(assign);
  const { bounds, after = [] } = step;
  const parameter = valuesOf('parameter');
  const kept = operands.filter(({ name }) => name === 'parameter' || name in step.states);
  const left = new Set(['parameter', ...after.map(({ target }) => target)]);
  const bounded = kept.filter(({ array, name }) => !left.has(name) && array.length === length);
  if (bounds !== null)
    work.push(() => {
      for (let i = 0; i < size; i++) {
        const value = Math.fround(parameter[i] as number);
        if (!(value < bounds[0] || value > bounds[1])) continue;
        parameter[i] = value < bounds[0] ? bounds[0] : bounds[1];
        for (const { values } of bounded) values[i] = 0;
      }
    });
  after.forEach(assign);
  return () => {
    for (const operand of operands) operand.before = operand.array[0] as number;
    for (let from = 0; from < length; from += size) {
      const to = Math.min(from + size, length);
      for (const { array, values, before } of operands)
        if (array.length === 1) values.fill(before);
        else values.set(array.subarray(from, to));
      for (const run of work) run();
      for (const { array, values } of kept)
        if (array.length === 1) array[0] = values[0] as number;
        else array.set(values.subarray(0, to - from), from);
    }
  };
}

const onNumbers: Operations<() => number> = {
  sum:
    (first, ...rest) =>
    () =>
      rest.reduce((total, term) => total + term(), first()),
  difference: (first, second) => () => first() - second(),
  product: (first, second) => () => first() * second(),
  quotient: (first, second) => () => first() / second(),
  'square-root': (of) => () => Math.sqrt(of()),
};

/** Assignments among operands of one number each. */
export function numberUpdater(assignments: readonly Assignment[], arrays: ReadonlyMap<string, Float32Array>): () => void {
  const arrayOf = (name: string): Float32Array => must(arrays.get(name), name);
  const steps = assignments.map(({ target, value }) => {
    const leaf = (of: number | string): (() => number) => {
      if (typeof of === 'number') return () => of;
      const array = arrayOf(of);
      return () => array[0] as number;
    };
    const [array, computed] = [arrayOf(target), evaluate(value, leaf, onNumbers)];
    return (): void => void (array[0] = computed());
  });
  return () => steps.forEach((run) => run());
}
