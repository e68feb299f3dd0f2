/**
 * The reference engine: plain loops in f64. The other engines are tested against it. Both convolution algorithms compute the
 * definition. Each buffer has memory of its own, whatever its lifetime. State is rounded to f32 when it is updated, so that a
 * saved state is complete.
 */
import { sizeOf, type Tensor, type Tensors } from '../../network/tensor.ts';
import { accessOf } from '../../program/access.ts';
import type { Precision } from '../../program/precision.ts';
import { askStep, bufferOf, partsOf, type BufferId, type Program, type StepTable } from '../../program/program.ts';
import { assert, must } from '../../util/assert.ts';
import { version } from '../../util/version.ts';
import type { Engine, Session } from '../engine.ts';
import { isLast, loadState } from '../state.ts';
import { convolutions } from './convolution.ts';
import { denses } from './dense.ts';
import { elementwise } from './elementwise.ts';
import { joins } from './joining.ts';
import { learning } from './learning.ts';
import type { Memory } from './memory.ts';
import { normalizations } from './normalization.ts';
import { acrossChannels } from './across-channels.ts';
import { pools } from './pooling.ts';

const kernels: StepTable<[memory: Memory], void> = {
  ...convolutions,
  ...denses,
  ...normalizations,
  ...pools,
  ...acrossChannels,
  ...joins,
  ...elementwise,
  ...learning,
};

export class ReferenceSession implements Session, Memory {
  readonly program: Program;
  readonly precision: Precision;
  readonly bytes: number;
  readonly #values = new Map<BufferId, Float64Array>();
  /** Inputs and outputs, in f32. */
  readonly #edges = new Map<BufferId, Float32Array>();

  constructor(program: Program, precision: Precision = 'f32') {
    this.program = program;
    this.precision = precision;
    const used = new Set<BufferId>(program.state.map((entry) => entry.buffer));
    for (const step of program.steps) {
      const { reads, writes, updates } = accessOf(step);
      for (const id of [...reads, ...writes, ...updates]) used.add(id);
    }
    for (const { id, kind, shape } of program.buffers) {
      const onEdge = kind === 'input' || kind === 'output';
      if (onEdge) this.#edges.set(id, new Float32Array(sizeOf(shape)));
      if (onEdge || used.has(id)) this.#values.set(id, new Float64Array(sizeOf(shape)));
    }
    let bytes = 0;
    for (const memory of [this.#values, this.#edges]) for (const array of memory.values()) bytes += array.byteLength;
    this.bytes = bytes;
  }

  /** The values of any buffer in f64, for tests. */
  values(id: BufferId): Float64Array {
    return must(this.#values.get(id), `memory of buffer ${id}: never used, or disposed of`);
  }

  shape(id: BufferId): readonly number[] {
    return bufferOf(this.program, id).shape;
  }

  load(tensors: Tensors): void {
    loadState(this.program, tensors, (id) => this.values(id));
  }

  save(): Tensors {
    const copy = (buffer: BufferId): Tensor => ({ shape: this.shape(buffer), data: Float32Array.from(this.values(buffer)) });
    return Object.fromEntries(this.program.state.map(({ name, buffer }) => [name, copy(buffer)]));
  }

  input(buffer: BufferId): Float32Array {
    assert(bufferOf(this.program, buffer).kind === 'input', () => `buffer ${buffer} is not an input`);
    return must(this.#edges.get(buffer), `memory of input ${buffer}: disposed`);
  }

  async run(pass = 0): Promise<void> {
    const { buffers } = this.program;
    const parts = partsOf(this.program);
    const steps = isLast(this.program, pass) ? [...parts.pass, ...parts.closing] : parts.pass;
    for (const { id, kind } of buffers) {
      if (kind === 'input') this.values(id).set(this.input(id));
      if (kind === 'accumulator' && pass === 0) this.values(id).fill(0);
    }
    for (const step of steps) askStep(kernels, step, this);
    for (const { id, kind } of buffers) if (kind === 'output') this.output(id).set(this.values(id));
  }

  output(buffer: BufferId): Float32Array {
    assert(bufferOf(this.program, buffer).kind === 'output', () => `buffer ${buffer} is not an output`);
    return must(this.#edges.get(buffer), `memory of output ${buffer}: disposed`);
  }

  dispose(): void {
    this.#values.clear();
    this.#edges.clear();
  }
}

export const reference: Engine = {
  fingerprint: { engine: 'reference', version, instructionSet: 'f64', threads: 1 },
  precisions: ['f32', 'bf16'],
  compile: async (program, _convolution, precision) => new ReferenceSession(program, precision),
};
