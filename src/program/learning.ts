/** The optimizer, weight decay, and what differs between the roles of parameters. */
import { outputOf, type Network, type NodeId } from '../network/network.ts';
import { isLearned, parametersOf, type ParameterRole } from '../network/parameters.ts';
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
  /** Overrides of `defaultRoles`. */
  readonly roles?: { readonly [Role in LearningRole]?: Partial<RoleLearning> };
  /**
   * Decay a minibatch of an exponential moving average of each trained parameter, over its values after each update (Polyak &
   * Juditsky 1992; the weights of exponential smoothing). Null or missing: none is kept.
   */
  readonly average?: number | null;
}

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

/** Of a trained parameter. */
export function roleLearning({ roles = {} }: Learning, network: Network, node: NodeId, role: ParameterRole): RoleLearning {
  if (role === 'mean' || role === 'variance') throw new Error(`bug: ${role} is not trained`);
  const { id, layer } = outputOf(network);
  const isHead = id === node && layer.kind === 'dense' && (role === 'kernel' || role === 'bias');
  const name: LearningRole = isHead ? `head-${role}` : role;
  return { ...defaultRoles[name], ...roles[name] };
}

/** All that is kept for a trained parameter. */
export const statesOf = (optimizer: Optimizer, { average = null }: Learning): readonly OptimizerState[] =>
  average === null ? optimizer.states : [...optimizer.states, ...averageStates];

/** What follows the update of a parameter; undefined where nothing does. */
export function averagingOf({ average = null }: Learning): readonly Assignment[] | undefined {
  if (average === null) return undefined;
  return [
    { target: averageState.name, value: sum(product(average, averageState.name), product(1 - average, 'parameter')) },
    { target: averageWeight.name, value: sum(product(average, averageWeight.name), 1 - average) },
  ];
}

/** The update of a parameter of that role. */
export function assignmentsOf(optimizer: Optimizer, learning: Learning, role: RoleLearning): readonly Assignment[] {
  const decay = role.decay * learning.weightDecay;
  const decayed = (value: Expression): Expression => (decay === 0 ? value : sum(value, product(decay, 'parameter')));
  const { decoupled = false, momentum } = learning;
  const { assignments, direction } = optimizer.update(decoupled ? 'gradient' : decayed('gradient'), { momentum });
  const rate = role.rate === 1 ? 'rate' : product(role.rate, 'rate');
  const change = product(rate, decoupled ? decayed(direction) : direction);
  return [...assignments, { target: 'parameter', value: difference('parameter', change) }];
}

/** Names of the tensors that a restart of the schedule keeps. */
export function keptAtRestart(network: Network, learning: Learning, optimizer = optimizerOf(learning)): readonly string[] {
  return parametersOf(network).flatMap((parameter) => {
    const { name, node, role } = parameter;
    if (!isLearned(parameter)) return [name];
    const { restart } = roleLearning(learning, network, node, role);
    const kept = optimizer.states.filter((state) => (restart ?? state.restart) === 'keep');
    const averages = (learning.average ?? null) === null ? [] : averageStates;
    return [name, ...[...kept, ...averages].map((state) => stateName(name, state))];
  });
}
