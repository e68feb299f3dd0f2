/** An edit applied: to a structure alone, or to a network with its parameters. Pure; tensors that do not change are shared. */
import { assert, must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import { problemOf } from '../network/check.ts';
import type { Network, Node, Shape } from '../network/network.ts';
import { type NamedParameter, parametersOfNode } from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import { sizeOf, type Tensor, type Tensors } from '../network/tensor.ts';
import { type Calibration, calibrationsOf } from './calibration.ts';
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
  /** As `parametersOf(network)` lists them. */
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

/** `random` is for this rewrite alone: another edit of the same child takes another stream. */
export const applyRewrite = (rewrite: Rewrite, tensors: Tensors, random: Random): Applied => ({
  network: rewrite.network,
  tensors: tensorsOf(rewrite, tensors, random),
  calibrations: calibrationsOf(rewrite),
});

/** The network and the parameters that an edit makes of these; an edit that is impossible is a bug here. */
export function applyEdit(network: Network, tensors: Tensors, edit: Edit, random: Random): Applied {
  const rewrite = checkedRewrite(network, edit, tensors);
  if (typeof rewrite === 'string') throw new Error(`bug: ${JSON.stringify(edit)} is impossible: ${rewrite}`);
  return applyRewrite(rewrite, tensors, random);
}

/** How the parameter of a node changes: along with what the node gives, and a kernel with what it reads too. */
function resizeOf({ widths }: Rewrite, node: Node, { role, shape }: NamedParameter, input: Shape): Resize | undefined {
  // λ is one number, whatever the width; the first axis of all others is the channels that the node gives.
  const rows = role === 'mix' ? undefined : widths.get(node.id);
  const columns = role === 'kernel' && absorbs(node) ? widths.get(must(node.inputs[0], 'input')) : undefined;
  const columnSize = columns === undefined ? 1 : sizeOf(shape.slice(1)) / input.channels;
  return rows === undefined && columns === undefined ? undefined : { rows, columns, columnSize };
}

function tensorsOf(rewrite: Rewrite, old: Tensors, random: Random): Tensors {
  const shapes = shapesOf(rewrite.network);
  const result: Record<string, Tensor> = {};
  for (const node of rewrite.network.nodes) {
    const input = node.inputs[0] === undefined ? undefined : shapes.get(node.inputs[0]);
    for (const parameter of parametersOfNode(node, input)) {
      const source = rewrite.sources[parameter.name];
      if (source !== undefined) {
        result[parameter.name] = makeTensor(source, parameter, old);
        continue;
      }
      const tensor = must(old[parameter.name], `tensor ${parameter.name}`);
      const resize = resizeOf(rewrite, node, parameter, must(input, `input of node ${node.id}`));
      result[parameter.name] = resize === undefined ? tensor : resizeTensor(tensor, parameter, resize, random);
    }
  }
  return result;
}
