/** A compiled program: its memory, its bound commands, and the traffic of tensors between the caller and the layouts. */
import koffi from 'koffi';
import { sizeOf, type Tensor, type Tensors } from '../../network/tensor.ts';
import { planArena } from '../../program/lifetimes.ts';
import { askStep, bufferOf, type BufferId, type Program, type StateEntry } from '../../program/program.ts';
import { assert, must } from '../../util/assert.ts';
import type { ConvolutionAlgorithms, Session } from '../engine.ts';
import { build, type Block, type Built, type Command } from './builder.ts';
import type { Descriptor } from './adapter.ts';
import { argument, convolution } from './constants.ts';
import type { OneDnn } from './library.ts';
import { lowerings, parameterLayout } from './lowering.ts';
import { openNative, type Layout, type Native, type Primitive } from './native.ts';

/** Where the time of a run goes. */
export interface Timing {
  /** What ran: `convolution`, `sgd`, `reorder 3/kernel`. */
  readonly label: string;
  /** The library's name of the kernel, `jit:avx512_core`; `script` for a loop of ours. */
  readonly implementation: string;
  readonly milliseconds: number;
}

export interface OneDnnSession extends Session {
  /** Runs once and says what each command took. */
  profile(now: () => number): readonly Timing[];
  /** Bytes by purpose, for whoever predicts memory. */
  readonly memory: { readonly kept: number; readonly arena: number; readonly scratchpad: number };
  /** Overwrites all memory whose content may not matter between runs. For tests. */
  poison(): void;
}

const alignment = 64;
const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Zeroed bytes at an aligned address. */
function allocate(bytes: number): Uint8Array {
  let buffer: ArrayBuffer;
  try {
    buffer = new ArrayBuffer(align(bytes) + alignment);
  } catch {
    throw new Error(`out of memory: ${bytes} bytes for a compiled program cannot be had`);
  }
  const offset = (alignment - Number(koffi.address(buffer) % BigInt(alignment))) % alignment;
  return new Uint8Array(buffer, offset, align(bytes));
}

/** Blocks that may be one become one: from each block to the one whose place it takes. */
function mergeInPlace(commands: readonly Command[]): (block: Block) => Block {
  const into = new Map<Block, Block>();
  const root = (block: Block): Block => {
    let current = block;
    for (let next = into.get(current); next !== undefined; next = into.get(current)) current = next;
    return current;
  };
  commands.forEach((command, index) => {
    for (const [read, write] of command.inPlace) {
      const [from, to] = [root(read), root(write)];
      if (from === to || from.place !== 'arena' || to.place !== 'arena' || from.bytes !== to.bytes) continue;
      if (from.last !== index || to.first !== index) continue;
      // Nothing else that this command touches may lie there.
      if (command.uses.filter((used) => root(used) === from).length > 1) continue;
      from.last = to.last;
      into.set(to, from);
    }
  });
  return root;
}

interface Placed {
  /** The bytes of a block. */
  bytes(block: Block): Uint8Array;
  readonly scratchpad: Uint8Array;
  readonly arena: Uint8Array;
  readonly sizes: OneDnnSession['memory'];
}

function place(built: Built, staging: number): Placed {
  const root = mergeInPlace(built.commands);
  const roots = built.blocks.filter((block) => root(block) === block);
  const arenaBlocks = roots.filter((block) => block.place === 'arena' && block.last >= 0);
  const arena = planArena(
    arenaBlocks.map(({ bytes, first, last }) => ({ size: bytes, first, last })),
    alignment,
  );
  const offsets = new Map<Block, number>();
  arenaBlocks.forEach((block, index) => offsets.set(block, arena.offsets[index] as number));
  let kept = 0;
  for (const block of roots)
    if (block.place === 'kept') {
      offsets.set(block, kept);
      kept += align(block.bytes);
    }
  const largest = [...built.commands, ...built.afterLoad].reduce(
    (most, command) => Math.max(most, command.kind === 'native' ? (command.primitive.scratchpad?.bytes ?? 0) : 0),
    staging,
  );
  const [keptBytes, arenaBytes, scratchpad] = [allocate(kept), allocate(arena.total), allocate(largest)];
  return {
    bytes(block) {
      const owner = root(block);
      const offset = must(offsets.get(owner), 'place of a block');
      return (owner.place === 'kept' ? keptBytes : arenaBytes).subarray(offset, offset + block.bytes);
    },
    scratchpad,
    arena: arenaBytes,
    sizes: { kept: keptBytes.byteLength, arena: arenaBytes.byteLength, scratchpad: scratchpad.byteLength },
  };
}

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

type Memories = (block: Block, descriptor: Descriptor) => bigint;

/** One memory object for each descriptor over each block. */
function memoriesOf(native: Native, placed: Placed): Memories {
  const known = new Map<Block, Map<Descriptor, bigint>>();
  return (block, descriptor) => {
    const ofBlock = known.get(block) ?? new Map<Descriptor, bigint>();
    known.set(block, ofBlock);
    const memory = ofBlock.get(descriptor) ?? native.memory(descriptor, placed.bytes(block));
    ofBlock.set(descriptor, memory);
    return memory;
  };
}

type Run = () => void;

function bindCommand(native: Native, command: Command, placed: Placed, memories: Memories): Run {
  if (command.kind === 'script') return command.prepare((block) => floats(placed.bytes(block)));
  const pairs = command.arguments.map((one) => [one.argument, memories(one.block, one.descriptor)] as const);
  const { scratchpad } = command.primitive;
  const scratch =
    scratchpad === null ? [] : [[argument.scratchpad, native.memory(scratchpad.descriptor, placed.scratchpad)] as const];
  const bound = native.bind(command.primitive, [...pairs, ...scratch]);
  return () => native.execute(bound);
}

interface Home {
  readonly block: Block;
  readonly layout: Layout;
}

/** How one tensor of the state is written from outside and read, row-major. */
interface Passage {
  readonly entry: StateEntry;
  readonly shape: readonly number[];
  /** Its memory, padding included. */
  readonly floats: Float32Array;
  /** Null where it lies row-major. */
  readonly reorder: { readonly staging: Float32Array; readonly enter: Run; readonly leave: Run } | null;
}

function passageOf(native: Native, program: Program, entry: StateEntry, home: Home, placed: Placed, memories: Memories): Passage {
  const { shape } = bufferOf(program, entry.buffer);
  const own = floats(placed.bytes(home.block));
  const plain = native.plain(home.layout.dimensions);
  if (home.layout === plain) return { entry, shape, floats: own, reorder: null };
  const outside = native.memory(plain.descriptor, placed.scratchpad);
  const inside = memories(home.block, home.layout.descriptor);
  const reorder = (source: Layout, from: bigint, destination: Layout, to: bigint): Run => {
    const operation = { kind: 'reorder', source: source.descriptor, destination: destination.descriptor } as const;
    const primitive: Primitive = native.create(must(native.describe(operation), `reorder of ${entry.name}`));
    assert(primitive.scratchpad === null, () => `a reorder of ${entry.name} without scratchpad`);
    const bound = native.bind(primitive, [
      [argument.source, from],
      [argument.destination, to],
    ]);
    return () => native.execute(bound);
  };
  return {
    entry,
    shape,
    floats: own,
    reorder: {
      staging: floats(placed.scratchpad).subarray(0, sizeOf(shape)),
      enter: reorder(plain, outside, home.layout, inside),
      leave: reorder(home.layout, inside, plain, outside),
    },
  };
}

/** Bytes that the largest tensor of the state needs on its way in or out. */
const stagingOf = (native: Native, program: Program, built: Built): number =>
  program.state.reduce((largest, { buffer }) => {
    const { layout } = must(built.homes.get(buffer), 'home of state');
    const plain = native.plain(layout.dimensions);
    return layout === plain ? largest : Math.max(largest, plain.bytes);
  }, 0);

export function compile(library: OneDnn, program: Program, algorithms: ConvolutionAlgorithms): OneDnnSession {
  const native = openNative(library);
  try {
    return open(native, program, convolution[algorithms]);
  } catch (error) {
    native.release();
    throw error;
  }
}

function open(native: Native, program: Program, algorithm: number): OneDnnSession {
  const lower = (builder: Parameters<Parameters<typeof build>[1]>[0], step: Program['steps'][number]): void =>
    askStep(lowerings, step, builder);
  const built = build({ program, native, algorithm }, lower, parameterLayout);
  const placed = place(built, stagingOf(native, program, built));
  const memories = memoriesOf(native, placed);
  const steps = built.commands.map((command) => bindCommand(native, command, placed, memories));
  const afterLoad = built.afterLoad.map((command) => bindCommand(native, command, placed, memories));
  const passages = program.state.map((entry) =>
    passageOf(native, program, entry, must(built.homes.get(entry.buffer), 'home of state'), placed, memories),
  );
  const inputs = new Map<BufferId, Float32Array>();
  for (const { id, kind } of program.buffers)
    if (kind === 'input') inputs.set(id, floats(placed.bytes(must(built.homes.get(id), 'home of an input').block)));
  const outputs = new Map([...built.outputs].map(([id, block]) => [id, floats(placed.bytes(block))] as const));
  const { kept, arena, scratchpad } = placed.sizes;
  let disposed = false;

  const write = ({ entry, shape, floats: own, reorder }: Passage, tensor: Tensor | undefined): void => {
    if (tensor === undefined) {
      assert(entry.role === 'velocity', () => `no ${entry.name} among the tensors`);
      own.fill(0);
      return;
    }
    const size = sizeOf(shape);
    assert(tensor.data.length === size, () => `${entry.name} has ${tensor.data.length} numbers, not ${size}`);
    if (reorder === null) own.set(tensor.data);
    else {
      reorder.staging.set(tensor.data);
      reorder.enter();
    }
  };
  const copyOut = ({ shape, floats: own, reorder }: Passage): Tensor => {
    if (reorder === null) return { shape, data: own.slice() };
    reorder.leave();
    return { shape, data: reorder.staging.slice() };
  };
  const alive = (): void => assert(!disposed, () => 'a session is used after it was disposed of');

  return {
    program,
    bytes: kept + arena + scratchpad,
    memory: placed.sizes,
    load(tensors) {
      alive();
      for (const passage of passages) write(passage, tensors[passage.entry.name]);
      for (const run of afterLoad) run();
    },
    save(): Tensors {
      alive();
      return Object.fromEntries(passages.map((passage) => [passage.entry.name, copyOut(passage)]));
    },
    input: (buffer) => must(inputs.get(buffer), `input ${buffer}`),
    async run() {
      alive();
      for (const step of steps) step();
    },
    output: (buffer) => must(outputs.get(buffer), `output ${buffer}`),
    profile(now) {
      alive();
      return steps.map((step, index) => {
        const command = built.commands[index] as Command;
        const start = now();
        step();
        const milliseconds = now() - start;
        return {
          label: command.label,
          implementation: command.kind === 'native' ? command.implementation : 'script',
          milliseconds,
        };
      });
    },
    poison() {
      placed.arena.fill(0xff);
      placed.scratchpad.fill(0xff);
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      native.release();
    },
  };
}
