/** Classes that differ much in size: how much they do, and an order of training images in which they count alike. Pure. */
import type { Random } from '../util/random.ts';
import { must } from '../util/assert.ts';

/** The largest class over the smallest one, in images; classes without images are left out. */
export function imbalanceOf(labels: Uint16Array): number {
  const counts = [...countsOf(labels).values()];
  return counts.length === 0 ? 1 : Math.max(...counts) / Math.min(...counts);
}

function countsOf(labels: Uint16Array): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/**
 * The images of an epoch, as many as the pool has, in which all classes of the pool have as many places, up to one. Images of a small
 * class come several times, each as often as the others up to one; of a large class some are left out. Both are drawn anew each epoch.
 */
export function balancedOrder(labels: Uint16Array, pool: Uint32Array, random: Random): Uint32Array {
  const byClass = new Map<number, number[]>();
  for (const image of pool) {
    const label = must(labels[image], 'label');
    const images = byClass.get(label);
    if (images === undefined) byClass.set(label, [image]);
    else images.push(image);
  }
  const classes = [...byClass.keys()].toSorted((a, b) => a - b);
  const extra = new Set(random.permutation(classes.length).slice(0, pool.length % Math.max(1, classes.length)));
  const chosen = classes.flatMap((label, index) => {
    const images = must(byClass.get(label), 'class');
    const places = Math.floor(pool.length / classes.length) + (extra.has(index) ? 1 : 0);
    const shuffled = Array.from(random.permutation(images.length), (position) => images[position] as number);
    return Array.from({ length: places }, (_none, place) => shuffled[place % shuffled.length] as number);
  });
  return Uint32Array.from(random.permutation(chosen.length), (position) => chosen[position] as number);
}
