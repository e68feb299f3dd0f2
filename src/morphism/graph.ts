/** Reading and rewiring a graph: what all operators share. It knows no parameters. */
import { must } from '../util/assert.ts';
import {
  ancestorsOf,
  consumersOf,
  freeze,
  isFrozen,
  type Network,
  nextId,
  type Node,
  type NodeId,
  outputOf,
  type Shape,
} from '../network/network.ts';
import { shapesOf } from '../network/shapes.ts';

/** A network with what operators ask of it at hand. */
export interface Survey {
  readonly network: Network;
  readonly nodes: ReadonlyMap<NodeId, Node>;
  readonly shapes: ReadonlyMap<NodeId, Shape>;
  readonly consumers: ReadonlyMap<NodeId, readonly Node[]>;
}

export const survey = (network: Network): Survey => ({
  network,
  nodes: new Map(network.nodes.map((node) => [node.id, node])),
  shapes: shapesOf(network),
  consumers: consumersOf(network),
});

export const shapeIn = (graph: Survey, id: NodeId): Shape => must(graph.shapes.get(id), `shape of node ${id}`);

/** Whether any node reads it. The last node is read by none, so nothing can be inserted after it. */
export const isRead = (graph: Survey, id: NodeId): boolean => (graph.consumers.get(id)?.length ?? 0) > 0;

export const widthsOf = (graph: Survey): Map<NodeId, number> =>
  new Map([...graph.shapes].map(([id, { channels }]) => [id, channels]));

/** The node, and all that depends on it. */
export function descendantsOf(network: Network, id: NodeId): ReadonlySet<NodeId> {
  const result = new Set([id]);
  for (const node of network.nodes) if (node.inputs.some((input) => result.has(input))) result.add(node.id);
  return result;
}

/** The batch normalisations that depend on these nodes, or are among them. */
export function normalizationsBehind(network: Network, ids: Iterable<NodeId>): readonly NodeId[] {
  const reached = new Set(ids);
  for (const { id, inputs } of network.nodes) if (inputs.some((input) => reached.has(input))) reached.add(id);
  return network.nodes.filter(({ id, layer }) => layer.kind === 'batch-normalization' && reached.has(id)).map(({ id }) => id);
}

/** The network where whoever read `from` reads `to` instead, without what nothing reads any more. */
export function redirected(network: Network, from: NodeId, to: NodeId): Network {
  const nodes = network.nodes
    .filter(({ id }) => id !== from)
    .map((node) => ({ ...node, inputs: node.inputs.map((input) => (input === from ? to : input)) }));
  return withoutUnread(freeze(nodes, nextId(network)));
}

/** The network without what its output does not depend on. */
export const withoutUnread = (network: Network): Network => freeze(ancestorsOf(network, [outputOf(network).id]), nextId(network));

/** The nodes in their order, except that those that stand behind one of their readers are drawn up to it. */
function arrange(nodes: readonly Node[]): Node[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const placed = new Set<NodeId>();
  const result: Node[] = [];
  const place = (node: Node): void => {
    if (placed.has(node.id)) return;
    placed.add(node.id);
    for (const input of node.inputs) place(must(byId.get(input), `node ${input}`));
    result.push(node);
  };
  for (const node of nodes) place(node);
  return result;
}

/**
 * The network with new nodes behind a tensor: whoever read it reads the last of them instead. The new nodes themselves may
 * read it, and others that do not depend on it.
 */
export function putBehind(network: Network, id: NodeId, added: readonly Node[]): Network {
  const last = must(added.at(-1), 'new node').id;
  const nodes = network.nodes.flatMap((node) => {
    const rewired = node.inputs.includes(id)
      ? { ...node, inputs: node.inputs.map((input) => (input === id ? last : input)) }
      : node;
    return node.id === id ? [rewired, ...added] : [rewired];
  });
  return freeze(arrange(nodes), nextId(network));
}

/** The network without a chain of nodes: whoever read the last of them reads what the first read. */
export function takeOut(network: Network, chain: readonly Node[]): Network {
  const gone = new Set(chain.map(({ id }) => id));
  const [last, input] = [chain.at(-1)?.id, must(chain[0]?.inputs[0], 'input of the chain')];
  const nodes = network.nodes
    .filter(({ id }) => !gone.has(id))
    .map((node) => ({ ...node, inputs: node.inputs.map((read) => (read === last ? input : read)) }));
  return freeze(nodes, nextId(network));
}

/**
 * The nodes of the block that ends with this ReLU, in order, or why there is none: all but the last are read once, and none is
 * frozen.
 */
export function blockEndingAt(graph: Survey, id: NodeId): readonly Node[] | string {
  const relu = graph.nodes.get(id);
  if (relu === undefined) return `there is no node ${id}`;
  if (relu.layer.kind !== 'relu' || !isRead(graph, id)) return `node ${id} (${relu.layer.kind}) does not end a block`;
  const inner = (node: Node, kind: Node['layer']['kind']): Node | undefined => {
    const input = graph.nodes.get(node.inputs[0] ?? -1);
    return input?.layer.kind === kind && graph.consumers.get(input.id)?.length === 1 ? input : undefined;
  };
  const normalization = inner(relu, 'batch-normalization');
  const convolution = normalization && inner(normalization, 'convolution');
  if (normalization === undefined || convolution === undefined) return `node ${id} (relu) does not end a block Conv–BN–ReLU`;
  if (isFrozen(convolution.layer)) return `node ${convolution.id} (convolution) is frozen`;
  const pointwise = convolution.layer.kind === 'convolution' && convolution.layer.kernel === 1;
  const depthwise = pointwise ? inner(convolution, 'depthwise') : undefined;
  return [...(depthwise === undefined ? [] : [depthwise]), convolution, normalization, relu];
}
