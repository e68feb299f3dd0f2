/** An edit applied: to a structure alone, or to a network with its parameters. Pure; tensors that do not change are shared. */
import { assert, must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import { problemOf } from '../network/check.ts';
import type { Network, Node, Shape } from '../network/network.ts';
import { type NamedParameter, type ParameterRole, parametersOfNode } from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import { sizeOf, type Tensor, type Tensors } from '../network/tensor.ts';
import { type Calibration, calibrationsOf } from './calibration.ts';
import { type Change, type Companion, moveCompanions } from './companions.ts';
import type { Edit } from './edit.ts';
import type { Rewrite } from './operator.ts';
import { rewriteOf } from './operators.ts';
import { makeTensor, type Resize, resizeTensor } from './tensors.ts';
import { absorbs } from './width.ts';

/** The network that an edit makes of this one, or why it cannot be made. */
export function applyToNetwork(network: Network, edit: Edit): Network | string {
  const rewrite = rewriteOf(network, edit);
  return typeof rewrite === 'string' ? rewrite : rewrite.network;
}

/** The same of several edits, one after another. */
export function applyAll(network: Network, edits: readonly Edit[]): Network | string {
  let current = network;
  for (const edit of edits) {
    const next = applyToNetwork(current, edit);
    if (typeof next === 'string') return next;
    current = next;
  }
  return current;
}

export interface Applied {
  readonly network: Network;
  /** As `parametersOf(network)` lists them, each followed by its companions. */
  readonly tensors: Tensors;
  /** What is to be measured, in the network's order: each after those that it depends on. */
  readonly calibrations: readonly Calibration[];
}

/**
 * What a possible edit makes of the network, or why its tensors do not allow it. Without tensors the structure alone decides.
 * An edit that the structure does not allow is a bug here: it was sampled from that structure.
 */
export function checkedRewrite(network: Network, edit: Edit, tensors?: Tensors): Rewrite | string {
  const rewrite = rewriteOf(network, edit, tensors);
  const structural = typeof rewrite === 'string' ? rewriteOf(network, edit) : rewrite;
  if (typeof structural === 'string') throw new Error(`bug: ${JSON.stringify(edit)} is impossible: ${structural}`);
  const problem = problemOf(structural.network);
  assert(problem === undefined, () => `${JSON.stringify(edit)} makes a broken network: ${problem}`);
  return rewrite;
}

/**
 * `random` is for this rewrite alone: another edit of the same child takes another stream. Of the tensors that are no parameters
 * those that `companions` names move along; all others are left behind.
 */
export const applyRewrite = (
  rewrite: Rewrite,
  tensors: Tensors,
  random: Random,
  companions: readonly Companion[] = [],
): Applied => ({
  network: rewrite.network,
  tensors: tensorsOf(rewrite, tensors, random, companions),
  calibrations: calibrationsOf(rewrite),
});

/** The network and the tensors that an edit makes of these; an edit that is impossible is a bug here. */
export function applyEdit(
  network: Network,
  tensors: Tensors,
  edit: Edit,
  random: Random,
  companions: readonly Companion[] = [],
): Applied {
  const rewrite = checkedRewrite(network, edit, tensors);
  if (typeof rewrite === 'string') throw new Error(`bug: ${JSON.stringify(edit)} is impossible: ${rewrite}`);
  return applyRewrite(rewrite, tensors, random, companions);
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

/** How the parameter of a node changes: along with what the node gives, and a kernel with what it reads too. */
function resizeOf({ widths }: Rewrite, node: Node, { role, shape }: NamedParameter, input: Shape): Resize | undefined {
  const rows = isPerChannel[role] ? widths.get(node.id) : undefined;
  const columns = role === 'kernel' && absorbs(node) ? widths.get(must(node.inputs[0], 'input')) : undefined;
  const columnSize = columns === undefined ? 1 : sizeOf(shape.slice(1)) / input.channels;
  return rows === undefined && columns === undefined ? undefined : { rows, columns, columnSize };
}

function tensorsOf(rewrite: Rewrite, old: Tensors, random: Random, companions: readonly Companion[]): Tensors {
  const shapes = shapesOf(rewrite.network);
  const result: Record<string, Tensor> = {};
  const moved = (parameter: NamedParameter, { source, resize }: Change): Tensor => {
    if (source !== undefined) return makeTensor(source, parameter, old);
    const tensor = must(old[parameter.name], `tensor ${parameter.name}`);
    return resize === undefined ? tensor : resizeTensor(tensor, parameter, resize, random);
  };
  for (const node of rewrite.network.nodes) {
    const input = node.inputs[0] === undefined ? undefined : shapes.get(node.inputs[0]);
    for (const parameter of parametersOfNode(node, input)) {
      const source = rewrite.sources[parameter.name];
      const resize =
        source === undefined ? resizeOf(rewrite, node, parameter, must(input, `input of node ${node.id}`)) : undefined;
      const change = { source, resize };
      result[parameter.name] = moved(parameter, change);
      Object.assign(result, moveCompanions(companions, parameter, change, old, random));
    }
  }
  return result;
}
