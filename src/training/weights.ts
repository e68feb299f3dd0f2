/** Which tensors of a checkpoint are used: for evaluation, and at a restart. */
import type { Network } from '../network/network.ts';
import { parametersOf } from '../network/parameters.ts';
import type { Tensors } from '../network/tensor.ts';
import { keptAtRestart, type Learning } from '../program/learning.ts';
import type { Optimizer } from '../program/optimizers/optimizer.ts';

const picked = (tensors: Tensors, names: readonly string[]): Tensors =>
  Object.fromEntries(names.flatMap((name) => (tensors[name] === undefined ? [] : [[name, tensors[name]]])));

/** Parameters and running statistics to evaluate with. An average of weights will have running statistics of its own. */
const weights = {
  /** As trained. */
  raw: (network: Network, tensors: Tensors): Tensors =>
    picked(
      tensors,
      parametersOf(network).map(({ name }) => name),
    ),
} as const;

export type EvaluationWeights = keyof typeof weights;
export const evaluationWeights = Object.keys(weights) as readonly EvaluationWeights[];

/** The tensors that are measured, exported and saved as a result. Never the optimizer's states. */
export const evaluationTensors = (network: Network, tensors: Tensors, which: EvaluationWeights = 'raw'): Tensors =>
  weights[which](network, tensors);

/** The tensors that a restart of the schedule begins with. */
export const restartTensors = (network: Network, tensors: Tensors, learning: Learning, optimizer?: Optimizer): Tensors =>
  picked(tensors, keptAtRestart(network, learning, optimizer));
