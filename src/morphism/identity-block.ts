/**
 * §3.2.1, §3.2.6: a block that gives back its input, for as long as that is not negative; what the two inserting operators
 * share. Its batch normalisation holds values that are exact with running statistics until it is calibrated.
 */
import { type Layer, nextId, type Network, type Node, type NodeId } from '../network/network.ts';
import { parameterName } from '../network/parameters.ts';
import { nonNegativeNodes } from '../network/sign.ts';
import { epsilon } from '../network/vanilla.ts';
import { isRead, putBehind, shapeIn, survey, type Survey } from './graph.ts';
import type { Rewrite, TensorSource } from './operator.ts';

/** The sizes of inserted kernels, §3.2.1. */
export const insertedKernels = [3, 5] as const;

const constant = (value: number): TensorSource => ({ kind: 'constant', value });

/** Why no block can be put behind the node; undefined where one can. */
function obstacle(graph: Survey, nonNegative: ReadonlySet<NodeId>, id: NodeId): string | undefined {
  const node = graph.nodes.get(id);
  if (node === undefined) return `there is no node ${id}`;
  if (!nonNegative.has(id)) return `node ${id} (${node.layer.kind}) may be negative`;
  const { height, width } = shapeIn(graph, id);
  if (height === 1 && width === 1) return `node ${id} (${node.layer.kind}) gives a vector`;
  return isRead(graph, id) ? undefined : `node ${id} (${node.layer.kind}) is not read by any node`;
}

/** The nodes that a block can be put behind. */
export function insertionSites(network: Network): readonly NodeId[] {
  const [graph, nonNegative] = [survey(network), nonNegativeNodes(network)];
  return network.nodes.map(({ id }) => id).filter((id) => obstacle(graph, nonNegative, id) === undefined);
}

/** A block of these convolutions (for that many channels), batch normalisation and ReLU behind the node. */
export function insertBlock(
  network: Network,
  after: NodeId,
  convolutionsOf: (channels: number) => readonly Extract<Layer, { bias: boolean }>[],
): Rewrite | string {
  const graph = survey(network);
  const problem = obstacle(graph, nonNegativeNodes(network), after);
  if (problem !== undefined) return problem;
  const first = nextId(network);
  const convolutions = convolutionsOf(shapeIn(graph, after).channels);
  const normalization = first + convolutions.length;
  const layers: readonly Layer[] = [...convolutions, { kind: 'batch-normalization', epsilon }, { kind: 'relu' }];
  const added = layers.map((layer, index): Node => {
    const id = first + index;
    return { id, layer, inputs: [index === 0 ? after : id - 1] };
  });
  const sources: Record<string, TensorSource> = {};
  convolutions.forEach((layer, index) => {
    sources[parameterName(first + index, 'kernel')] = { kind: 'identity' };
    if (layer.bias) sources[parameterName(first + index, 'bias')] = constant(0);
  });
  sources[parameterName(normalization, 'scale')] = constant(Math.sqrt(1 + epsilon));
  sources[parameterName(normalization, 'shift')] = constant(0);
  sources[parameterName(normalization, 'mean')] = constant(0);
  sources[parameterName(normalization, 'variance')] = constant(1);
  return { network: putBehind(network, after, added), widths: new Map(), sources, identities: [normalization] };
}
