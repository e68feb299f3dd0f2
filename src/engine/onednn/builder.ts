/**
 * Compiles a program to commands over regions of memory. `homes.ts` decides the layouts and adds the reorders between them,
 * `commands.ts` records commands and lifetimes, the table of lowerings says what each step computes.
 */
import { accessOf } from '../../program/access.ts';
import { bufferOf, partsOf, type BufferId, type Program, type Step, type StepOf } from '../../program/program.ts';
import type { Precision } from '../../program/precision.ts';
import { sizeOf } from '../../network/tensor.ts';
import { assert, must } from '../../util/assert.ts';
import type { Descriptor, Operation, PrimitiveDescriptor } from './adapter.ts';
import {
  openRecorder,
  type Command,
  type InPlace,
  type OwnCommand,
  type Recorder,
  type Region,
  type ScriptCommand,
} from './commands.ts';
import { openHomes, type Home, type Homes } from './homes.ts';
import type { Layout, Native } from './native.ts';

export interface Built {
  readonly commands: readonly Command[];
  /** How many of them each pass of a minibatch runs; the others are for the last one. */
  readonly inPass: number;
  /** To run after state is loaded. */
  readonly afterLoad: readonly Command[];
  readonly regions: readonly Region[];
  /** Of inputs and state: row-major for the former, in `layouts` for the latter. */
  readonly homes: ReadonlyMap<BufferId, Home>;
  /** Of outputs, row-major. */
  readonly outputs: ReadonlyMap<BufferId, Region>;
}

type Values = readonly (readonly [argument: number, region: Region, layout: Layout | Descriptor])[];

/** What the lowering of a step may call. */
export interface Builder extends Pick<Homes, 'dimensions' | 'plain' | 'read' | 'write'> {
  readonly program: Program;
  readonly native: Native;
  /** `constants.convolution`. */
  readonly algorithm: number;
  /** Of convolutions. */
  readonly precision: Precision;
  /** Kernels of our own, by so many threads; null where none are used. `winograd`: for convolutions, too. */
  readonly own: { readonly threads: number; readonly winograd: boolean } | null;
  /** Forward primitives save what their gradients need. */
  readonly training: boolean;
  /** The layout in which it is written, or first read. */
  home(buffer: BufferId): Layout;
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
  call(label: string, implementation: string, uses: readonly Region[], calls: OwnCommand['calls']): void;
}

const isLayout = (value: Layout | Descriptor): value is Layout => typeof value === 'object' && 'descriptor' in value;

export type Options = Pick<Builder, 'program' | 'native' | 'algorithm' | 'precision' | 'own'>;

function builderOver({ program, native, algorithm, precision, own }: Options, recorder: Recorder, homes: Homes): Builder {
  const made = new Map<unknown, unknown>();
  const builder: Builder = {
    program,
    native,
    algorithm,
    precision,
    own,
    training: program.labels !== null,
    dimensions: homes.dimensions,
    plain: homes.plain,
    read: homes.read,
    write: homes.write,
    home: (id) => homes.of(id).layout,
    scratch: (bytes) => recorder.region(bytes, 'arena'),
    describe: (operation) => must(native.describe(operation), `implementation of ${operation.kind} in oneDNN`),
    once<T>(key: unknown, make: () => T): T {
      if (!made.has(key)) made.set(key, make());
      return made.get(key) as T;
    },
    wants: (primitive, what, id) =>
      must(native.layout(primitive, what, homes.dimensions(id)), `layout of ${bufferOf(program, id).name}`),
    run: (label, primitive, values) => builder.runInPlace(label, null, primitive, values),
    runInPlace(label, inPlace, primitive, values) {
      const pairs = values.map(([name, used, layout]) => ({
        argument: name,
        region: used,
        descriptor: isLayout(layout) ? layout.descriptor : layout,
      }));
      recorder.kernel(recorder.commands, label, primitive, pairs, inPlace);
    },
    script: (label, uses, prepare) => recorder.append(recorder.commands, { kind: 'script', label, uses, prepare, inPlace: null }),
    call: (label, implementation, uses, calls) =>
      recorder.append(recorder.commands, { kind: 'own', label, implementation, uses, calls, inPlace: null }),
  };
  return builder;
}

/** Outputs in row-major layout. Their regions live to the end. */
function readOutputs({ program, read, plain }: Builder, homes: Homes): ReadonlyMap<BufferId, Region> {
  const outputs = new Map<BufferId, Region>();
  for (const { id, kind } of program.buffers)
    if (kind === 'output' && homes.known.has(id)) {
      const result = read(id, plain(id));
      outputs.set(id, result);
    }
  return outputs;
}

/** Runs `lower` over all steps, with the layout of each trained parameter given by `parameterLayout`. */
export function build(
  options: Options,
  lower: (builder: Builder, step: Step) => void,
  parameterLayout: (builder: Builder, update: StepOf<'update'>) => Layout,
): Built {
  const { program, native } = options;
  const recorder = openRecorder(native);
  const homes = openHomes(program, native, recorder);
  const builder = builderOver(options, recorder, homes);

  for (const step of program.steps)
    if (step.kind === 'update') {
      const layout = parameterLayout(builder, step);
      homes.settle(step.parameter, layout.blocked ? layout : homes.plain(step.parameter));
    }
  const lowerAll = (steps: readonly Step[]): void => {
    for (const step of steps) {
      lower(builder, step);
      for (const id of accessOf(step).updates) homes.updated(id);
    }
  };
  const { pass, closing } = partsOf(program);
  lowerAll(pass);
  // Behind each pass, as it may be read then.
  const outputs = readOutputs(builder, homes);
  const inPass = recorder.commands.length;
  lowerAll(closing);
  for (const result of outputs.values()) result.last = recorder.commands.length;
  for (const { buffer } of program.state) homes.of(buffer);
  for (const { id, kind, shape } of program.buffers)
    if (kind === 'input') assert(homes.of(id).region.bytes === 4 * sizeOf(shape), () => 'inputs are row-major');

  const { commands, afterLoad, regions } = recorder;
  return { commands, inPass, afterLoad, regions, homes: homes.known, outputs };
}
