/** Selects test images by their content, so that neither names nor the order of files matter. */

/**
 * Whether each image is held out: `share` of every class, and at least one image of a class with two different ones; a class
 * keeps at least one image. `contents`: the rank of each image's hash; those with the same one stay together. Selects in their order.
 */
export function holdOut(labels: ArrayLike<number>, contents: ArrayLike<number>, classes: number, share: number): boolean[] {
  const count = Array.from<number>({ length: classes }).fill(0);
  for (let image = 0; image < labels.length; image++) (count[labels[image] as number] as number)++;
  const wanted = count.map((all) => Math.max(1, Math.round(share * all)));
  const taken = count.map(() => 0);
  const isHeld = Array.from<boolean>({ length: labels.length }).fill(false);
  const ordered = Uint32Array.from(isHeld, (_none, image) => image).toSorted(
    (a, b) => (contents[a] as number) - (contents[b] as number),
  );

  /** The images of each content, one content after another. */
  function* groups(): Generator<Uint32Array> {
    for (let from = 0, to = 0; from < ordered.length; from = to) {
      while (to < ordered.length && contents[ordered[to] as number] === contents[ordered[from] as number]) to++;
      yield ordered.subarray(from, to);
    }
  }
  const labelOf = (image: number): number => labels[image] as number;
  const take = (group: Uint32Array): void => {
    for (const image of group) {
      isHeld[image] = true;
      (taken[labelOf(image)] as number)++;
    }
  };
  function fits(group: Uint32Array, most: readonly number[]): boolean {
    const often = new Map<number, number>();
    for (const image of group) often.set(labelOf(image), (often.get(labelOf(image)) ?? 0) + 1);
    return [...often].every(([label, more]) => (taken[label] as number) + more <= (most[label] as number));
  }

  const keepsOne = count.map((all) => all - 1);
  const limit = wanted.map((most, label) => Math.min(most, keepsOne[label] as number));
  for (const group of groups()) if (fits(group, limit)) take(group);
  // A class of few, often repeated images may have none yet: more than its share is better than none.
  for (const group of groups())
    if (isHeld[group[0] as number] !== true && group.some((image) => taken[labelOf(image)] === 0) && fits(group, keepsOne))
      take(group);
  return isHeld;
}
