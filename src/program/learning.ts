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
}

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
    return [name, ...kept.map((state) => stateName(name, state))];
  });
}
