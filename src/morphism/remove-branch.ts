/**
 * Removes an input of a sum or of a convex combination, or the gate of a product, and all that only that input needed. With one input left
 * the node is gone too. An approximate morphism: what the branch added is lost.
 */
import { freeze, nextId, type Network, type Node, type NodeId } from '../network/network.ts';
import { must } from '../util/assert.ts';
import type { EditOf } from './edit.ts';
import { isRead, normalizationsBehind, redirected, survey, withoutUnread } from './graph.ts';
import { anyWidth, lossy, type Operator } from './operator.ts';

/** The places of the inputs that may go: a product is no product without what is gated. */
function removableOf({ layer, inputs }: Node): readonly number[] {
  if (layer.kind === 'product') return [1];
  return layer.kind === 'add' || layer.kind === 'convex' ? [...inputs.keys()] : [];
}

function without(network: Network, node: Node, place: number): Network {
  const left = node.inputs.filter((_input, at) => at !== place);
  const [only] = left;
  if (left.length === 1) return redirected(network, node.id, must(only, 'input'));
  const nodes = network.nodes.map((each) => (each.id === node.id ? { ...each, inputs: left } : each));
  return withoutUnread(freeze(nodes, nextId(network)));
}

const readersOf = (network: Network, id: NodeId): readonly NodeId[] =>
  (survey(network).consumers.get(id) ?? []).map((reader) => reader.id);

export const removeBranch: Operator<EditOf<'remove-branch'>> = {
  fidelity: lossy,
  candidates(network) {
    const graph = survey(network);
    return network.nodes
      .filter(({ id }) => isRead(graph, id))
      .flatMap((node) => removableOf(node).map((input) => ({ kind: 'remove-branch' as const, node: node.id, input })));
  },
  rewrite(network, { node: id, input }) {
    const graph = survey(network);
    const node = graph.nodes.get(id);
    if (node === undefined) return `there is no node ${id}`;
    if (!removableOf(node).includes(input)) return `node ${id} (${node.layer.kind}) has no input ${input} that may go`;
    if (!isRead(graph, id)) return `node ${id} (${node.layer.kind}) gives the logits`;
    const smaller = without(network, node, input);
    const shifted = normalizationsBehind(smaller, [id, ...readersOf(network, id)]);
    return { network: smaller, widths: new Map(), sources: {}, identities: [], shifted };
  },
  keepsWidth: anyWidth,
  short: () => 'branch−1',
  describe: ({ node, input }) => `remove input ${input} of ${node}`,
};
