/**
 * Passes that fuse steps or remove them, without a change of the results.
 *
 * - A batch normalisation with running statistics in a training is taken into the convolution before it, where nothing else reads that:
 *   kernels are scaled in place of activations, and no gradient passes over the activations for it.
 * - A ReLU after a batch normalisation with no other reader is fused with it, and so are their gradients.
 * - The bias of a convolution that only batch normalisations with batch statistics read has a gradient of exactly zero (the
 *   mean that is subtracted contains it). Its gradient and its update, weight decay included, are removed: the network computes
 *   the same without them.
 */
import { accessOf } from './access.ts';
import type { Buffer, BufferId, Program, Step, StepOf } from './program.ts';

type Readers = ReadonlyMap<BufferId, readonly Step[]>;

function readersOf(steps: readonly Step[]): Readers {
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

type Normalization = StepOf<'batch-normalization'>;

interface Foldable {
  readonly convolution: StepOf<'convolution'>;
  readonly normalization: Normalization;
  /** Null where neither is trained. */
  readonly back: {
    readonly normalization: StepOf<'batch-normalization-gradient'>;
    readonly toKernel: StepOf<'convolution-gradient-kernel'>;
    readonly toInput: StepOf<'convolution-gradient-input'> | null;
  } | null;
}

/** The convolution that takes a normalisation in, with the gradients of both; null where none can. */
function foldableInto(program: Program, normalization: Normalization, readers: Readers): Foldable | null {
  const { input } = normalization;
  const isTemporary = (id: BufferId): boolean => program.buffers[id]?.kind === 'temporary';
  const convolution = program.steps.find(
    (step): step is StepOf<'convolution'> => step.kind === 'convolution' && step.output === input,
  );
  if (normalization.statistics !== 'running' || convolution === undefined || !isTemporary(input)) return null;
  const others = (readers.get(input) ?? []).filter((step) => step !== normalization);
  if (others.length === 0) return { convolution, normalization, back: null };
  const [back] = others;
  if (back?.kind !== 'batch-normalization-gradient' || others.length > 1 || !isTemporary(back.inputGradient)) return null;
  const gradients = readers.get(back.inputGradient) ?? [];
  const toKernel = gradients.find((step) => step.kind === 'convolution-gradient-kernel');
  const toInput = gradients.find((step) => step.kind === 'convolution-gradient-input') ?? null;
  if (toKernel === undefined || gradients.length > (toInput === null ? 1 : 2)) return null;
  return { convolution, normalization, back: { normalization: back, toKernel, toInput } };
}

function foldNormalizations(program: Program): Program {
  // Evaluations stay as they are, to the bit.
  if (program.labels === null) return program;
  const readers = readersOf(program.steps);
  const buffers: Buffer[] = [...program.buffers];
  const add = (name: string, like: BufferId): BufferId => {
    const { shape } = buffers[like] as Buffer;
    return buffers.push({ id: buffers.length, kind: 'temporary', shape, name }) - 1;
  };
  const replaced = new Map<Step, readonly Step[]>();
  for (const step of program.steps) {
    if (step.kind !== 'batch-normalization') continue;
    const found = foldableInto(program, step, readers);
    if (found === null) continue;
    const { convolution, normalization, back } = found;
    const { kernel, bias } = convolution;
    const { scale, shift, mean, variance, epsilon, output } = normalization;
    const called = buffers[kernel]?.name ?? '';
    const [foldedKernel, foldedBias] = [add(`${called}/folded`, kernel), add(`${called}/folded bias`, shift)];
    const fold: Step = {
      kind: 'fold-normalization',
      kernel,
      bias,
      scale,
      shift,
      mean,
      variance,
      foldedKernel,
      foldedBias,
      epsilon,
    };
    replaced.set(normalization, []);
    replaced.set(convolution, [fold, { ...convolution, kernel: foldedKernel, bias: foldedBias, output }]);
    if (back === null) continue;
    const { outputGradient, scaleGradient, shiftGradient } = back.normalization;
    const { kernelGradient, biasGradient } = back.toKernel;
    const foldedKernelGradient = add(`${called}/folded gradient`, kernel);
    const foldedBiasGradient = add(`${called}/folded bias gradient`, shift);
    // They are made later than they were.
    const waiting = [scaleGradient, shiftGradient].flatMap((gradient) => readers.get(gradient) ?? []);
    for (const update of waiting) replaced.set(update, []);
    replaced.set(back.normalization, []);
    replaced.set(back.toKernel, [
      { ...back.toKernel, outputGradient, kernelGradient: foldedKernelGradient, biasGradient: foldedBiasGradient },
      {
        kind: 'fold-normalization-gradient',
        kernel,
        bias,
        scale,
        mean,
        variance,
        foldedKernelGradient,
        foldedBiasGradient,
        kernelGradient,
        biasGradient,
        scaleGradient,
        shiftGradient,
        epsilon,
      },
      ...waiting,
    ]);
    if (back.toInput !== null) replaced.set(back.toInput, [{ ...back.toInput, outputGradient, kernel: foldedKernel }]);
  }
  return { ...program, buffers, steps: program.steps.flatMap((step) => replaced.get(step) ?? [step]) };
}

function dropZeroBiasGradients(program: Program): Program {
  const readers = readersOf(program.steps);
  const dead = new Set<BufferId>();
  for (const step of program.steps) {
    if (step.kind !== 'convolution' || step.bias === null) continue;
    const normalized = (readers.get(step.output) ?? []).every(
      (reader) =>
        (reader.kind === 'batch-normalization-gradient' || reader.kind === 'batch-normalization') &&
        reader.statistics === 'batch',
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

export const fuse = (program: Program): Program => dropZeroBiasGradients(fuseRelu(foldNormalizations(program)));
