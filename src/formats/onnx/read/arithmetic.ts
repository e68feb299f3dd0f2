/**
 * Add, Sub, Mul and Div: the sum of two tensors; or an operation with a constant for each channel, which is the normalisation of
 * the image, the bias of a convolution or dense layer, or else a depthwise 1×1 convolution.
 */
import { productOf } from './activations.ts';
import { channelDim, sameDims, dimExtent, type Dims } from './dims.ts';
import { formulaOf, operandAt, recognised, throughBoth, throughOne } from './formulas.ts';
import {
  activationAt,
  addLayer,
  describeValue,
  withDims,
  newNumbers,
  type Activation,
  type Pixels,
  type OpContext,
  type Origin,
  type Value,
  type Weights,
  weightsAt,
} from './value.ts';
import type { Layer, Shape } from '../../../network/network.ts';
import type { Roles } from './network-builder.ts';

type Operation = 'Add' | 'Sub' | 'Mul' | 'Div';

/** The constant's number for each channel of a tensor with that layout; undefined where it varies within a channel. */
function perChannel({ dims: extents, values }: Weights, dims: Dims, shape: Shape): number[] | undefined {
  const offset = dims.length - extents.length;
  if (offset < 0) return undefined;
  if (values.length === 1) return Array.from({ length: shape.channels }, () => values[0] as number);
  const channels = channelDim(dims, shape);
  const fits = extents.every((extent, index) => extent === 1 || (index + offset === channels && extent === shape.channels));
  return fits && values.length === shape.channels ? [...values] : undefined;
}

const compute: { readonly [O in Operation]: (a: number, b: number) => number } = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
};

/** What a function with these origins is: an activation, or a formula still. */
const throughFormula = (op: OpContext, origins: readonly Origin[], dims: Dims, tensor: string): Value =>
  recognised(op, origins, { dims, tensor }) ?? formulaOf(op, origins, dims, tensor);

/** Both operands are computed from one tensor, elementwise: the activation that this is, or what the operation itself gives. */
function ofBoth(op: OpContext, operation: Operation): Value {
  const [first, second] = [operandAt(op, 0), operandAt(op, 1)];
  const origins = throughBoth(first, second, compute[operation]);
  const tensor = op.rewritten.node(operation, [first.tensor, second.tensor]);
  const known = recognised(op, origins, { dims: first.dims, tensor });
  if (known !== undefined) return known;
  const areLayers = first.kind === 'activation' && second.kind === 'activation';
  if (areLayers && operation === 'Mul') return { ...productOf(op, first, second, tensor), origins };
  if (areLayers && operation === 'Add') return { ...sumOfLayers(op, [first, second], tensor), origins };
  if (origins.length > 0) return formulaOf(op, origins, first.dims, tensor);
  const formula = [first, second].find(({ kind }) => kind === 'formula');
  throw op.fail(
    formula === undefined
      ? 'with two computed tensors it cannot be represented'
      : `one of its inputs is ${describeValue(formula)}`,
  );
}

/** The operation as scale·x + shift. `turned`: the constant is the first operand. */
function affineOf(operation: Operation, turned: boolean, c: number): { scale: number; shift: number } | undefined {
  switch (operation) {
    case 'Add':
      return { scale: 1, shift: c };
    case 'Sub':
      return turned ? { scale: -1, shift: c } : { scale: 1, shift: -c };
    case 'Mul':
      return { scale: c, shift: 0 };
    case 'Div':
      return turned ? undefined : { scale: 1 / c, shift: 0 };
  }
}

function onPixels(op: OpContext, image: Pixels, scale: readonly number[], shift: readonly number[], tensor: string): Value {
  if (image.bytes) throw op.fail('it computes with bytes, which need a Cast to float');
  if (![...scale, ...shift].every(Number.isFinite) || scale.includes(0)) throw op.fail('a channel of the image would be lost');
  return {
    ...image,
    tensor,
    scale: image.scale.map((factor, channel) => factor * (scale[channel] as number)),
    shift: image.shift.map((sum, channel) => sum * (scale[channel] as number) + (shift[channel] as number)),
  };
}

function onActivation(
  op: OpContext,
  value: Activation,
  scale: readonly number[],
  shift: readonly number[],
  tensor: string,
): Activation {
  const { builder } = op;
  const takesBias = ['convolution', 'depthwise', 'dense'].includes(builder.layerOf(value.node).kind);
  if (takesBias && value.hasOneReader && scale.every((factor) => factor === 1)) {
    builder.addBias(value.node, shift);
    const { origins: _before, ...whole } = withDims(op, value, value.dims, tensor);
    return whole;
  }
  if ([...scale, ...shift].some((number) => !Number.isFinite(number))) throw op.fail('a number that is not finite');
  if (builder.layerOf(value.node).kind === 'layer-normalization' && value.hasOneReader) {
    builder.rescale(value.node, scale, shift);
    const { origins: _before, ...whole } = withDims(op, value, value.dims, tensor);
    return whole;
  }
  const channels = scale.length;
  const kernel = newNumbers(op, [channels, 1, 1, 1]);
  const bias = newNumbers(op, [channels]);
  kernel.set(scale);
  bias.set(shift);
  const layer: Layer = { kind: 'depthwise', kernel: 1, stride: 1, padding: 0, bias: true };
  const tensors: Roles = { kernel: { shape: [channels, 1, 1, 1], data: kernel }, bias: { shape: [channels], data: bias } };
  return addLayer(op, layer, [value], { dims: value.dims, tensor }, tensors);
}

function withConstant(op: OpContext, operation: Operation, index: 0 | 1): Value {
  const { builder, rewritten } = op;
  const other = index === 0 ? 1 : 0;
  const given = op.inputs[index];
  const constant = weightsAt(op, other, 'other input') as Weights;
  const [only] = constant.values;
  const isOne = constant.values.length === 1 && only !== undefined;
  const of = (x: number): number => (other === 0 ? compute[operation](only as number, x) : compute[operation](x, only as number));
  if (given?.kind === 'formula') {
    if (!isOne) throw op.fail(`its input ${index + 1} is ${describeValue(given)}`);
    const names = other === 0 ? [constant.tensor(), given.tensor] : [given.tensor, constant.tensor()];
    return throughFormula(op, throughOne(given, of), given.dims, rewritten.node(operation, names));
  }
  const value = given?.kind === 'pixels' ? given : activationAt(op, index);
  const origins = isOne && value.kind === 'activation' ? throughOne(value, of) : [];
  const shape = builder.shapeOf(value.kind === 'pixels' ? builder.image : value.node);
  const numbers = perChannel(constant, value.dims, shape);
  if (numbers === undefined)
    throw op.fail(
      `a constant of ${constant.dims.join('×')} for ${value.dims.map((dim) => dimExtent(dim, shape)).join('×')} is not one number for each channel`,
    );
  const inputs = other === 0 ? [constant.tensor(), value.tensor] : [value.tensor, constant.tensor()];
  const tensor = rewritten.node(operation, inputs);
  if (origins.length > 0) {
    const known = recognised(op, origins, { dims: value.dims, tensor });
    if (known !== undefined) return known;
    if (operation === 'Div' && other === 0) return formulaOf(op, origins, value.dims, tensor);
  }
  const affine = numbers.map((number) => affineOf(operation, other === 0, number));
  if (affine.includes(undefined)) throw op.fail('a constant divided by a tensor cannot be represented');
  const scale = affine.map((one) => one?.scale ?? 1);
  const shift = affine.map((one) => one?.shift ?? 0);
  if (value.kind === 'pixels') return onPixels(op, value, scale, shift, tensor);
  const result = onActivation(op, value, scale, shift, tensor);
  // A bias that was added to the layer itself made another tensor of it.
  return { ...result, origins: result.node === value.node ? origins.slice(1) : origins };
}

/** The sum of tensors of the same layout. */
export function sumOf(op: OpContext): Value {
  const parts = op.inputs.map((_input, index) => activationAt(op, index));
  const [first, ...others] = parts;
  if (first === undefined) throw op.fail('it has no input');
  if (others.length === 0) return withDims(op, first, first.dims, first.tensor);
  const names = parts.map((part) => part.tensor);
  return sumOfLayers(op, parts, op.rewritten.node(parts.length === 2 ? 'Add' : 'Sum', names));
}

function sumOfLayers(op: OpContext, parts: readonly Activation[], tensor: string): Activation {
  const [first, ...others] = parts as readonly [Activation, ...Activation[]];
  const shape = op.builder.shapeOf(first.node);
  for (const other of others) if (!sameDims(first.dims, other.dims, shape)) throw op.fail('its inputs are of different layouts');
  return addLayer(op, { kind: 'add' }, parts, { dims: first.dims, tensor });
}

const computed: ReadonlySet<Value['kind'] | undefined> = new Set(['activation', 'pixels', 'formula']);

export const arithmetic =
  (operation: Operation) =>
  (op: OpContext): Value => {
    const kinds = op.inputs.map((input) => input?.kind);
    if (kinds.length !== 2) throw op.fail(`it has ${kinds.length} inputs`);
    const constants = kinds.filter((kind) => kind === 'constant').length;
    if (constants === 1) return withConstant(op, operation, kinds[0] === 'constant' ? 1 : 0);
    const odd = op.inputs.find((input) => !computed.has(input?.kind));
    if (odd !== undefined || kinds.includes(undefined)) throw op.fail(`one of its inputs is ${describeValue(odd)}`);
    return ofBoth(op, operation);
  };
