/**
 * Elementwise functions that exporters write as several operators: x·relu6(x + 3)/6, x·½·(1 + erf(x/√2)) and their like, in
 * whatever order. Each value remembers the tensors of which it is an elementwise function; where that function is a known
 * activation, to the rounding of constants, the activation stands for all operators between.
 */
import { rowOf, usualHardSigmoid, type ActivationFunction } from '../../../network/activations.ts';
import type { Layer } from '../../../network/network.ts';
import { activationAt, addLayer, type Activation, type Formula, type OpContext, type Origin, type Value } from './value.ts';

/** Most tensors back. */
const mostOrigins = 12;
type Curve = (x: number) => number;

/** Points of comparison: dense where activations bend, and far away. */
const points = Float64Array.of(-1e4, -100, -20, ...Array.from({ length: 121 }, (_none, at) => (at - 60) * 0.151), 20, 100, 1e4);
/** Constants of a file are f32. */
const tolerance = 3e-6;

const agrees = (samples: Float64Array, curve: Curve): boolean =>
  points.every((x, at) => {
    const value = curve(x);
    return Math.abs((samples[at] as number) - value) <= tolerance * Math.max(1, Math.abs(value));
  });

const fixed: readonly ActivationFunction[] = [
  { name: 'hard-swish' },
  { name: 'silu' },
  { name: 'sigmoid' },
  { name: 'gelu', by: 'erf' },
  { name: 'gelu', by: 'tanh' },
];

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;

/** The hard sigmoid that goes through what lies between 0 and 1. */
function hardSigmoidThrough(samples: Float64Array): ActivationFunction | undefined {
  const inside = [...samples.keys()].filter((at) => (samples[at] as number) > 0.01 && (samples[at] as number) < 0.99);
  const [first, last] = [inside[0], inside.at(-1)];
  if (first === undefined || last === undefined || first === last) return undefined;
  const [x0, x1, y0, y1] = [points[first], points[last], samples[first], samples[last]] as [number, number, number, number];
  const slope = (y1 - y0) / (x1 - x0);
  const offset = y0 - slope * x0;
  const isUsual = near(slope, usualHardSigmoid.slope) && near(offset, usualHardSigmoid.offset);
  return isUsual ? usualHardSigmoid : { name: 'hard-sigmoid', slope, offset };
}

/** The layer with these values; undefined where there is none. */
function layerOf(samples: Float64Array): Layer | undefined {
  const [least, most] = [samples[0], samples.at(-1)] as [number, number];
  const bent = near(least, 0) && near(most, 1) ? hardSigmoidThrough(samples) : undefined;
  const clip: ActivationFunction | undefined =
    least > -1e3 && most < 1e3 && least < most ? { name: 'clip', least, most } : undefined;
  const candidates = [...fixed, ...(bent === undefined ? [] : [bent]), ...(clip === undefined ? [] : [clip])];
  const known = candidates.find((of) => agrees(samples, rowOf(of).value));
  if (known !== undefined) return { kind: 'activation', function: known };
  return agrees(samples, (x) => Math.max(x, 0)) ? { kind: 'relu' } : undefined;
}

/** A value of which formulas can be made, and its origins, itself included. */
function originsOf(value: Activation | Formula): readonly Origin[] {
  const earlier = value.origins ?? [];
  return value.kind === 'formula' ? earlier : [{ of: value, samples: points }, ...earlier];
}

/** The origins of f(value). */
export const throughOne = (value: Activation | Formula, f: Curve): readonly Origin[] =>
  originsOf(value)
    .slice(0, mostOrigins)
    .map(({ of, samples }) => ({ of, samples: samples.map(f) }));

/** The origins of f(first, second): those that both have. */
export function throughBoth(
  first: Activation | Formula,
  second: Activation | Formula,
  f: (a: number, b: number) => number,
): readonly Origin[] {
  const others = originsOf(second);
  return originsOf(first).flatMap(({ of, samples }) => {
    const other = others.find((one) => one.of.node === of.node);
    return other === undefined ? [] : [{ of, samples: samples.map((a, at) => f(a, other.samples[at] as number)) }];
  });
}

/** The known activation that a value with these origins is; undefined where it is none. */
export function recognised(
  op: OpContext,
  origins: readonly Origin[],
  value: { dims: Activation['dims']; tensor: string },
): Activation | undefined {
  // The farthest, so that no layer stays between.
  for (let at = origins.length - 1; at >= 0; at--) {
    const { of, samples } = origins[at] as Origin;
    const layer = layerOf(samples);
    if (layer === undefined) continue;
    const result = addLayer(op, layer, [of], { dims: value.dims, tensor: value.tensor });
    return { ...result, origins: origins.slice(at) };
  }
  return undefined;
}

/** What is left where no layer can be made of it yet. */
export const formulaOf = (op: OpContext, origins: readonly Origin[], dims: Activation['dims'], tensor: string): Formula => ({
  kind: 'formula',
  name: op.name,
  origins,
  dims,
  tensor,
});

/** An operand of an elementwise function. */
export function operandAt(op: OpContext, index: number): Activation | Formula {
  const value = op.inputs[index];
  if (value?.kind === 'formula') return value;
  return activationAt(op, index);
}

/** A function of one tensor that is no layer by itself. */
export const formula =
  (f: Curve) =>
  (op: OpContext): Value => {
    const input = operandAt(op, 0);
    const tensor = op.rewritten.node(op.name, [input.tensor]);
    const origins = throughOne(input, f);
    return recognised(op, origins, { dims: input.dims, tensor }) ?? formulaOf(op, origins, input.dims, tensor);
  };
