/**
 * Which training images validate. The split depends on the dataset's hash alone, not on a run's seed: runs over several
 * seeds share one trained vanilla network, so all of them must keep the same images from it.
 */
import { assert } from '../util/assert.ts';
import { random } from '../util/random.ts';
import type { Dataset, Part } from './dataset.ts';
import { validatedOf } from './split-counts.ts';

/** What of a dataset its split depends on. */
export type Splittable = Pick<Dataset, 'classes' | 'hash'> & { readonly train: Pick<Part, 'labels'> };

export interface Split {
  /** Positions in the dataset's training images, ascending. */
  readonly train: Uint32Array;
  /** Likewise; none of them in `train`. */
  readonly validation: Uint32Array;
}

export interface SplitOptions {
  /** Share of every class that validates, 0 to below 1. 0: none; else at least one image of a class that has two. */
  readonly validation: number;
  /**
   * At most so many training images, the same share of every class, but at least one of each. Then the validation images are
   * fewer too, in proportion, but not below 2,000: fewer would rank networks by luck (a standard error of 1 % at 80 %).
   * Fewer of either are a subset of more. Default: all.
   */
  readonly images?: number;
}

interface Ranked {
  readonly index: number;
  /** Where in its class it stands, 0 to 1; below 0 for the class's first, which is always taken. */
  readonly rank: number;
}

/** Stratified: each class gives the same share, up to rounding. A class keeps at least one training image. */
export function splitDataset(dataset: Splittable, { validation: share, images = Infinity }: SplitOptions): Split {
  assert(share >= 0 && share < 1, () => `a share of 0 to below 1, not ${share}`);
  assert(images > 0, () => `some training images, not ${images}`);
  const ofClass: number[][] = dataset.classes.map(() => []);
  dataset.train.labels.forEach((label, index) => ofClass[label]?.push(index));

  const validation: Ranked[] = [];
  const train: Ranked[] = [];
  ofClass.forEach((members, label) => {
    const order = random('split', dataset.hash, label).permutation(members.length);
    const wanted = share === 0 ? 0 : Math.max(1, Math.round(share * members.length));
    const held = Math.max(0, Math.min(wanted, members.length - 1));
    const rest = members.length - held;
    order.forEach((member, position) => {
      const index = members[member] as number;
      if (position < held) validation.push({ index, rank: position === 0 ? -1 : (position + 0.5) / held });
      else train.push({ index, rank: position === held ? -1 : (position - held + 0.5) / rest });
    });
  });
  const classes = ofClass.filter((members) => members.length > 0).length;
  const validated = validatedOf(images, share);
  return { train: first(train, Math.max(images, classes)), validation: first(validation, Math.max(validated, classes)) };
}

/** The positions of the first `count` by rank, ascending. */
function first(ranked: readonly Ranked[], count: number): Uint32Array {
  const order = ranked.toSorted((a, b) => a.rank - b.rank || a.index - b.index);
  return Uint32Array.from(order.slice(0, count), ({ index }) => index).toSorted();
}

/** At most so many of the positions, evenly spaced: images of a folder are ordered by class. */
export const evenlySpaced = (positions: Uint32Array, count: number): Uint32Array =>
  count >= positions.length
    ? positions
    : Uint32Array.from({ length: count }, (_none, i) => positions[Math.floor((i * positions.length) / count)] as number);

/** The test images, or those that validate. */
export function partOf(
  dataset: Dataset,
  { validation, images }: { readonly validation: number; readonly images: number | null },
  which: 'validation' | 'test',
): { readonly part: Part; readonly indices: Uint32Array } {
  if (which === 'test') return { part: dataset.test, indices: Uint32Array.from(dataset.test.labels, (_label, index) => index) };
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  return { part: dataset.train, indices: split.validation };
}
