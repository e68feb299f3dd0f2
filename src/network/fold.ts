/** Groups the layers of a network into blocks that are printed and drawn as one, such as Conv–BN–ReLU. */
import { consumersOf, type Layer, type LayerKind, type Network, type Node, type NodeId } from './network.ts';
import { describeLayer } from './print.ts';

export interface LayerGroup {
  /** The id of its last node, which other blocks read. */
  readonly id: NodeId;
  /** In order. Each but the last is read only by the next. */
  readonly nodes: readonly Node[];
  /** The ids of the blocks that it reads. */
  readonly inputs: readonly NodeId[];
}

/** The layers that may follow a layer in a block. */
const following: { readonly [K in LayerKind]?: readonly LayerKind[] } = {
  depthwise: ['convolution'],
  convolution: ['batch-normalization', 'relu', 'activation'],
  'batch-normalization': ['relu', 'activation'],
};

const isFollower = (layer: Layer, before: Layer): boolean =>
  following[before.kind]?.includes(layer.kind) === true &&
  // A depthwise convolution and a 1×1 convolution after it form one separable convolution.
  (before.kind !== 'depthwise' || (layer.kind === 'convolution' && layer.kernel === 1));

/** The blocks of a network, in the order of their last nodes. Each node is in one block. */
export function layerGroupsOf(network: Network): readonly LayerGroup[] {
  const consumers = consumersOf(network);
  const home = new Map<NodeId, Node[]>();
  for (const node of network.nodes) {
    const [input] = node.inputs;
    const chain = input === undefined || node.inputs.length !== 1 ? undefined : home.get(input);
    const last = chain?.at(-1);
    const isAlone = last !== undefined && last.id === input && consumers.get(last.id)?.length === 1;
    if (chain !== undefined && isAlone && isFollower(node.layer, last.layer)) {
      chain.push(node);
      home.set(node.id, chain);
    } else home.set(node.id, [node]);
  }
  const position = new Map(network.nodes.map(({ id }, index) => [id, index]));
  const lastOf = (nodes: readonly Node[]): NodeId => (nodes.at(-1) as Node).id;
  return [...new Set(home.values())]
    .map((nodes): LayerGroup => ({
      id: lastOf(nodes),
      nodes,
      inputs: (nodes[0] as Node).inputs.map((input) => lastOf(home.get(input) ?? [])),
    }))
    .toSorted((a, b) => (position.get(a.id) ?? 0) - (position.get(b.id) ?? 0));
}

/** Each node as a block of its own. */
export const unfolded = (network: Network): readonly LayerGroup[] =>
  network.nodes.map((node) => ({ id: node.id, nodes: [node], inputs: node.inputs }));

const shortLayer = (layer: Layer): string =>
  layer.kind === 'batch-normalization' ? 'BN' : layer.kind === 'relu' ? 'ReLU' : describeLayer(layer);

/** `conv 3×3 · BN · ReLU`, `separable 3×3 · BN · ReLU`. */
export function describeGroup({ nodes }: LayerGroup): string {
  const [first, second] = nodes;
  if (first?.layer.kind === 'depthwise' && second?.layer.kind === 'convolution') {
    const { kernel } = first.layer;
    return [`separable ${kernel}×${kernel}`, ...nodes.slice(2).map(({ layer }) => shortLayer(layer))].join(' · ');
  }
  return nodes.map(({ layer }) => shortLayer(layer)).join(' · ');
}
