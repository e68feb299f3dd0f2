/**
 * Splits training images into those that train and those that validate. The split depends on the dataset's hash and not on the
 * run's seed: runs with different seeds share a trained vanilla network, which must not have seen their validation images.
 */
import { assert } from '../util/assert.ts';
import { random } from '../util/random.ts';
import type { Dataset, Part } from './dataset.ts';
import { validatedOf } from './split-counts.ts';

/** What the split depends on. */
type Splittable = Pick<Dataset, 'classes' | 'hash' | 'validationImages'> & { readonly train: Pick<Part, 'labels'> };

interface Split {
  /** Indices of training images, ascending. */
  readonly train: Uint32Array;
  /** Likewise; disjoint from `train`. */
  readonly validation: Uint32Array;
}

interface SplitOptions {
  /** Share of each class that validates, 0 ≤ share < 1; above 0 at least one image of a class that has two. */
  readonly validation: number;
  /**
   * At most so many training images, the same share of each class and at least one. Validation images are reduced in proportion,
   * but not below 2,000 (a standard error of 1 % at an accuracy of 80 %). A smaller set is a subset of a larger one. Default:
   * all.
   */
  readonly images?: number;
}

interface Ranked {
  readonly index: number;
  /** Its rank in its class, 0 to 1; below 0 for the first, which is always taken. */
  readonly rank: number;
}

/** The images of a class in their order, of which the first is always taken. */
const rankedOf = (members: readonly number[]): Ranked[] =>
  members.map((index, position) => ({ index, rank: position === 0 ? -1 : (position + 0.5) / members.length }));

/** Stratified up to rounding. A class keeps at least one training image. Data that comes with validation images is not split. */
export function splitDataset(dataset: Splittable, { validation: share, images = Infinity }: SplitOptions): Split {
  assert(share >= 0 && share < 1, () => `a share of 0 to below 1, not ${share}`);
  assert(images > 0, () => `some training images, not ${images}`);
  const ofClass: number[][] = dataset.classes.map(() => []);
  dataset.train.labels.forEach((label, index) => ofClass[label]?.push(index));

  const all = dataset.train.labels.length;
  const given = dataset.validationImages;
  const validation: Ranked[] = [];
  const train: Ranked[] = [];
  ofClass.forEach((members, label) => {
    const order = random('split', dataset.hash, label).permutation(members.length);
    const shuffled = Array.from(order, (member) => members[member] as number);
    const wanted = share === 0 ? 0 : Math.max(1, Math.round(share * members.length));
    const held = Math.max(0, Math.min(wanted, members.length - 1));
    const validates = (index: number, position: number): boolean =>
      given === undefined ? position < held : index >= all - given;
    for (const each of rankedOf(shuffled.filter(validates))) validation.push(each);
    for (const each of rankedOf(shuffled.filter((index, position) => !validates(index, position)))) train.push(each);
  });
  const classes = ofClass.filter((members) => members.length > 0).length;
  const validated = validatedOf(images, given === undefined ? share : given / all);
  return { train: first(train, Math.max(images, classes)), validation: first(validation, Math.max(validated, classes)) };
}

/** The indices of the first `count` by rank, ascending. */
function first(ranked: readonly Ranked[], count: number): Uint32Array {
  const order = ranked.toSorted((a, b) => a.rank - b.rank || a.index - b.index);
  return Uint32Array.from(order.slice(0, count), ({ index }) => index).toSorted();
}

/** At most `count` images, the same share of each class and at least one; a smaller set is a subset of a larger one. */
export function stratified(labels: readonly number[], classes: number, key: string, count: number): Uint32Array {
  const ofClass = Array.from({ length: classes }, (): number[] => []);
  labels.forEach((label, index) => ofClass[label]?.push(index));
  const ranked = ofClass.flatMap((members, label) =>
    rankedOf(Array.from(random('sample', key, label).permutation(members.length), (member) => members[member] as number)),
  );
  return first(ranked, Math.max(count, ofClass.filter((members) => members.length > 0).length));
}

/** At most `count` of the positions, evenly spaced, because a folder's images are ordered by class. */
export const evenlySpaced = (positions: Uint32Array, count: number): Uint32Array =>
  count >= positions.length
    ? positions
    : Uint32Array.from({ length: count }, (_none, i) => positions[Math.floor((i * positions.length) / count)] as number);

/** The test images, the validation images, or those that train. */
export function partOf(
  dataset: Dataset,
  { validation, images }: { readonly validation: number; readonly images: number | null },
  which: 'training' | 'validation' | 'test',
): { readonly part: Part; readonly indices: Uint32Array } {
  if (which === 'test') return { part: dataset.test, indices: Uint32Array.from(dataset.test.labels, (_label, index) => index) };
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  return { part: dataset.train, indices: which === 'training' ? split.train : split.validation };
}
