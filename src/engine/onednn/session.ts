/** A compiled program: its memory and its bound commands, as a session of the engines' contract. */
import type { Tensors } from '../../network/tensor.ts';
import type { Precision } from '../../program/precision.ts';
import { askStep, type BufferId, type Program, type Step, type StepTable } from '../../program/program.ts';
import { assert, must } from '../../util/assert.ts';
import type { ConvolutionAlgorithms, Session } from '../engine.ts';
import { isLast } from '../state.ts';
import type { Descriptor } from './adapter.ts';
import { build, type Builder, type Built } from './builder.ts';
import type { Command, Region } from './commands.ts';
import { argument, convolution } from './constants.ts';
import type { Call } from './kernels/calls.ts';
import { mostBytes } from './kernels/memory.ts';
import { openPerformer, usesWinograd, type Performer } from './kernels/team.ts';
import type { OneDnn } from './library.ts';
import { biases } from './lowering/bias.ts';
import { convolutions } from './lowering/convolution.ts';
import { denses } from './lowering/dense.ts';
import { elementwise } from './lowering/elementwise.ts';
import { joins } from './lowering/joining.ts';
import { selecting } from './lowering/selecting.ts';
import { learning, parameterLayout } from './lowering/learning.ts';
import { normalizations } from './lowering/normalization.ts';
import { acrossChannels } from './lowering/across-channels.ts';
import { pools } from './lowering/pooling.ts';
import { openNative, type Native } from './native.ts';
import { enter, leave, passagesOf, stagingOf } from './passage.ts';
import { floats, place, planPlacement, totalOf, type MemorySizes, type Placed, type Placement } from './placement.ts';

/** Convolutions and dense layers have their layouts chosen by the library; everything else follows what it reads. */
const lowerings: StepTable<[b: Builder], void> = {
  ...convolutions,
  ...biases,
  ...denses,
  ...normalizations,
  ...pools,
  ...acrossChannels,
  ...joins,
  ...selecting,
  ...elementwise,
  ...learning,
};

/** The time of one command. */
export interface Timing {
  /** What ran: `convolution`, `update`, `reorder 3/kernel`. */
  readonly label: string;
  /** The library's name of the kernel, `jit:avx512_core`; `script` for a loop in JavaScript. */
  readonly implementation: string;
  readonly milliseconds: number;
}

export interface OneDnnSession extends Session {
  /** Runs all commands once, and times each. */
  profile(now: () => number): readonly Timing[];
  readonly memory: MemorySizes;
  /** Overwrites all memory whose content may not matter between runs. For tests. */
  poison(): void;
}

type Memories = (region: Region, descriptor: Descriptor) => bigint;

/** One memory object for each descriptor over each region. */
function memoriesOf(native: Native, placed: Placed): Memories {
  const known = new Map<Region, Map<Descriptor, bigint>>();
  return (region, descriptor) => {
    const ofRegion = known.get(region) ?? new Map<Descriptor, bigint>();
    known.set(region, ofRegion);
    const memory = ofRegion.get(descriptor) ?? native.memory(descriptor, placed.bytes(region));
    ofRegion.set(descriptor, memory);
    return memory;
  };
}

type Run = () => void;

function bindCommand(native: Native, command: Command, placed: Placed, memories: Memories, call: (call: Call) => Run): Run {
  if (command.kind === 'script') return command.prepare((region) => floats(placed.bytes(region)));
  if (command.kind === 'own') {
    const runs = command.calls(placed.offset).map(call);
    return () => runs.forEach((run) => run());
  }
  const pairs = command.arguments.map((one) => [one.argument, memories(one.region, one.descriptor)] as const);
  const { scratchpad } = command.primitive;
  const scratch =
    scratchpad === null ? [] : [[argument.scratchpad, native.memory(scratchpad.descriptor, placed.scratchpad)] as const];
  const bound = native.bind(command.primitive, [...pairs, ...scratch]);
  return () => native.execute(bound);
}

export function compile(
  library: OneDnn,
  program: Program,
  algorithms: ConvolutionAlgorithms,
  precision: Precision,
): OneDnnSession {
  library.claimThreads();
  const native = openNative(library);
  try {
    return open(library, native, program, planOf(library, native, program, algorithms, precision));
  } catch (error) {
    native.release();
    throw error;
  }
}

/** The memory of a session of that program. Takes as long as compiling; allocates nothing. */
export function measure(library: OneDnn, program: Program, algorithms: ConvolutionAlgorithms, precision: Precision): MemorySizes {
  library.claimThreads();
  const native = openNative(library);
  try {
    return planOf(library, native, program, algorithms, precision).placement.sizes;
  } finally {
    native.release();
  }
}

const lowerStep = (builder: Builder, step: Step): void => askStep(lowerings, step, builder);

interface Plan {
  readonly built: Built;
  readonly placement: Placement;
  /** Whether kernels of our own are used. */
  readonly own: boolean;
}

/** Kernels of our own are used where they can address everything. */
function planOf(
  library: OneDnn,
  native: Native,
  program: Program,
  algorithms: ConvolutionAlgorithms,
  precision: Precision,
): Plan {
  const planWith = (own: boolean): Plan => {
    const options = {
      program,
      native,
      algorithm: convolution[algorithms],
      precision,
      own: own ? { threads: library.threads, winograd: usesWinograd(library) } : null,
    };
    const built = build(options, lowerStep, parameterLayout);
    return { built, placement: planPlacement(built, stagingOf(native, program, built)), own };
  };
  const plan = planWith(true);
  return totalOf(plan.placement.sizes) > mostBytes ? planWith(false) : plan;
}

function open(library: OneDnn, native: Native, program: Program, { built, placement, own }: Plan): OneDnnSession {
  const { claimThreads } = library;
  const placed = place(placement, own);
  const memories = memoriesOf(native, placed);
  const calls: Call[] = [];
  let performer: Performer | null = null;
  const bindCall = (call: Call): Run => {
    const index = calls.push(call) - 1;
    return () => must(performer, 'performer').perform(index);
  };
  const bind = (command: Command): Run => bindCommand(native, command, placed, memories, bindCall);
  const steps = built.commands.map(bind);
  const afterLoad = built.afterLoad.map(bind);
  if (placed.memory !== null && calls.length > 0) performer = openPerformer(library, placed.memory, calls);
  const passages = passagesOf(native, program, built, placed);
  const inputs = new Map<BufferId, Float32Array>();
  for (const { id, kind } of program.buffers)
    if (kind === 'input') inputs.set(id, floats(placed.bytes(must(built.homes.get(id), 'home of an input').region)));
  const outputs = new Map([...built.outputs].map(([id, region]) => [id, floats(placed.bytes(region))] as const));
  const sums = program.buffers.flatMap(({ id, kind }) =>
    kind === 'accumulator' ? [floats(placed.bytes(must(built.homes.get(id), 'home of a sum').region))] : [],
  );
  let disposed = false;

  const begin = (): void => {
    assert(!disposed, () => 'a session is used after it was disposed of');
    claimThreads();
  };

  return {
    program,
    bytes: totalOf(placed.sizes),
    memory: placed.sizes,
    load(tensors) {
      begin();
      for (const passage of passages) enter(passage, tensors[passage.entry.name]);
      for (const run of afterLoad) run();
    },
    save(): Tensors {
      begin();
      return Object.fromEntries(passages.map((passage) => [passage.entry.name, leave(passage)]));
    },
    input: (buffer) => must(inputs.get(buffer), `input ${buffer}`),
    async run(pass = 0) {
      begin();
      const end = isLast(program, pass) ? steps.length : built.inPass;
      if (pass === 0) for (const sum of sums) sum.fill(0);
      for (let index = 0; index < end; index++) (steps[index] as Run)();
    },
    output: (buffer) => must(outputs.get(buffer), `output ${buffer}`),
    profile(now) {
      begin();
      return steps.map((step, index) => {
        const command = built.commands[index] as Command;
        const start = now();
        step();
        const milliseconds = now() - start;
        return {
          label: command.label,
          implementation: command.kind === 'script' ? 'script' : command.implementation,
          milliseconds,
        };
      });
    },
    poison: placed.poison,
    dispose() {
      if (disposed) return;
      disposed = true;
      performer?.close();
      native.release();
      placed.release();
    },
  };
}
