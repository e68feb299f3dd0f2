/** A compiled program and its state. Inputs and outputs of ONNX Runtime use the session's memory directly, without copies. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import { sizeOf, type Tensor, type Tensors } from '../../network/tensor.ts';
import { align } from '../../program/lifetimes.ts';
import { arenaBytes } from '../../program/memory.ts';
import { askStep, bufferOf, type BufferId, type Program, type StepTable } from '../../program/program.ts';
import { assert, must } from '../../util/assert.ts';
import { discard } from '../discard.ts';
import type { ConvolutionAlgorithms, Session } from '../engine.ts';
import { loadState } from '../state.ts';
import { build, type Builder, type Built, type Port } from './builder.ts';
import { convolutions } from './lowering/convolution.ts';
import { denses } from './lowering/dense.ts';
import { elementwise } from './lowering/elementwise.ts';
import { joins } from './lowering/joining.ts';
import { learning } from './lowering/learning.ts';
import { normalizations } from './lowering/normalization.ts';
import { acrossChannels } from './lowering/across-channels.ts';
import { pools } from './lowering/pooling.ts';
import type { Runtime } from './runtime.ts';

/**
 * Where a step can be written as different ONNX operators, the fastest form on a CPU was chosen by measurement
 * (`npm run bench -- onnx`), even if it has more nodes.
 */
const lowerings: StepTable<[b: Builder], void> = {
  ...convolutions,
  ...denses,
  ...normalizations,
  ...pools,
  ...acrossChannels,
  ...joins,
  ...elementwise,
  ...learning,
};

type Arrays = ReadonlyMap<BufferId, Float32Array<ArrayBuffer>>;

/** Allocates zeroed arrays for these buffers in one ArrayBuffer, so that all can be freed at once. */
function allocate(program: Program, ids: readonly BufferId[]): { readonly arrays: Arrays; readonly memory: ArrayBuffer } {
  const sizes = ids.map((id) => sizeOf(bufferOf(program, id).shape));
  const memory = new ArrayBuffer(sizes.reduce((sum, size) => sum + align(4 * size), 0));
  let offset = 0;
  const arrays = new Map(
    ids.map((id, index) => {
      const array = new Float32Array(memory, offset, sizes[index]);
      offset += align(array.byteLength);
      return [id, array];
    }),
  );
  return { arrays, memory };
}

export async function compile(
  runtime: Runtime,
  program: Program,
  algorithms: ConvolutionAlgorithms,
  profile?: string,
): Promise<Session> {
  const options = { program, freely: algorithms === 'auto', portable: runtime.device !== 'cpu' };
  const built = build(options, (step, builder) => askStep(lowerings, step, builder));
  const { model, onProcessor } = built;
  const native = await runtime.open(model, { onProcessor, ...(profile === undefined ? {} : { profile }) });
  return open(runtime, native, program, built);
}

function open(runtime: Runtime, native: InferenceSession, program: Program, { feeds, results, updates }: Built): Session {
  const ofKind = (kind: string): BufferId[] => program.buffers.filter((buffer) => buffer.kind === kind).map(({ id }) => id);
  const fixed = allocate(program, [...ofKind('input'), ...ofKind('output'), ...program.state.map(({ buffer }) => buffer)]);
  // Updated state has two arrays: a run reads one and writes the other, and then they swap.
  const updated = updates.map(({ buffer }) => buffer);
  const second = allocate(program, updated);
  const tensorOf = (id: BufferId, data: Float32Array): OrtTensor =>
    new runtime.library.Tensor('float32', data, bufferOf(program, id).shape);
  const tensorsOf = (ports: readonly Port[], arrays: Arrays): Record<string, OrtTensor> =>
    Object.fromEntries(ports.map(({ name, buffer }) => [name, tensorOf(buffer, must(arrays.get(buffer), `buffer ${buffer}`))]));
  const sides = [fixed.arrays, new Map([...fixed.arrays, ...second.arrays])] as const;
  const plans = sides.map((arrays, index) => ({
    arrays,
    feeds: tensorsOf(feeds, arrays),
    fetches: { ...tensorsOf(results, fixed.arrays), ...tensorsOf(updates, sides[1 - index] as Arrays) },
  }));
  let current = 0;
  let disposed = false;

  const plan = (): (typeof plans)[number] => {
    assert(!disposed, () => 'a session is used after it was disposed of');
    return plans[current] as (typeof plans)[number];
  };
  const arrayOf = (arrays: Arrays, id: BufferId): Float32Array => must(arrays.get(id), `memory of buffer ${id}`);

  return {
    program,
    // ONNX Runtime does not report its memory, so the memory within a run is estimated from the program.
    bytes: fixed.memory.byteLength + second.memory.byteLength + arenaBytes(program, 4),
    load(tensors: Tensors) {
      const { arrays } = plan();
      loadState(program, tensors, (id) => arrayOf(arrays, id));
    },
    save(): Tensors {
      const { arrays } = plan();
      const copy = (id: BufferId): Tensor => ({ shape: bufferOf(program, id).shape, data: arrayOf(arrays, id).slice() });
      return Object.fromEntries(program.state.map(({ name, buffer }) => [name, copy(buffer)]));
    },
    input: (buffer) => arrayOf(fixed.arrays, buffer),
    async run() {
      const { feeds: given, fetches } = plan();
      await native.run(given, fetches);
      current = 1 - current;
    },
    output: (buffer) => arrayOf(fixed.arrays, buffer),
    dispose() {
      if (disposed) return;
      disposed = true;
      // The release is synchronous; only the interface returns a promise.
      void native.release();
      discard(fixed.memory);
      discard(second.memory);
    },
  };
}
