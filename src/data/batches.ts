/**
 * Batches for training and for measuring, written into memory that the caller owns: images (N, C, H, W) as the network takes
 * them, labels (N, classes) as shares that add up to 1. The order of an epoch and its random numbers come from the caller;
 * the incomplete last batch of a training epoch is left out by asking for whole batches only.
 */
import { assert } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import type { AugmentationSettings, Batch, BatchStep, PixelStep, RunDetails, ValueStep } from './augmentation/augmentation.ts';
import { augmentations } from './augmentation/table.ts';
import { bytesOf, type Dataset, type Part } from './dataset.ts';

export interface Batcher {
  /** Images a batch. */
  readonly batch: number;
  /**
   * One augmented batch of training images: those of `indices` from position `at` on, which must be a whole batch. Random
   * numbers are drawn image by image (flip, shift down, shift right, cutout's row, cutout's column), then for the batch
   * (mixup's λ, its permutation), as far as they are switched on.
   */
  fillTraining(indices: Uint32Array, at: number, random: Random, images: Float32Array, labels: Float32Array): void;
  /**
   * The same image by image: nothing is mixed, so that each has its own label. Those of `indices` from position `at` on, as
   * many as there are, at most a batch; what they do not fill is 0. Returns how many they are.
   */
  fillAugmented(indices: Uint32Array, at: number, random: Random, images: Float32Array, labels: Float32Array): number;
  /**
   * Images as they are, normalised alike: those of `indices` from position `at` on, as many as there are, at most a batch.
   * What they do not fill is 0. Returns how many they are.
   */
  fillClean(part: Part, indices: Uint32Array, at: number, images: Float32Array, labels: Float32Array): number;
}

interface Steps {
  readonly pixels: readonly PixelStep[];
  readonly values: readonly ValueStep[];
  readonly batch: readonly BatchStep[];
  /** (C, 256) */
  readonly levels: Float32Array;
}

function keep<T>(steps: T[], step: T | undefined): void {
  if (step !== undefined) steps.push(step);
}

function stepsOf(settings: AugmentationSettings, subject: RunDetails): Steps {
  const pixels: PixelStep[] = [];
  const values: ValueStep[] = [];
  const batch: BatchStep[] = [];
  let levels = new Float32Array();
  for (const augmentation of Object.values(augmentations)) {
    switch (augmentation.stage) {
      case 'pixels':
        keep(pixels, augmentation.create(settings, subject));
        break;
      case 'normalise':
        levels = augmentation.create(settings, subject);
        break;
      case 'values':
        keep(values, augmentation.create(settings, subject));
        break;
      case 'batch':
        keep(batch, augmentation.create(settings, subject));
        break;
    }
  }
  return { pixels, values, batch, levels };
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
  const steps = stepsOf(settings, { shape, classes, mean, std, flip, batch });
  const width = bytesOf(shape);
  const area = shape.height * shape.width;
  const image = new Uint8Array(width);
  const newBatch = (): Batch => ({ images: new Float32Array(batch * width), labels: new Float32Array(batch * classes) });
  // A step over the batch reads from one and writes to another: so many scratch batches, the last one writes for the caller.
  const scratch = steps.batch.map(newBatch);

  const check = (images: Float32Array, labels: Float32Array): void => {
    assert(images.length === batch * width, () => `images of ${batch} × ${width} numbers, not ${images.length}`);
    assert(labels.length === batch * classes, () => `labels of ${batch} × ${classes} numbers, not ${labels.length}`);
  };
  /** Copies the image's bytes to `image`, and its label. */
  const take = (part: Part, index: number, labels: Float32Array, row: number): void => {
    assert(index < part.labels.length, () => `an image below ${part.labels.length}, not ${index}`);
    image.set(part.images.subarray(index * width, (index + 1) * width));
    labels[row * classes + (part.labels[index] as number)] = 1;
  };

  const filledOf = (indices: Uint32Array, at: number): number => Math.max(0, Math.min(batch, indices.length - at));
  /** So many rows, each augmented by itself. */
  function augment(indices: Uint32Array, at: number, count: number, random: Random, to: Batch): void {
    to.labels.fill(0);
    for (let row = 0; row < count; row++) {
      take(dataset.train, indices[at + row] as number, to.labels, row);
      for (const step of steps.pixels) step(image, random);
      toFloats(image, steps.levels, area, to.images, row * width);
      for (const step of steps.values) step(to.images, row * width, random);
    }
  }

  return {
    batch,
    fillTraining(indices, at, random, images, labels) {
      check(images, labels);
      assert(at >= 0 && at + batch <= indices.length, () => `a whole batch at ${at} of ${indices.length} images`);
      augment(indices, at, batch, random, scratch[0] ?? { images, labels });
      steps.batch.forEach((step, position) =>
        step(scratch[position] as Batch, scratch[position + 1] ?? { images, labels }, random),
      );
    },
    fillAugmented(indices, at, random, images, labels) {
      check(images, labels);
      const filled = filledOf(indices, at);
      images.fill(0, filled * width);
      augment(indices, at, filled, random, { images, labels });
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
