/** How deep the nodes of a network lie, by its layers with kernels. */
import { ask, type LayerTable, type Network, type Node, type NodeId } from './network.ts';

const no = (): number => 0;
const one = (): number => 1;

const kernels: LayerTable<[], number> = {
  image: no,
  convolution: one,
  depthwise: one,
  'batch-normalization': no,
  'layer-normalization': no,
  'response-normalization': no,
  relu: no,
  activation: no,
  'max-pool': no,
  'average-pool': no,
  pad: no,
  'global-average-pool': no,
  dense: one,
  add: no,
  product: no,
  convex: no,
  concat: no,
  select: no,
};

/** Of each node, the layers with kernels before it, on the longest path. */
function countBefore(network: Network): ReadonlyMap<NodeId, number> {
  const before = new Map<NodeId, number>();
  const own = ownOf(network);
  for (const { id, inputs } of network.nodes)
    before.set(id, Math.max(0, ...inputs.map((input) => (before.get(input) ?? 0) + (own.get(input) ?? 0))));
  return before;
}

const ownOf = (network: Network): ReadonlyMap<NodeId, number> =>
  new Map(network.nodes.map(({ id, layer }) => [id, ask(kernels, layer)]));

/** The nodes of the first so many layers with kernels, and what stands between them. Whatever they depend on is among them. */
export function firstNodes(network: Network, layers: number): ReadonlySet<NodeId> {
  const [before, own] = [countBefore(network), ownOf(network)];
  const within = ({ id }: Node): boolean => (before.get(id) ?? 0) + (own.get(id) ?? 0) <= layers;
  return new Set(network.nodes.filter(within).map(({ id }) => id));
}

/**
 * Of each node, the layers with kernels before it over those before and behind it, on the longest paths: 0 of the first such layer, 1
 * of the last.
 */
export function depthsOf(network: Network): ReadonlyMap<NodeId, number> {
  const [before, own, behind] = [countBefore(network), ownOf(network), new Map<NodeId, number>()];
  const at = (counts: ReadonlyMap<NodeId, number>, id: NodeId): number => counts.get(id) ?? 0;
  for (const { id, inputs } of network.nodes.toReversed())
    for (const input of inputs) behind.set(input, Math.max(at(behind, input), at(behind, id) + at(own, id)));
  return new Map(
    network.nodes.map(({ id }) => {
      const all = at(before, id) + at(behind, id);
      return [id, all === 0 ? 1 : at(before, id) / all];
    }),
  );
}
