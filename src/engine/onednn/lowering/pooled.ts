/** Convolutions whose only reader is a pool: computed together, the tensor between them is never written. */
import { accessOf } from '../../../program/access.ts';
import { bufferOf, type BufferId, type Geometry, type Program, type Step, type StepOf } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import type { Layout } from '../native.ts';

export const isHalving = ({ kernel, stride, padding }: Geometry): boolean => kernel === 2 && stride === 2 && padding === 0;

/** Of the places of maxima in kernels of our own: one byte for each number of the pool's output. */
export const placesLayout = (b: Builder, output: Layout): Layout => b.native.plain([output.bytes / 4 / 4]);

/** Of the output of a convolution, or the gradient to it: the tensor that stands for it, and the places of the maxima. */
export interface Pooled {
  readonly convolution: StepOf<'convolution'>;
  readonly buffer: BufferId;
  /** Null where no gradient follows. */
  readonly places: BufferId | null;
}

function readersOf(program: Program): (id: BufferId) => readonly Step[] {
  const readers = new Map<BufferId, Step[]>();
  for (const step of program.steps)
    for (const id of new Set(accessOf(step).reads)) readers.set(id, [...(readers.get(id) ?? []), step]);
  return (id) => readers.get(id) ?? [];
}

/** The tensors of a program that need not be written, by their buffers. */
export function pooledTensors(program: Program): ReadonlyMap<BufferId, Pooled> {
  const result = new Map<BufferId, Pooled>();
  const readers = readersOf(program);
  const convolutions = new Map<BufferId, StepOf<'convolution'>>();
  for (const step of program.steps) if (step.kind === 'convolution') convolutions.set(step.output, step);
  for (const pool of program.steps) {
    if (pool.kind !== 'max-pool' || !isHalving(pool.geometry)) continue;
    const convolution = convolutions.get(pool.input);
    if (convolution === undefined || readers(pool.input).length > 1 || bufferOf(program, pool.input).kind === 'output') continue;
    const gradients = pool.mask === null ? [] : readers(pool.mask);
    const isOfConvolution = (step: Step): boolean =>
      (step.kind === 'convolution-gradient-input' && step.kernel === convolution.kernel) ||
      (step.kind === 'convolution-gradient-kernel' && step.input === convolution.input);
    const alone = gradients.every(
      (step) => step.kind === 'max-pool-gradient' && readers(step.inputGradient).every(isOfConvolution),
    );
    if (!alone) continue;
    result.set(pool.input, { convolution, buffer: pool.output, places: pool.mask });
    for (const step of gradients)
      if (step.kind === 'max-pool-gradient')
        result.set(step.inputGradient, { convolution, buffer: step.outputGradient, places: step.mask });
  }
  return result;
}
