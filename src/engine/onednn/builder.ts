/**
 * Compiles a program to commands over regions of memory: the layout of each buffer, and the reorders between layouts. It knows
 * layouts and lifetimes, not what the steps compute.
 *
 * Each buffer has a home: the layout in which it is written (of state: in which it lives between runs). A reader that wants
 * another gets a copy, made by a reorder right before the first such reader and shared by those that follow. A copy of state
 * that no step updates is made when state is loaded, and kept.
 */
import { accessOf } from '../../program/access.ts';
import { bufferOf, type BufferId, type Program, type Step, type StepOf } from '../../program/program.ts';
import { sizeOf } from '../../network/tensor.ts';
import { assert, must } from '../../util/assert.ts';
import type { Descriptor, Operation, PrimitiveDescriptor } from './adapter.ts';
import { argument } from './constants.ts';
import type { Layout, Native, Primitive } from './native.ts';

/** A region of memory. */
export interface Region {
  readonly bytes: number;
  /** `kept` lives between runs; `arena` from command `first` to `last`, both included. */
  readonly place: 'kept' | 'arena';
  first: number;
  last: number;
}

/** Regions that may share memory if this is the last read; null where none may. */
type InPlace = readonly [read: Region, write: Region] | null;
type Values = readonly (readonly [argument: number, region: Region, layout: Layout | Descriptor])[];

interface Uses {
  readonly label: string;
  readonly uses: readonly Region[];
  readonly inPlace: InPlace;
}

/** A kernel of the library. */
export interface NativeCommand extends Uses {
  readonly kind: 'native';
  readonly primitive: Primitive;
  readonly implementation: string;
  readonly arguments: readonly NativeArgument[];
}

export interface NativeArgument {
  readonly argument: number;
  readonly region: Region;
  readonly descriptor: Descriptor;
}

/** A loop in JavaScript. `prepare` is called once, after memory is allocated. */
export interface ScriptCommand extends Uses {
  readonly kind: 'script';
  readonly prepare: (view: (region: Region) => Float32Array) => () => void;
}

export type Command = NativeCommand | ScriptCommand;

/** The region and the layout of a buffer. */
export interface Home {
  readonly region: Region;
  readonly layout: Layout;
}

export interface Built {
  readonly commands: readonly Command[];
  /** To run after state is loaded. */
  readonly afterLoad: readonly Command[];
  readonly regions: readonly Region[];
  /** Of inputs and state: row-major for the former, in `layouts` for the latter. */
  readonly homes: ReadonlyMap<BufferId, Home>;
  /** Of outputs, row-major. */
  readonly outputs: ReadonlyMap<BufferId, Region>;
}

export interface Builder {
  readonly program: Program;
  readonly native: Native;
  /** `constants.convolution`. */
  readonly algorithm: number;
  /** Forward primitives save what their gradients need. */
  readonly training: boolean;
  /** As the library wants them: grouped kernels (groups, out, in, k, k), kernels of dense layers (features, C, H, W). */
  dimensions(buffer: BufferId): readonly number[];
  /** The layout in which it is written, or first read. */
  home(buffer: BufferId): Layout;
  plain(buffer: BufferId): Layout;
  read(buffer: BufferId, layout: Layout): Region;
  write(buffer: BufferId, layout: Layout): Region;
  /** Memory for the next commands that name it. */
  scratch(bytes: number): Region;
  /** Makes a primitive descriptor; a bug if the library has none. */
  describe(operation: Operation): PrimitiveDescriptor;
  /** Memoized by key. */
  once<T>(key: unknown, make: () => T): T;
  wants(primitive: PrimitiveDescriptor, what: number, buffer: BufferId): Layout;
  run(label: string, primitive: PrimitiveDescriptor, values: Values): void;
  runInPlace(label: string, inPlace: InPlace, primitive: PrimitiveDescriptor, values: Values): void;
  script(label: string, uses: readonly Region[], prepare: ScriptCommand['prepare']): void;
  /** Discards copies of state that a step changed. */
  updated(buffer: BufferId): void;
}

const isLayout = (value: Layout | Descriptor): value is Layout => typeof value === 'object' && 'descriptor' in value;

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
    if (step.kind === 'update') {
      const dimensions = result.get(step.gradient);
      if (dimensions === undefined) continue;
      const like = (id: BufferId): boolean => shape(id).join() === shape(step.parameter).join();
      for (const id of accessOf(step).updates.filter(like)) result.set(id, dimensions);
    }
  }
  return result;
}

/** Runs `lower` over all steps, with the layout of each trained parameter given by `parameterLayout`. */
export function build(
  { program, native, algorithm }: Pick<Builder, 'program' | 'native' | 'algorithm'>,
  lower: (builder: Builder, step: Step) => void,
  parameterLayout: (builder: Builder, update: StepOf<'update'>) => Layout,
): Built {
  const dimensionsOf = nativeDimensions(program);
  const updatedState = new Set(program.steps.flatMap((step) => accessOf(step).updates));
  const regions: Region[] = [];
  const commands: Command[] = [];
  const afterLoad: Command[] = [];
  const homes = new Map<BufferId, Home>();
  const copies = new Map<BufferId, Map<Layout, Region>>();
  const made = new Map<unknown, unknown>();

  const region = (bytes: number, place: Region['place']): Region => {
    const fresh: Region = { bytes, place, first: Number.POSITIVE_INFINITY, last: -1 };
    regions.push(fresh);
    return fresh;
  };
  const append = (list: Command[], command: Command): void => {
    if (list === commands)
      for (const used of command.uses) {
        used.first = Math.min(used.first, commands.length);
        used.last = commands.length;
      }
    list.push(command);
  };
  const isKept = (id: BufferId): boolean => ['input', 'state'].includes(bufferOf(program, id).kind);
  const settle = (id: BufferId, layout: Layout): Home => {
    const home = { region: region(layout.bytes, isKept(id) ? 'kept' : 'arena'), layout };
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

  const emit = (
    list: Command[],
    label: string,
    descriptor: PrimitiveDescriptor,
    values: readonly NativeArgument[],
    inPlace: InPlace = null,
  ): void => {
    append(list, {
      kind: 'native',
      label,
      implementation: native.implementation(descriptor),
      primitive: native.create(descriptor),
      arguments: values,
      uses: values.map((value) => value.region),
      inPlace,
    });
  };

  const reorder = (list: Command[], name: string, from: Home, to: Home): boolean => {
    const operation = { kind: 'reorder', source: from.layout.descriptor, destination: to.layout.descriptor } as const;
    const descriptor = native.describe(operation);
    if (descriptor === null) return false;
    emit(list, `reorder ${name}`, descriptor, [
      { argument: argument.source, region: from.region, descriptor: from.layout.descriptor },
      { argument: argument.destination, region: to.region, descriptor: to.layout.descriptor },
    ]);
    return true;
  };

  const copy = (id: BufferId, layout: Layout): Region => {
    const known = copies.get(id)?.get(layout);
    if (known !== undefined) return known;
    const { kind, name } = bufferOf(program, id);
    const constant = kind === 'state' && !updatedState.has(id);
    const list = constant ? afterLoad : commands;
    const place = constant ? 'kept' : 'arena';
    const result = region(layout.bytes, place);
    if (!reorder(list, name, homeOf(id), { region: result, layout })) {
      // The library converts every layout from and to row-major.
      const between = { region: region(plain(id).bytes, place), layout: plain(id) };
      assert(
        reorder(list, name, homeOf(id), between) && reorder(list, name, between, { region: result, layout }),
        () => `oneDNN cannot bring ${name} into the layout that a step wants`,
      );
    }
    const all = copies.get(id) ?? new Map<Layout, Region>();
    copies.set(id, all.set(layout, result));
    return result;
  };

  const builder: Builder = {
    program,
    native,
    algorithm,
    training: program.labels !== null,
    dimensions,
    home: (id) => homeOf(id).layout,
    plain,
    read(id, layout) {
      // State takes the layout of its first reader.
      if (!homes.has(id) && bufferOf(program, id).kind === 'state' && layout.blocked) settle(id, layout);
      const home = homeOf(id);
      return home.layout === layout ? home.region : copy(id, layout);
    },
    write(id, layout) {
      assert(!homes.has(id), () => `${bufferOf(program, id).name} is written a second time`);
      return settle(id, layout).region;
    },
    scratch: (bytes) => region(bytes, 'arena'),
    describe: (operation) => must(native.describe(operation), `implementation of ${operation.kind} in oneDNN`),
    once<T>(key: unknown, make: () => T): T {
      if (!made.has(key)) made.set(key, make());
      return made.get(key) as T;
    },
    wants: (primitive, what, id) =>
      must(native.layout(primitive, what, dimensions(id)), `layout of ${bufferOf(program, id).name}`),
    run: (label, primitive, values) => builder.runInPlace(label, null, primitive, values),
    runInPlace(label, inPlace, primitive, values) {
      const pairs = values.map(([name, used, layout]) => ({
        argument: name,
        region: used,
        descriptor: isLayout(layout) ? layout.descriptor : layout,
      }));
      emit(commands, label, primitive, pairs, inPlace);
    },
    script: (label, uses, prepare) => append(commands, { kind: 'script', label, uses, prepare, inPlace: null }),
    updated: (id) => void copies.delete(id),
  };

  for (const step of program.steps)
    if (step.kind === 'update') {
      const layout = parameterLayout(builder, step);
      settle(step.parameter, layout.blocked ? layout : plain(step.parameter));
    }
  for (const step of program.steps) {
    lower(builder, step);
    for (const id of accessOf(step).updates) builder.updated(id);
  }
  for (const { buffer } of program.state) homeOf(buffer);
  for (const { id, kind, shape } of program.buffers)
    if (kind === 'input') assert(homeOf(id).region.bytes === 4 * sizeOf(shape), () => 'inputs are row-major');

  const outputs = new Map<BufferId, Region>();
  for (const { id, kind } of program.buffers)
    if (kind === 'output' && homes.has(id)) {
      const result = builder.read(id, plain(id));
      result.last = Number.POSITIVE_INFINITY;
      outputs.set(id, result);
    }
  for (const result of outputs.values()) result.last = commands.length;
  return { commands, afterLoad, regions, homes, outputs };
}
