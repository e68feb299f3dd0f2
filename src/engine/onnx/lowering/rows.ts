/** What the lowerings of all steps share. */
import type { BufferId, StepTable } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';

/** Some rows of the table. */
export type Rows = Partial<StepTable<[b: Builder], void>>;

export type Planes = readonly [batch: number, channels: number, height: number, width: number];

/** (N, C, H, W). */
export const planesOf = (b: Builder, id: BufferId): Planes => b.shape(id) as Planes;

/** One row a channel: (C, N·H·W). */
export const rowsOf = (b: Builder, id: BufferId): string =>
  b.once(`rows of ${id}`, () => b.reshape(b.read(id), [planesOf(b, id)[1], -1]));

/** Writes a buffer (C, N, H, W) from rows, or from any value with the elements in that order. */
export function channelsFirst(b: Builder, value: string, id: BufferId): void {
  const [batch, channels, height, width] = planesOf(b, id);
  b.reshape(value, [channels, batch, height, width], b.write(id));
}

/** Σ along rows: (C). */
export const channelSum = (b: Builder, rows: string, output?: string): string =>
  b.node('ReduceSum', [rows, b.integers(1)], { keepdims: 0 }, output);

/** (C) → (C, 1), to be broadcast along rows. */
export const perRow = (b: Builder, value: string): string => b.reshape(value, [-1, 1]);

/** √(variance + ε): (C). */
export const deviation = (b: Builder, variance: string, epsilon: number): string =>
  b.node('Sqrt', [b.node('Add', [variance, b.number(epsilon)])]);
