/**
 * Whether mirror images keep the classes apart: decided on a sample of the training images, by their nearest neighbours. Left and right
 * arrows, digits and letters become other classes in a mirror; most photographs do not. Pure.
 */
import { random } from '../util/random.ts';
import { must } from '../util/assert.ts';
import type { Dataset } from './dataset.ts';

/** What was found; shares are 0 to 1, of images whose nearest neighbours have their class. */
export interface MirrorTest {
  readonly keepsClasses: boolean;
  /** Of images as they are. */
  readonly original: number;
  /** Of the same images, mirrored. */
  readonly mirrored: number;
  /** A class whose mirror images look like another class. */
  readonly pair: { readonly from: string; readonly to: string } | null;
}

/** Images that neighbours are sought for, and among which. */
const asked = 500;
const known = 2000;
/** Pixels a side that are compared. */
const side = 16;
const neighbours = 5;
/** Of the share above chance: where mirror images have less than this part of it, they are other things. */
const leastKept = 0.5;
/** Standard errors that a difference takes to count. */
const clear = 3;
/** Images of a class, and the share of its mirror images that look like another class, above that of its images as they are. */
const fewOfClass = 10;
const swapped = 0.4;

/** The image as means over a grid of `side` × `side` cells, without its mean and of length 1. */
function featuresOf({ train, shape }: Dataset, image: number, isMirrored: boolean, to: Float32Array): void {
  const { channels, height, width } = shape;
  const [rows, columns] = [Math.min(side, height), Math.min(side, width)];
  const start = image * channels * height * width;
  let at = 0;
  let total = 0;
  for (let channel = 0; channel < channels; channel++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const [top, bottom] = [Math.floor((row * height) / rows), Math.floor(((row + 1) * height) / rows)];
        const [left, right] = [Math.floor((column * width) / columns), Math.floor(((column + 1) * width) / columns)];
        let sum = 0;
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++)
            sum += train.images[start + (channel * height + y) * width + (isMirrored ? width - 1 - x : x)] as number;
        const value = sum / ((bottom - top) * (right - left));
        to[at++] = value;
        total += value;
      }
  const mean = total / at;
  const norm = Math.hypot(...to.map((value) => value - mean)) || 1;
  to.forEach((value, index) => (to[index] = (value - mean) / norm));
}

/** The class that most of the nearest neighbours have; of equal ones that of the nearest. */
function classOf(features: Float32Array, among: readonly Float32Array[], labels: readonly number[]): number {
  const nearest: { readonly likeness: number; readonly label: number }[] = [];
  among.forEach((other, index) => {
    let likeness = 0;
    for (let j = 0; j < features.length; j++) likeness += (features[j] as number) * (other[j] as number);
    if (nearest.length === neighbours && likeness <= (nearest.at(-1)?.likeness ?? 0)) return;
    const place = nearest.findIndex((each) => each.likeness < likeness);
    nearest.splice(place === -1 ? nearest.length : place, 0, { likeness, label: labels[index] as number });
    nearest.length = Math.min(nearest.length, neighbours);
  });
  const votes = new Map<number, number>();
  for (const { label } of nearest) votes.set(label, (votes.get(label) ?? 0) + 1);
  const most = Math.max(...votes.values());
  return must(nearest.find(({ label }) => votes.get(label) === most)?.label, 'neighbour');
}

type Counts = readonly (readonly number[])[];

/** A class whose mirror images look like one other class. */
function swappedPair(original: Counts, mirrored: Counts): readonly [from: number, to: number] | null {
  for (const [from, row] of mirrored.entries()) {
    const before = original[from] ?? [];
    const images = row.reduce((sum, count) => sum + count, 0);
    if (images < fewOfClass || (before[from] ?? 0) < images / 2) continue;
    const to = row.findIndex(
      (count, other) => other !== from && count >= images / 2 && count - (before[other] ?? 0) >= swapped * images,
    );
    if (to !== -1) return [from, to];
  }
  return null;
}

/** Decides on at most 2,500 training images; the same of the same data. */
export function testMirror(dataset: Dataset): MirrorTest {
  const { labels } = dataset.train;
  const classes = dataset.classes.length;
  const order = Array.from(random('mirror').permutation(labels.length)).slice(0, asked + known);
  const few = Math.min(asked, Math.floor(order.length / 4));
  const size = dataset.shape.channels * Math.min(side, dataset.shape.height) * Math.min(side, dataset.shape.width);
  const features = (image: number, isMirrored: boolean): Float32Array => {
    const to = new Float32Array(size);
    featuresOf(dataset, image, isMirrored, to);
    return to;
  };
  const among = order.slice(few).map((image) => features(image, false));
  const labelsAmong = order.slice(few).map((image) => labels[image] as number);
  const newCounts = (): number[][] => Array.from({ length: classes }, () => Array.from<number>({ length: classes }).fill(0));
  const [original, mirrored] = [newCounts(), newCounts()];
  for (const image of order.slice(0, few))
    for (const [counts, isMirrored] of [
      [original, false],
      [mirrored, true],
    ] as const) {
      const row = must(counts[labels[image] as number], 'class');
      const found = classOf(features(image, isMirrored), among, labelsAmong);
      row[found] = (row[found] as number) + 1;
    }
  const share = (counts: Counts): number => counts.reduce((sum, row, label) => sum + (row[label] ?? 0), 0) / Math.max(1, few);
  const [right, turned] = [share(original), share(mirrored)];
  const chance = Math.max(...original.map((row) => row.reduce((sum, count) => sum + count, 0))) / Math.max(1, few);
  const error = Math.sqrt((right * (1 - right)) / Math.max(1, few)) + 1 / Math.max(1, few);
  const isClear = right - chance > clear * error && right - turned > clear * error;
  const pair = swappedPair(original, mirrored);
  const isOther = isClear && turned - chance < leastKept * (right - chance);
  const nameOf = (label: number): string => dataset.classes[label] ?? String(label);
  return {
    keepsClasses: pair === null && !isOther,
    original: right,
    mirrored: turned,
    pair: pair === null ? null : { from: nameOf(pair[0]), to: nameOf(pair[1]) },
  };
}
