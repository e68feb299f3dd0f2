/**
 * The layouts of buffers, and the reorders between layouts. It does not know what the steps compute.
 *
 * Each buffer has a home: the layout in which it is written (of state: in which it lives between runs). A reader that needs
 * another layout gets a copy. A reorder makes the copy right before its first reader, and later readers share it. A copy of
 * state that no step updates is made when state is loaded, and kept.
 */
import { accessOf } from '../../program/access.ts';
import { bufferOf, type BufferId, type Program } from '../../program/program.ts';
import { assert } from '../../util/assert.ts';
import type { Command, Recorder, Region } from './commands.ts';
import { argument } from './constants.ts';
import type { Layout, Native } from './native.ts';

/** The region and the layout of a buffer. */
export interface Home {
  readonly region: Region;
  readonly layout: Layout;
}

export interface Homes {
  /** The homes that are settled so far. */
  readonly known: ReadonlyMap<BufferId, Home>;
  /** As the library wants them: grouped kernels (groups, out, in, k, k), kernels of dense layers (features, C, H, W). */
  dimensions(buffer: BufferId): readonly number[];
  /** Row-major. */
  plain(buffer: BufferId): Layout;
  /** Gives a buffer its home. */
  settle(buffer: BufferId, layout: Layout): Home;
  /** The home of a buffer. Inputs and state without one get a row-major home. */
  of(buffer: BufferId): Home;
  /** The region that holds a buffer in `layout`: its home, or a copy. State without a home takes a blocked layout of f32 as its home. */
  read(buffer: BufferId, layout: Layout): Region;
  /** The home of a buffer that is written; a bug if it has one. */
  write(buffer: BufferId, layout: Layout): Region;
  /** Discards copies of state that a step changed. */
  updated(buffer: BufferId): void;
}

/** The dimensions of kernels, where the library's differ from the program's. */
function nativeDimensions(program: Program): ReadonlyMap<BufferId, readonly number[]> {
  const result = new Map<BufferId, readonly number[]>();
  const shape = (id: BufferId): readonly number[] => bufferOf(program, id).shape;
  const grouped = (id: BufferId, groups: number): void => {
    const [out, ...rest] = shape(id) as [number, ...number[]];
    if (groups > 1) result.set(id, [groups, out / groups, ...rest]);
  };
  const dense = (id: BufferId, input: BufferId): void => void result.set(id, [shape(id)[0] as number, ...shape(input).slice(1)]);
  for (const step of program.steps) {
    if (step.kind === 'convolution' || step.kind === 'convolution-gradient-input') grouped(step.kernel, step.geometry.groups);
    if (step.kind === 'convolution-gradient-kernel') grouped(step.kernelGradient, step.geometry.groups);
    if (step.kind === 'dense') dense(step.kernel, step.input);
    if (step.kind === 'dense-gradient-input') dense(step.kernel, step.inputGradient);
    if (step.kind === 'dense-gradient-kernel') dense(step.kernelGradient, step.input);
    if (step.kind === 'accumulate') {
      const dimensions = result.get(step.gradient);
      if (dimensions !== undefined) result.set(step.sum, dimensions);
    }
    if (step.kind === 'update') {
      const dimensions = result.get(step.gradient);
      if (dimensions === undefined) continue;
      const like = (id: BufferId): boolean => shape(id).join() === shape(step.parameter).join();
      for (const id of accessOf(step).updates.filter(like)) result.set(id, dimensions);
    }
  }
  return result;
}

/** Adds a reorder between two layouts of a buffer; false, and nothing is added, if the library has none. */
function reorder(native: Native, recorder: Recorder, list: Command[], name: string, from: Home, to: Home): boolean {
  const operation = { kind: 'reorder', source: from.layout.descriptor, destination: to.layout.descriptor } as const;
  const descriptor = native.describe(operation);
  if (descriptor === null) return false;
  recorder.kernel(list, `reorder ${name}`, descriptor, [
    { argument: argument.source, region: from.region, descriptor: from.layout.descriptor },
    { argument: argument.destination, region: to.region, descriptor: to.layout.descriptor },
  ]);
  return true;
}

export function openHomes(program: Program, native: Native, recorder: Recorder): Homes {
  const dimensionsOf = nativeDimensions(program);
  const updatedState = new Set(program.steps.flatMap((step) => accessOf(step).updates));
  const homes = new Map<BufferId, Home>();
  const copies = new Map<BufferId, Map<Layout, Region>>();

  const isKept = (id: BufferId): boolean => ['input', 'state', 'accumulator'].includes(bufferOf(program, id).kind);
  const settle = (id: BufferId, layout: Layout): Home => {
    const home = { region: recorder.region(layout.bytes, isKept(id) ? 'kept' : 'arena'), layout };
    homes.set(id, home);
    return home;
  };
  const dimensions = (id: BufferId): readonly number[] => dimensionsOf.get(id) ?? bufferOf(program, id).shape;
  const plain = (id: BufferId): Layout => native.plain(dimensions(id));
  const homeOf = (id: BufferId): Home => {
    const known = homes.get(id);
    if (known !== undefined) return known;
    assert(isKept(id), () => `${bufferOf(program, id).name} is read before it is written`);
    return settle(id, plain(id));
  };

  /** Copies a buffer into another layout, unless there is such a copy. */
  const copy = (id: BufferId, layout: Layout): Region => {
    const known = copies.get(id)?.get(layout);
    if (known !== undefined) return known;
    const { kind, name } = bufferOf(program, id);
    const constant = kind === 'state' && !updatedState.has(id);
    const list = constant ? recorder.afterLoad : recorder.commands;
    const place = constant ? 'kept' : 'arena';
    const result = recorder.region(layout.bytes, place);
    if (!reorder(native, recorder, list, name, homeOf(id), { region: result, layout })) {
      // The library converts every layout from and to row-major.
      const between = { region: recorder.region(plain(id).bytes, place), layout: plain(id) };
      assert(
        reorder(native, recorder, list, name, homeOf(id), between) &&
          reorder(native, recorder, list, name, between, { region: result, layout }),
        () => `oneDNN cannot bring ${name} into the layout that a step wants`,
      );
    }
    const all = copies.get(id) ?? new Map<Layout, Region>();
    copies.set(id, all.set(layout, result));
    return result;
  };

  return {
    known: homes,
    dimensions,
    plain,
    settle,
    of: homeOf,
    read(id, layout) {
      if (!homes.has(id) && bufferOf(program, id).kind === 'state' && layout.blocked && layout.precision === 'f32')
        settle(id, layout);
      const home = homeOf(id);
      return home.layout === layout ? home.region : copy(id, layout);
    },
    write(id, layout) {
      assert(!homes.has(id), () => `${bufferOf(program, id).name} is written a second time`);
      return settle(id, layout).region;
    },
    updated: (id) => void copies.delete(id),
  };
}
