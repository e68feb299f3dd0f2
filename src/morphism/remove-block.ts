/**
 * Removes a block Conv–BN–ReLU that keeps the shape of what it reads; those who read it read its input. An approximate morphism: what the block
 * computes is lost, unless it is the identity.
 */
import type { Node, NodeId } from '../network/network.ts';
import { must } from '../util/assert.ts';
import type { EditOf } from './edit.ts';
import { blockEndingAt, normalizationsBehind, shapeIn, survey, type Survey, takeOut } from './graph.ts';
import { anyWidth, lossy, type Operator } from './operator.ts';

function removable(graph: Survey, id: NodeId): readonly Node[] | string {
  const block = blockEndingAt(graph, id);
  if (typeof block === 'string') return block;
  const [before, after] = [shapeIn(graph, must(block[0]?.inputs[0], 'input of the block')), shapeIn(graph, id)];
  return before.channels === after.channels && before.height === after.height && before.width === after.width
    ? block
    : `node ${id} (relu) ends a block that changes its shape`;
}

export const removeBlock: Operator<EditOf<'remove-block'>> = {
  fidelity: lossy,
  candidates(network) {
    const graph = survey(network);
    return network.nodes
      .filter(({ id }) => typeof removable(graph, id) !== 'string')
      .map(({ id }) => ({ kind: 'remove-block', node: id }));
  },
  rewrite(network, { node }) {
    const graph = survey(network);
    const block = removable(graph, node);
    if (typeof block === 'string') return block;
    const readers = (graph.consumers.get(node) ?? []).map(({ id }) => id);
    const removed = takeOut(network, block);
    return { network: removed, widths: new Map(), sources: {}, identities: [], shifted: normalizationsBehind(removed, readers) };
  },
  keepsWidth: anyWidth,
  short: () => 'remove',
  describe: ({ node }) => `remove the block of ${node}`,
};
