/**
 * The contract of augmentations. Each is one row of `table.ts`. Where it acts decides what it may touch:
 *
 *     bytes of one image ── pixels ── normalise ──▶ floats of one image ── values ──▶ a whole batch ── batch ──▶ out
 *
 * `create` is asked once, and gives undefined where the settings switch the augmentation off (it then draws no random
 * numbers either). Steps may keep scratch memory of their own, allocate nothing while they work and draw from the `random`
 * that they are given, always as many numbers in the same order for the same settings (Beta's rejections excepted).
 */
import type { Random } from '../../util/random.ts';
import type { Content } from '../dataset.ts';

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
}

/** Images as they are: what is measured on. */
export const clean = (normalise: boolean): AugmentationSettings => ({ flip: false, normalise, shift: 0, cutout: 0, mixup: 0 });

/** What the images are, as far as augmentations care. */
export interface ImageInfo extends Pick<Content, 'shape' | 'mean' | 'std' | 'flip'> {
  readonly classes: number;
  /** Images a batch. */
  readonly batch: number;
}

/** Changes one image in place: (C, H, W) bytes. */
export type PixelStep = (image: Uint8Array, random: Random) => void;
/** Changes in place the image that starts at `offset`: (C, H, W) normalised floats. */
export type ValueStep = (images: Float32Array, offset: number, random: Random) => void;
/** Writes a batch from another: images (N, C, H, W) and labels (N, classes). The four arrays do not overlap. */
export type BatchStep = (from: Batch, to: Batch, random: Random) => void;

export interface Batch {
  readonly images: Float32Array;
  readonly labels: Float32Array;
}

export type Augmentation =
  | { readonly stage: 'pixels'; create(settings: AugmentationSettings, subject: ImageInfo): PixelStep | undefined }
  /** Gives the float of each byte: (C, 256). */
  | { readonly stage: 'normalise'; create(settings: AugmentationSettings, subject: ImageInfo): Float32Array }
  | { readonly stage: 'values'; create(settings: AugmentationSettings, subject: ImageInfo): ValueStep | undefined }
  | { readonly stage: 'batch'; create(settings: AugmentationSettings, subject: ImageInfo): BatchStep | undefined };
