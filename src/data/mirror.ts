/**
 * Whether mirror images keep the classes apart: decided on a sample of the training images, by their nearest neighbours. Left and right
 * arrows, digits and letters become other classes in a mirror; most photographs do not. Pure.
 */
import { balancedAccuracy, classCounts, type Confusion } from '../util/confusion.ts';
import { random } from '../util/random.ts';
import { must } from '../util/assert.ts';
import { bytesOf, type Dataset } from './dataset.ts';

/** What was found; shares are 0 to 1, of images whose nearest neighbours have their class. */
export interface MirrorTest {
  readonly keepsClasses: boolean;
  /** Of images as they are. */
  readonly original: number;
  /** Of the same images, mirrored. */
  readonly mirrored: number;
  /** Two classes, the mirror images of each of which look like the other. */
  readonly pair: { readonly from: string; readonly to: string } | null;
}

/** Images of the sample, at most; of a class at most so many times those of the smallest, or so many. */
const sampled = 700;
const perClass = { times: 2, least: 25 } as const;
/** Pixels a side that are compared. */
const side = 12;
const neighbours = 5;
/** Of the share above chance: where mirror images have less than this part of it, they are other things. */
const leastKept = 0.5;
/** Standard errors that a difference takes to count. */
const clear = 3;
/** Images of a class, and how much more of its mirror images look like another class than of its images as they are. */
const fewOfClass = 10;
const swapped = 0.4;

/** The image as means over a grid of `side` × `side` cells, without its mean and of length 1. */
function featuresOf({ train, shape }: Dataset, image: number, isMirrored: boolean, to: Float32Array): void {
  const { channels, height, width } = shape;
  const [rows, columns] = [Math.min(side, height), Math.min(side, width)];
  const pixels = train.images.subarray(image * bytesOf(shape), (image + 1) * bytesOf(shape));
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
            sum += pixels[(channel * height + y) * width + (isMirrored ? width - 1 - x : x)] as number;
        const value = sum / ((bottom - top) * (right - left));
        to[at++] = value;
        total += value;
      }
  const mean = total / at;
  let squares = 0;
  for (let j = 0; j < at; j++) squares += ((to[j] as number) - mean) ** 2;
  const norm = Math.sqrt(squares) || 1;
  for (let j = 0; j < at; j++) to[j] = ((to[j] as number) - mean) / norm;
}

/** Images of a sample: (N, size) features, (N) labels. */
interface Sample {
  readonly features: Float32Array;
  readonly labels: readonly number[];
}

/** Σ aⱼ·bⱼ over `size` numbers from `at` on in b. */
function likenessOf(a: Float32Array, b: Float32Array, at: number, size: number): number {
  let sum = 0;
  for (let j = 0; j < size; j++) sum += (a[j] as number) * (b[at + j] as number);
  return sum;
}

/** The class that most of the nearest neighbours have, without the image `own`; of equal ones that of the nearest. */
function classOf(features: Float32Array, sample: Sample, own: number): number {
  const nearest: { readonly likeness: number; readonly label: number }[] = [];
  const size = features.length;
  for (const [index, label] of sample.labels.entries()) {
    if (index === own) continue;
    const likeness = likenessOf(features, sample.features, index * size, size);
    if (nearest.length === neighbours && likeness <= (nearest.at(-1)?.likeness ?? 0)) continue;
    const place = nearest.findIndex((each) => each.likeness < likeness);
    nearest.splice(place === -1 ? nearest.length : place, 0, { likeness, label });
    nearest.length = Math.min(nearest.length, neighbours);
  }
  const votes = new Map<number, number>();
  for (const { label } of nearest) votes.set(label, (votes.get(label) ?? 0) + 1);
  const most = Math.max(...votes.values());
  return must(nearest.find(({ label }) => votes.get(label) === most)?.label, 'neighbour');
}

/** Two classes, the mirror images of each of which look like the other, and unlike before. */
function swappedPair(original: Confusion, mirrored: Confusion): readonly [from: number, to: number] | null {
  // Both are of the same images.
  const images = classCounts(mirrored).map((counts) => counts.images);
  const shareOf = (counts: Confusion, from: number, to: number): number =>
    (counts[from]?.[to] ?? 0) / Math.max(1, images[from] ?? 0);
  const turnsInto = (from: number, to: number): boolean =>
    (images[from] ?? 0) >= fewOfClass &&
    shareOf(mirrored, from, to) >= 0.5 &&
    shareOf(mirrored, from, to) - shareOf(original, from, to) >= swapped;
  for (const from of mirrored.keys())
    for (let to = 0; to < from; to++) if (turnsInto(from, to) && turnsInto(to, from)) return [from, to];
  return null;
}

/** Training images of about as many of each class, drawn at random. */
function sampleOf({ train: { labels }, classes }: Dataset): readonly number[] {
  const byClass = classes.map((): number[] => []);
  for (const image of random('mirror').permutation(labels.length)) byClass[labels[image] as number]?.push(image);
  const counts = byClass.map((images) => images.length).filter((count) => count > 0);
  const most = Math.max(perClass.least, perClass.times * Math.min(...counts));
  const each = Math.max(2, Math.min(most, Math.floor(sampled / Math.max(1, counts.length))));
  return byClass.flatMap((images) => images.slice(0, each)).slice(0, sampled);
}

/** Decides on at most 700 training images; the same of the same data. */
export function testMirror(dataset: Dataset): MirrorTest {
  const { classes, shape } = dataset;
  const images = sampleOf(dataset);
  const size = shape.channels * Math.min(side, shape.height) * Math.min(side, shape.width);
  const labels = images.map((image) => dataset.train.labels[image] as number);
  const sample: Sample = { features: new Float32Array(images.length * size), labels };
  images.forEach((image, at) => featuresOf(dataset, image, false, sample.features.subarray(at * size, (at + 1) * size)));
  const turnedImage = new Float32Array(size);
  const newCounts = (): number[][] => classes.map(() => classes.map(() => 0));
  const [original, mirrored] = [newCounts(), newCounts()];
  if (images.length > 1)
    images.forEach((image, at) => {
      for (const [counts, isMirrored] of [
        [original, false],
        [mirrored, true],
      ] as const) {
        const row = must(counts[labels[at] as number], 'class');
        if (isMirrored) featuresOf(dataset, image, true, turnedImage);
        const own = isMirrored ? turnedImage : sample.features.slice(at * size, (at + 1) * size);
        const found = classOf(own, sample, at);
        row[found] = (row[found] as number) + 1;
      }
    });
  const [right, turned] = [balancedAccuracy(original) ?? 0, balancedAccuracy(mirrored) ?? 0];
  const chance = 1 / Math.max(1, new Set(labels).size);
  const error = Math.sqrt((right * (1 - right)) / Math.max(1, images.length)) + 1 / Math.max(1, images.length);
  const isClear = right - chance > clear * error && right - turned > clear * error;
  const pair = swappedPair(original, mirrored);
  const isOther = isClear && turned - chance < leastKept * (right - chance);
  const nameOf = (label: number): string => classes[label] ?? String(label);
  return {
    keepsClasses: pair === null && !isOther,
    original: right,
    mirrored: turned,
    pair: pair === null ? null : { from: nameOf(pair[0]), to: nameOf(pair[1]) },
  };
}
