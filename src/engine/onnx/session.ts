/**
 * A compiled program and its state: one graph; of a program of several passes one for a pass, and one for the updates behind the
 * last. Inputs and outputs of ONNX Runtime use the session's memory directly, without copies.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import { sizeOf, type Tensor, type Tensors } from '../../network/tensor.ts';
import { align } from '../../program/lifetimes.ts';
import { arenaBytes } from '../../program/memory.ts';
import { askStep, bufferOf, partsOf, type BufferId, type Program, type StepTable } from '../../program/program.ts';
import { assert, must } from '../../util/assert.ts';
import { discard } from '../discard.ts';
import type { ConvolutionAlgorithms, Session } from '../engine.ts';
import { isLast, loadState } from '../state.ts';
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

/** A graph, and what of it is not known to ONNX Runtime. */
interface Graph extends Built {
  readonly native: InferenceSession;
}

export async function compile(
  runtime: Runtime,
  program: Program,
  algorithms: ConvolutionAlgorithms,
  profile?: string,
): Promise<Session> {
  const options = { program, freely: algorithms === 'auto', portable: runtime.device !== 'cpu' };
  const { pass, closing } = partsOf(program);
  const graphs: Graph[] = [];
  for (const steps of closing.length === 0 ? [pass] : [pass, closing]) {
    const built = build(options, steps, (step, builder) => askStep(lowerings, step, builder));
    const { model, onProcessor } = built;
    const isProfiled = profile !== undefined && steps === pass;
    const native = await runtime.open(model, { onProcessor, ...(isProfiled ? { profile } : {}) });
    graphs.push({ ...built, native });
  }
  return open(runtime, program, graphs);
}

/** The memory of a buffer, as an array and as a tensor. */
interface Held {
  readonly array: Float32Array<ArrayBuffer>;
  readonly tensor: OrtTensor;
}

/** Of a buffer: what is read, and where a run writes it; of updated state they are two, which then swap. */
interface Place {
  read: Held;
  write: Held;
}

function open({ library }: Runtime, program: Program, graphs: readonly Graph[]): Session {
  const ofKind = (kind: string): BufferId[] => program.buffers.filter((buffer) => buffer.kind === kind).map(({ id }) => id);
  const sums = ofKind('accumulator');
  const state = program.state.map(({ buffer }) => buffer);
  const fixed = allocate(program, [...ofKind('input'), ...ofKind('output'), ...state, ...sums]);
  const second = allocate(
    program,
    graphs.flatMap(({ updates }) => updates.map(({ buffer }) => buffer)),
  );
  const places = new Map(
    [...fixed.arrays].map(([id, own]): [BufferId, Place] => {
      const held = (array: Float32Array<ArrayBuffer>): Held => ({
        array,
        tensor: new library.Tensor('float32', array, bufferOf(program, id).shape),
      });
      const [read, other] = [held(own), second.arrays.get(id)];
      return [id, { read, write: other === undefined ? read : held(other) }];
    }),
  );
  let disposed = false;

  const placeOf = (id: BufferId): Place => {
    assert(!disposed, () => 'a session is used after it was disposed of');
    return must(places.get(id), `memory of buffer ${id}`);
  };
  const arrayOf = (id: BufferId): Float32Array => placeOf(id).read.array;
  const tensors = (ports: readonly Port[], side: keyof Place): Record<string, OrtTensor> =>
    Object.fromEntries(ports.map(({ name, buffer }) => [name, placeOf(buffer)[side].tensor]));
  const edge = (id: BufferId): Float32Array => must(fixed.arrays.get(id), `memory of buffer ${id}`);

  return {
    program,
    // ONNX Runtime does not report its memory, so the memory within a run is estimated from the program.
    bytes: fixed.memory.byteLength + second.memory.byteLength + arenaBytes(program, 4),
    load: (loaded: Tensors) => loadState(program, loaded, arrayOf),
    save(): Tensors {
      const copy = (id: BufferId): Tensor => ({ shape: bufferOf(program, id).shape, data: arrayOf(id).slice() });
      return Object.fromEntries(program.state.map(({ name, buffer }) => [name, copy(buffer)]));
    },
    input: edge,
    async run(pass = 0) {
      const running = isLast(program, pass) ? graphs : graphs.slice(0, 1);
      if (pass === 0) for (const id of sums) arrayOf(id).fill(0);
      for (const { native, feeds, results, updates } of running) {
        await native.run(tensors(feeds, 'read'), { ...tensors(results, 'write'), ...tensors(updates, 'write') });
        for (const { buffer } of updates) {
          const place = placeOf(buffer);
          [place.read, place.write] = [place.write, place.read];
        }
      }
    },
    output: edge,
    dispose() {
      if (disposed) return;
      disposed = true;
      // The release is synchronous; only the interface returns a promise.
      for (const { native } of graphs) void native.release();
      discard(fixed.memory);
      discard(second.memory);
    },
  };
}
