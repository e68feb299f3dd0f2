/**
 * Memory for the blocks of a built program: three pieces, one that lives between runs, one arena that blocks share by lifetime,
 * one scratchpad that all primitives share. It knows nothing of what is computed.
 */
import koffi from 'koffi';
import { planArena } from '../../program/lifetimes.ts';
import { must } from '../../util/assert.ts';
import { discard } from '../discard.ts';
import type { Block, Built, Command } from './builder.ts';

/** Bytes by purpose, for whoever predicts memory. */
export interface MemorySizes {
  /** State, inputs, and copies of state in other layouts that last. */
  readonly kept: number;
  /** Activations, gradients, masks, and copies in other layouts. */
  readonly arena: number;
  readonly scratchpad: number;
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

export interface Placed {
  /** The bytes of a block. */
  bytes(block: Block): Uint8Array;
  readonly scratchpad: Uint8Array;
  readonly arena: Uint8Array;
  readonly sizes: MemorySizes;
  /** Every view of it has no elements afterwards. */
  release(): void;
}

interface Plan {
  readonly root: (block: Block) => Block;
  readonly offsets: ReadonlyMap<Block, number>;
  readonly sizes: MemorySizes;
}

/** Where every block of a built program lies; `staging` bytes of scratchpad at least. Allocates nothing. */
export function planMemory(built: Built, staging: number): Plan {
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
  const scratchpad = [...built.commands, ...built.afterLoad].reduce(
    (most, command) => Math.max(most, command.kind === 'native' ? (command.primitive.scratchpad?.bytes ?? 0) : 0),
    staging,
  );
  return { root, offsets, sizes: { kept, arena: align(arena.total), scratchpad: align(scratchpad) } };
}

export function place({ root, offsets, sizes }: Plan): Placed {
  const [kept, arena, scratchpad] = [allocate(sizes.kept), allocate(sizes.arena), allocate(sizes.scratchpad)];
  return {
    bytes(block) {
      const owner = root(block);
      const offset = must(offsets.get(owner), 'place of a block');
      return (owner.place === 'kept' ? kept : arena).subarray(offset, offset + block.bytes);
    },
    scratchpad,
    arena,
    release: () => [kept, arena, scratchpad].forEach((bytes) => discard(bytes.buffer as ArrayBuffer)),
    sizes,
  };
}

export const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
