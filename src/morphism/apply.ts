/** An edit applied: to a structure alone, or to a network with its parameters. Pure; tensors that do not change are shared. */
import { assert, must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import { problemOf } from '../network/check.ts';
import type { Network, Node, Shape } from '../network/network.ts';
import { type NamedParameter, type ParameterRole, parametersOfNode } from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import { sizeOf, type Tensor, type Tensors } from '../network/tensor.ts';
import { type Calibration, calibrationsOf } from './calibration.ts';
import type { Edit } from './edit.ts';
import { noGrowth } from './growth.ts';
import { growthAt, type Plan } from './operator.ts';
import { planOf } from './operators.ts';
import { growTensor, makeTensor, type TensorGrowth } from './tensors.ts';
import { absorbs } from './width.ts';

/** The network that an edit makes of this one, or why it cannot be made. */
export function applyToNetwork(network: Network, edit: Edit): Network | string {
  const plan = planOf(network, edit);
  return typeof plan === 'string' ? plan : plan.network;
}

/** The same of several edits, one after another. */
export function applyAll(network: Network, edits: readonly Edit[]): Network | string {
  let grown = network;
  for (const edit of edits) {
    const next = applyToNetwork(grown, edit);
    if (typeof next === 'string') return next;
    grown = next;
  }
  return grown;
}

export interface Applied {
  readonly network: Network;
  /** As `parametersOf(network)` lists them. */
  readonly tensors: Tensors;
  /** What is to be measured, in the network's order: each after those that it depends on. */
  readonly calibrations: readonly Calibration[];
}

/**
 * The network and the parameters that an edit makes of these; an edit that is impossible is a bug here. `random` is for
 * this edit alone: another edit of the same child takes another stream.
 */
export function applyEdit(network: Network, tensors: Tensors, edit: Edit, random: Random): Applied {
  const plan = planOf(network, edit);
  if (typeof plan === 'string') throw new Error(`bug: ${JSON.stringify(edit)} is impossible: ${plan}`);
  const problem = problemOf(plan.network);
  assert(problem === undefined, () => `${JSON.stringify(edit)} makes a broken network: ${problem}`);
  return { network: plan.network, tensors: tensorsOf(plan, tensors, random), calibrations: calibrationsOf(plan) };
}

/** Whether the first axis of a parameter is the channels that its node gives. λ is one number, whatever the width. */
const isPerChannel: { readonly [R in ParameterRole]: boolean } = {
  kernel: true,
  bias: true,
  scale: true,
  shift: true,
  mean: true,
  variance: true,
  mix: false,
};

/** How the parameter of a node grows: along with what the node gives, and a kernel with what it reads too. */
function growthOf(plan: Plan, node: Node, { role, shape }: NamedParameter, input: Shape): TensorGrowth | undefined {
  const rows = isPerChannel[role] ? growthAt(plan, node.id) : noGrowth;
  const columns = role === 'kernel' && absorbs(node) ? growthAt(plan, must(node.inputs[0], 'input')) : noGrowth;
  const columnSize = columns === noGrowth ? 1 : sizeOf(shape.slice(1)) / input.channels;
  return rows.length === 0 && columns.length === 0 ? undefined : { rows, columns, columnSize };
}

function tensorsOf(plan: Plan, old: Tensors, random: Random): Tensors {
  const shapes = shapesOf(plan.network);
  const result: Record<string, Tensor> = {};
  for (const node of plan.network.nodes) {
    const input = node.inputs[0] === undefined ? undefined : shapes.get(node.inputs[0]);
    for (const parameter of parametersOfNode(node, input)) {
      const source = plan.sources[parameter.name];
      if (source !== undefined) {
        result[parameter.name] = makeTensor(source, parameter, old);
        continue;
      }
      const tensor = must(old[parameter.name], `tensor ${parameter.name}`);
      const growth = growthOf(plan, node, parameter, must(input, `input of node ${node.id}`));
      result[parameter.name] = growth === undefined ? tensor : growTensor(tensor, parameter, growth, random);
    }
  }
  return result;
}
