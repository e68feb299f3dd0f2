/**
 * Operators that change a tensor's layout: Transpose, Reshape, Flatten, Squeeze, Unsqueeze; its Shape; and those that take channels:
 * Gather, Slice, Split, SplitToSequence. In the rewritten model, all of the first but Transpose become a Reshape, and all of the last a Gather.
 */
import type { Constant } from './constant.ts';
import type { Shape } from '../../../network/network.ts';
import {
  channelDim,
  dimExtent,
  isChannelDim,
  reshape as reshaped,
  transpose as transposed,
  type Dim,
  type Dims,
} from './dims.ts';
import { slicedPlaces } from './fold.ts';
import { dimensionsOf } from './pooling.ts';
import { takenInOrder } from './strided.ts';
import { splitExtents, splitOf, splitReshaped, splitTransposed } from './shuffle.ts';
import {
  activationAt,
  addLayer,
  constantValue,
  describeValue,
  withDims,
  integersAt,
  type Activation,
  type Pixels,
  type OpContext,
  type Value,
} from './value.ts';

type TensorValue = Activation | Pixels;

const isTensor = (value: Value | undefined): value is TensorValue => value?.kind === 'activation' || value?.kind === 'pixels';

function tensorAt(op: OpContext, index: number): TensorValue {
  const value = op.inputs[index];
  if (isTensor(value)) return value.kind === 'activation' ? activationAt(op, index) : value;
  throw op.fail(
    value?.kind === 'probabilities'
      ? 'it reads a softmax, which is only supported as the last node'
      : `its input is ${describeValue(value)}`,
  );
}

const shapeOf = (op: OpContext, value: TensorValue) =>
  op.builder.shapeOf(value.kind === 'pixels' ? op.builder.image : value.node);

/** Adds a Reshape to those dims to the rewritten model, unless the extents are the same. */
function reshapedTo(op: OpContext, value: TensorValue, dims: Dims): Value {
  const shape = shapeOf(op, value);
  const extents = (of: Dims): readonly number[] =>
    of.map((dim) => {
      const extent = dimExtent(dim, shape);
      return extent === 'N' ? -1 : extent;
    });
  const target = extents(dims);
  const tensor =
    extents(value.dims).join() === target.join()
      ? value.tensor
      : op.rewritten.node('Reshape', [value.tensor, op.rewritten.integers('shape', target)]);
  return withDims(op, value, dims, tensor);
}

/** A constant that is computed from others. */
export const computedConstant = (op: OpContext, constant: Constant): Value => constantValue(op.rewritten, constant, op.fail);

export function transpose(op: OpContext): Value {
  const given = op.inputs[0];
  const rank = isTensor(given) || given?.kind === 'split' ? given.dims.length : 0;
  const permutation = op.attributes.ints('perm') ?? Array.from({ length: rank }, (_none, axis) => rank - 1 - axis);
  if (given?.kind === 'split') return splitTransposed(op, given, permutation);
  // Zeros around it stay for the next layer.
  const held = given?.kind === 'activation' ? given : tensorAt(op, 0);
  const dims = transposed(held.dims, permutation);
  if (typeof dims === 'string') throw op.fail(dims);
  return withDims(op, held, dims, op.rewritten.node('Transpose', [held.tensor], { perm: permutation }));
}

/** The target extents of a Reshape, without the batch; −1 and 0 resolved. */
function targetOf(
  op: OpContext,
  own: readonly (number | 'N')[],
  asked: readonly (number | 'N')[],
  zeroCopies: boolean,
): readonly number[] {
  const numbers = own.reduce<number>((product, extent) => (extent === 'N' ? product : product * extent), 1);
  const extents = asked.map((extent, index) => (extent === 0 && zeroCopies ? (own[index] ?? 0) : extent));
  const [batch, ...others] = extents;
  if (others.includes('N')) throw op.fail('the batch would not come first');
  const known = others.filter((extent) => extent !== -1) as number[];
  if (known.some((extent) => extent < 1) || others.length - known.length > 1 || asked.length === 0)
    throw op.fail(`a shape of ${asked.slice(0, 8).join(', ')} cannot be represented`);
  const product = known.reduce((all, extent) => all * extent, 1);
  const rest = numbers / product;
  // A leading −1 is the batch where the rest is an image's numbers; a fixed batch size stands for any.
  const isBatch = batch === 'N' || (batch === -1 && known.length === others.length) || (batch === op.batch && batch !== null);
  if (!isBatch || !Number.isInteger(rest) || (known.length === others.length && rest !== 1))
    throw op.fail(`a shape of ${asked.slice(0, 8).join(', ')} for ${own.join('×')} would mix images`);
  return (others as number[]).map((extent) => (extent === -1 ? rest : extent));
}

function to(op: OpContext, value: TensorValue, extents: readonly number[]): Value {
  const dims = reshaped(value.dims, extents, shapeOf(op, value));
  if (typeof dims !== 'string') return reshapedTo(op, value, dims);
  const apart = value.kind === 'activation' ? splitReshaped(op, splitOf(value, shapeOf(op, value)), extents) : dims;
  if (typeof apart === 'string') throw op.fail(`to ${extents.join('×')} an image: ${apart}`);
  return apart;
}

/** Extents from which a shape is computed, constant or not. */
function extentsAt(op: OpContext, index: number): Extract<Value, { kind: 'extents' }> {
  const value = op.inputs[index];
  if (value?.kind === 'extents') return value;
  if (value?.kind === 'constant' && value.constant.numbers.kind === 'integers')
    return { kind: 'extents', values: value.constant.numbers.values, dims: value.constant.dims };
  throw op.fail(`its input ${index + 1} is ${describeValue(value)}, not a shape`);
}

export function reshape(op: OpContext): Value {
  const zeroCopies = op.attributes.int('allowzero', 0) === 0;
  const { values } = extentsAt(op, 1);
  const first = op.inputs[0];
  if (first?.kind === 'split') {
    const extents = targetOf(op, splitExtents(first), values, zeroCopies);
    const result = splitReshaped(op, first, extents);
    if (typeof result === 'string') throw op.fail(`to ${extents.join('×')} an image: ${result}`);
    return result;
  }
  const value = tensorAt(op, 0);
  if (values.length === 1 && values[0] === -1 && value.kind === 'activation') return { kind: 'row', of: value };
  const own = value.dims.map((dim) => dimExtent(dim, shapeOf(op, value)));
  return to(op, value, targetOf(op, own, values, zeroCopies));
}

export function flatten(op: OpContext): Value {
  const value = tensorAt(op, 0);
  const axis = op.attributes.int('axis', 1);
  if (axis !== 1 && axis !== 1 - value.dims.length) throw op.fail(`axis ${axis} would mix images`);
  const dims: Dims = ['N', value.dims.flatMap((dim) => (dim === 'N' ? [] : dim))];
  return reshapedTo(op, value, dims);
}

const axesOf = (op: OpContext): readonly number[] | undefined => op.attributes.ints('axes') ?? integersAt(op, 1, 'axes');

export function squeeze(op: OpContext): Value {
  const value = tensorAt(op, 0);
  const shape = shapeOf(op, value);
  const asked = axesOf(op);
  const isOne = (dim: Dim | undefined): boolean => dim !== undefined && dimExtent(dim, shape) === 1;
  const gone =
    asked === undefined
      ? value.dims.flatMap((dim, position) => (isOne(dim) ? [position] : []))
      : dimensionsOf(op, asked, value.dims.length);
  if (!gone.every((position) => isOne(value.dims[position]))) throw op.fail(`axes ${gone.join(', ')} are not all of extent 1`);
  // The removed axes may be restored later: an axis of extent 1 fits in any dimension.
  return reshapedTo(
    op,
    value,
    value.dims.filter((_dim, position) => !gone.includes(position)),
  );
}

export function unsqueeze(op: OpContext): Value {
  const input = tensorAt(op, 0);
  const asked = axesOf(op);
  if (asked === undefined) throw op.fail('it has no axes');
  if (input.dims.length + asked.length > 8) throw op.fail('more than 8 dimensions');
  const added = dimensionsOf(op, asked, input.dims.length + asked.length);
  const left = [...input.dims];
  const dims = Array.from({ length: input.dims.length + added.length }, (_none, position): Dim =>
    added.includes(position) ? [] : (left.shift() as Dim),
  );
  if (dims[0] !== 'N') throw op.fail('the batch would not come first');
  return reshapedTo(op, input, dims);
}

export function shapeAsValue(op: OpContext): Value {
  const given = op.inputs[0];
  const all = given?.kind === 'split' ? splitExtents(given) : extentsOf(op, tensorAt(op, 0));
  const bounds = [op.attributes.int('start', 0), op.attributes.int('end', all.length)] as const;
  const values = all.slice(...bounds);
  return { kind: 'extents', values, dims: [values.length] };
}

const extentsOf = (op: OpContext, value: TensorValue): readonly (number | 'N')[] =>
  value.dims.map((dim) => dimExtent(dim, shapeOf(op, value)));

/** Those channels; the tensor itself where they are all, in order. */
function taking(op: OpContext, input: Activation, take: readonly number[], tensor: string): Activation {
  const { channels } = op.builder.shapeOf(input.node);
  if (take.length === channels && take.every((channel, at) => channel === at)) return withDims(op, input, input.dims, tensor);
  return addLayer(op, { kind: 'select', take }, [input], { dims: input.dims, tensor });
}

/** Along the channels. */
export function gather(op: OpContext): Value {
  const [given] = op.inputs;
  if (given?.kind === 'row' && op.attributes.int('axis', 0) === 0) {
    const { channels, height, width } = shapeOf(op, given.of);
    const extents = takenInOrder(op, op.inputs[1], channels * height * width);
    if (extents === undefined) throw op.fail('it takes numbers out of all images in an order that cannot be represented');
    return to(op, given.of, extents);
  }
  const input = activationAt(op, 0);
  const index = op.inputs[1];
  const [axis = 0] = dimensionsOf(op, [op.attributes.int('axis', 0)], input.dims.length);
  const { channels } = channelsAt(op, input, axis, 'gathered');
  if (index?.kind !== 'constant' || index.constant.numbers.kind !== 'integers' || index.constant.dims.length !== 1)
    throw op.fail('its indices are not a list that is constant');
  const take = index.constant.numbers.values.map((place) => (place < 0 ? place + channels : place));
  const tensor = op.rewritten.node('Gather', [input.tensor, op.rewritten.integers('channels', take)], { axis });
  return taking(op, input, take, tensor);
}

function channelsAt(op: OpContext, input: Activation, axis: number, how: string): Shape {
  const shape = op.builder.shapeOf(input.node);
  if (!isChannelDim(input.dims, axis, shape)) throw op.fail(`only channels can be ${how}`);
  return shape;
}

/** A part of the channels. Other axes stay whole. */
export function slice(op: OpContext): Value {
  const input = activationAt(op, 0);
  const extents = extentsOf(op, input);
  const kept = slicedPlaces(op, extents, (index, name) =>
    op.opset < 10 ? (index > 3 ? undefined : op.attributes.ints(name)) : integersAt(op, index, name),
  );
  const shape = op.builder.shapeOf(input.node);
  const own = channelDim(input.dims, shape);
  const other = [...kept].find(([axis, places]) => axis !== own && places.length !== extents[axis]);
  if (other !== undefined || [...kept.values()].some((places) => places.length === 0))
    throw op.fail('only channels can be sliced');
  const take = kept.get(own) ?? Array.from({ length: shape.channels }, (_none, channel) => channel);
  return taking(op, input, take, gatheredChannels(op, input, take, own));
}

const gatheredChannels = (op: OpContext, input: Activation, take: readonly number[], axis: number): string =>
  op.rewritten.node('Gather', [input.tensor, op.rewritten.integers('channels', take)], { axis });

/** Channels in parts of those sizes, one behind the other. */
function partsOf(op: OpContext, input: Activation, axis: number, sizes: readonly number[]): readonly Activation[] {
  let from = 0;
  return sizes.map((size) => {
    const first = from;
    from += size;
    const take = Array.from({ length: size }, (_none, at) => first + at);
    return taking(op, input, take, gatheredChannels(op, input, take, axis));
  });
}

/** Sizes of parts of the channels, of which all but the last are as large. */
const evenSizes = (channels: number, size: number): readonly number[] =>
  Array.from({ length: Math.ceil(channels / size) }, (_none, at) => Math.min(size, channels - at * size));

export function split(op: OpContext): readonly Value[] {
  const input = activationAt(op, 0);
  const [axis = 0] = dimensionsOf(op, [op.attributes.int('axis', 0)], input.dims.length);
  const { channels } = channelsAt(op, input, axis, 'split');
  const count = op.attributes.int('num_outputs', op.outputs);
  const sizes =
    op.attributes.ints('split') ?? integersAt(op, 1, 'split') ?? evenSizes(channels, Math.max(1, Math.ceil(channels / count)));
  const sum = sizes.reduce((total, size) => total + size, 0);
  if (sizes.length !== op.outputs || sum !== channels || sizes.some((size) => size < 1))
    throw op.fail(`${channels} channels have no parts of ${sizes.slice(0, 8).join(', ')}`);
  return partsOf(op, input, axis, sizes);
}

export function splitToSequence(op: OpContext): Value {
  const input = activationAt(op, 0);
  const [axis = 0] = dimensionsOf(op, [op.attributes.int('axis', 0)], input.dims.length);
  const { channels } = channelsAt(op, input, axis, 'split');
  op.attributes.ignore('keepdims');
  const given = op.inputs[1];
  const sizes = integersAt(op, 1, 'split');
  if (given?.kind !== 'constant' || sizes === undefined) throw op.fail('it does not say the sizes of its parts');
  const [size = 0] = sizes;
  const all = given.constant.dims.length === 0 && size > 0 ? evenSizes(channels, size) : sizes;
  if (all.length > mostParts || all.some((one) => one < 1) || all.reduce((total, one) => total + one, 0) !== channels)
    throw op.fail(`${channels} channels have no parts of ${sizes.slice(0, 8).join(', ')}`);
  return { kind: 'sequence', parts: partsOf(op, input, axis, all) };
}

/** Most tensors in a list. */
const mostParts = 256;

export function sequenceAt(op: OpContext): Value {
  const [sequence] = op.inputs;
  const [place = 0] = integersAt(op, 1, 'position') ?? [];
  const part = sequence?.kind === 'sequence' ? sequence.parts.at(place) : undefined;
  if (part === undefined) throw op.fail(`its input is ${describeValue(sequence)}, of which it cannot take tensor ${place}`);
  return withDims(op, part, part.dims, part.tensor);
}
