/** Classes by nearest neighbours: images of a sample, of the same images changed, and what the changed ones look like. Pure. */
import { must } from '../util/assert.ts';
import { classCounts, type Confusion } from '../util/confusion.ts';
import { random } from '../util/random.ts';
import type { Dataset } from './dataset.ts';

/** Images of a class, over those of the smallest class, at most; or so many. */
const perClass = { times: 2, least: 25 } as const;
const neighbours = 5;

/** Images as features: (N, size), (N) labels. */
export interface Sample {
  readonly features: Float32Array;
  readonly size: number;
  readonly labels: readonly number[];
}

/** At most `most` training images, about as many of each class, drawn at random: their places, class by class. */
export function sampleOf({ train: { labels }, classes }: Dataset, most: number): readonly number[] {
  const byClass = classes.map((): number[] => []);
  for (const image of random('mirror').permutation(labels.length)) byClass[labels[image] as number]?.push(image);
  const counts = byClass.map((images) => images.length).filter((count) => count > 0);
  const even = Math.max(perClass.least, perClass.times * Math.min(...counts));
  const each = Math.max(2, Math.min(even, Math.floor(most / Math.max(1, counts.length))));
  return byClass.flatMap((images) => images.slice(0, each)).slice(0, most);
}

/** Of each place of a sample its features, by `write`. */
export function featuresOf(
  { train: { labels } }: Dataset,
  images: readonly number[],
  size: number,
  write: (image: number, to: Float32Array) => void,
): Sample {
  const features = new Float32Array(images.length * size);
  images.forEach((image, at) => write(image, features.subarray(at * size, (at + 1) * size)));
  return { features, size, labels: images.map((image) => labels[image] as number) };
}

/** Without their mean, and of length 1. */
export function normalise(features: Float32Array): void {
  let total = 0;
  for (const value of features) total += value;
  const mean = total / features.length;
  let squares = 0;
  for (const value of features) squares += (value - mean) ** 2;
  const norm = Math.sqrt(squares) || 1;
  for (let j = 0; j < features.length; j++) features[j] = ((features[j] as number) - mean) / norm;
}

/** Queries whose likenesses are summed side by side: a sum alone waits for itself. */
const together = 4;

/** (queries, N) Σ aⱼ·bⱼ of each query with each image of the sample. */
function likenessesOf({ features: a, size }: Sample, queries: number, { features: b, labels }: Sample): Float64Array {
  const all = labels.length;
  const likenesses = new Float64Array(queries * all);
  for (let query = 0; query < queries; query += together) {
    // The last ones are summed again where fewer are left.
    const places = Array.from({ length: together }, (_none, index) => Math.min(query + index, queries - 1));
    const [q0 = 0, q1 = 0, q2 = 0, q3 = 0] = places;
    const [a0, a1, a2, a3] = [q0 * size, q1 * size, q2 * size, q3 * size];
    // Of a sample with itself each pair once.
    const first = a === b ? query : 0;
    for (let image = first, at = first * size; image < all; image++, at += size) {
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let j = 0; j < size; j++) {
        const value = b[at + j] as number;
        s0 += (a[a0 + j] as number) * value;
        s1 += (a[a1 + j] as number) * value;
        s2 += (a[a2 + j] as number) * value;
        s3 += (a[a3 + j] as number) * value;
      }
      likenesses[q0 * all + image] = s0;
      likenesses[q1 * all + image] = s1;
      likenesses[q2 * all + image] = s2;
      likenesses[q3 * all + image] = s3;
    }
  }
  if (a === b)
    for (let i = 0; i < all; i++) for (let j = 0; j < i; j++) likenesses[i * all + j] = likenesses[j * all + i] as number;
  return likenesses;
}

/** What an image looks like. */
export interface Looks {
  /** The class that most of its nearest neighbours have; of equal ones that of the nearest. */
  readonly label: number;
  /** To the nearest of them that has it, −1 to 1. */
  readonly likeness: number;
}

/** Without the image `own`. */
function looksOf(likenesses: Float64Array, labels: readonly number[], own: number): Looks {
  const nearest: Looks[] = [];
  let least = -Infinity;
  for (let index = 0; index < labels.length; index++) {
    const likeness = likenesses[index] as number;
    if (index === own || (nearest.length === neighbours && likeness <= least)) continue;
    const place = nearest.findIndex((each) => each.likeness < likeness);
    nearest.splice(place === -1 ? nearest.length : place, 0, { likeness, label: labels[index] as number });
    nearest.length = Math.min(nearest.length, neighbours);
    least = must(nearest.at(-1), 'neighbour').likeness;
  }
  const votes = new Map<number, number>();
  for (const { label } of nearest) votes.set(label, (votes.get(label) ?? 0) + 1);
  const most = Math.max(...votes.values());
  return must(
    nearest.find(({ label }) => votes.get(label) === most),
    'neighbour',
  );
}

/** What changed images of a sample of two or more look like. `own`: which image of the sample each is. */
export function compareWith(sample: Sample, changed: Sample, own: readonly number[]): readonly Looks[] {
  const all = sample.labels.length;
  const likenesses = likenessesOf(changed, own.length, sample);
  return own.map((image, at) => looksOf(likenesses.subarray(at * all, (at + 1) * all), sample.labels, image));
}

/** (classes, classes) of the labels of images and what they look like. */
export function countLooks(classes: number, labels: readonly number[], looks: readonly Looks[]): Confusion {
  const counts = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  looks.forEach(({ label }, at) => {
    const row = must(counts[labels[at] as number], 'class');
    row[label] = (row[label] as number) + 1;
  });
  return counts;
}

/** Images of a class that a change turns into another, at least, and how many more of them look like the other than before. */
const fewOfClass = 10;
const swapped = 0.4;

/** Whether most changed images of a class look like another one, and unlike before. `before` may be of more images. */
export function turnsInto(before: Confusion, changed: Confusion, from: number, to: number): boolean {
  const shareOf = (counts: Confusion): number => (counts[from]?.[to] ?? 0) / Math.max(1, classCounts(counts)[from]?.images ?? 0);
  return (
    (classCounts(changed)[from]?.images ?? 0) >= fewOfClass &&
    shareOf(changed) >= 0.5 &&
    shareOf(changed) - shareOf(before) >= swapped
  );
}
