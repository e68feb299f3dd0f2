/** Selects test images by their content, so that neither names nor the order of files matter. */

export interface HashedImage {
  readonly label: number;
  /** Of its content. Images with the same hash stay together. */
  readonly hash: string;
}

/**
 * Whether each image is held out: `share` of every class, and at least one image of a class with two different ones; a class
 * keeps at least one image. Selects in the order of the hashes.
 */
export function holdOut(images: readonly HashedImage[], classes: number, share: number): boolean[] {
  const count = Array.from<number>({ length: classes }).fill(0);
  const groups = new Map<string, Map<number, number>>();
  for (const { label, hash } of images) {
    (count[label] as number)++;
    const labels = groups.get(hash) ?? new Map<number, number>();
    groups.set(hash, labels.set(label, (labels.get(label) ?? 0) + 1));
  }
  const wanted = count.map((all) => Math.max(1, Math.round(share * all)));
  const taken = count.map(() => 0);
  const held = new Set<string>();
  const take = (hash: string, labels: ReadonlyMap<number, number>): void => {
    held.add(hash);
    for (const [label, often] of labels) (taken[label] as number) += often;
  };
  const fits = (labels: ReadonlyMap<number, number>, most: readonly number[]): boolean =>
    [...labels].every(([label, often]) => (taken[label] as number) + often <= (most[label] as number));

  const ordered = [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const keepsOne = count.map((all) => all - 1);
  const limit = wanted.map((most, label) => Math.min(most, keepsOne[label] as number));
  for (const [hash, labels] of ordered) if (fits(labels, limit)) take(hash, labels);
  // A class of few, often repeated images may have none yet: more than its share is better than none.
  for (const [hash, labels] of ordered)
    if (!held.has(hash) && [...labels.keys()].some((label) => taken[label] === 0) && fits(labels, keepsOne)) take(hash, labels);
  return images.map(({ hash }) => held.has(hash));
}
