/**
 * How a tensor gets wider: a list of places and how many channels are put there. Places are channels of the *old* tensor
 * (0 … width; `width` is behind the last one). Sorted, no place twice, no count of 0. A number would not do: behind a
 * concatenation a change lies in the middle.
 */
export type Growth = readonly (readonly [offset: number, count: number])[];

export const noGrowth: Growth = Object.freeze([]);

export const totalOf = (growth: Growth): number => growth.reduce((sum, [, count]) => sum + count, 0);

export const countAt = (growth: Growth, offset: number): number => growth.find(([place]) => place === offset)?.[1] ?? 0;

/** The growth with so many channels more at a place. */
export function grownAt(growth: Growth, offset: number, count: number): Growth {
  if (count === 0) return growth;
  const others = growth.filter(([place]) => place !== offset);
  return [...others, [offset, countAt(growth, offset) + count] as const].toSorted(([a], [b]) => a - b);
}

/** The growth of a concatenation. */
export function stack(parts: readonly { readonly width: number; readonly growth: Growth }[]): Growth {
  let result = noGrowth;
  let start = 0;
  for (const { width, growth } of parts) {
    for (const [offset, count] of growth) result = grownAt(result, start + offset, count);
    start += width;
  }
  return result;
}

/** A stretch of channels that was there before: where it was, where it is, how long it is. */
export interface Kept {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** The channels that a tensor of so many old channels keeps, and the new ones, both in order. */
export function layoutOf(
  width: number,
  growth: Growth,
): { readonly kept: readonly Kept[]; readonly added: readonly (readonly [offset: number, count: number])[] } {
  const kept: Kept[] = [];
  const added: [number, number][] = [];
  let [from, shift] = [0, 0];
  for (const [offset, count] of growth) {
    if (offset > from) kept.push({ from, to: from + shift, length: offset - from });
    added.push([offset + shift, count]);
    from = offset;
    shift += count;
  }
  if (width > from) kept.push({ from, to: from + shift, length: width - from });
  return { kept, added };
}
