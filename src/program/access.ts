/** What each kind of step reads, writes and updates, and which results may be computed in place. */
import { askStep, type BufferId, type Step, type StepTable } from './program.ts';

export interface Access {
  readonly reads: readonly BufferId[];
  readonly writes: readonly BufferId[];
  /** State that it both reads and writes. */
  readonly updates: readonly BufferId[];
  /** [read, write] pairs that may share memory if this is the last read. */
  readonly inPlace: readonly (readonly [BufferId, BufferId])[];
}

const some = (...ids: readonly (BufferId | null)[]): BufferId[] => ids.filter((id) => id !== null);

const access = (
  reads: readonly BufferId[],
  writes: readonly BufferId[],
  inPlace: Access['inPlace'] = [],
  updates: readonly BufferId[] = [],
): Access => ({ reads, writes, updates, inPlace });

const table: StepTable<[], Access> = {
  convolution: (s) => access(some(s.input, s.kernel, s.bias), [s.output]),
  'convolution-gradient-input': (s) => access([s.outputGradient, s.kernel], [s.inputGradient]),
  'convolution-gradient-kernel': (s) => access([s.input, s.outputGradient], some(s.kernelGradient, s.biasGradient)),
  'bias-gradient': (s) => access([s.outputGradient], [s.biasGradient]),
  'batch-normalization': (s) =>
    s.statistics === 'batch'
      ? access([s.input, s.scale, s.shift], some(s.mean, s.variance, s.output, s.mask), [[s.input, s.output]])
      : access([s.input, s.scale, s.shift, s.mean, s.variance], some(s.output, s.mask), [[s.input, s.output]]),
  'batch-normalization-gradient': (s) =>
    access(
      some(s.input, s.outputGradient, s.scale, s.shift, s.mean, s.variance, s.mask),
      [s.inputGradient, s.scaleGradient, s.shiftGradient],
      [[s.outputGradient, s.inputGradient]],
    ),
  'fold-normalization': (s) =>
    access(some(s.kernel, s.bias, s.scale, s.shift, s.mean, s.variance), [s.foldedKernel, s.foldedBias]),
  'fold-normalization-gradient': (s) =>
    access(
      some(s.kernel, s.bias, s.scale, s.mean, s.variance, s.foldedKernelGradient, s.foldedBiasGradient),
      some(s.kernelGradient, s.biasGradient, s.scaleGradient, s.shiftGradient),
    ),
  'running-statistics': (s) => access([s.mean, s.variance], [], [], [s.runningMean, s.runningVariance]),
  'layer-normalization': (s) => access([s.input, s.scale, s.shift], some(s.mean, s.variance, s.output)),
  'layer-normalization-gradient': (s) =>
    access(
      [s.input, s.outputGradient, s.scale, s.shift, s.mean, s.variance],
      [s.inputGradient, s.scaleGradient, s.shiftGradient],
    ),
  'response-normalization': (s) => access([s.input], some(s.output, s.mask)),
  'response-normalization-gradient': (s) => access([s.input, s.outputGradient, s.mask], [s.inputGradient]),
  relu: (s) => access([s.input], [s.output], [[s.input, s.output]]),
  'relu-gradient': (s) => access([s.output, s.outputGradient], [s.inputGradient], [[s.outputGradient, s.inputGradient]]),
  activation: (s) => access([s.input], [s.output], [[s.input, s.output]]),
  'activation-gradient': (s) => access([s.input, s.outputGradient], [s.inputGradient], [[s.outputGradient, s.inputGradient]]),
  'max-pool': (s) => access([s.input], some(s.output, s.mask)),
  'max-pool-gradient': (s) => access([s.mask, s.outputGradient], [s.inputGradient]),
  'average-pool': (s) => access([s.input], [s.output]),
  'average-pool-gradient': (s) => access([s.outputGradient], [s.inputGradient]),
  pad: (s) => access([s.input], [s.output]),
  'pad-gradient': (s) => access([s.outputGradient], [s.inputGradient]),
  'global-average-pool': (s) => access([s.input], [s.output]),
  'global-average-pool-gradient': (s) => access([s.outputGradient], [s.inputGradient]),
  dense: (s) => access([s.input, s.kernel, s.bias], [s.output]),
  'dense-gradient-input': (s) => access([s.outputGradient, s.kernel], [s.inputGradient]),
  'dense-gradient-kernel': (s) => access([s.input, s.outputGradient], [s.kernelGradient, s.biasGradient]),
  // Not in place if the first input occurs again: it would be overwritten before it is read.
  add: (s) =>
    access(
      s.inputs,
      [s.output],
      s.inputs.lastIndexOf(s.inputs[0] as BufferId) === 0 ? [[s.inputs[0] as BufferId, s.output]] : [],
    ),
  product: (s) => access([s.first, s.second], [s.output]),
  'product-gradient': (s) => access([s.first, s.second, s.outputGradient], some(s.firstGradient, s.secondGradient)),
  convex: (s) => access([s.first, s.second, s.mix], [s.output], [[s.first, s.output]]),
  'convex-gradient': (s) =>
    access([s.first, s.second, s.mix, s.outputGradient], some(s.firstGradient, s.secondGradient, s.mixGradient)),
  concat: (s) => access(s.inputs, [s.output]),
  'concat-gradient': (s) => access([s.outputGradient], [s.inputGradient]),
  select: (s) => access([s.input], [s.output]),
  'select-gradient': (s) => access([s.outputGradient], [s.inputGradient]),
  'softmax-cross-entropy': (s) => access([s.logits, s.labels], [s.loss, s.gradient]),
  'channel-statistics': (s) => access([s.input], [s.mean, s.variance]),
  accumulate: (s) => access([s.gradient], [], [], [s.sum]),
  update: (s) => access([s.gradient, s.rate], [], [], [s.parameter, ...Object.values(s.states)]),
};

export const accessOf = (step: Step): Access => askStep(table, step);
