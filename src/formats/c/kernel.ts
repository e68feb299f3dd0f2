/** C functions that files may have: a file has those that it calls, and what those need. */

export interface Kernel {
  /** Names of kernels that stand before it. */
  readonly needs: readonly string[];
  readonly text: string;
}

/** In the order in which they stand in a file. */
export type Kernels = Readonly<Record<string, Kernel>>;

/** The texts of these kernels and of those that they need, in the table's order. */
export function kernelTexts(kernels: Kernels, used: ReadonlySet<string>): readonly string[] {
  const wanted = new Set(used);
  // What a kernel needs stands before it, so one pass from the end finds all.
  for (const [name, { needs }] of Object.entries(kernels).toReversed())
    if (wanted.has(name)) for (const need of needs) wanted.add(need);
  return Object.entries(kernels).flatMap(([name, { text }]) => (wanted.has(name) ? [text] : []));
}
