/** Which tensors of a checkpoint a network is evaluated with, and which a training starts with. */
import type { Network } from '../network/network.ts';
import { parametersOf } from '../network/parameters.ts';
import type { Tensors } from '../network/tensor.ts';
import { keptAtRestart, type Learning } from '../program/learning.ts';
import type { Optimizer } from '../program/optimizers/optimizer.ts';

const picked = (tensors: Tensors, names: readonly string[]): Tensors =>
  Object.fromEntries(names.flatMap((name) => (tensors[name] === undefined ? [] : [[name, tensors[name]]])));

/** Parameters and running statistics, each kind by a function of the tensors of a checkpoint. An average has statistics of its own. */
const weights = {
  /** As they were trained. */
  raw: (network: Network, tensors: Tensors): Tensors =>
    picked(
      tensors,
      parametersOf(network).map(({ name }) => name),
    ),
} as const;

export type EvaluationWeights = keyof typeof weights;
export const evaluationWeights = Object.keys(weights) as readonly EvaluationWeights[];

/** What is measured, exported and kept as a result. Without the optimizer's state, whatever the optimizer. */
export const evaluationTensors = (network: Network, tensors: Tensors, which: EvaluationWeights = 'raw'): Tensors =>
  weights[which](network, tensors);

/** What a new schedule starts with. */
export const restartTensors = (network: Network, tensors: Tensors, learning: Learning, optimizer?: Optimizer): Tensors =>
  picked(tensors, keptAtRestart(network, learning, optimizer));
