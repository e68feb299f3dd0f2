/** What a tensor of a model is while it is read, and how an operator's row asks for what it needs of its inputs. */
import type { NodeId, Shape } from '../../../network/network.ts';
import { sizeOf } from '../../../network/tensor.ts';
import type { UserError } from '../../../util/user-error.ts';
import type { GraphBuilder } from '../build.ts';
import type { Attributes } from './attributes.ts';
import type { Constant, ConstantReader } from './constant.ts';
import { nchw, sameDims, type Dims } from './dims.ts';
import type { Affine, Draft } from './draft.ts';

/** What a layer of the network gives, held as `dims` say. */
export interface Activation {
  readonly kind: 'activation';
  readonly node: NodeId;
  readonly dims: Dims;
  /** Its name in the model that is written anew. */
  readonly tensor: string;
  /** Whether one node alone reads it, here and under any other name. */
  readonly alone: boolean;
  /** Zeros that a Pad put around its rows and columns, which what reads it has to count in. */
  readonly zeros?: Zeros;
}

/** Rows and columns before and behind. */
export interface Zeros {
  readonly before: readonly [number, number];
  readonly behind: readonly [number, number];
}

/** The image, before the first layer: what went in, times and plus a number a channel. */
export interface Pixels extends Affine {
  readonly kind: 'pixels';
  readonly dims: Dims;
  readonly tensor: string;
  /** Bytes that no Cast has made floats yet. */
  readonly bytes: boolean;
}

export type Value =
  | Activation
  | Pixels
  | {
      readonly kind: 'constant';
      readonly constant: Constant;
      /** Its name in the model that is written anew, where it is put by asking for it. */
      readonly tensor: () => string;
    }
  /** A tensor's extents, or some of them: what shapes are computed from. */
  | { readonly kind: 'extents'; readonly values: readonly (number | 'N')[]; readonly scalar: boolean }
  /** The softmax of logits. */
  | { readonly kind: 'probabilities'; readonly of: Activation };

/** One node while it is read. */
export interface Site {
  readonly opset: number;
  /** Undefined where an input is left out. */
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  readonly constants: ConstantReader;
  readonly draft: Draft;
  /** The model that is written anew. */
  readonly clean: GraphBuilder;
  /** Whether one node alone reads what this one gives. */
  readonly alone: boolean;
  /** The extent of the batch where the model fixes it. */
  readonly batch: number | null;
  note(text: string): void;
  /** An error that names the node. */
  fail(problem: string): UserError;
}

export const describeValue = (value: Value | undefined): string => {
  switch (value?.kind) {
    case undefined:
      return 'nothing';
    case 'activation':
      return 'a tensor that is computed';
    case 'pixels':
      return 'the image';
    case 'constant':
      return 'a constant';
    case 'extents':
      return 'the shape of a tensor';
    case 'probabilities':
      return 'probabilities';
  }
};

/** What a layer reads there: the image becomes what it is normalised to. `zeros`: whether zeros around it are counted in. */
export function activationAt(site: Site, index: number, zeros = false): Activation {
  const value = site.inputs[index];
  if (value?.kind === 'activation') {
    if (value.zeros !== undefined && !zeros)
      throw site.fail('a Pad stands before it: only before a Conv or a pool can it be represented');
    return value;
  }
  if (value?.kind === 'probabilities') throw site.fail('a softmax stands before it: it can only be the last');
  if (value?.kind !== 'pixels') throw site.fail(`its input ${index + 1} is ${describeValue(value)}`);
  if (value.bytes) throw site.fail('it reads bytes, which no Cast has made numbers');
  if (!site.draft.normalise(value)) throw site.fail('the image is normalised in two ways');
  return { kind: 'activation', node: site.draft.image, dims: value.dims, tensor: value.tensor, alone: false };
}

export interface Plane extends Activation {
  readonly shape: Shape;
}

/** A tensor that stands as (N, C, H, W). */
export function planeAt(site: Site, index: number, zeros = false): Plane {
  const value = activationAt(site, index, zeros);
  const shape = site.draft.shapeOf(value.node);
  if (!sameDims(value.dims, nchw, shape))
    throw site.fail('its input is not an image of channels, rows and columns in that order');
  return { ...value, shape };
}

export interface Weights {
  readonly dims: readonly number[];
  readonly values: Float32Array;
  readonly tensor: () => string;
}

export function weightsAt(site: Site, index: number, name: string): Weights | undefined {
  const value = site.inputs[index];
  if (value === undefined) return undefined;
  if (value.kind !== 'constant') throw site.fail(`its ${name} is ${describeValue(value)}, not a constant`);
  const { dims, numbers } = value.constant;
  if (numbers.kind !== 'floats') throw site.fail(`its ${name} is of whole numbers`);
  return { dims, values: numbers.values, tensor: value.tensor };
}

export function neededWeightsAt(site: Site, index: number, name: string): Weights {
  const weights = weightsAt(site, index, name);
  if (weights === undefined) throw site.fail(`it has no ${name}`);
  return weights;
}

/** A number a channel. */
export function vectorAt(site: Site, index: number, name: string, length: number): Weights | undefined {
  const weights = weightsAt(site, index, name);
  if (weights === undefined) return undefined;
  if (weights.dims.length !== 1 || weights.dims[0] !== length)
    throw site.fail(`its ${name} has the extents ${weights.dims.join('×') || 'of one number'}, not ${length}`);
  return weights;
}

/** Whole numbers that are known: axes, extents, indices. */
export function integersAt(site: Site, index: number, name: string): readonly number[] | undefined {
  const value = site.inputs[index];
  if (value === undefined) return undefined;
  if (value.kind === 'constant' && value.constant.numbers.kind === 'integers') return value.constant.numbers.values;
  if (value.kind === 'extents' && !value.values.includes('N')) return value.values as readonly number[];
  throw site.fail(`its ${name} is not known before an image is`);
}

/** A new array of so many f32, where the file justifies it. */
export function newNumbers(site: Site, shape: readonly number[]): Float32Array {
  const size = sizeOf(shape);
  if (!Number.isSafeInteger(size) || !site.draft.spend(size))
    throw site.fail(`it would have ${size.toExponential(1)} weights, more than a file of this size can mean`);
  return new Float32Array(size);
}

/** What a layer gives: the layer is put, or the node is said to be impossible. */
export function layerValue(site: Site, put: NodeId | string, dims: Dims, tensor: string): Activation {
  if (typeof put === 'string') throw site.fail(put);
  return { kind: 'activation', node: put, dims, tensor, alone: site.alone };
}

/** The same tensor under another name, held otherwise. */
export const heldAs = <V extends Activation | Pixels>(site: Site, value: V, dims: Dims, tensor: string): V =>
  value.kind === 'activation' ? { ...value, dims, tensor, alone: value.alone && site.alone } : { ...value, dims, tensor };
