/**
 * The contract of augmentations. Each is one file and one row of `table.ts`. Where it acts decides what it may touch:
 *
 *     bytes of one image ── pixels ── normalise ──▶ floats of one image ── values ──▶ a whole batch ── batch ── labels ──▶ out
 *
 * `create` is asked once, and gives undefined where the settings switch the augmentation off (it then draws no random
 * numbers either). Steps may keep scratch memory of their own, allocate nothing for an image and draw from the `random` that
 * they are given, always as many numbers in the same order for the same settings (Beta's rejections excepted).
 */
import type { Shape } from '../../network/network.ts';
import type { Random } from '../../util/random.ts';

/** What a shift brings in. */
export const edgeNames = ['black', 'mirror'] as const;
export type EdgeName = (typeof edgeNames)[number];
export const edgeSummaries: { readonly [Name in EdgeName]: string } = {
  black: 'pixels of 0',
  mirror: 'the image mirrored at its edge',
};

export const policyNames = ['none', 'trivial'] as const;
export type PolicyName = (typeof policyNames)[number];
export const policySummaries: { readonly [Name in PolicyName]: string } = {
  none: 'no operation',
  trivial: 'one random operation of random strength for each image (TrivialAugment)',
};

/** A setting that is absent has its value in `additionsOff`. */
export interface AugmentationSettings {
  readonly flip: boolean;
  /** Off: values are pixels/255. */
  readonly normalise: boolean;
  /** Fraction of the side, 0 to 1; 0 switches it off. */
  readonly shift: number;
  /** Fraction of the side, 0 to 1; 0 switches it off. */
  readonly cutout: number;
  /** α of the Beta distribution; 0 switches it off. */
  readonly mixup: number;
  /** Whether `flip` mirrors an image in every second epoch, instead of by chance. */
  readonly alternate?: boolean;
  /** What `shift` brings in. */
  readonly edges?: EdgeName;
  /** Smallest share of the area that a random crop keeps, above 0; 1 switches it off. */
  readonly crop?: number;
  /** The factor of brightness is uniform in 1 ± this, 0 to 1; 0 switches it off. */
  readonly brightness?: number;
  /** The factor of contrast is uniform in 1 ± this, 0 to 1; 0 switches it off. */
  readonly contrast?: number;
  /** The factor of saturation is uniform in 1 ± this, 0 to 1; 0 switches it off. */
  readonly saturation?: number;
  /** Random operations on each image. */
  readonly policy?: PolicyName;
  /** Share of a label that is spread over all classes, 0 to 1; 0 switches it off. */
  readonly smoothing?: number;
}

/** What the paper does not have, switched off. */
export const additionsOff = {
  alternate: false,
  edges: 'black',
  crop: 1,
  brightness: 0,
  contrast: 0,
  saturation: 0,
  policy: 'none',
  smoothing: 0,
} as const satisfies Partial<AugmentationSettings>;

/** Settings with a value for each. */
export type AllSettings = Required<AugmentationSettings>;

/** Images as they are: what is measured on. */
export const clean = (normalise: boolean): AugmentationSettings => ({ flip: false, normalise, shift: 0, cutout: 0, mixup: 0 });

/** What the images are, as far as augmentations care. */
export interface ImageInfo {
  readonly shape: Shape;
  readonly classes: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** May be mirrored. */
  readonly flip: boolean;
  /** Images a batch. */
  readonly batch: number;
}

/** Changes one image in place: (C, H, W) bytes. `index`: into the training part; `epoch`: from 0. */
export type PixelStep = (image: Uint8Array, random: Random, index: number, epoch: number) => void;
/** The float of each byte: (C, 256). */
export type Levels = Float32Array;
/** Changes in place the image that starts at `offset`: (C, H, W) normalised floats. */
export type ValueStep = (images: Float32Array, offset: number, random: Random) => void;
/** Writes a batch from another: images (N, C, H, W) and labels (N, classes). The four arrays do not overlap. */
export type BatchStep = (from: Batch, to: Batch, random: Random) => void;
/** Changes the labels (N, classes) of a training batch in place; their sums stay. Draws nothing. */
export type LabelStep = (labels: Float32Array) => void;

export interface Batch {
  readonly images: Float32Array;
  readonly labels: Float32Array;
}

export type Augmentation =
  | { readonly stage: 'pixels'; create(settings: AllSettings, subject: ImageInfo): PixelStep | undefined }
  | { readonly stage: 'normalise'; create(settings: AllSettings, subject: ImageInfo): Levels }
  | { readonly stage: 'values'; create(settings: AllSettings, subject: ImageInfo): ValueStep | undefined }
  | { readonly stage: 'batch'; create(settings: AllSettings, subject: ImageInfo): BatchStep | undefined }
  | { readonly stage: 'labels'; create(settings: AllSettings, subject: ImageInfo): LabelStep | undefined };
