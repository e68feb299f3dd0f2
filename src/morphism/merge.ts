/**
 * §3.2.3, §3.2.4: the two merging operators, which tensors they can merge, and the graph in which these are merged. The tensor that was there is the first, its companion the second, pooled down where it is larger.
 */
import { must } from '../util/assert.ts';
import { nextId, type Layer, type Network, type Node, type NodeId, type Shape } from '../network/network.ts';
import { parameterName } from '../network/parameters.ts';
import { maxPool } from '../network/vanilla.ts';
import type { EditOf } from './edit.ts';
import { descendantsOf, isRead, putBehind, shapeIn, survey, type Survey, widthsOf } from './graph.ts';
import type { Operator } from './operator.ts';
import { spread, withWidths } from './width.ts';

const factors = [1, 2, 4] as const;

interface Pair {
  readonly first: NodeId;
  readonly second: NodeId;
  readonly factor: (typeof factors)[number];
}

/** A block ends with its ReLU, so nothing inside one is merged. */
const endsBlock = (layer: Layer): boolean => layer.kind === 'relu' || layer.kind === 'max-pool';

const fits = (first: Shape, second: Shape, factor: number): boolean =>
  second.height === factor * first.height && second.width === factor * first.width;

/** What a tensor is, seen through its max-pools: pooled once by 4 is pooled twice by 2. */
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

/** Whether the second, pooled down by the factor, is the first, computed again. */
function isItself(first: Pooled, second: Pooled, factor: number): boolean {
  return first.source === second.source && first.by === second.by * factor;
}

/**
 * Every ordered pair that can be merged without a cycle, and is not the same tensor twice. `agree`: whether shapes can be
 * merged once their heights and widths are equal.
 */
function pairsOf(network: Network, agree: (first: Shape, second: Shape) => boolean): readonly Pair[] {
  const graph = survey(network);
  const sites = network.nodes
    .filter(({ id, layer }) => endsBlock(layer) && isRead(graph, id))
    .map(({ id }) => ({ id, pooled: pooledFrom(graph, id) }));
  return sites.flatMap((first) => {
    const [shape, descendants] = [shapeIn(graph, first.id), descendantsOf(network, first.id)];
    return sites.flatMap(({ id, pooled }): Pair[] => {
      const other = shapeIn(graph, id);
      const factor = factors.find((candidate) => fits(shape, other, candidate));
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
    if (!endsBlock(layer)) return `node ${id} (${layer.kind}) ends no block`;
    if (!isRead(graph, id)) return `node ${id} (${layer.kind}) is read by none`;
  }
  if (first === second) return `node ${first} would be merged with itself`;
  if (descendantsOf(graph.network, first).has(second)) return `node ${second} depends on node ${first}`;
  return fits(shapeIn(graph, first), shapeIn(graph, second), factor)
    ? undefined
    : `node ${second} is not ${factor} times as large as node ${first}`;
}

/** A graph in which a pair is merged. */
interface Merged {
  readonly network: Network;
  /** The node that merges. */
  readonly merge: NodeId;
  /** The companion: the second, or its pool. */
  readonly companion: NodeId;
  /** The graph before. */
  readonly before: Survey;
}

/** The graph in which a layer merges the pair, and all who read the first read that; or why there is none. */
function merged(network: Network, pair: Pair, layer: Layer): Merged | string {
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
const describePair = ({ first, second, factor }: Pair): string =>
  `${first} with ${second}${factor === 1 ? '' : ` pooled by ${factor}`}`;

/** §3.2.3: λ·first + (1 − λ)·second where first was, with λ = 1. */
export const mergeConvex: Operator<EditOf<'merge-convex'>> = {
  candidates: (network) =>
    pairsOf(network, (first, second) => first.channels === second.channels).map((pair) => ({ kind: 'merge-convex', ...pair })),
  rewrite(network, pair) {
    const result = merged(network, pair, { kind: 'convex' });
    if (typeof result === 'string') return result;
    const [first, second] = [shapeIn(result.before, pair.first), shapeIn(result.before, pair.second)];
    if (first.channels !== second.channels)
      return `node ${pair.first} has ${first.channels} channels and node ${pair.second} has ${second.channels}`;
    const mix = parameterName(result.merge, 'mix');
    return { network: result.network, widths: new Map(), sources: { [mix]: { kind: 'constant', value: 1 } }, identities: [] };
  },
  describe: (edit) => `mix ${describePair(edit)}`,
};

/**
 * §3.2.4: second's channels behind those of first, where first was. Whoever read first reads the new channels with zeros:
 * its weights become [old | 0].
 */
export const mergeConcat: Operator<EditOf<'merge-concat'>> = {
  candidates: (network) => pairsOf(network, () => true).map((pair) => ({ kind: 'merge-concat', ...pair })),
  rewrite(network, pair) {
    const result = merged(network, pair, { kind: 'concat' });
    if (typeof result === 'string') return result;
    const { before: graph, merge, companion } = result;
    const before = widthsOf(graph)
      .set(companion, shapeIn(graph, pair.second).channels)
      .set(merge, shapeIn(graph, pair.first).channels);
    const widths = spread({ network: result.network, widths: before, joined: merge }, new Map());
    return typeof widths === 'string'
      ? widths
      : { network: withWidths(result.network, widths), widths, sources: {}, identities: [] };
  },
  describe: (edit) => `stack ${describePair(edit)}`,
};
