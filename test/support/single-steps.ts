/**
 * Handmade programs of a few steps, to test each kind of step alone. Activations and gradients are inputs, parameters are state, and
 * all results are outputs.
 */
import type { Tensor, Tensors } from '../../src/network/tensor.ts';
import { sizeOf } from '../../src/network/tensor.ts';
import type { Session } from '../../src/engine/engine.ts';
import type { Buffer, BufferId, BufferKind, Program, StateEntry, Step } from '../../src/program/program.ts';
import { verify } from '../../src/program/verify.ts';
import { random, type Random } from '../../src/util/random.ts';

export interface ProgramBuilder {
  input(name: string, ...shape: readonly number[]): BufferId;
  state(name: string, role: StateEntry['role'], ...shape: readonly number[]): BufferId;
  temporary(name: string, ...shape: readonly number[]): BufferId;
  mask(name: string, ...shape: readonly number[]): BufferId;
  output(name: string, ...shape: readonly number[]): BufferId;
  accumulator(name: string, ...shape: readonly number[]): BufferId;
  step(step: Step): void;
}

/** Builds and verifies a program. */
export function build(batch: number, describe: (builder: ProgramBuilder) => void, passes = 1): Program {
  const buffers: Buffer[] = [];
  const steps: Step[] = [];
  const state: StateEntry[] = [];
  const add = (kind: BufferKind, name: string, shape: readonly number[]): BufferId => {
    buffers.push({ id: buffers.length, kind, shape, name });
    return buffers.length - 1;
  };
  describe({
    input: (name, ...shape) => add('input', name, shape),
    state(name, role, ...shape) {
      const buffer = add('state', name, shape);
      state.push({ name, buffer, role });
      return buffer;
    },
    temporary: (name, ...shape) => add('temporary', name, shape),
    mask: (name, ...shape) => add('mask', name, shape),
    output: (name, ...shape) => add('output', name, shape),
    accumulator: (name, ...shape) => add('accumulator', name, shape),
    step: (step) => void steps.push(step),
  });
  const images = buffers.find((buffer) => buffer.kind === 'input')?.id ?? -1;
  const program: Program = {
    batch,
    ...(passes === 1 ? {} : { passes }),
    buffers,
    steps,
    state,
    images,
    labels: null,
    rate: null,
    logits: null,
    loss: null,
    taps: [],
  };
  verify(program);
  return program;
}

const uniform = (stream: Random, from: number, to: number): number => from + (to - from) * stream.float();

/** Random state as in a training: no zeros, no dead channels. Kernels and biases are within ±1/√fan_in. */
export function randomState(program: Program, source: Random): Tensors {
  const tensor = ({ name, buffer, role }: StateEntry): Tensor => {
    const shape = program.buffers[buffer]?.shape ?? [];
    const bound = 1 / Math.sqrt(Math.max(1, sizeOf(shape.slice(1))));
    const ranges: Readonly<Record<StateEntry['role'], readonly [number, number]>> = {
      kernel: [-bound, bound],
      bias: [-0.3, 0.3],
      scale: [0.5, 1.5],
      shift: [-0.3, 0.3],
      mean: [-0.3, 0.3],
      variance: [0.5, 1.5],
      mix: [0.2, 0.8],
      optimizer: [-0.1, 0.1],
    };
    const [from, to] = ranges[role];
    const stream = source.fork(name);
    return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => uniform(stream, from, to)) };
  };
  return Object.fromEntries(program.state.map((entry) => [entry.name, tensor(entry)]));
}

/** How inputs are sampled: uniformly in ±`scale`, rounded to multiples of `quantum` unless that is 0. */
export interface Filling {
  readonly scale: number;
  readonly quantum: number;
}

/** Fills all inputs: labels with mixtures that sum to 1, the rate with 0.05, the others as `filling` says. */
export function fillInputs(session: Session, source: Random, filling: Filling = { scale: 1, quantum: 0 }): void {
  const { scale, quantum } = filling;
  for (const { id, kind, name, shape } of session.program.buffers) {
    if (kind !== 'input') continue;
    const [data, stream] = [session.input(id), source.fork(name)];
    if (name === 'labels') data.set(mixedLabels(shape[0] as number, shape[1] as number, stream));
    else if (name === 'rate') data.fill(0.05);
    else
      for (let j = 0; j < data.length; j++) {
        const value = scale * (2 * stream.float() - 1);
        data[j] = quantum === 0 ? value : Math.round(value / quantum) * quantum;
      }
  }
}

/** Runs all passes of a minibatch, each on inputs of its own. */
export async function runMinibatch(session: Session, source: Random, filling?: Filling): Promise<void> {
  const { passes = 1 } = session.program;
  for (let pass = 0; pass < passes; pass++) {
    fillInputs(session, pass === 0 ? source : source.fork('pass', pass), filling);
    await session.run(pass);
  }
}

/** Two classes per image with weights λ and 1 − λ, as after mixup. λ is a multiple of 1/256, so that the sum is exactly 1. */
export function mixedLabels(batch: number, classes: number, source: Random): Float32Array {
  const labels = new Float32Array(batch * classes);
  for (let n = 0; n < batch; n++) {
    const mix = source.integer(257) / 256;
    (labels[n * classes + source.integer(classes)] as number) += mix;
    (labels[n * classes + source.integer(classes)] as number) += 1 - mix;
  }
  return labels;
}

/** The loss of the last of `steps` training steps. `name` seeds inputs and state. Disposes of the session. */
export async function lossOf(session: Session, name: string, steps: number): Promise<number> {
  const { program } = session;
  session.load(randomState(program, random(name)));
  for (let step = 1; step <= steps; step++) {
    fillInputs(session, random(name, step));
    await session.run();
  }
  const loss = session.output(program.loss as number)[0] as number;
  session.dispose();
  return loss;
}
