/** Arithmetic on known numbers, each with each, broadcast as ONNX says. */
import type { Entry, Known } from './known.ts';
import type { OpContext } from './value.ts';

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, extent) => product * extent, 1);

/** The extents of a result of operands with these extents; undefined where they do not fit. */
function broadcast(all: readonly (readonly number[])[]): readonly number[] | undefined {
  const rank = Math.max(...all.map((dims) => dims.length));
  const result: number[] = [];
  for (let axis = -rank; axis < 0; axis++) {
    const extents = all.map((dims) => dims.at(axis) ?? 1).filter((extent) => extent !== 1);
    if (new Set(extents).size > 1) return undefined;
    result.push(extents[0] ?? 1);
  }
  return result;
}

/** The position of the number of a tensor that belongs to a position of a broadcast result. */
function placeIn(dims: readonly number[], result: readonly number[], position: number): number {
  let [rest, place, stride] = [position, 0, 1];
  for (let axis = 1; axis <= dims.length; axis++) {
    const [extent, whole] = [dims.at(-axis) as number, result.at(-axis) as number];
    if (extent !== 1) place += (rest % whole) * stride;
    stride *= extent;
    rest = Math.floor(rest / whole);
  }
  return place;
}

type Compute = (op: OpContext, operands: readonly Entry[], floating: boolean) => Entry;

/** `result`: the type of the result; that of the operands, which then must be of one. */
const each =
  (compute: Compute, result: 'whole' | 'float' | 'same' = 'same', skipped = 0) =>
  (op: OpContext, inputs: readonly Known[]): Known => {
    const dims = broadcast(inputs.map((input) => input.dims));
    if (dims === undefined) throw op.fail('its inputs are of different shapes');
    const kinds = new Set(inputs.slice(skipped).map((input) => input.floating));
    if (kinds.size > 1) throw op.fail('its inputs are of different types');
    const floating = result === 'same' ? kinds.has(true) : result === 'float';
    const size = sizeOf(dims);
    if (size > 2 ** 24) throw op.fail(`a constant of ${dims.join('×')}`);
    const values = Array.from({ length: size }, (_none, position) =>
      compute(
        op,
        inputs.map((input) => input.values[placeIn(input.dims, dims, position)] as Entry),
        kinds.has(true),
      ),
    );
    return { dims, values, floating };
  };

/** With the number of images only what leaves it as it is. */
const binary = (
  compute: (a: number, b: number, floating: boolean) => number,
  neutral?: { readonly first?: number; readonly second: number },
) =>
  each((op, [a, b], floating) => {
    if (a === 'N' && b !== 'N' && b === neutral?.second) return a;
    if (b === 'N' && a !== 'N' && a === neutral?.first) return b as Entry;
    if (typeof a !== 'number' || typeof b !== 'number') throw op.fail('it computes with the number of images');
    return compute(a, b, floating);
  });

const unary = (compute: (a: number) => number) =>
  each((op, [a]) => {
    if (typeof a !== 'number') throw op.fail('it computes with the number of images');
    return compute(a);
  });

/** Of two extents, one of which may be the number of images: it is at least 1, and equal to itself alone. */
const isEqual = (op: OpContext, a: Entry | undefined, b: Entry | undefined): boolean => {
  const [image, other] = a === 'N' ? [a, b] : [b, a];
  if (image === 'N' && typeof other === 'number' && other > 0) throw op.fail('it compares with the number of images');
  return a === b;
};

export const elementwise = {
  Abs: unary(Math.abs),
  Add: binary((a, b) => a + b, { first: 0, second: 0 }),
  Ceil: unary(Math.ceil),
  Div: binary((a, b, floating) => (floating ? a / b : Math.trunc(a / b)), { second: 1 }),
  Equal: each((op, [a, b]) => (isEqual(op, a, b) ? 1 : 0), 'whole'),
  Floor: unary(Math.floor),
  Max: binary((a, b) => Math.max(a, b)),
  Min: binary((a, b) => Math.min(a, b)),
  Mod: binary((a, b, floating) => (floating ? a % b : a - b * Math.floor(a / b))),
  Mul: binary((a, b) => a * b, { first: 1, second: 1 }),
  Neg: unary((a) => -a),
  Pow: binary((a, b) => a ** b),
  Reciprocal: unary((a) => 1 / a),
  Sqrt: unary(Math.sqrt),
  Sub: binary((a, b) => a - b, { second: 0 }),
} as const;

export const ternary = each((_op, [condition, a, b]) => (condition !== 0 ? a : b) as Entry, 'same', 1);
