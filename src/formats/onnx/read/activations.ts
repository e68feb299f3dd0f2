/** Activations besides Relu, and products of two tensors. */
import { erf, rowOf, type ActivationFunction } from '../../../network/activations.ts';
import type { Layer } from '../../../network/network.ts';
import { channelDim, sameDims } from './dims.ts';
import { formula, formulaOf, operandAt, recognised, throughOne } from './formulas.ts';
import { addLayer, weightsAt, withDims, type Activation, type Formula, type OpContext, type Value } from './value.ts';

function activated(op: OpContext, of: ActivationFunction, tensorOf: (input: { tensor: string }) => string): Value {
  const input = operandAt(op, 0);
  const tensor = tensorOf(input);
  return elementwise(op, input, { kind: 'activation', function: of }, rowOf(of).value, tensor);
}

/** A layer that is this function of its input; where the input is a function itself, the known activation that they make. */
export function elementwise(
  op: OpContext,
  input: Activation | Formula,
  layer: Layer,
  f: (x: number) => number,
  tensor: string,
): Value {
  const origins = throughOne(input, f);
  const { dims } = input;
  // The nearest tensor of an activation is its input, which the layer itself reads.
  const known = recognised(op, input.kind === 'formula' ? origins : origins.slice(1), { dims, tensor });
  if (known !== undefined) return known;
  if (input.kind === 'formula') return formulaOf(op, origins, dims, tensor);
  return { ...addLayer(op, layer, [input], { dims, tensor }), origins };
}

/** A bound of Clip: an attribute before operator set 11, an input since. */
function boundOf(op: OpContext, index: 1 | 2): number | undefined {
  const name = index === 1 ? 'min' : 'max';
  if (op.opset < 11) {
    const given = op.attributes.any(name);
    return given?.kind === 'float' ? given.value : undefined;
  }
  const { values } = weightsAt(op, index, name) ?? {};
  if (values !== undefined && values.length !== 1) throw op.fail(`its ${name} is not one number`);
  return values?.[0];
}

const widest = 3e38;

export function clip(op: OpContext): Value {
  const [least, most] = [boundOf(op, 1), boundOf(op, 2)];
  const isBelow = least === undefined || least < -widest;
  const isAbove = most === undefined || most > widest;
  const input = operandAt(op, 0);
  if (isBelow && isAbove) return pass(op, input);
  const bounds = [isBelow ? -widest : least, isAbove ? widest : most] as const;
  if (!bounds.every(Number.isFinite) || bounds[0] >= bounds[1]) throw op.fail(`bounds ${bounds.join(' and ')}`);
  const { rewritten } = op;
  const tensor =
    op.opset < 11
      ? rewritten.node('Clip', [input.tensor], { min: { float: bounds[0] }, max: { float: bounds[1] } })
      : rewritten.node('Clip', [input.tensor, ...bounds.map((bound) => rewritten.floats('bound', [], [bound]))]);
  if (least === 0 && isAbove) return elementwise(op, input, { kind: 'relu' }, (x) => Math.max(x, 0), tensor);
  return clipped(op, input, bounds, tensor);
}

const pass = (op: OpContext, input: Activation | Formula): Value =>
  input.kind === 'formula' ? input : withDims(op, input, input.dims, input.tensor);

function clipped(op: OpContext, input: Activation | Formula, [least, most]: readonly [number, number], tensor: string): Value {
  const of = { name: 'clip', least, most } as const;
  return elementwise(op, input, { kind: 'activation', function: of }, rowOf(of).value, tensor);
}

/** With a constant: one bound of a clip. */
export const bounded =
  (operator: 'Min' | 'Max') =>
  (op: OpContext): Value => {
    const isConstant = op.inputs.map((input) => input?.kind === 'constant');
    if (op.inputs.length !== 2 || isConstant[0] === isConstant[1]) throw op.fail('only with one constant it can be represented');
    const constant = isConstant[0] ? 0 : 1;
    const { values, tensor: name } = weightsAt(op, constant, 'bound') ?? { values: [], tensor: () => '' };
    const [bound] = values;
    if (bound === undefined || values.length !== 1) throw op.fail('its bound is not one number');
    const input = operandAt(op, 1 - constant);
    const tensor = op.rewritten.node(operator, [input.tensor, name()]);
    if (operator === 'Max' && bound === 0) return elementwise(op, input, { kind: 'relu' }, (x) => Math.max(x, 0), tensor);
    return clipped(op, input, operator === 'Min' ? [-widest, bound] : [bound, widest], tensor);
  };

/** A power by a constant; x¹ is x. */
export function power(op: OpContext): Value {
  const { values, tensor: name } = weightsAt(op, 1, 'exponent') ?? { values: [], tensor: () => '' };
  const [exponent] = values;
  if (exponent === undefined || values.length !== 1) throw op.fail('its exponent is not one number');
  const input = operandAt(op, 0);
  if (exponent === 1) return pass(op, input);
  const origins = throughOne(input, (x) => x ** exponent);
  return formulaOf(op, origins, input.dims, op.rewritten.node('Pow', [input.tensor, name()]));
}

/** Functions that are part of known activations. */
export const fragments = {
  Abs: formula(Math.abs),
  Erf: formula(erf),
  Exp: formula(Math.exp),
  Neg: formula((x) => -x),
  Reciprocal: formula((x) => 1 / x),
  Sqrt: formula(Math.sqrt),
  Tanh: formula(Math.tanh),
} as const;

export function hardSigmoid(op: OpContext): Value {
  const [slope, offset] = [op.attributes.float('alpha', 0.2), op.attributes.float('beta', 0.5)];
  if (!(slope > 0)) throw op.fail(`alpha ${slope} cannot be represented`);
  return activated(op, { name: 'hard-sigmoid', slope, offset }, ({ tensor }) =>
    op.rewritten.node('HardSigmoid', [tensor], { alpha: { float: slope }, beta: { float: offset } }),
  );
}

const plain =
  (operator: string, of: ActivationFunction) =>
  (op: OpContext): Value =>
    activated(op, of, ({ tensor }) => op.rewritten.node(operator, [tensor]));

export const sigmoid = plain('Sigmoid', { name: 'sigmoid' });
export const hardSwish = plain('HardSwish', { name: 'hard-swish' });

export function gelu(op: OpContext): Value {
  const approximate = op.attributes.text('approximate', 'none');
  if (approximate !== 'none' && approximate !== 'tanh') throw op.fail(`approximate ${approximate.slice(0, 20)} is not known`);
  return activated(op, { name: 'gelu', by: approximate === 'tanh' ? 'tanh' : 'erf' }, ({ tensor }) =>
    op.rewritten.node('Gelu', [tensor], { approximate }),
  );
}

/** Two tensors of one layout, or one and its gate (N, C, 1, 1). */
export function productOf(op: OpContext, first: Activation, second: Activation, tensor: string): Activation {
  const shapeOf = ({ node }: Activation) => op.builder.shapeOf(node);
  const isGate = (one: Activation, other: Activation): boolean => {
    const [shape, whole] = [shapeOf(one), shapeOf(other)];
    return (
      shape.height === 1 &&
      shape.width === 1 &&
      shape.channels === whole.channels &&
      one.dims.length === other.dims.length &&
      channelDim(one.dims, shape) === channelDim(other.dims, whole)
    );
  };
  const [whole, gate] = isGate(second, first) || !isGate(first, second) ? [first, second] : [second, first];
  if (!isGate(gate, whole) && !sameDims(whole.dims, gate.dims, shapeOf(whole)))
    throw op.fail('its inputs are of different layouts');
  return addLayer(op, { kind: 'product' }, [whole, gate], { dims: whole.dims, tensor });
}
