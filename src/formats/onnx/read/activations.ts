/** Activations besides Relu, and products of two tensors, of which some are activations: x·sigmoid(x), x·hard-sigmoid(x). */
import { usualHardSigmoid, type ActivationFunction } from '../../../network/activations.ts';
import { channelDim, sameDims } from './dims.ts';
import { activationAt, addLayer, weightsAt, withDims, type Activation, type OpContext, type Value } from './value.ts';

function activated(op: OpContext, of: ActivationFunction, tensor: (input: Activation) => string): Value {
  const input = activationAt(op, 0);
  return addLayer(op, { kind: 'activation', function: of }, [input], { dims: input.dims, tensor: tensor(input) });
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
  const input = activationAt(op, 0);
  if (isBelow && isAbove) return withDims(op, input, input.dims, input.tensor);
  const bounds = [isBelow ? -widest : least, isAbove ? widest : most] as const;
  if (!bounds.every(Number.isFinite) || bounds[0] >= bounds[1]) throw op.fail(`bounds ${bounds.join(' and ')}`);
  const { rewritten } = op;
  const tensor =
    op.opset < 11
      ? rewritten.node('Clip', [input.tensor], { min: { float: bounds[0] }, max: { float: bounds[1] } })
      : rewritten.node('Clip', [input.tensor, ...bounds.map((bound) => rewritten.floats('bound', [], [bound]))]);
  const named = { dims: input.dims, tensor };
  if (least === 0 && isAbove) return addLayer(op, { kind: 'relu' }, [input], named);
  const of = { name: 'clip', least: bounds[0], most: bounds[1] } as const;
  return addLayer(op, { kind: 'activation', function: of }, [input], named);
}

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

/** What x·gate(x) is; undefined where it is no activation. A slope of the file is an f32. */
function joined(of: ActivationFunction): ActivationFunction | undefined {
  if (of.name === 'sigmoid') return { name: 'silu' };
  const isUsual = of.name === 'hard-sigmoid' && Math.abs(of.slope - usualHardSigmoid.slope) < 1e-6 && of.offset === 0.5;
  return isUsual ? { name: 'hard-swish' } : undefined;
}

/** The activation that the product of a tensor with a gate of itself is. */
function ownGate(op: OpContext, input: Activation, gate: Activation): ActivationFunction | undefined {
  const { builder } = op;
  const layer = builder.layerOf(gate.node);
  if (layer.kind !== 'activation' || !gate.hasOneReader || builder.inputsOf(gate.node)[0] !== input.node) return undefined;
  return joined(layer.function);
}

/** Two tensors of one layout, or one and its gate (N, C, 1, 1). */
export function productOf(op: OpContext): Value {
  const [first, second] = [activationAt(op, 0), activationAt(op, 1)];
  const tensor = op.rewritten.node('Mul', [first.tensor, second.tensor]);
  for (const [input, gate] of [
    [first, second],
    [second, first],
  ] as const) {
    const of = ownGate(op, input, gate);
    if (of !== undefined) return addLayer(op, { kind: 'activation', function: of }, [input], { dims: input.dims, tensor });
  }
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
