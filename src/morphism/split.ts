/**
 * §3.2.5: a block becomes two parallel blocks whose outputs are added. They give α and 1 − α times the output of the old block. Both
 * have its convolution and running statistics; only γ and β are scaled, since α·ReLU(x) = ReLU(α·x). This holds in training mode and
 * in evaluation mode.
 */
import { nextId, type Node, type NodeId } from '../network/network.ts';
import { parameterName, type ParameterRole, parametersOfNode } from '../network/parameters.ts';
import type { EditOf } from './edit.ts';
import { blockEndingAt, putBehind, shapeIn, survey, type Survey } from './graph.ts';
import { anyWidth, exact, type Operator, type TensorSource } from './operator.ts';

/** α in §3.2.5. */
export const splitFactor = 0.3;

const isScaled = (node: Node, role: ParameterRole): boolean =>
  node.layer.kind === 'batch-normalization' && (role === 'scale' || role === 'shift');

/** The sources of the parameters of both branches. Parameters that the first branch keeps have no entry. */
function sourcesOf(graph: Survey, block: readonly Node[], copies: ReadonlyMap<NodeId, NodeId>, alpha: number) {
  const sources: Record<string, TensorSource> = {};
  for (const node of block)
    for (const { role, name } of parametersOfNode(node, shapeIn(graph, node.inputs[0] ?? -1))) {
      const copy = parameterName(copies.get(node.id) ?? -1, role);
      const scaled = isScaled(node, role);
      if (scaled) sources[name] = { kind: 'scaled', from: name, factor: alpha };
      sources[copy] = scaled ? { kind: 'scaled', from: name, factor: 1 - alpha } : { kind: 'shared', from: name };
    }
  return sources;
}

export const split: Operator<EditOf<'split'>> = {
  fidelity: exact,
  candidates(network) {
    const graph = survey(network);
    return network.nodes
      .filter(({ id }) => typeof blockEndingAt(graph, id) !== 'string')
      .map(({ id }) => ({ kind: 'split', node: id, alpha: splitFactor }));
  },
  rewrite(network, { node: id, alpha }) {
    const graph = survey(network);
    const block = blockEndingAt(graph, id);
    if (typeof block === 'string') return block;
    const first = nextId(network);
    const copies = new Map(block.map((node, index) => [node.id, first + index]));
    const copied = block.map((node, index): Node => ({
      id: first + index,
      layer: node.layer,
      inputs: node.inputs.map((input) => copies.get(input) ?? input),
    }));
    const sum: Node = { id: first + block.length, layer: { kind: 'add' }, inputs: [id, first + block.length - 1] };
    return {
      network: putBehind(network, id, [...copied, sum]),
      widths: new Map(),
      sources: sourcesOf(graph, block, copies, alpha),
      identities: [],
    };
  },
  keepsWidth: anyWidth,
  short: () => 'split',
  describe: ({ node, alpha }) => `split ${node} at ${alpha}`,
};
