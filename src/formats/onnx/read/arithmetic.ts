/**
 * Add, Sub, Mul and Div: the sum of two tensors; and a number a channel, which at the image is its normalisation, behind a
 * convolution or dense layer its bias, and elsewhere a depthwise convolution 1×1.
 */
import { channelDim, sameDims, dimExtent, type Dims } from './dims.ts';
import {
  activationAt,
  describeValue,
  heldAs,
  layerValue,
  newNumbers,
  type Activation,
  type Pixels,
  type Site,
  type Value,
  type Weights,
  weightsAt,
} from './value.ts';
import type { Shape } from '../../../network/network.ts';

type Operation = 'Add' | 'Sub' | 'Mul' | 'Div';

/** The constant's number for each channel of a tensor that is held so; undefined where it differs within a channel. */
function perChannel({ dims: extents, values }: Weights, dims: Dims, shape: Shape): number[] | undefined {
  const offset = dims.length - extents.length;
  if (offset < 0) return undefined;
  if (values.length === 1) return Array.from({ length: shape.channels }, () => values[0] as number);
  const channels = channelDim(dims, shape);
  const fits = extents.every((extent, index) => extent === 1 || (index + offset === channels && extent === shape.channels));
  return fits && values.length === shape.channels ? [...values] : undefined;
}

/** What the operation does to x: scale·x + shift. `turned`: the constant stands first. */
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

function onPixels(site: Site, image: Pixels, scale: readonly number[], shift: readonly number[], tensor: string): Value {
  if (image.bytes) throw site.fail('it computes with bytes, which no Cast has made numbers');
  if (![...scale, ...shift].every(Number.isFinite) || scale.includes(0)) throw site.fail('a channel of the image would be lost');
  return {
    ...image,
    tensor,
    scale: image.scale.map((factor, channel) => factor * (scale[channel] as number)),
    shift: image.shift.map((sum, channel) => sum * (scale[channel] as number) + (shift[channel] as number)),
  };
}

function onActivation(site: Site, value: Activation, scale: readonly number[], shift: readonly number[], tensor: string): Value {
  const { draft } = site;
  const layer = draft.layerOf(value.node);
  const takesBias = layer.kind === 'convolution' || layer.kind === 'depthwise' || layer.kind === 'dense';
  if (takesBias && value.alone && scale.every((factor) => factor === 1)) {
    draft.addBias(value.node, shift);
    return heldAs(site, value, value.dims, tensor);
  }
  if ([...scale, ...shift].some((number) => !Number.isFinite(number))) throw site.fail('a number that is not finite');
  const channels = scale.length;
  const kernel = newNumbers(site, [channels, 1, 1, 1]);
  const bias = newNumbers(site, [channels]);
  kernel.set(scale);
  bias.set(shift);
  const put = draft.add({ kind: 'depthwise', kernel: 1, stride: 1, padding: 0, bias: true }, [value.node], {
    kernel: { shape: [channels, 1, 1, 1], data: kernel },
    bias: { shape: [channels], data: bias },
  });
  return layerValue(site, put, value.dims, tensor);
}

function withConstant(site: Site, operation: Operation, index: 0 | 1): Value {
  const { draft, clean } = site;
  const other = index === 0 ? 1 : 0;
  const given = site.inputs[index];
  const value = given?.kind === 'pixels' ? given : activationAt(site, index);
  const constant = weightsAt(site, other, 'other input') as Weights;
  const shape = draft.shapeOf(value.kind === 'pixels' ? draft.image : value.node);
  const numbers = perChannel(constant, value.dims, shape);
  if (numbers === undefined)
    throw site.fail(
      `a constant of ${constant.dims.join('×')} for ${value.dims.map((dim) => dimExtent(dim, shape)).join('×')} is not one number a channel`,
    );
  const affine = numbers.map((number) => affineOf(operation, other === 0, number));
  if (affine.includes(undefined)) throw site.fail('a constant over a tensor cannot be represented');
  const scale = affine.map((one) => one?.scale ?? 1);
  const shift = affine.map((one) => one?.shift ?? 0);
  const inputs = other === 0 ? [constant.tensor(), value.tensor] : [value.tensor, constant.tensor()];
  const tensor = clean.node(operation, inputs);
  return value.kind === 'pixels' ? onPixels(site, value, scale, shift, tensor) : onActivation(site, value, scale, shift, tensor);
}

/** Two or more tensors that are computed, held alike. */
export function sumOf(site: Site): Value {
  const parts = site.inputs.map((_input, index) => activationAt(site, index));
  const [first, ...others] = parts;
  if (first === undefined) throw site.fail('it has no input');
  if (others.length === 0) return heldAs(site, first, first.dims, first.tensor);
  const shape = site.draft.shapeOf(first.node);
  for (const other of others) if (!sameDims(first.dims, other.dims, shape)) throw site.fail('its inputs are not held alike');
  const tensor = site.clean.node(
    parts.length === 2 ? 'Add' : 'Sum',
    parts.map((part) => part.tensor),
  );
  const put = site.draft.add(
    { kind: 'add' },
    parts.map((part) => part.node),
    {},
  );
  return layerValue(site, put, first.dims, tensor);
}

export const arithmetic =
  (operation: Operation) =>
  (site: Site): Value => {
    const kinds = site.inputs.map((input) => input?.kind);
    if (kinds.length !== 2) throw site.fail(`it has ${kinds.length} inputs`);
    const constants = kinds.filter((kind) => kind === 'constant').length;
    if (constants === 1) return withConstant(site, operation, kinds[0] === 'constant' ? 1 : 0);
    if (constants === 2) throw site.fail('constants are not computed with');
    const odd = site.inputs.find((input) => input?.kind !== 'activation' && input?.kind !== 'pixels');
    if (odd !== undefined || kinds.includes(undefined)) throw site.fail(`one of its inputs is ${describeValue(odd)}`);
    if (operation !== 'Add') throw site.fail('between two tensors that are computed it cannot be represented');
    return sumOf(site);
  };
