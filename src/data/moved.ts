/**
 * Whether shifts keep the classes apart: decided on a sample of the training images, by their nearest neighbours. Where classes are
 * positions, an image of one that is moved by some pixels is an image of another. Pure.
 */
import { classCounts, type Confusion } from '../util/confusion.ts';
import { farthestShift, moverOf } from './augmentation/shift.ts';
import { bytesOf, type Dataset } from './dataset.ts';
import { compareWith, countLooks, featuresOf, normalise, sampleOf, turnsInto, type Looks, type Sample } from './neighbours.ts';

/** A class whose images, moved so, look like another one. */
export interface MovedClass {
  readonly from: string;
  readonly to: string;
  /** Pixels; up and to the left where they are negative. */
  readonly down: number;
  readonly right: number;
}

/** Images that are compared with, at most. */
const sampled = 350;
/** Images that are moved, at most, but for `leastOfClass` of each class. */
const moved = 60;
const leastOfClass = 10;
/** Places a side that are compared, at most. */
const places = 24;
/** Of images as they are, the share that looks like its class where moved ones can tell anything. */
const known = 0.5;
/** An image is taken for another class where it is as near to it as all but this share of that class's own images. */
const farOnes = 0.25;

/** The ways of a move: down, right. */
const ways = [
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, -1],
  [1, -1],
  [-1, 1],
] as const;

/** Writes an image (C, H, W) as means over windows `2·reach + 1` wide, `step` apart: what stands beside its place is near it. */
function writerOf({ shape: { channels, height, width } }: Dataset, step: number, reach: number) {
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  // (H + 1, W + 1): of each place the sum of all pixels above and to the left.
  const sums = new Float64Array((height + 1) * (width + 1));
  const line = width + 1;
  return {
    size: channels * rows * columns,
    write(pixels: Uint8Array, to: Float32Array): void {
      let at = 0;
      for (let channel = 0, pixel = 0; channel < channels; channel++) {
        for (let y = 1; y <= height; y++)
          for (let x = 1, row = 0; x <= width; x++) {
            row += pixels[pixel++] as number;
            sums[y * line + x] = (sums[(y - 1) * line + x] as number) + row;
          }
        for (let y = 0; y < height; y += step)
          for (let x = 0; x < width; x += step) {
            const [top, bottom] = [Math.max(0, y - reach) * line, Math.min(height, y + reach + 1) * line];
            const [left, right] = [Math.max(0, x - reach), Math.min(width, x + reach + 1)];
            const [lower, upper] = [
              (sums[bottom + right] as number) - (sums[bottom + left] as number),
              (sums[top + right] as number) - (sums[top + left] as number),
            ];
            to[at++] = (lower - upper) / (((bottom - top) / line) * (right - left));
          }
      }
      normalise(to);
    },
  };
}

/** The likeness to its class that all but the far ones of its images have, by class. */
function nearnessOf(classes: number, labels: readonly number[], looks: readonly Looks[]): readonly number[] {
  const found = Array.from({ length: classes }, (): number[] => []);
  looks.forEach(({ label, likeness }, at) => label === labels[at] && found[label]?.push(likeness));
  return found.map((each) => each.toSorted((a, b) => a - b)[Math.floor(farOnes * each.length)] ?? Infinity);
}

/**
 * A class that a shift by `fraction` of the side turns into another one; null where there is none. Of its moves the farthest, half of
 * them and those by a pixel are tried, each way.
 */
export function findMovedClass(dataset: Dataset, fraction: number): MovedClass | null {
  const { classes, shape, train } = dataset;
  const images = sampleOf(dataset, sampled);
  if (images.length < 2 * leastOfClass) return null;
  const farthest = farthestShift(fraction, shape);
  const step = Math.max(1, Math.ceil(Math.max(shape.height, shape.width) / places));
  const reach = Math.ceil(Math.max(farthest.down, farthest.right, step) / 2);
  const { size, write } = writerOf(dataset, step, reach);
  const bytes = bytesOf(shape);
  const pixelsOf = (image: number): Uint8Array => train.images.subarray(image * bytes, (image + 1) * bytes);
  const sample = featuresOf(dataset, images, size, (image, to) => write(pixelsOf(image), to));
  const looks = compareWith(sample, sample, [...images.keys()]);
  const original = countLooks(classes.length, sample.labels, looks);
  const isKnown = classCounts(original).map(({ images: count, right }) => count >= leastOfClass && right >= known * count);
  if (isKnown.filter(Boolean).length < 2) return null;
  const nearness = nearnessOf(classes.length, sample.labels, looks);
  const each = Math.max(leastOfClass, Math.floor(moved / classes.length));
  const taken = classes.map(() => 0);
  const own = [...images.keys()].filter((at) => {
    const label = sample.labels[at] as number;
    return isKnown[label] === true && (taken[label] = (taken[label] ?? 0) + 1) <= each;
  });
  const move = moverOf('mirror', shape);
  const copy = new Uint8Array(bytes);
  const movedBy = (down: number, right: number): Confusion => {
    const there = own.map((at) => images[at] as number);
    const changed: Sample = featuresOf(dataset, there, size, (image, to) => {
      copy.set(pixelsOf(image));
      move(copy, down, right);
      write(copy, to);
    });
    // What is not near enough to another class stays what it is.
    const found = compareWith(sample, changed, own).map(({ label, likeness }, at): Looks =>
      likeness >= (nearness[label] ?? Infinity) ? { label, likeness } : { label: changed.labels[at] as number, likeness },
    );
    return countLooks(classes.length, changed.labels, found);
  };
  const most = Math.max(farthest.down, farthest.right);
  for (const far of new Set([most, Math.ceil(most / 2), Math.min(most, 1)]))
    for (const way of ways) {
      const [down = 0, right = 0] = way.map((sign, axis) => sign * Math.min(far, axis === 0 ? farthest.down : farthest.right));
      if (down === 0 && right === 0) continue;
      const there = movedBy(down, right);
      for (const from of classes.keys())
        for (const to of classes.keys())
          if (from !== to && turnsInto(original, there, from, to))
            return { from: classes[from] ?? '', to: classes[to] ?? '', down, right };
    }
  return null;
}
