/** Where a sliding window lies on its input, along one axis. */

/** Outputs `first` … `first + count − 1`. */
export interface Reach {
  readonly first: number;
  readonly count: number;
}

/** The outputs whose tap at `offset` of the window lies on the input and not on its padding: 0 ≤ x·stride + offset − padding < size. */
export function reachOf(offset: number, size: number, outputSize: number, stride: number, padding: number): Reach {
  const first = Math.max(0, Math.ceil((padding - offset) / stride));
  const last = Math.min(outputSize - 1, Math.floor((size - 1 + padding - offset) / stride));
  return { first, count: Math.max(0, last - first + 1) };
}
