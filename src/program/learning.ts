/** The optimizer, weight decay, and what differs between the roles of parameters. */
import { depthsOf, firstNodes } from '../network/depth.ts';
import { headOf } from '../network/head.ts';
import { outputOf, type Network, type NodeId } from '../network/network.ts';
import { isLearned, parametersOf, type ParameterRole } from '../network/parameters.ts';
import { must } from '../util/assert.ts';
import { difference, product, sum, type Assignment, type Expression } from './expression.ts';
import { stateName, type Optimizer, type OptimizerState } from './optimizers/optimizer.ts';
import { optimizers, type OptimizerName } from './optimizers/table.ts';

/** `head-…`: of the final dense layer. */
export type LearningRole = 'kernel' | 'bias' | 'scale' | 'shift' | 'mix' | 'head-kernel' | 'head-bias';

export interface RoleLearning {
  /** Multiplies the learning rate. */
  readonly rate: number;
  /** Multiplies the weight decay. */
  readonly decay: number;
  /** Overrides what a restart does to the optimizer's states. */
  readonly restart?: OptimizerState['restart'];
}

/**
 * A larger learning rate for what growth has added. Its gradients are small at first: new weights stand beside trained ones, and
 * what follows them begins at zero.
 */
export interface NewWeights {
  /** Multiplies the learning rate of a weight that has not been updated yet. */
  readonly rate: number;
  /** What is left of the excess, rate − 1, after each update; 0 to 1. */
  readonly fade: number;
}

/** A number of layers, or all but the head. */
export type Freeze = number | 'all-but-head';

export const statisticsNames = ['batch', 'running'] as const;
export type Statistics = (typeof statisticsNames)[number];

export interface Learning {
  /** Default `sgd`. */
  readonly optimizer?: OptimizerName;
  readonly momentum: number;
  readonly weightDecay: number;
  /**
   * Decoupled weight decay, parameter −= rate·decay·parameter (SGDW; Loshchilov & Hutter 2019), instead of L2, which adds
   * decay·parameter to the gradient. Default: false.
   */
  readonly decoupled?: boolean;
  /**
   * Multiplies the learning rate of the first layer; that of the last layer stays, and those between follow by equal factors
   * (discriminative fine-tuning; Howard & Ruder 2018, §3.2). Missing: 1.
   */
  readonly firstRate?: number;
  /**
   * The first so many layers with kernels, with all that stands between them, or all but the head: they are not trained, and their batch
   * normalisations keep their running statistics. Missing: none.
   */
  readonly freeze?: Freeze;
  /**
   * What batch normalisations normalise by in training: the statistics of the batch, or their running ones, which then stay as they are, as
   * where images are few. Missing: `batch`.
   */
  readonly statistics?: Statistics;
  /**
   * What running statistics take over of those of a batch, as a share: small for small batches, whose statistics are noisy. Missing: 0.1.
   */
  readonly following?: number;
  /** Overrides of `defaultRoles`. */
  readonly roles?: { readonly [Role in LearningRole]?: Partial<RoleLearning> };
  /**
   * Decay a minibatch of an exponential moving average of each trained parameter, over its values after each update (Polyak &
   * Juditsky 1992; the weights of exponential smoothing). Null or missing: none is kept.
   */
  readonly average?: number | null;
  /** Null or missing: all weights have one rate. The weights of a start network are new, too. */
  readonly newWeights?: NewWeights | null;
}

/** 1 − fadeᵏ after k updates. What an edit adds begins at zero, as all states do. */
export const settledState: OptimizerState = { name: 'settled', shape: 'parameter', restart: 'keep', widened: 'keep' };

/** Σ (1 − decay)·decayᵏ·parameter, k minibatches ago, from zero. Growth begins it anew, a restart of the schedule keeps it. */
export const averageState: OptimizerState = { name: 'average', shape: 'parameter', restart: 'keep', widened: 'zero' };
/** Σ (1 − decay)·decayᵏ: what the average is divided by, so that its beginning at zero leaves no bias. */
export const averageWeight: OptimizerState = { name: 'average weight', shape: 'scalar', restart: 'keep', widened: 'zero' };
const averageStates: readonly OptimizerState[] = [averageState, averageWeight];

export const defaultRoles: { readonly [Role in LearningRole]: RoleLearning } = {
  kernel: { rate: 1, decay: 1 },
  bias: { rate: 1, decay: 0 },
  scale: { rate: 1, decay: 0 },
  shift: { rate: 1, decay: 0 },
  mix: { rate: 1, decay: 0 },
  'head-kernel': { rate: 1, decay: 1 },
  'head-bias': { rate: 1, decay: 0 },
};

export const learningRoles = Object.keys(defaultRoles) as readonly LearningRole[];

export const optimizerOf = ({ optimizer = 'sgd' }: Learning): Optimizer => optimizers[optimizer];

/** The nodes that are not trained. */
export function frozenNodes({ freeze = 0 }: Learning, network: Network): ReadonlySet<NodeId> {
  if (freeze === 0) return new Set();
  if (freeze !== 'all-but-head') return firstNodes(network, freeze);
  const head = headOf(network)?.id;
  return new Set(network.nodes.flatMap(({ id }) => (id === head ? [] : [id])));
}

/** The nodes whose batch normalisations keep their running statistics, and normalise by them. */
export function keptStatistics(learning: Learning, network: Network): ReadonlySet<NodeId> {
  return learning.statistics === 'running' ? new Set(network.nodes.map(({ id }) => id)) : frozenNodes(learning, network);
}

/** By node, what multiplies the learning rate of its parameters. */
export function ratesByDepth({ firstRate = 1 }: Learning, network: Network): (node: NodeId) => number {
  if (firstRate === 1) return () => 1;
  const depths = depthsOf(network);
  return (node) => firstRate ** (1 - must(depths.get(node), `depth of node ${node}`));
}

/** Of a trained parameter. */
export function roleLearning({ roles = {} }: Learning, network: Network, node: NodeId, role: ParameterRole): RoleLearning {
  if (role === 'mean' || role === 'variance') throw new Error(`bug: ${role} is not trained`);
  const { id, layer } = outputOf(network);
  const isHead = id === node && layer.kind === 'dense' && (role === 'kernel' || role === 'bias');
  const name: LearningRole = isHead ? `head-${role}` : role;
  return { ...defaultRoles[name], ...roles[name] };
}

/** States that are not the optimizer's. */
const ownStates = ({ average = null, newWeights = null }: Learning): readonly OptimizerState[] => [
  ...(newWeights === null ? [] : [settledState]),
  ...(average === null ? [] : averageStates),
];

/** All that is kept for a trained parameter. */
export const statesOf = (optimizer: Optimizer, learning: Learning): readonly OptimizerState[] => [
  ...optimizer.states,
  ...ownStates(learning),
];

/** What moves along with the parameters where a child goes on from its parent's states. Averages begin anew. */
export const companionsOf = (learning: Learning): readonly OptimizerState[] => [
  ...optimizerOf(learning).states,
  ...ownStates({ ...learning, average: null }),
];

/** What follows the update of a parameter; undefined where nothing does. */
export function followingOf({ average = null, newWeights = null }: Learning): readonly Assignment[] | undefined {
  const moving = (target: string, decay: number, value: Expression): Assignment => ({
    target,
    value: sum(product(decay, target), value),
  });
  const settling = newWeights === null ? [] : [moving(settledState.name, newWeights.fade, 1 - newWeights.fade)];
  const averaging =
    average === null
      ? []
      : [moving(averageState.name, average, product(1 - average, 'parameter')), moving(averageWeight.name, average, 1 - average)];
  const all = [...settling, ...averaging];
  return all.length === 0 ? undefined : all;
}

/** The update of a parameter of that role. */
export function assignmentsOf(optimizer: Optimizer, learning: Learning, role: RoleLearning): readonly Assignment[] {
  const decay = role.decay * learning.weightDecay;
  const decayed = (value: Expression): Expression => (decay === 0 ? value : sum(value, product(decay, 'parameter')));
  const { decoupled = false, momentum } = learning;
  const { assignments, direction } = optimizer.update(decoupled ? 'gradient' : decayed('gradient'), { momentum });
  const rate = role.rate === 1 ? 'rate' : product(role.rate, 'rate');
  const { newWeights = null } = learning;
  const excess = newWeights === null ? 0 : newWeights.rate - 1;
  const hastened = (value: Expression): Expression =>
    excess === 0 ? value : product(difference(1 + excess, product(excess, settledState.name)), value);
  const change = product(rate, hastened(decoupled ? decayed(direction) : direction));
  return [...assignments, { target: 'parameter', value: difference('parameter', change) }];
}

/** Names of the tensors that a restart of the schedule keeps. */
export function keptAtRestart(network: Network, learning: Learning, optimizer = optimizerOf(learning)): readonly string[] {
  return parametersOf(network).flatMap((parameter) => {
    const { name, node, role } = parameter;
    if (!isLearned(parameter)) return [name];
    const { restart } = roleLearning(learning, network, node, role);
    const kept = optimizer.states.filter((state) => (restart ?? state.restart) === 'keep');
    return [name, ...[...kept, ...ownStates(learning)].map((state) => stateName(name, state))];
  });
}
