/** Values of a model while it is read, and how operators get their inputs. */
import type { Affine } from '../../../network/affine.ts';
import type { Layer, NodeId, Shape } from '../../../network/network.ts';
import { sizeOf } from '../../../network/tensor.ts';
import type { UserError } from '../../../util/user-error.ts';
import type { GraphBuilder } from '../build.ts';
import type { Attributes } from './attributes.ts';
import type { Constant, ConstantReader } from './constant.ts';
import { nchw, sameDims, type Dims } from './dims.ts';
import type { NetworkBuilder, Roles } from './network-builder.ts';

interface Named {
  readonly dims: Dims;
  /** Its name in the rewritten model. */
  readonly tensor: string;
}

/** A layer's output; `dims` says which axes its dimensions are. */
export interface Activation extends Named {
  readonly kind: 'activation';
  readonly node: NodeId;
  /** Whether exactly one node reads it, under any of its names. */
  readonly hasOneReader: boolean;
  /** Tensors of which it is an elementwise function, the nearest first. */
  readonly origins?: readonly Origin[];
  /** Padding by a Pad node, which the next layer includes where it can. */
  readonly zeros?: ZeroPadding;
}

/** Zeros before and after the rows and columns. */
export interface ZeroPadding {
  readonly before: readonly [number, number];
  readonly behind: readonly [number, number];
}

/** The image before the first layer: input·scale + shift for each channel. */
export interface Pixels extends Affine, Named {
  readonly kind: 'pixels';
  /** Whether they are bytes, not cast to floats yet. */
  readonly bytes: boolean;
}

/** A part of an axis: so many places, each so many places of the whole axis further. */
export interface Part {
  readonly axis: 'C' | 'H' | 'W';
  readonly extent: number;
  readonly stride: number;
}

/** A layer's output with its channels in several dimensions, on the way to a shuffle. */
export interface Split {
  readonly kind: 'split';
  readonly of: Activation;
  readonly dims: readonly ('N' | readonly Part[])[];
  readonly tensor: string;
}

/** Places in a row of all images' numbers: image·perImage + offset, with the images as an axis, 'N', of their own. */
export interface Places {
  readonly kind: 'places';
  readonly dims: readonly (number | 'N')[];
  readonly perImage: number;
  /** Row-major, over the other axes. */
  readonly offsets: readonly number[];
}

/** What an elementwise function makes of an earlier tensor. */
export interface Origin {
  readonly of: Activation;
  /** Its values where that tensor has the values of `points` (`formulas.ts`). */
  readonly samples: Float64Array;
}

/** A function of a tensor that is no layer, on the way to one that is. */
export interface Formula extends Named {
  readonly kind: 'formula';
  /** The operator that made it. */
  readonly name: string;
  readonly origins: readonly Origin[];
}

/** What a layer normalisation computes of a tensor, where it is written as several operators. */
export interface Moment {
  readonly kind: 'moment';
  readonly of: Activation;
  /** The mean over channels, the tensor without it, its square, the mean of that, with ε, the root, and 1 over the root. */
  readonly stage: 'mean' | 'centred' | 'square' | 'variance' | 'shifted' | 'deviation' | 'rate';
  /** From `shifted` on. */
  readonly epsilon: number;
  readonly tensor: string;
}

export type Value =
  | Activation
  | Pixels
  | {
      readonly kind: 'constant';
      readonly constant: Constant;
      /** Adds it to the rewritten model and returns its name there. */
      readonly tensor: () => string;
    }
  /** Extents of a tensor, from which shapes are computed. */
  | { readonly kind: 'extents'; readonly values: readonly (number | 'N')[]; readonly dims: readonly number[] }
  | Split
  /** All numbers of all images in a row. */
  | { readonly kind: 'row'; readonly of: Activation }
  | Places
  /** Tensors in a list. */
  | { readonly kind: 'sequence'; readonly parts: readonly Activation[] }
  | Formula
  | Moment
  /** The softmax of logits. */
  | { readonly kind: 'probabilities'; readonly of: Activation };

/** A node that is being read. */
export interface OpContext {
  readonly opset: number;
  /** The operator. */
  readonly name: string;
  /** How many outputs it has. */
  readonly outputs: number;
  /** Undefined for an omitted input. */
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  readonly constants: ConstantReader;
  readonly builder: NetworkBuilder;
  /** The rewritten model. */
  readonly rewritten: GraphBuilder;
  /** Whether exactly one node reads this node's output. */
  readonly hasOneReader: boolean;
  /** The batch size where the model fixes it. */
  readonly batch: number | null;
  note(text: string): void;
  /** An error that names the node. */
  fail(problem: string): UserError;
}

const descriptions: { readonly [K in Value['kind']]: string } = {
  activation: 'a tensor that is computed',
  pixels: 'the image',
  constant: 'a constant',
  extents: 'the shape of a tensor',
  split: 'channels in several dimensions',
  row: 'all images in a row',
  places: 'places that are counted by images',
  sequence: 'a list of tensors',
  formula: 'a function of a tensor',
  moment: 'the mean or deviation of channels, of which no layer normalisation was made',
  probabilities: 'probabilities',
};

export const describeValue = (value: Value | undefined): string =>
  value === undefined
    ? 'nothing'
    : value.kind === 'formula'
      ? `made by ${value.name}, and no activation that can be represented`
      : descriptions[value.kind];

/** A constant that is added to the rewritten model when it is first read. */
export function constantValue(rewritten: GraphBuilder, constant: Constant, fail: (problem: string) => UserError): Value {
  let name: string | undefined;
  const { dims, numbers } = constant;
  const tensor = (): string => {
    if (numbers.kind !== 'floats') throw fail('whole numbers are not supported here');
    return (name ??= rewritten.floats('constant', dims, numbers.values));
  };
  return { kind: 'constant', constant, tensor };
}

/** An input of a layer; the image becomes the normalised image. `zeros`: whether the layer includes zero padding. */
export function activationAt(op: OpContext, index: number, zeros = false): Activation {
  const value = op.inputs[index];
  if (value?.kind === 'activation')
    return value.zeros === undefined || zeros ? value : surrounded(op, value, value.zeros, 'zero');
  if (value?.kind === 'probabilities') throw op.fail('it reads a softmax, which is only supported as the last node');
  if (value?.kind !== 'pixels') throw op.fail(`its input ${index + 1} is ${describeValue(value)}`);
  if (value.bytes) throw op.fail('it reads bytes, which need a Cast to float');
  if (!op.builder.normalise(value)) throw op.fail('the image is normalised in two ways');
  return { kind: 'activation', node: op.builder.image, dims: value.dims, tensor: value.tensor, hasOneReader: false };
}

/** The image with a layer that surrounds it. The rewritten model surrounds it by the node that says so. */
export function surrounded(
  op: OpContext,
  input: Activation,
  { before, behind }: ZeroPadding,
  value: 'zero' | 'lowest',
): Activation {
  const [[top, left], [bottom, right]] = [before, behind];
  const { dims, tensor } = input;
  return addLayer(op, { kind: 'pad', top, left, bottom, right, value }, [input], { dims, tensor });
}

export interface Plane extends Activation {
  readonly shape: Shape;
}

/** An input in the layout (N, C, H, W). */
export function planeAt(op: OpContext, index: number, zeros = false): Plane {
  const value = activationAt(op, index, zeros);
  const shape = op.builder.shapeOf(value.node);
  if (!sameDims(value.dims, nchw, shape)) throw op.fail('its input is not in the layout (N, C, H, W)');
  return { ...value, shape };
}

export interface Weights {
  readonly dims: readonly number[];
  readonly values: Float32Array;
  readonly tensor: () => string;
}

export function weightsAt(op: OpContext, index: number, name: string): Weights | undefined {
  const value = op.inputs[index];
  if (value === undefined) return undefined;
  if (value.kind !== 'constant') throw op.fail(`its ${name} is ${describeValue(value)}, not a constant`);
  const { dims, numbers } = value.constant;
  if (numbers.kind !== 'floats') throw op.fail(`its ${name} is of whole numbers`);
  return { dims, values: numbers.values, tensor: value.tensor };
}

export function neededWeightsAt(op: OpContext, index: number, name: string): Weights {
  const weights = weightsAt(op, index, name);
  if (weights === undefined) throw op.fail(`it has no ${name}`);
  return weights;
}

/** A vector with a number for each channel. */
export function vectorAt(op: OpContext, index: number, name: string, length: number): Weights | undefined {
  const weights = weightsAt(op, index, name);
  if (weights === undefined) return undefined;
  if (weights.dims.length !== 1 || weights.dims[0] !== length)
    throw op.fail(`its ${name} has the extents ${weights.dims.join('×') || 'of one number'}, not ${length}`);
  return weights;
}

/** Whole numbers that are constant: axes, extents, indices. */
export function integersAt(op: OpContext, index: number, name: string): readonly number[] | undefined {
  const value = op.inputs[index];
  if (value === undefined) return undefined;
  if (value.kind === 'constant' && value.constant.numbers.kind === 'integers') return value.constant.numbers.values;
  if (value.kind === 'extents' && !value.values.includes('N')) return value.values as readonly number[];
  throw op.fail(`its ${name} is not constant`);
}

/** A new array, if the file's size justifies it. */
export function newNumbers(op: OpContext, shape: readonly number[]): Float32Array {
  const size = sizeOf(shape);
  if (!Number.isSafeInteger(size) || !op.builder.spend(size))
    throw op.fail(`it would have ${size.toExponential(1)} weights, more than a file of this size can mean`);
  return new Float32Array(size);
}

/** Adds a layer that reads those inputs; its output. */
export function addLayer(
  op: OpContext,
  layer: Layer,
  inputs: readonly Activation[],
  named: Named,
  tensors: Roles = {},
): Activation {
  const nodes = inputs.map(({ node }) => node);
  const node = op.builder.add(layer, nodes, tensors);
  if (typeof node === 'string') throw op.fail(node);
  return { kind: 'activation', node, ...named, hasOneReader: op.hasOneReader };
}

/** The same tensor with another layout and name. */
export const withDims = <V extends Activation | Pixels>(op: OpContext, value: V, dims: Dims, tensor: string): V =>
  value.kind === 'activation'
    ? { ...value, dims, tensor, hasOneReader: value.hasOneReader && op.hasOneReader }
    : { ...value, dims, tensor };
