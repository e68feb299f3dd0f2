/** Which buffers can share memory: the lifetime of each, and where in an arena it may lie. */
import { accessOf } from './access.ts';
import type { BufferId, Program } from './program.ts';

/** From the step that writes it to the last that touches it, both included. */
export interface Lifetime {
  readonly first: number;
  readonly last: number;
}

/** Of each temporary, mask and output that is written. Outputs live to the end. */
export function lifetimesOf(program: Program): ReadonlyMap<BufferId, Lifetime> {
  const lifetimes = new Map<BufferId, { first: number; last: number }>();
  program.steps.forEach((step, index) => {
    const { reads, writes } = accessOf(step);
    for (const id of writes) lifetimes.set(id, { first: index, last: index });
    for (const id of reads) {
      const lifetime = lifetimes.get(id);
      if (lifetime !== undefined) lifetime.last = index;
    }
  });
  for (const buffer of program.buffers) {
    const lifetime = lifetimes.get(buffer.id);
    if (lifetime !== undefined && buffer.kind === 'output') lifetime.last = program.steps.length;
  }
  return lifetimes;
}

export interface Allocation extends Lifetime {
  /** Bytes. */
  readonly size: number;
}

/** Bytes: of a cache line, and of the widest vector registers. */
export const alignment = 64;
export const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

export interface Arena {
  /** Byte offset of each allocation, in the order given. */
  readonly offsets: readonly number[];
  /** Bytes. */
  readonly total: number;
}

/**
 * Puts allocations into one arena so that no two that live at the same time overlap: the largest first, each at the lowest offset
 * where it fits (greedy by size; Pisarchyk & Lee, "Efficient memory management for deep neural net inference", 2020).
 */
export function planArena(allocations: readonly Allocation[]): Arena {
  const offsets = allocations.map(() => 0);
  const placed: { from: number; to: number; first: number; last: number }[] = [];
  let total = 0;
  const order = allocations
    .map((_block, index) => index)
    .toSorted((a, b) => (allocations[b] as Allocation).size - (allocations[a] as Allocation).size || a - b);
  for (const index of order) {
    const { size, first, last } = allocations[index] as Allocation;
    const rounded = align(size);
    let offset = 0;
    for (const other of placed) {
      if (other.first > last || first > other.last) continue;
      if (offset + rounded <= other.from) break;
      offset = Math.max(offset, other.to);
    }
    offsets[index] = offset;
    total = Math.max(total, offset + rounded);
    placed.push({ from: offset, to: offset + rounded, first, last });
    placed.sort((a, b) => a.from - b.from);
  }
  return { offsets, total };
}
