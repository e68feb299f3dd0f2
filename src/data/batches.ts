/**
 * Fills batches for training and evaluation into the caller's memory: normalised images (N, C, H, W) and labels (N, classes),
 * which sum to 1 for each image. The caller chooses the order of an epoch and the random numbers.
 */
import { assert } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import {
  additionsOff,
  type AllSettings,
  type AugmentationSettings,
  type Batch,
  type BatchStep,
  type ImageInfo,
  type LabelStep,
  type PixelStep,
  type ValueStep,
} from './augmentation/augmentation.ts';
import { augmentations } from './augmentation/table.ts';
import { bytesOf, type Dataset, type Part } from './dataset.ts';

export interface Batcher {
  /** Images a batch. */
  readonly batch: number;
  /**
   * An augmented batch of training images: `indices` from `at` on, which must be a whole batch. Draws random numbers image by
   * image (crop's share, shape, row and column; flip; shift down, shift right; the policy's operation, level and sign;
   * brightness; contrast; saturation; cutout's row, cutout's column), then for the batch (mixup's λ, its permutation), for
   * those augmentations that are on. `epoch`, from 0, matters to alternating flips alone, which draw nothing.
   */
  fillTraining(
    indices: Uint32Array,
    at: number,
    random: Random,
    images: Float32Array,
    labels: Float32Array,
    epoch?: number,
  ): void;
  /**
   * Training images augmented without mixup and smoothing: `indices` from `at` on, at most a batch; the rest is 0. Returns the
   * number of images.
   */
  fillAugmented(
    indices: Uint32Array,
    at: number,
    random: Random,
    images: Float32Array,
    labels: Float32Array,
    epoch?: number,
  ): number;
  /**
   * Images without augmentation: `indices` from `at` on, at most a batch; the rest is 0. Returns the number of images.
   */
  fillClean(part: Part, indices: Uint32Array, at: number, images: Float32Array, labels: Float32Array): number;
}

interface Steps {
  readonly pixels: readonly PixelStep[];
  readonly values: readonly ValueStep[];
  readonly batch: readonly BatchStep[];
  readonly labels: readonly LabelStep[];
  /** (C, 256) */
  readonly levels: Float32Array;
}

function stepsOf(settings: AllSettings, image: ImageInfo): Steps {
  const all = Object.values(augmentations);
  return {
    pixels: all.flatMap((each) => (each.stage === 'pixels' ? (each.create(settings, image) ?? []) : [])),
    values: all.flatMap((each) => (each.stage === 'values' ? (each.create(settings, image) ?? []) : [])),
    batch: all.flatMap((each) => (each.stage === 'batch' ? (each.create(settings, image) ?? []) : [])),
    labels: all.flatMap((each) => (each.stage === 'labels' ? (each.create(settings, image) ?? []) : [])),
    levels: augmentations.normalise.create(settings, image),
  };
}

/** The floats of (C, H, W) bytes. */
function toFloats(from: Uint8Array, levels: Float32Array, area: number, to: Float32Array, offset: number): void {
  for (let start = 0, level = 0; start < from.length; start += area, level += 256) {
    const end = start + area;
    for (let at = start; at < end; at++) to[offset + at] = levels[level + (from[at] as number)] as number;
  }
}

export function createBatcher(dataset: Dataset, settings: AugmentationSettings, batch: number): Batcher {
  assert(Number.isInteger(batch) && batch > 0, () => `a batch of one image or more, not ${batch}`);
  const { shape, mean, std, flip } = dataset;
  const classes = dataset.classes.length;
  const steps = stepsOf({ ...additionsOff, ...settings }, { shape, classes, mean, std, flip, batch });
  const width = bytesOf(shape);
  const area = shape.height * shape.width;
  const image = new Uint8Array(width);
  const newBatch = (): Batch => ({ images: new Float32Array(batch * width), labels: new Float32Array(batch * classes) });
  // Each step over the batch reads one scratch batch and writes the next; the last writes to the caller's.
  const scratch = steps.batch.map(newBatch);

  const check = (images: Float32Array, labels: Float32Array): void => {
    assert(images.length === batch * width, () => `images of ${batch} × ${width} numbers, not ${images.length}`);
    assert(labels.length === batch * classes, () => `labels of ${batch} × ${classes} numbers, not ${labels.length}`);
  };
  /** Copies an image's bytes to `image` and sets its label. */
  const take = (part: Part, index: number, labels: Float32Array, row: number): void => {
    assert(index < part.labels.length, () => `an image below ${part.labels.length}, not ${index}`);
    image.set(part.images.subarray(index * width, (index + 1) * width));
    labels[row * classes + (part.labels[index] as number)] = 1;
  };

  const filledOf = (indices: Uint32Array, at: number): number => Math.max(0, Math.min(batch, indices.length - at));
  /** Fills `count` rows, each augmented separately. */
  function augment(indices: Uint32Array, at: number, count: number, random: Random, to: Batch, epoch: number): void {
    to.labels.fill(0);
    for (let row = 0; row < count; row++) {
      const index = indices[at + row] as number;
      take(dataset.train, index, to.labels, row);
      for (const step of steps.pixels) step(image, random, index, epoch);
      toFloats(image, steps.levels, area, to.images, row * width);
      for (const step of steps.values) step(to.images, row * width, random);
    }
  }

  return {
    batch,
    fillTraining(indices, at, random, images, labels, epoch = 0) {
      check(images, labels);
      assert(at >= 0 && at + batch <= indices.length, () => `a whole batch at ${at} of ${indices.length} images`);
      augment(indices, at, batch, random, scratch[0] ?? { images, labels }, epoch);
      steps.batch.forEach((step, position) =>
        step(scratch[position] as Batch, scratch[position + 1] ?? { images, labels }, random),
      );
      for (const step of steps.labels) step(labels);
    },
    fillAugmented(indices, at, random, images, labels, epoch = 0) {
      check(images, labels);
      const filled = filledOf(indices, at);
      images.fill(0, filled * width);
      augment(indices, at, filled, random, { images, labels }, epoch);
      return filled;
    },
    fillClean(part, indices, at, images, labels) {
      check(images, labels);
      const filled = filledOf(indices, at);
      labels.fill(0);
      images.fill(0, filled * width);
      for (let row = 0; row < filled; row++) {
        take(part, indices[at + row] as number, labels, row);
        toFloats(image, steps.levels, area, images, row * width);
      }
      return filled;
    },
  };
}
