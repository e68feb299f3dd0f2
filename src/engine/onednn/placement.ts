/**
 * Allocates the regions of a built program: memory that lives between runs, an arena that regions share by lifetime, and a
 * scratchpad that all primitives share. Each region has a view of its own: one over everything may hold less than 4 GiB.
 */
import { align, alignment, planArena } from '../../program/lifetimes.ts';
import { mostBytesOfTensor } from '../../program/memory.ts';
import { koffi } from '../../util/koffi.ts';
import { must } from '../../util/assert.ts';
import { discard } from '../discard.ts';
import type { Built } from './builder.ts';
import type { Command, Region } from './commands.ts';
import { giveBack, memoryOf } from './kernels/memory.ts';

/** Bytes by purpose, for predictions of memory. */
export interface MemorySizes {
  /** State, inputs, and copies of state in other layouts that last. */
  readonly kept: number;
  /** Activations, gradients, masks, and copies in other layouts. */
  readonly arena: number;
  readonly scratchpad: number;
}

/** Memory of any size; `start`: of what is used, in bytes. */
interface Stretch {
  readonly buffer: ArrayBufferLike;
  readonly start: number;
  readonly bytes: number;
}

/** Zeroed bytes at an aligned address. */
function allocate(bytes: number): Stretch & { readonly buffer: ArrayBuffer } {
  let buffer: ArrayBuffer;
  try {
    buffer = new ArrayBuffer(align(bytes) + alignment);
  } catch {
    throw new Error(`out of memory: ${bytes} bytes for a compiled program cannot be had`);
  }
  const start = (alignment - Number(koffi.address(buffer) % BigInt(alignment))) % alignment;
  return { buffer, start, bytes: align(bytes) };
}

const viewOf = ({ buffer, start }: Stretch, offset: number, bytes: number): Uint8Array =>
  new Uint8Array(buffer, start + offset, bytes);

/** Sets all bytes of a stretch. */
function fill(stretch: Stretch, value: number): void {
  const step = 2 ** 30;
  for (let from = 0; from < stretch.bytes; from += step) viewOf(stretch, from, Math.min(step, stretch.bytes - from)).fill(value);
}

/** Merges regions that may share memory: maps each region to the one that it is placed in. */
function mergeInPlace(commands: readonly Command[]): (region: Region) => Region {
  const into = new Map<Region, Region>();
  const root = (region: Region): Region => {
    let current = region;
    for (let next = into.get(current); next !== undefined; next = into.get(current)) current = next;
    return current;
  };
  commands.forEach((command, index) => {
    if (command.inPlace === null) return;
    const [from, to] = command.inPlace.map(root) as [Region, Region];
    if (from === to || from.place !== 'arena' || to.place !== 'arena' || from.bytes !== to.bytes) return;
    if (from.last !== index || to.first !== index) return;
    // The command must not use it for anything else.
    if (command.uses.filter((used) => root(used) === from).length > 1) return;
    from.last = to.last;
    into.set(to, from);
  });
  return root;
}

export interface Placed {
  /** The bytes of a region. */
  bytes(region: Region): Uint8Array;
  /** The memory that holds everything, where kernels of our own compute over it. */
  readonly memory: WebAssembly.Memory | null;
  /** Where a region begins in that memory. */
  offset(region: Region): number;
  readonly scratchpad: Uint8Array;
  /** Overwrites all memory whose content may not matter between runs. */
  poison(): void;
  readonly sizes: MemorySizes;
  /** All views of it are empty afterwards. */
  release(): void;
}

export interface Placement {
  readonly root: (region: Region) => Region;
  readonly offsets: ReadonlyMap<Region, number>;
  readonly sizes: MemorySizes;
}

/**
 * Places every region of a built program, with at least `staging` bytes of scratchpad. Allocates nothing. An Error where a region is
 * too large to be seen in one view.
 */
export function planPlacement(built: Built, staging: number): Placement {
  const root = mergeInPlace(built.commands);
  const roots = built.regions.filter((region) => root(region) === region);
  const arenaBlocks = roots.filter((region) => region.place === 'arena' && region.last >= 0);
  const arena = planArena(arenaBlocks.map(({ bytes, first, last }) => ({ size: bytes, first, last })));
  const offsets = new Map<Region, number>();
  arenaBlocks.forEach((region, index) => offsets.set(region, arena.offsets[index] as number));
  let kept = 0;
  for (const region of roots)
    if (region.place === 'kept') {
      offsets.set(region, kept);
      kept += align(region.bytes);
    }
  const scratchpad = [...built.commands, ...built.afterLoad].reduce(
    (most, command) => Math.max(most, command.kind === 'native' ? (command.primitive.scratchpad?.bytes ?? 0) : 0),
    staging,
  );
  const largest = roots.reduce((most, { bytes }) => Math.max(most, bytes), scratchpad);
  if (largest > mostBytesOfTensor)
    throw new Error(
      `a tensor of ${largest} bytes is more than the ${mostBytesOfTensor} that one may have: use a smaller --batch`,
    );
  return { root, offsets, sizes: { kept, arena: align(arena.total), scratchpad: align(scratchpad) } };
}

interface Allocated {
  readonly kept: Stretch;
  readonly arena: Stretch;
  readonly scratchpad: Stretch;
  readonly memory: WebAssembly.Memory | null;
  release(): void;
}

function allocateApart(sizes: MemorySizes): Allocated {
  const [kept, arena, scratchpad] = [allocate(sizes.kept), allocate(sizes.arena), allocate(sizes.scratchpad)];
  const release = (): void => [kept, arena, scratchpad].forEach(({ buffer }) => discard(buffer));
  return { kept, arena, scratchpad, memory: null, release };
}

function allocateTogether(sizes: MemorySizes): Allocated {
  const memory = memoryOf(alignment + totalOf(sizes));
  let end = alignment;
  const next = (bytes: number): Stretch => ({ buffer: memory.buffer, start: (end += bytes) - bytes, bytes });
  const [kept, arena, scratchpad] = [next(sizes.kept), next(sizes.arena), next(sizes.scratchpad)];
  return { kept, arena, scratchpad, memory, release: () => giveBack(memory) };
}

export const totalOf = ({ kept, arena, scratchpad }: MemorySizes): number => kept + arena + scratchpad;

/** `together`: in one WebAssembly memory, whose first bytes no region has. */
export function place({ root, offsets, sizes }: Placement, together: boolean): Placed {
  const { kept, arena, scratchpad, memory, release } = (together ? allocateTogether : allocateApart)(sizes);
  const bytes = (region: Region): Uint8Array => {
    const owner = root(region);
    const offset = must(offsets.get(owner), 'place of a region');
    return viewOf(owner.place === 'kept' ? kept : arena, offset, region.bytes);
  };
  return {
    bytes,
    offset: (region) => bytes(region).byteOffset,
    memory,
    scratchpad: viewOf(scratchpad, 0, scratchpad.bytes),
    poison: () => [arena, scratchpad].forEach((stretch) => fill(stretch, 0xff)),
    release,
    sizes,
  };
}

export const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
