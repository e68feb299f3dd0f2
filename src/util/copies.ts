/** How frozen maps are changed: in a copy, which a long row of changes need not make each time. Knows nothing of what is in them. */

/** Gives a map that holds the same and may be changed. */
export type Copy = <K, V>(map: ReadonlyMap<K, V>) => Map<K, V>;

/** Each change has a copy of its own: all that was before stays as it was. */
export const alwaysCopied: Copy = (map) => new Map(map);

/**
 * Copies a map when it is first changed, and changes that copy in place from then on. What stood before the first change
 * stays as it was; whoever makes a row of changes with it keeps none of the values between, which go on changing.
 */
export function copiedOnce(): Copy {
  const own = new WeakSet<object>();
  return <K, V>(map: ReadonlyMap<K, V>): Map<K, V> => {
    if (own.has(map)) return map as Map<K, V>;
    const copy = new Map(map);
    own.add(copy);
    return copy;
  };
}
