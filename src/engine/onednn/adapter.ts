/**
 * What the two versions of oneDNN's C interface say differently, as one small contract: memory descriptors, and primitive
 * descriptors made from a description in plain data. `version2.ts` and `version3.ts` implement it; everything that is the
 * same in both is in `native.ts`. An implementation owns nothing: who asks for a descriptor releases it.
 */

/** A memory descriptor: the struct itself in version 2, the address of one in version 3. f32 unless the library made it. */
export type Descriptor = Uint8Array | bigint;

/** The address of a primitive descriptor. */
export type PrimitiveDescriptor = bigint;

/** Square windows are not assumed: pools over a whole image have none. */
export interface Window {
  readonly strides: readonly [number, number];
  /** On both sides of each axis. */
  readonly padding: readonly [number, number];
}

/** Each member makes one kind of primitive. `hint` is the primitive descriptor of a forward pass of the same shapes. */
export type Operation =
  | ({
      readonly kind: 'convolution';
      readonly training: boolean;
      /** As in `constants.convolution`. */
      readonly algorithm: number;
      readonly source: Descriptor;
      readonly weights: Descriptor;
      readonly bias: Descriptor | null;
      readonly destination: Descriptor;
    } & Window)
  | ({
      readonly kind: 'convolution-backward-data';
      readonly algorithm: number;
      readonly sourceGradient: Descriptor;
      readonly weights: Descriptor;
      readonly destinationGradient: Descriptor;
      readonly hint: PrimitiveDescriptor;
    } & Window)
  | ({
      readonly kind: 'convolution-backward-weights';
      readonly algorithm: number;
      readonly source: Descriptor;
      readonly weightsGradient: Descriptor;
      readonly biasGradient: Descriptor | null;
      readonly destinationGradient: Descriptor;
      readonly hint: PrimitiveDescriptor;
    } & Window)
  | {
      readonly kind: 'inner-product';
      readonly training: boolean;
      readonly source: Descriptor;
      readonly weights: Descriptor;
      readonly bias: Descriptor;
      readonly destination: Descriptor;
    }
  | {
      readonly kind: 'inner-product-backward-data';
      readonly sourceGradient: Descriptor;
      readonly weights: Descriptor;
      readonly destinationGradient: Descriptor;
      readonly hint: PrimitiveDescriptor;
    }
  | {
      readonly kind: 'inner-product-backward-weights';
      readonly source: Descriptor;
      readonly weightsGradient: Descriptor;
      readonly biasGradient: Descriptor;
      readonly destinationGradient: Descriptor;
      readonly hint: PrimitiveDescriptor;
    }
  /** Source and destination have one layout. */
  | {
      readonly kind: 'batch-normalization';
      readonly training: boolean;
      readonly data: Descriptor;
      readonly epsilon: number;
      readonly flags: NormalizationFlags;
    }
  | {
      readonly kind: 'batch-normalization-backward';
      readonly gradient: Descriptor;
      readonly data: Descriptor;
      readonly epsilon: number;
      readonly flags: NormalizationFlags;
      readonly hint: PrimitiveDescriptor;
    }
  /** In terms of its output, so that the gradient needs nothing else. */
  | { readonly kind: 'relu'; readonly training: boolean; readonly data: Descriptor }
  | {
      readonly kind: 'relu-backward';
      readonly gradient: Descriptor;
      readonly output: Descriptor;
      readonly hint: PrimitiveDescriptor;
    }
  | ({
      readonly kind: 'pool';
      readonly training: boolean;
      /** As in `constants.pooling`. */
      readonly algorithm: number;
      readonly source: Descriptor;
      readonly destination: Descriptor;
      readonly kernel: readonly [number, number];
    } & Window)
  | ({
      readonly kind: 'pool-backward';
      readonly algorithm: number;
      readonly sourceGradient: Descriptor;
      readonly destinationGradient: Descriptor;
      readonly kernel: readonly [number, number];
      readonly hint: PrimitiveDescriptor;
    } & Window)
  /** destination = first ∘ second, elementwise, the second broadcast; with `accumulate`, added to what the destination holds. */
  | {
      readonly kind: 'binary';
      /** As in `constants.binary`. */
      readonly algorithm: number;
      readonly first: Descriptor;
      readonly second: Descriptor;
      readonly destination: Descriptor;
      readonly accumulate: boolean;
    }
  /** Σ scale·source. The destination may be the first source. */
  | {
      readonly kind: 'sum';
      readonly scales: readonly number[];
      readonly sources: readonly Descriptor[];
      readonly destination: Descriptor;
    }
  /** Along the channels. */
  | { readonly kind: 'concat'; readonly sources: readonly Descriptor[]; readonly destination: Descriptor }
  | { readonly kind: 'reorder'; readonly source: Descriptor; readonly destination: Descriptor };

export type OperationKind = Operation['kind'];
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

/** A status other than success; `unimplemented` among them. */
export type Status = number;

export interface Adapter {
  /** Whether the gradient of a batch normalisation insists on the shift (2) or refuses it (3), which it has no use for. */
  readonly normalizationGradientReadsShift: boolean;
  /** Throws where the library refuses. */
  strided(dimensions: readonly number[], strides: readonly number[]): Descriptor;
  /** Left to the library. */
  any(dimensions: readonly number[]): Descriptor;
  /** A part of another; null where the layout has no such part (it would cut a block). */
  submemory(parent: Descriptor, dimensions: readonly number[], offsets: readonly number[]): Descriptor | null;
  equal(a: Descriptor, b: Descriptor): boolean;
  /** Bytes. */
  size(descriptor: Descriptor): number;
  /** Strides and blocks, and nothing opaque: elementwise work over the whole memory makes sense. */
  isBlocked(descriptor: Descriptor): boolean;
  /** A descriptor of the caller's own. What does not exist (a workspace) is null or has no bytes. */
  query(primitive: PrimitiveDescriptor, what: number): Descriptor | null;
  release(descriptor: Descriptor): void;
  /** Writes the address of the primitive descriptor into `result`. */
  create(operation: Operation, surroundings: PrimitiveContext, result: BigInt64Array): Status;
  /** Makes `result` attributes that add to the destination, out of fresh ones. */
  accumulate(attributes: bigint): Status;
}
