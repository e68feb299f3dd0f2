/** What the lowerings of all steps share. */
import type { StepTable } from '../../../program/program.ts';
import type { Block, Builder } from '../builder.ts';
import { argument, binary } from '../constants.ts';
import type { Layout } from '../native.ts';

/** Some rows of the table. */
export type Rows = Partial<StepTable<[b: Builder], void>>;

/** A key for `Builder.once`. */
export const key = (...parts: readonly unknown[]): string => JSON.stringify(parts);

/**
 * The same memory as one row of numbers, for elementwise work: the library is slow (its reference loops) where the channels do
 * not fill their blocks, and padding may be computed with like everything else, being zero before and after. An opaque layout
 * stays as it is.
 */
export const flat = (b: Builder, layout: Layout): Layout => (layout.blocked ? b.native.plain([1, layout.bytes / 4]) : layout);

/** destination (+)= factor·source, the factor being a scalar in memory. */
export function scaled(b: Builder, source: Block, factor: Block, destination: Block, shaped: Layout, accumulate: boolean): void {
  const layout = flat(b, shaped);
  const scalar = b.native.plain(layout.dimensions.map(() => 1));
  const primitive = b.once(key('multiply', accumulate, layout.number), () =>
    b.describe({
      kind: 'binary',
      algorithm: binary.multiply,
      first: layout.descriptor,
      second: scalar.descriptor,
      destination: layout.descriptor,
      accumulate,
    }),
  );
  b.run(
    'multiply',
    primitive,
    [
      [argument.source, source, layout],
      [argument.source1, factor, scalar],
      [argument.destination, destination, layout],
    ],
    accumulate ? [] : [[source, destination]],
  );
}
