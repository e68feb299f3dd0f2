/**
 * A deployed network: what is left of a network where nothing is trained any more, as frozen plain data. Normalisations by running
 * statistics are part of convolutions where they can be, bounds (ReLU) part of what they follow. Every writer of files for devices
 * starts from it. Values are (C, H, W) of one image; where a format has channels last, its writer turns kernels around.
 */
import type { ActivationFunction } from '../network/activations.ts';
import type { Margins, NodeId, Response, Shape } from '../network/network.ts';

/** 0 is the normalised image; the others are steps' results, in the order of the steps. */
export type ValueId = number;

/** min(max(x, least), most): ReLU is 0 to ∞. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** Square, with margins of its own on each side. */
export interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly margins: Margins;
}

export type Operation =
  /** Weights (filters, input channels / groups, kernel, kernel), zeros around the image. Depthwise: as many groups as channels. */
  | ({
      readonly kind: 'convolution';
      readonly filters: number;
      readonly groups: number;
      readonly weights: Float32Array;
      readonly bias: Float32Array | null;
    } & Window)
  /** Weights (features, C·H·W), the input channel-major. Gives (features, 1, 1). */
  | { readonly kind: 'dense'; readonly features: number; readonly weights: Float32Array; readonly bias: Float32Array }
  /** scale·(x − mean) + shift for each channel: a batch normalisation that stands alone. */
  | { readonly kind: 'affine'; readonly scale: Float32Array; readonly mean: Float32Array; readonly shift: Float32Array }
  /** Each pixel over its channels, then scale and shift for each channel. */
  | {
      readonly kind: 'layer-normalization';
      readonly epsilon: number;
      readonly scale: Float32Array;
      readonly shift: Float32Array;
    }
  | ({ readonly kind: 'response-normalization' } & Response)
  /** Bounds that stand alone. */
  | ({ readonly kind: 'bound' } & Bounds)
  | { readonly kind: 'activation'; readonly function: ActivationFunction }
  /** Margins count as −∞. */
  | ({ readonly kind: 'max-pool' } & Window)
  /** Margins are zeros, which count where `counted`. */
  | ({ readonly kind: 'average-pool'; readonly counted: boolean } & Window)
  /** `lowest`: by the lowest number, for a max-pool. */
  | { readonly kind: 'pad'; readonly value: 'zero' | 'lowest'; readonly margins: Margins }
  | { readonly kind: 'global-average-pool' }
  /** The listed channels, in that order. */
  | { readonly kind: 'select'; readonly take: readonly number[] }
  /** Σ share·input: sums (shares of 1) and convex combinations. */
  | { readonly kind: 'sum'; readonly shares: readonly number[] }
  /** first·second; the second of the first's shape, or (C, 1, 1). */
  | { readonly kind: 'product' }
  | { readonly kind: 'concat' };

export type OperationKind = Operation['kind'];
export type OperationOf<Kind extends OperationKind> = Extract<Operation, { kind: Kind }>;

export interface Step {
  readonly output: ValueId;
  readonly operation: Operation;
  readonly inputs: readonly ValueId[];
  /** Applied to the result; null: none. */
  readonly bounds: Bounds | null;
  readonly shape: Shape;
  /** The node of the network that it is named after. */
  readonly node: NodeId;
}

export interface Deployed {
  readonly image: Shape;
  readonly steps: readonly Step[];
  /** The logits: (classes, 1, 1), or what the network's last layer gives. */
  readonly output: ValueId;
}

/** One row per kind of operation. The compiler requires all of them. */
export type OperationTable<Arguments extends readonly unknown[], Result> = {
  readonly [Kind in OperationKind]: (operation: OperationOf<Kind>, ...rest: Arguments) => Result;
};

/** Calls the row of this operation. */
export function askOperation<Arguments extends readonly unknown[], Result>(
  table: OperationTable<Arguments, Result>,
  operation: Operation,
  ...rest: Arguments
): Result {
  const row = table[operation.kind] as (operation: Operation, ...rest: Arguments) => Result;
  return row(operation, ...rest);
}

/** The shape of a value. */
export function shapeOf({ image, steps }: Deployed, value: ValueId): Shape {
  const shape = value === 0 ? image : steps[value - 1]?.shape;
  if (shape === undefined) throw new Error(`bug: no value ${value} in the deployed network`);
  return shape;
}

/** How many numbers a shape has. */
export const countOf = ({ channels, height, width }: Shape): number => channels * height * width;
