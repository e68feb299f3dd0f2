/**
 * The channels that a tensor gets: a list of places and how many are put there. Places are numbers of channels before the
 * growth (0 … width; `width` is behind the last one). Sorted, no place twice, no count of 0. A number would not do: behind a
 * concatenation a change lies in the middle.
 */
export type Growth = readonly (readonly [place: number, count: number])[];

export const noGrowth: Growth = Object.freeze([]);

export const totalOf = (growth: Growth): number => growth.reduce((sum, [, count]) => sum + count, 0);

export const countAt = (growth: Growth, place: number): number => growth.find(([at]) => at === place)?.[1] ?? 0;

/** The growth with so many channels more at a place. */
export function grownAt(growth: Growth, place: number, count: number): Growth {
  if (count === 0) return growth;
  const others = growth.filter(([at]) => at !== place);
  return [...others, [place, countAt(growth, place) + count] as const].toSorted(([a], [b]) => a - b);
}

/** The growth of a concatenation. */
export function stack(parts: readonly { readonly width: number; readonly growth: Growth }[]): Growth {
  let result = noGrowth;
  let start = 0;
  for (const { width, growth } of parts) {
    for (const [place, count] of growth) result = grownAt(result, start + place, count);
    start += width;
  }
  return result;
}
