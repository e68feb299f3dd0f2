/** Loads and saves state: row-major for the caller, in the layouts of the library inside. */
import { sizeOf, type Tensor } from '../../network/tensor.ts';
import { bufferOf, type Program, type StateEntry } from '../../program/program.ts';
import { assert, must } from '../../util/assert.ts';
import type { Built } from './builder.ts';
import type { Home } from './homes.ts';
import { argument } from './constants.ts';
import type { Layout, Native } from './native.ts';
import { floats, type Placed } from './placement.ts';

/** Loads and saves one tensor of the state, row-major. */
export interface Passage {
  readonly entry: StateEntry;
  readonly shape: readonly number[];
  /** Its memory, padding included. */
  readonly floats: Float32Array;
  /** Null where it lies row-major. */
  readonly reorder: { readonly staging: Float32Array; readonly enter: () => void; readonly leave: () => void } | null;
}

function passageOf(native: Native, program: Program, entry: StateEntry, home: Home, placed: Placed): Passage {
  const { shape } = bufferOf(program, entry.buffer);
  const own = floats(placed.bytes(home.region));
  const plain = native.plain(home.layout.dimensions);
  if (home.layout === plain) return { entry, shape, floats: own, reorder: null };
  const outside = native.memory(plain.descriptor, placed.scratchpad);
  const inside = native.memory(home.layout.descriptor, placed.bytes(home.region));
  const reorder = (source: Layout, from: bigint, destination: Layout, to: bigint): (() => void) => {
    const operation = { kind: 'reorder', source: source.descriptor, destination: destination.descriptor } as const;
    const primitive = native.create(must(native.describe(operation), `reorder of ${entry.name}`));
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

/** Bytes to stage the largest tensor of the state. */
export const stagingOf = (native: Native, program: Program, built: Built): number =>
  program.state.reduce((largest, { buffer }) => {
    const { layout } = must(built.homes.get(buffer), 'home of state');
    const plain = native.plain(layout.dimensions);
    return layout === plain ? largest : Math.max(largest, plain.bytes);
  }, 0);

/** Of every tensor of the state. */
export const passagesOf = (native: Native, program: Program, built: Built, placed: Placed): readonly Passage[] =>
  program.state.map((entry) => passageOf(native, program, entry, must(built.homes.get(entry.buffer), 'home of state'), placed));

/** Writes a tensor from outside; a state of the optimizer that is missing is zero, anything else that is missing is a bug. */
export function enter({ entry, shape, floats: own, reorder }: Passage, tensor: Tensor | undefined): void {
  if (tensor === undefined) {
    assert(entry.role === 'optimizer', () => `no ${entry.name} among the tensors`);
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
}

/** A copy for outside. */
export function leave({ shape, floats: own, reorder }: Passage): Tensor {
  if (reorder === null) return { shape, data: own.slice() };
  reorder.leave();
  return { shape, data: reorder.staging.slice() };
}
