/**
 * Elementwise arithmetic as data: what optimizers are written in. Engines compute expressions, so that a new optimizer needs no
 * change there.
 */

/** A constant, an operand by its name, or an operation. */
export type Expression = number | string | { readonly kind: Operation; readonly of: readonly Expression[] };

export type Operation = 'sum' | 'difference' | 'product' | 'quotient' | 'square-root';

/** `target` becomes `value`. */
export interface Assignment {
  readonly target: string;
  readonly value: Expression;
}

/** Of two terms or more. The order of addition is the engine's. */
export const sum = (...terms: readonly Expression[]): Expression => ({
  kind: 'sum',
  of: terms.flatMap((term) => (typeof term === 'object' && term.kind === 'sum' ? term.of : [term])),
});
/** Constants come first. */
export const product = (first: Expression, second: Expression): Expression => ({ kind: 'product', of: [first, second] });
export const difference = (first: Expression, second: Expression): Expression => ({ kind: 'difference', of: [first, second] });
export const quotient = (first: Expression, second: Expression): Expression => ({ kind: 'quotient', of: [first, second] });
export const squareRoot = (of: Expression): Expression => ({ kind: 'square-root', of: [of] });

/** How each operation computes its value from those of its operands. */
export type Operations<Value> = { readonly [Kind in Operation]: (...of: [Value, Value, ...Value[]]) => Value };

export function evaluate<Value>(
  expression: Expression,
  leaf: (leaf: number | string) => Value,
  operations: Operations<Value>,
): Value {
  if (typeof expression !== 'object') return leaf(expression);
  const of = expression.of.map((operand) => evaluate(operand, leaf, operations));
  return operations[expression.kind](...(of as [Value, Value, ...Value[]]));
}
