/** Which tensors of a checkpoint are used: for evaluation, and at a restart. */
import type { Network } from '../network/network.ts';
import { isTrained, parametersOf, type NamedParameter } from '../network/parameters.ts';
import type { Tensor, Tensors } from '../network/tensor.ts';
import { averageState, averageWeight, keptAtRestart, type Learning } from '../program/learning.ts';
import { stateName, type Optimizer } from '../program/optimizers/optimizer.ts';
import { must } from '../util/assert.ts';

const picked = (tensors: Tensors, names: readonly string[]): Tensors =>
  Object.fromEntries(names.flatMap((name) => (tensors[name] === undefined ? [] : [[name, tensors[name]]])));

const rawTensors = (network: Network, tensors: Tensors): Tensors =>
  picked(
    tensors,
    parametersOf(network).map(({ name }) => name),
  );

/** The running statistics of a batch normalisation that belong to averaged weights, such as `2/mean/average`. */
export const averagedName = (statistic: string): string => stateName(statistic, averageState);

/** The average of a trained parameter, divided by the sum of its weights; undefined where nothing was averaged. */
function averageOf(name: string, tensors: Tensors): Tensor | undefined {
  const [sum, weight] = [tensors[stateName(name, averageState)], tensors[stateName(name, averageWeight)]?.data[0] ?? 0];
  if (sum === undefined || !(weight > 0)) return undefined;
  return { shape: sum.shape, data: sum.data.map((value) => value / weight) };
}

/**
 * The parameters with averages in place of the trained ones, and the statistics as they are; undefined where the checkpoint holds
 * no average. A parameter that is never updated (the bias before a batch normalisation) has none: it is its own.
 */
export function averagedParameters(network: Network, tensors: Tensors): Tensors | undefined {
  const trained = parametersOf(network).filter(({ role }) => isTrained(role));
  const averages = trained.flatMap(({ name }): [string, Tensor][] => {
    const average = averageOf(name, tensors);
    return average === undefined ? [] : [[name, average]];
  });
  return averages.length === 0 ? undefined : { ...rawTensors(network, tensors), ...Object.fromEntries(averages) };
}

/** Averaged parameters with their own statistics; undefined where the checkpoint lacks either. */
function averagedTensors(network: Network, tensors: Tensors): Tensors | undefined {
  const statistics = parametersOf(network).filter(({ role }) => !isTrained(role));
  const parameters = averagedParameters(network, tensors);
  const has = ({ name }: NamedParameter): boolean => tensors[averagedName(name)] !== undefined;
  if (parameters === undefined || !statistics.every(has)) return undefined;
  const own = statistics.map(({ name }) => [name, must(tensors[averagedName(name)], averagedName(name))] as const);
  return { ...parameters, ...Object.fromEntries(own) };
}

/** Parameters and running statistics to evaluate with. */
const weights = {
  /** As trained. */
  raw: rawTensors,
  /**
   * The moving averages with their own statistics, if the checkpoint holds both; otherwise all as trained. So the weights that
   * are evaluated follow from the checkpoint alone.
   */
  average: (network: Network, tensors: Tensors): Tensors => averagedTensors(network, tensors) ?? rawTensors(network, tensors),
} as const;

export type EvaluationWeights = keyof typeof weights;
export const evaluationWeights = Object.keys(weights) as readonly EvaluationWeights[];

/** The tensors that are measured, exported and saved as a result. Never the optimizer's states. */
export const evaluationTensors = (network: Network, tensors: Tensors, which: EvaluationWeights = 'raw'): Tensors =>
  weights[which](network, tensors);

/** The tensors that a restart of the schedule begins with. */
export const restartTensors = (network: Network, tensors: Tensors, learning: Learning, optimizer?: Optimizer): Tensors =>
  picked(tensors, keptAtRestart(network, learning, optimizer));
