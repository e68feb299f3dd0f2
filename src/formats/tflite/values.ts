/** What the operations of a deployed network are made of in TensorFlow Lite: constants, bounds, padding, numbers of another scale. */
import { boundBytes, leastByte, mostByte, type Quantisation, type QuantisedFilters } from '../../deploy/quantise.ts';
import type { Bounds, Step } from '../../deploy/deployed.ts';
import { lowestNumber, type Margins } from '../../network/network.ts';
import { must } from '../../util/assert.ts';
import type { GraphBuilder, Value } from './graph.ts';
import type { OperatorName, OptionsOf } from './operators.ts';
import { fusedFunctions } from './schema.ts';

export interface Context {
  readonly graph: GraphBuilder;
  readonly step: Step;
  readonly inputs: readonly Value[];
  /** Of the result: (1, height, width, channels), and its bytes; null: f32. */
  readonly dims: readonly number[];
  readonly to: Quantisation | null;
  readonly filters: QuantisedFilters | null;
}

export const firstInput = ({ inputs }: Context): Value => must(inputs[0], 'input');

/** Adds an operator with a result of these extents and bytes. */
export function computed<Name extends OperatorName>(
  { graph, step }: Pick<Context, 'graph' | 'step'>,
  name: Name,
  inputs: readonly Value[],
  result: { readonly dims: readonly number[]; readonly quantisation: Quantisation | null },
  options: OptionsOf<Name> | null = null,
): Value {
  const { dims, quantisation } = result;
  const output = graph.value(`${step.node}/${name}`, quantisation === null ? 'float32' : 'int8', dims, quantisation);
  return graph.operator(name, inputs, output, options);
}

/** The result of the step by one operator without bounds. */
export const result = <Name extends OperatorName>(
  c: Context,
  name: Name,
  inputs: readonly Value[],
  options: OptionsOf<Name> | null = null,
): Value => computed(c, name, inputs, { dims: c.dims, quantisation: c.to }, options);

/** A number that an operator takes for every one of its other input: in bytes, ±`byte` times a scale. */
export function scalar({ graph, step }: Pick<Context, 'graph' | 'step'>, number: number, like: Value, byte = 1): Value {
  const name = `${step.node}/number`;
  if (like.quantisation === null) return graph.constant(name, [1], Float32Array.of(number));
  const quantisation = { scale: Math.fround(Math.abs(number) / byte) || 1, zero: 0 };
  return graph.constant(name, [1], Int8Array.of(Math.sign(number) * byte), quantisation);
}

/** Numbers times a factor, exact: the same bytes, or for a negative factor those from the other end, at another scale. */
export function times(c: Pick<Context, 'graph' | 'step'>, value: Value, factor: number): Value {
  if (factor === 1) return value;
  const { dims, quantisation: own } = value;
  const quantisation = own && {
    scale: Math.fround(Math.abs(factor) * own.scale),
    zero: factor < 0 ? -1 - own.zero : own.zero,
  };
  return computed(c, 'multiply', [value, scalar(c, factor, value)], { dims, quantisation }, { fused: fusedFunctions.none });
}

/** The same numbers as other bytes. */
export function requantised(c: Context, value: Value, quantisation: Quantisation | null): Value {
  const own = value.quantisation;
  if (own === quantisation || (own?.scale === quantisation?.scale && own?.zero === quantisation?.zero)) return value;
  const name = own === null ? 'quantise' : quantisation === null ? 'dequantise' : 'quantise';
  return computed(c, name, [value], { dims: value.dims, quantisation });
}

/** What an operation in f32 makes of the first input. */
export const inFloats = (c: Context, compute: (value: Value) => Value): Value =>
  requantised(c, compute(requantised(c, firstInput(c), null)), c.to);

export type Fused = (typeof fusedFunctions)[keyof typeof fusedFunctions];

/** Bounds that an operator may have; null: it has none such. */
export function fusedOf(bounds: Bounds | null): keyof typeof fusedFunctions | null {
  if (bounds === null) return 'none';
  const { least, most } = bounds;
  if (least === 0 && most === Infinity) return 'relu';
  if (least === 0 && most === 6) return 'relu6';
  return least === -1 && most === 1 ? 'relu-n1-to-1' : null;
}

/** By operators of their own. Bytes keep their scale; bounds that no byte is beyond need none. */
export function bounded(c: Context, value: Value, bounds: Bounds): Value {
  const { quantisation, dims } = value;
  const isInBytes = quantisation !== null;
  const { least, most } = isInBytes ? boundBytes(bounds, quantisation) : bounds;
  const by = (number: number): Value =>
    c.graph.constant(`${c.step.node}/bound`, [1], isInBytes ? Int8Array.of(number) : Float32Array.of(number), quantisation);
  let found = value;
  if (least > (isInBytes ? leastByte : -Infinity)) found = computed(c, 'maximum', [found, by(least)], { dims, quantisation });
  if (most < (isInBytes ? mostByte : Infinity)) found = computed(c, 'minimum', [found, by(most)], { dims, quantisation });
  return found;
}

/** A result with the step's bounds: those of the operator where it may have them, else behind it. */
export function withBounds(c: Context, compute: (fused: Fused) => Value): Value {
  const { bounds } = c.step;
  const fused = fusedOf(bounds);
  if (fused !== null) return compute(fusedFunctions[fused]);
  return bounded(c, compute(fusedFunctions.none), must(bounds, 'bounds'));
}

/** Rows and columns around an image. */
export function padded(c: Context, value: Value, { top, left, bottom, right }: Margins, by: 'zero' | 'lowest'): Value {
  const [one = 1, height = 0, width = 0, channels = 0] = value.dims;
  const { quantisation } = value;
  const dims = [one, height + top + bottom, width + left + right, channels];
  const around = c.graph.constant(`${c.step.node}/around`, [4, 2], Int32Array.of(0, 0, top, bottom, left, right, 0, 0));
  if (by === 'zero') return computed(c, 'pad', [value, around], { dims, quantisation });
  const lowest = quantisation === null ? Float32Array.of(lowestNumber) : Int8Array.of(leastByte);
  const number = c.graph.constant(`${c.step.node}/lowest`, [1], lowest, quantisation);
  return computed(c, 'pad-by', [value, around, number], { dims, quantisation });
}
