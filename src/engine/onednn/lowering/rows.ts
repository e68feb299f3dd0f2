/** What the lowerings of all steps share. */
import type { BufferId, Step, StepTable } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import type { Region } from '../commands.ts';
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

/** The home of the input of the first forward step that `matches`, for the gradient to it; row-major where there is none. */
export function layoutOfForward(b: Builder, gradient: BufferId, matches: (step: Step) => BufferId | null): Layout {
  const shape = b.dimensions(gradient).join();
  for (const step of b.program.steps) {
    const input = matches(step);
    if (input !== null && b.dimensions(input).join() === shape) return b.home(input);
  }
  return b.plain(gradient);
}

interface Combination {
  /** The second is one number. */
  readonly scalar: boolean;
  /** Added to what the destination holds. */
  readonly accumulate: boolean;
}

/** destination (+)= first ∘ second, elementwise, over the whole memory of blocks of that layout. */
export function combined(
  b: Builder,
  operation: keyof typeof binary,
  [first, second, destination]: readonly [Region, Region, Region],
  shaped: Layout,
  { scalar, accumulate }: Combination = { scalar: false, accumulate: false },
): void {
  const layout = flat(b, shaped);
  const other = scalar ? b.native.plain(layout.dimensions.map(() => 1)) : layout;
  const primitive = b.once(key(operation, scalar, accumulate, layout.number), () =>
    b.describe({
      kind: 'binary',
      algorithm: binary[operation],
      first: layout.descriptor,
      second: other.descriptor,
      destination: layout.descriptor,
      accumulate,
    }),
  );
  b.runInPlace(operation, accumulate ? null : [first, destination], primitive, [
    [argument.source, first, layout],
    [argument.source1, second, other],
    [argument.destination, destination, layout],
  ]);
}

/** destination (+)= factor·source, the factor being a scalar in memory. */
export const scaled = (
  b: Builder,
  source: Region,
  factor: Region,
  destination: Region,
  layout: Layout,
  accumulate: boolean,
): void => combined(b, 'multiply', [source, factor, destination], layout, { scalar: true, accumulate });
