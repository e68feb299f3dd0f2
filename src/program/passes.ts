/**
 * A minibatch in several passes: where its activations do not fit in memory, parts of it go through the network one after another,
 * their gradients are added up, and the last one updates the parameters (gradient accumulation).
 *
 * The loss and its gradient are divided by the images of all passes, so that the sums are the mean loss of the minibatch and its
 * gradient: without batch normalisation the training is that of the whole minibatch, up to rounding. A batch normalisation uses the
 * statistics of its pass. Its running statistics follow each pass, with a momentum m′ such that (1 − m′)^passes = 1 − m: after a
 * minibatch the earlier ones count as much as where it is computed whole, and as many images are averaged over.
 */
import { bufferOf, type Buffer, type Program, type Step } from './program.ts';

/** The momentum of running statistics in each pass. */
const momentumOfPass = (momentum: number, passes: number): number => 1 - (1 - momentum) ** (1 / passes);

/** The training program of a part of a minibatch, as that of a minibatch of so many such parts. */
export function inPasses(program: Program, passes: number): Program {
  if (passes === 1) return program;
  const buffers: Buffer[] = [...program.buffers];
  const updates: Step[] = [];
  const steps = program.steps.map((step): Step => {
    if (step.kind === 'softmax-cross-entropy') return { ...step, passes };
    if (step.kind === 'running-statistics') return { ...step, momentum: momentumOfPass(step.momentum, passes) };
    if (step.kind !== 'update') return step;
    const { gradient } = step;
    const { shape, name } = bufferOf(program, gradient);
    const sum = buffers.length;
    buffers.push({ id: sum, kind: 'accumulator', shape, name: `${name} of all passes` });
    updates.push({ ...step, gradient: sum });
    return { kind: 'accumulate', gradient, sum };
  });
  return { ...program, passes, buffers, steps: [...steps, ...updates] };
}
