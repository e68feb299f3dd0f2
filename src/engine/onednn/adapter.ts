/**
 * What the two versions of oneDNN's C interface say differently, as one small contract: memory descriptors, and primitive
 * descriptors made from a description in plain data. `version2.ts` and `version3.ts` implement it; everything that is the
 * same in both is in `native.ts`. An implementation owns nothing: who asks for a descriptor releases it.
 */

import type { Response } from '../../network/network.ts';
import type { Precision } from '../../program/precision.ts';
import type { ElementwiseName } from './constants.ts';

/** A memory descriptor: the struct itself in version 2, the address of one in version 3. f32 unless the library made it. */
export type Descriptor = Uint8Array | bigint;

/** The address of a primitive descriptor. */
export type PrimitiveDescriptor = bigint;

/** Square windows are not assumed: pools over a whole image have none. */
export interface Window {
  readonly strides: readonly [number, number];
  /** Before the first row and column; behind the last as well, where `behind` is missing. */
  readonly padding: readonly [number, number];
  readonly behind?: readonly [number, number];
  /** Of convolutions. Missing: 1. */
  readonly dilation?: number;
}

type Descriptors<Name extends string> = { readonly [Each in Name]: Descriptor };

/** The primitive descriptor of a forward pass of the same shapes. */
interface Hinted {
  readonly hint: PrimitiveDescriptor;
}

interface Training {
  readonly training: boolean;
}

/** As in `constants.convolution`, `constants.pooling` and `constants.binary`. */
interface Algorithm {
  readonly algorithm: number;
}

interface Normalization {
  readonly epsilon: number;
  readonly flags: NormalizationFlags;
}

interface Elementwise {
  readonly algorithm: ElementwiseName;
  readonly alpha: number;
  readonly beta: number;
}

interface Sliding extends Algorithm, Window {
  readonly kernel: readonly [number, number];
}

interface Operations {
  convolution: Descriptors<'source' | 'weights' | 'destination'> & { readonly bias: Descriptor | null } & Training &
    Algorithm &
    Window;
  'convolution-backward-data': Descriptors<'sourceGradient' | 'weights' | 'destinationGradient'> & Algorithm & Window & Hinted;
  'convolution-backward-weights': Descriptors<'source' | 'weightsGradient' | 'destinationGradient'> & {
    readonly biasGradient: Descriptor | null;
  } & Algorithm &
    Window &
    Hinted;
  'inner-product': Descriptors<'source' | 'weights' | 'bias' | 'destination'> & Training;
  'inner-product-backward-data': Descriptors<'sourceGradient' | 'weights' | 'destinationGradient'> & Hinted;
  'inner-product-backward-weights': Descriptors<'source' | 'weightsGradient' | 'biasGradient' | 'destinationGradient'> & Hinted;
  /** Source and destination have one layout. */
  'batch-normalization': Descriptors<'data'> & Normalization & Training;
  'batch-normalization-backward': Descriptors<'gradient' | 'data'> & Normalization & Hinted;
  /** Of rows, each of which is normalised: (rows, numbers), the statistics (rows). */
  'layer-normalization': Descriptors<'data' | 'statistics'> & Normalization & Training;
  'layer-normalization-backward': Descriptors<'gradient' | 'data' | 'statistics'> & Normalization & Hinted;
  /** Local response normalisation, across channels. */
  response: Descriptors<'data'> & Response & Training;
  'response-backward': Descriptors<'gradient' | 'data'> & Response & Hinted;
  /** In terms of its output, so that the gradient needs nothing else. */
  relu: Descriptors<'data'> & Training;
  'relu-backward': Descriptors<'gradient' | 'output'> & Hinted;
  /** `clip` gives gradients strictly between its bounds. */
  elementwise: Descriptors<'data'> & Training & Elementwise;
  /** In terms of the input. */
  'elementwise-backward': Descriptors<'gradient' | 'input'> & Hinted & Elementwise;
  pool: Descriptors<'source' | 'destination'> & Sliding & Training;
  'pool-backward': Descriptors<'sourceGradient' | 'destinationGradient'> & Sliding & Hinted;
  /** destination = first ∘ second, elementwise, the second broadcast; with `accumulate`, added to what the destination holds. */
  binary: Descriptors<'first' | 'second' | 'destination'> & Algorithm & { readonly accumulate: boolean };
  /** Σ scale·source. The destination may be the first source. */
  sum: Descriptors<'destination'> & { readonly scales: readonly number[]; readonly sources: readonly Descriptor[] };
  /** Along the channels. */
  concat: Descriptors<'destination'> & { readonly sources: readonly Descriptor[] };
  reorder: Descriptors<'source' | 'destination'>;
}

export type OperationKind = keyof Operations;
/** Makes one kind of primitive. */
export type Operation = { [Kind in OperationKind]: { readonly kind: Kind } & Operations[Kind] }[OperationKind];
export type OperationOf<K extends OperationKind> = Extract<Operation, { kind: K }>;

export interface NormalizationFlags {
  readonly globalStatistics: boolean;
  readonly scaleAndShift: boolean;
  readonly relu: boolean;
}

/** What creating a primitive descriptor needs besides its operation. */
export interface PrimitiveContext {
  readonly engine: bigint;
  /** Says that the scratchpad is the caller's. */
  readonly attributes: bigint;
  /** The same, and that the result is added to the destination. */
  readonly accumulating: bigint;
}

/** How a blocked descriptor lies: axes by strides, in numbers, and blocks of axes inside, from the outermost on. */
export interface Blocks {
  readonly strides: readonly number[];
  readonly sizes: readonly number[];
  readonly axes: readonly number[];
}

/** A status other than success; `unimplemented` among them. */
export type Status = number;

export interface Adapter {
  /** Whether the gradient of a batch normalisation insists on the shift (2) or refuses it (3), which it has no use for. */
  readonly normalizationGradientReadsShift: boolean;
  /** Throws where the library refuses. */
  strided(dimensions: readonly number[], strides: readonly number[]): Descriptor;
  /** Left to the library. */
  any(dimensions: readonly number[], precision: Precision): Descriptor;
  /** A part of another; null where the layout has no such part (it would cut a block). */
  submemory(parent: Descriptor, dimensions: readonly number[], offsets: readonly number[]): Descriptor | null;
  equal(a: Descriptor, b: Descriptor): boolean;
  /** Bytes. */
  size(descriptor: Descriptor): number;
  /** Strides and blocks, and nothing opaque: elementwise work over the whole memory makes sense. */
  isBlocked(descriptor: Descriptor): boolean;
  precision(descriptor: Descriptor): Precision;
  /** Of a blocked descriptor; otherwise null. */
  blocks(descriptor: Descriptor): Blocks | null;
  /** A descriptor of the caller's own. What does not exist (a workspace) is null or has no bytes. */
  query(primitive: PrimitiveDescriptor, what: number): Descriptor | null;
  release(descriptor: Descriptor): void;
  /** Writes the address of the primitive descriptor into `result`. */
  create(operation: Operation, context: PrimitiveContext, result: BigInt64Array): Status;
  /** Makes `result` attributes that add to the destination, out of fresh ones. */
  accumulate(attributes: bigint): Status;
}
