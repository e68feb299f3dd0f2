/**
 * The shared part of the two merging operators (§3.2.3, §3.2.4): which pairs of tensors can be merged, and the graph in which they
 * are merged. The merge takes the place of the first tensor. The second, its companion, is pooled down if it is larger.
 */
import { must } from '../util/assert.ts';
import { nextId, type Layer, type Network, type Node, type NodeId, type Shape } from '../network/network.ts';
import { maxPool } from '../network/vanilla.ts';
import { descendantsOf, isRead, putBehind, shapeIn, survey, type Survey } from './graph.ts';

const factors = [1, 2, 4] as const;

export interface Pair {
  readonly first: NodeId;
  readonly second: NodeId;
  readonly factor: (typeof factors)[number];
}

/** Only the outputs of blocks are merged. A block ends with its ReLU, or with a max-pool after it. */
const endsBlock = (layer: Layer): boolean => layer.kind === 'relu' || layer.kind === 'max-pool';

const fits = (first: Shape, second: Shape, factor: number): boolean =>
  second.height === factor * first.height && second.width === factor * first.width;

/** A tensor as a source and the factor by which it was max-pooled. Pooling by 4 equals pooling twice by 2. */
interface Pooled {
  readonly source: NodeId;
  readonly by: number;
}

function pooledFrom(graph: Survey, id: NodeId): Pooled {
  const { layer, inputs } = must(graph.nodes.get(id), `node ${id}`);
  const [input] = inputs;
  if (layer.kind !== 'max-pool' || layer.kernel !== layer.stride || layer.padding !== 0 || input === undefined)
    return { source: id, by: 1 };
  const { source, by } = pooledFrom(graph, input);
  return { source, by: by * layer.kernel };
}

/** Whether the second tensor, pooled by the factor, equals the first. */
function isItself(first: Pooled, second: Pooled, factor: number): boolean {
  return first.source === second.source && first.by === second.by * factor;
}

/** Whether shapes can be merged once their heights and widths are equal. */
export type Agreement = (first: Shape, second: Shape) => boolean;

/** All ordered pairs that can be merged without a cycle, except those of two equal tensors. */
export function pairsOf(network: Network, agree: Agreement): readonly Pair[] {
  const graph = survey(network);
  const sites = network.nodes
    .filter(({ id, layer }) => endsBlock(layer) && isRead(graph, id))
    .map(({ id }) => ({ id, pooled: pooledFrom(graph, id) }));
  return sites.flatMap((first) => {
    const [shape, descendants] = [shapeIn(graph, first.id), descendantsOf(network, first.id)];
    return sites.flatMap(({ id, pooled }): Pair[] => {
      const other = shapeIn(graph, id);
      const factor = factors.find((each) => fits(shape, other, each));
      if (factor === undefined || descendants.has(id) || !agree(shape, other)) return [];
      return isItself(first.pooled, pooled, factor) ? [] : [{ first: first.id, second: id, factor }];
    });
  });
}

function obstacle(graph: Survey, pair: Pair): string | undefined {
  const { first, second, factor } = pair;
  for (const id of [first, second]) {
    const layer = graph.nodes.get(id)?.layer;
    if (layer === undefined) return `there is no node ${id}`;
    if (!endsBlock(layer)) return `node ${id} (${layer.kind}) does not end a block`;
    if (!isRead(graph, id)) return `node ${id} (${layer.kind}) is not read by any node`;
  }
  if (first === second) return `node ${first} would be merged with itself`;
  if (descendantsOf(graph.network, first).has(second)) return `node ${second} depends on node ${first}`;
  return fits(shapeIn(graph, first), shapeIn(graph, second), factor)
    ? undefined
    : `node ${second} is not ${factor} times as large as node ${first}`;
}

/** A graph in which a pair is merged. */
export interface Merged {
  readonly network: Network;
  /** The node that merges. */
  readonly merge: NodeId;
  /** The companion: the second, or its pool. */
  readonly companion: NodeId;
  /** The graph before. */
  readonly before: Survey;
}

/** The graph in which `layer` merges the pair and all readers of the first read the merge; or the reason why the pair cannot be merged. */
export function merged(network: Network, pair: Pair, layer: Layer): Merged | string {
  const before = survey(network);
  const problem = obstacle(before, pair);
  if (problem !== undefined) return problem;
  const { first, second, factor } = pair;
  const fresh = nextId(network);
  const pool: readonly Node[] = factor === 1 ? [] : [{ id: fresh, layer: maxPool(factor), inputs: [second] }];
  const companion = pool[0]?.id ?? second;
  const merge = fresh + pool.length;
  const added = [...pool, { id: merge, layer, inputs: [first, companion] }];
  return { network: putBehind(network, first, added), merge, companion, before };
}

/** Such as `5 with 2 pooled by 2`. */
export const describePair = ({ first, second, factor }: Pair): string =>
  `${first} with ${second}${factor === 1 ? '' : ` pooled by ${factor}`}`;
