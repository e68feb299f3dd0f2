/**
 * A network as a training program: a flat list of typed steps over numbered buffers. Each buffer is written by one step (single
 * assignment; only update steps change `state` buffers). Shapes are logical, (N, C, H, W) for images and activations; each
 * engine chooses its layouts. A program is data: it prints, hashes and verifies.
 */
import type { ActivationFunction } from '../network/activations.ts';
import type { Margins, Response } from '../network/network.ts';
import type { ParameterRole } from '../network/parameters.ts';
import type { Assignment } from './expression.ts';

export type BufferId = number;

/**
 * - `input`: written by the caller before a run
 * - `state`: lives between runs: parameters, running statistics, the optimizer's states
 * - `temporary`: lives from the step that writes it to the last that reads it
 * - `mask`: a temporary that a forward step writes for its gradient; the engine decides on its content and size
 * - `output`: read by the caller after a run
 * - `accumulator`: lives between the passes of a minibatch: zero before the first, then the sum of what they have added
 */
export type BufferKind = 'input' | 'state' | 'temporary' | 'mask' | 'output' | 'accumulator';

export interface Buffer {
  readonly id: BufferId;
  readonly kind: BufferKind;
  readonly shape: readonly number[];
  /** For printing; for `state` buffers the name of the tensor, such as `3/kernel` or `3/kernel/velocity`. */
  readonly name: string;
}

export interface Geometry {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  /** 1, those of a convolution, or the number of channels for a depthwise one. Pools have 1. */
  readonly groups: number;
  /** Of convolutions: pixels of a window stand so far apart. Missing: 1. */
  readonly dilation?: number;
  /** Of average pools: the padding, where its sides differ; `padding` is 0 then. */
  readonly margins?: Margins;
}

/** Named buffers; those of the second list may be null. */
type Buffers<Name extends string, Optional extends string = never> = { readonly [Each in Name]: BufferId } & {
  readonly [Each in Optional]: BufferId | null;
};

export interface Sliding {
  readonly geometry: Geometry;
}

/** The fields of each kind of step. */
interface Steps {
  /** output = input ∗ kernel + bias. Kernel (out, in / groups, k, k). */
  convolution: Buffers<'input' | 'kernel' | 'output', 'bias'> & Sliding;
  'convolution-gradient-input': Buffers<'outputGradient' | 'kernel' | 'inputGradient'> & Sliding;
  'convolution-gradient-kernel': Buffers<'input' | 'outputGradient' | 'kernelGradient', 'biasGradient'> & Sliding;
  /** biasGradient = Σ outputGradient over (N, H, W): of a convolution whose kernel is not trained. */
  'bias-gradient': Buffers<'outputGradient' | 'biasGradient'>;
  /**
   * output = (input − mean)/√(variance + ε)·scale + shift, then ReLU where `relu`. With batch statistics it writes the mean
   * and the biased variance of the batch over (N, H, W); with running statistics it reads them. `mask` is what the
   * gradient needs of a fused ReLU.
   */
  'batch-normalization': Buffers<'input' | 'scale' | 'shift' | 'mean' | 'variance' | 'output', 'mask'> & {
    readonly statistics: 'batch' | 'running';
    readonly relu: boolean;
    readonly epsilon: number;
  };
  /** Through batch statistics; running ones are constants. `outputGradient` is that of the fused ReLU's output where `mask` is given. */
  'batch-normalization-gradient': Buffers<'input' | 'outputGradient' | 'scale' | 'shift' | 'mean' | 'variance', 'mask'> &
    Buffers<'inputGradient' | 'scaleGradient' | 'shiftGradient'> & {
      readonly statistics: 'batch' | 'running';
      readonly epsilon: number;
    };
  /**
   * A convolution that takes the batch normalisation after it in: with f = scale/√(variance + ε), one for each output channel,
   * foldedKernel = f·kernel and foldedBias = f·(bias − mean) + shift. A null bias is zero.
   */
  'fold-normalization': Buffers<'kernel' | 'scale' | 'shift' | 'mean' | 'variance' | 'foldedKernel' | 'foldedBias', 'bias'> & {
    readonly epsilon: number;
  };
  /** From the gradients of the folded kernel and bias those of what they were made of; mean and variance are constants. */
  'fold-normalization-gradient': Buffers<
    'kernel' | 'scale' | 'mean' | 'variance' | 'foldedKernelGradient' | 'foldedBiasGradient',
    'bias' | 'biasGradient'
  > &
    Buffers<'kernelGradient' | 'scaleGradient' | 'shiftGradient'> & { readonly epsilon: number };
  /** running = (1 − momentum)·running + momentum·batch, the variance made unbiased: times count/(count − 1). */
  'running-statistics': Buffers<'mean' | 'variance' | 'runningMean' | 'runningVariance'> & {
    readonly momentum: number;
    readonly count: number;
  };
  /**
   * output = (input − mean)/√(variance + ε)·scale + shift for each pixel, with the mean and the biased variance of its channels:
   * (N, 1, H, W); null where no gradient follows.
   */
  'layer-normalization': Buffers<'input' | 'scale' | 'shift' | 'output', 'mean' | 'variance'> & { readonly epsilon: number };
  'layer-normalization-gradient': Buffers<'input' | 'outputGradient' | 'scale' | 'shift' | 'mean' | 'variance'> &
    Buffers<'inputGradient' | 'scaleGradient' | 'shiftGradient'> & { readonly epsilon: number };
  /** output = input/(bias + alpha/size·Σ input²)^beta, Σ over the channels around each. `mask`: null where no gradient follows. */
  'response-normalization': Buffers<'input' | 'output', 'mask'> & Response;
  'response-normalization-gradient': Buffers<'input' | 'outputGradient' | 'mask' | 'inputGradient'> & Response;
  relu: Buffers<'input' | 'output'>;
  /** inputGradient = outputGradient where output > 0. */
  'relu-gradient': Buffers<'output' | 'outputGradient' | 'inputGradient'>;
  activation: Buffers<'input' | 'output'> & { readonly function: ActivationFunction };
  /** inputGradient = outputGradient·f′(input). */
  'activation-gradient': Buffers<'input' | 'outputGradient' | 'inputGradient'> & { readonly function: ActivationFunction };
  /** `mask`: where each maximum was; null where no gradient follows. The first of equal maxima counts. */
  'max-pool': Buffers<'input' | 'output', 'mask'> & Sliding;
  'max-pool-gradient': Buffers<'mask' | 'outputGradient' | 'inputGradient'> & Sliding;
  /** The mean of each window; over its pixels inside the image alone where padding is not `counted`. */
  'average-pool': Buffers<'input' | 'output'> & Sliding & { readonly counted: boolean };
  'average-pool-gradient': Buffers<'outputGradient' | 'inputGradient'> & Sliding & { readonly counted: boolean };
  /** The input with rows and columns of `value` around it. */
  pad: Buffers<'input' | 'output'> & Margins & { readonly value: 'zero' | 'lowest' };
  /** What lies inside. */
  'pad-gradient': Buffers<'outputGradient' | 'inputGradient'> & Margins;
  'global-average-pool': Buffers<'input' | 'output'>;
  'global-average-pool-gradient': Buffers<'outputGradient' | 'inputGradient'>;
  /** output = kernel·flatten(input) + bias. Kernel (features, C·H·W), channel-major. */
  dense: Buffers<'input' | 'kernel' | 'bias' | 'output'>;
  'dense-gradient-input': Buffers<'outputGradient' | 'kernel' | 'inputGradient'>;
  'dense-gradient-kernel': Buffers<'input' | 'outputGradient' | 'kernelGradient' | 'biasGradient'>;
  /** The sum; of activations, and of the gradients that several consumers send back. */
  add: Buffers<'output'> & { readonly inputs: readonly BufferId[] };
  /** output = first·second; the second of the same shape, or (N, C, 1, 1). */
  product: Buffers<'first' | 'second' | 'output'>;
  /** dfirst = outputGradient·second; dsecond = outputGradient·first, summed over (H, W) for a gate. A null gradient is not wanted. */
  'product-gradient': Buffers<'first' | 'second' | 'outputGradient', 'firstGradient' | 'secondGradient'>;
  /** output = λ·first + (1 − λ)·second. */
  convex: Buffers<'first' | 'second' | 'mix' | 'output'>;
  /** dλ = Σ outputGradient·(first − second). A null gradient is not wanted. */
  'convex-gradient': Buffers<'first' | 'second' | 'mix' | 'outputGradient' | 'mixGradient', 'firstGradient' | 'secondGradient'>;
  concat: Buffers<'output'> & { readonly inputs: readonly BufferId[] };
  /** The channels from `offset` on, as many as `inputGradient` has. */
  'concat-gradient': Buffers<'outputGradient' | 'inputGradient'> & { readonly offset: number };
  /** The listed channels of the input, in that order, none twice. */
  select: Buffers<'input' | 'output'> & { readonly take: readonly number[] };
  /** Each channel that was taken gets its gradient, the others zeros. */
  'select-gradient': Buffers<'outputGradient' | 'inputGradient'> & { readonly take: readonly number[] };
  /**
   * loss = −Σ labels·log softmax(logits) / N, where the labels of an image sum to 1;
   * gradient = (softmax(logits) − labels)/N. N: the images of a minibatch, all of its `passes` (missing: 1).
   */
  'softmax-cross-entropy': Buffers<'logits' | 'labels' | 'loss' | 'gradient'> & { readonly passes?: number };
  /** sum += gradient. */
  accumulate: Buffers<'gradient' | 'sum'>;
  /** Mean and biased variance over (N, H, W) of a tensor, to calibrate an inserted batch normalisation. */
  'channel-statistics': Buffers<'input' | 'mean' | 'variance'>;
  /**
   * Elementwise assignments, in order; each reads the results of those before it. Operands are `parameter`, `gradient`,
   * `rate` (1) and the states, each of the parameter's shape or (1). Elements outside `bounds` are set to the nearer bound, and
   * those of the states to 0. NaN stays, so that divergence is detected.
   */
  update: Buffers<'parameter' | 'gradient' | 'rate'> & {
    readonly states: Readonly<Record<string, BufferId>>;
    readonly assignments: readonly Assignment[];
    readonly bounds: readonly [least: number, most: number] | null;
    /** Assigned after the bounds, to states that the bounds leave as they are. They read the parameter within its bounds. */
    readonly after?: readonly Assignment[];
  };
}

export type StepKind = keyof Steps;
export type Step = { [Kind in StepKind]: { readonly kind: Kind } & Steps[Kind] }[StepKind];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

/** One row for each kind of step. */
export type StepTable<Arguments extends readonly unknown[], Result> = {
  readonly [K in StepKind]: (step: StepOf<K>, ...rest: Arguments) => Result;
};

export function askStep<Arguments extends readonly unknown[], Result>(
  table: StepTable<Arguments, Result>,
  step: Step,
  ...rest: Arguments
): Result {
  const row = table[step.kind] as (step: Step, ...rest: Arguments) => Result;
  return row(step, ...rest);
}

/** A tensor that lives between runs. */
export interface StateEntry {
  readonly name: string;
  readonly buffer: BufferId;
  readonly role: ParameterRole | 'optimizer';
}

/** The buffers of an update by the names that its expressions use. */
export const operandsOf = ({ parameter, gradient, rate, states }: StepOf<'update'>): Readonly<Record<string, BufferId>> => ({
  parameter,
  gradient,
  rate,
  ...states,
});

export interface Program {
  /** Images of a pass. */
  readonly batch: number;
  /** Passes of a minibatch. With several, the updates stand at the end, and run in the last pass alone. Missing: 1. */
  readonly passes?: number;
  readonly buffers: readonly Buffer[];
  readonly steps: readonly Step[];
  readonly state: readonly StateEntry[];
  /** (N, C, H, W), normalised. */
  readonly images: BufferId;
  /** (N, classes), each row summing to 1; null where the program has no loss. */
  readonly labels: BufferId | null;
  /** (1): the learning rate; null in programs that do not train. */
  readonly rate: BufferId | null;
  /** (N, classes, 1, 1); null where the program ends before the head. */
  readonly logits: BufferId | null;
  /** (1): the mean loss of the batch; of several passes its share of the minibatch's mean, which is their sum. */
  readonly loss: BufferId | null;
  /** Per tapped node: where its channel statistics are. */
  readonly taps: readonly { readonly node: number; readonly mean: BufferId; readonly variance: BufferId }[];
}

/** What each pass of a minibatch runs, and what the last one runs behind that. */
export function partsOf({ passes = 1, steps }: Program): { readonly pass: readonly Step[]; readonly closing: readonly Step[] } {
  const end = passes === 1 ? -1 : steps.findIndex(({ kind }) => kind === 'update');
  return end < 0 ? { pass: steps, closing: [] } : { pass: steps.slice(0, end), closing: steps.slice(end) };
}

export function bufferOf(program: Program, id: BufferId): Buffer {
  const buffer = program.buffers[id];
  if (buffer === undefined) throw new Error(`bug: no buffer ${id}`);
  return buffer;
}
