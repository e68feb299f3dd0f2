/**
 * Passes that fuse steps or remove them, without a change of the results.
 *
 * - A ReLU after a batch normalisation with no other reader is fused with it, and so are their gradients.
 * - The bias of a convolution that only batch normalisations with batch statistics read has a gradient of exactly zero (the
 *   mean that is subtracted contains it). Its gradient and its update, weight decay included, are removed: the network computes
 *   the same without them.
 */
import { accessOf } from './access.ts';
import type { Buffer, BufferId, Program, Step, StepOf } from './program.ts';

function readersOf(steps: readonly Step[]): ReadonlyMap<BufferId, readonly Step[]> {
  const readers = new Map<BufferId, Step[]>();
  for (const step of steps)
    for (const id of new Set(accessOf(step).reads)) {
      const list = readers.get(id);
      if (list === undefined) readers.set(id, [step]);
      else list.push(step);
    }
  return readers;
}

function fuseRelu(program: Program): Program {
  const readers = readersOf(program.steps);
  const buffers: Buffer[] = [...program.buffers];
  const replaced = new Map<Step, Step | null>();
  for (const step of program.steps) {
    if (step.kind !== 'batch-normalization' || buffers[step.output]?.kind !== 'temporary') continue;
    const [relu, ...others] = readers.get(step.output) ?? [];
    if (relu?.kind !== 'relu' || others.length > 0) continue;
    const gradient = (readers.get(relu.output) ?? []).find(
      (reader): reader is StepOf<'relu-gradient'> => reader.kind === 'relu-gradient' && reader.output === relu.output,
    );
    let mask: BufferId | null = null;
    if (gradient !== undefined) {
      const [normalization, ...more] = readers.get(gradient.inputGradient) ?? [];
      if (normalization?.kind !== 'batch-normalization-gradient' || more.length > 0) continue;
      mask = buffers.length;
      buffers.push({
        id: mask,
        kind: 'mask',
        shape: buffers[relu.output]?.shape ?? [],
        name: `${buffers[relu.output]?.name} mask`,
      });
      replaced.set(gradient, null);
      replaced.set(normalization, { ...normalization, outputGradient: gradient.outputGradient, mask });
    }
    replaced.set(step, { ...step, output: relu.output, relu: true, mask });
    replaced.set(relu, null);
  }
  const steps = program.steps.flatMap((step) => {
    const other = replaced.get(step);
    return other === undefined ? [step] : other === null ? [] : [other];
  });
  return { ...program, buffers, steps };
}

function dropZeroBiasGradients(program: Program): Program {
  const readers = readersOf(program.steps);
  const dead = new Set<BufferId>();
  for (const step of program.steps) {
    if (step.kind !== 'convolution' || step.bias === null) continue;
    const normalized = (readers.get(step.output) ?? []).every(
      (reader) =>
        reader.kind === 'batch-normalization-gradient' ||
        (reader.kind === 'batch-normalization' && reader.statistics === 'batch'),
    );
    if (normalized) dead.add(step.bias);
  }
  const isDead = (step: Step): step is StepOf<'update'> => step.kind === 'update' && dead.has(step.parameter);
  const updates = program.steps.filter(isDead);
  const gradients = new Set(updates.map((step) => step.gradient));
  const states = new Set(updates.flatMap((step) => Object.values(step.states)));
  const isOfDead = (step: Step): boolean => step.kind === 'bias-gradient' && gradients.has(step.biasGradient);
  const steps = program.steps
    .filter((step) => !isDead(step) && !isOfDead(step))
    .map((step) =>
      step.kind === 'convolution-gradient-kernel' && step.biasGradient !== null && gradients.has(step.biasGradient)
        ? { ...step, biasGradient: null }
        : step,
    );
  return { ...program, steps, state: program.state.filter((entry) => !states.has(entry.buffer)) };
}

export const fuse = (program: Program): Program => dropZeroBiasGradients(fuseRelu(program));
