/**
 * Add, Sub, Mul and Div: the sum of two tensors; or an operation with a constant for each channel, which is the normalisation of
 * the image, the bias of a convolution or dense layer, or else a depthwise 1×1 convolution.
 */
import { productOf } from './activations.ts';
import { channelDim, sameDims, dimExtent, type Dims } from './dims.ts';
import {
  activationAt,
  addLayer,
  describeValue,
  withDims,
  newNumbers,
  type Activation,
  type Pixels,
  type OpContext,
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
): Value {
  const { builder } = op;
  const takesBias = ['convolution', 'depthwise', 'dense'].includes(builder.layerOf(value.node).kind);
  if (takesBias && value.hasOneReader && scale.every((factor) => factor === 1)) {
    builder.addBias(value.node, shift);
    return withDims(op, value, value.dims, tensor);
  }
  if ([...scale, ...shift].some((number) => !Number.isFinite(number))) throw op.fail('a number that is not finite');
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
  const value = given?.kind === 'pixels' ? given : activationAt(op, index);
  const constant = weightsAt(op, other, 'other input') as Weights;
  const shape = builder.shapeOf(value.kind === 'pixels' ? builder.image : value.node);
  const numbers = perChannel(constant, value.dims, shape);
  if (numbers === undefined)
    throw op.fail(
      `a constant of ${constant.dims.join('×')} for ${value.dims.map((dim) => dimExtent(dim, shape)).join('×')} is not one number for each channel`,
    );
  const affine = numbers.map((number) => affineOf(operation, other === 0, number));
  if (affine.includes(undefined)) throw op.fail('a constant divided by a tensor cannot be represented');
  const scale = affine.map((one) => one?.scale ?? 1);
  const shift = affine.map((one) => one?.shift ?? 0);
  const inputs = other === 0 ? [constant.tensor(), value.tensor] : [value.tensor, constant.tensor()];
  const tensor = rewritten.node(operation, inputs);
  return value.kind === 'pixels' ? onPixels(op, value, scale, shift, tensor) : onActivation(op, value, scale, shift, tensor);
}

/** The sum of tensors of the same layout. */
export function sumOf(op: OpContext): Value {
  const parts = op.inputs.map((_input, index) => activationAt(op, index));
  const [first, ...others] = parts;
  if (first === undefined) throw op.fail('it has no input');
  if (others.length === 0) return withDims(op, first, first.dims, first.tensor);
  const shape = op.builder.shapeOf(first.node);
  for (const other of others) if (!sameDims(first.dims, other.dims, shape)) throw op.fail('its inputs are of different layouts');
  const names = parts.map((part) => part.tensor);
  const tensor = op.rewritten.node(parts.length === 2 ? 'Add' : 'Sum', names);
  return addLayer(op, { kind: 'add' }, parts, { dims: first.dims, tensor });
}

export const arithmetic =
  (operation: Operation) =>
  (op: OpContext): Value => {
    const kinds = op.inputs.map((input) => input?.kind);
    if (kinds.length !== 2) throw op.fail(`it has ${kinds.length} inputs`);
    const constants = kinds.filter((kind) => kind === 'constant').length;
    if (constants === 1) return withConstant(op, operation, kinds[0] === 'constant' ? 1 : 0);
    if (constants === 2) throw op.fail('operations on two constants cannot be represented');
    const odd = op.inputs.find((input) => input?.kind !== 'activation' && input?.kind !== 'pixels');
    if (odd !== undefined || kinds.includes(undefined)) throw op.fail(`one of its inputs is ${describeValue(odd)}`);
    if (operation === 'Mul') return productOf(op);
    if (operation !== 'Add') throw op.fail('with two computed tensors it cannot be represented');
    return sumOf(op);
  };
