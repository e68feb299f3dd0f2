/**
 * How a change of width spreads through a graph. Each layer plays one of six parts; what one convolution or one
 * concatenation adds travels forward to all that read it, and at Add and Convex back to what the other inputs are made of,
 * until all agree or one cannot follow. It knows no parameters: the parts say only what a layer does to channels.
 */
import { assert, must } from '../util/assert.ts';
import { freeze, type LayerKind, type Network, type Node, type NodeId, outputOf } from '../network/network.ts';
import { countAt, type Growth, grownAt, noGrowth, stack, totalOf } from './growth.ts';

type WidthPart =
  /** Has the channels that it has. */
  | 'given'
  /** Absorbs a change of its input (new columns of its kernel), and can itself get channels at any place. */
  | 'makes'
  /** Absorbs a change of its input, and keeps its own width. */
  | 'ends'
  /** Channel for channel; what it owns a channel grows along. */
  | 'passes'
  /** Needs the same change on every input. */
  | 'agrees'
  /** Stacks its inputs' changes, each at its offset. */
  | 'stacks';

const parts: { readonly [K in LayerKind]: WidthPart } = {
  image: 'given',
  convolution: 'makes',
  depthwise: 'passes',
  'batch-normalization': 'passes',
  relu: 'passes',
  'max-pool': 'passes',
  'global-average-pool': 'passes',
  // Each channel is height·width columns of its kernel.
  dense: 'ends',
  add: 'agrees',
  convex: 'agrees',
  concat: 'stacks',
};

const partOf = (node: Node): WidthPart => parts[node.layer.kind];

/** Whether the kernel of the node mixes all channels that it reads: it has columns for each of them. */
export const absorbs = (node: Node): boolean => partOf(node) === 'makes' || partOf(node) === 'ends';

export type Growths = ReadonlyMap<NodeId, Growth>;

/** A graph, and how many channels each of its tensors had before the change. */
export interface OldWidths {
  readonly network: Network;
  readonly widths: ReadonlyMap<NodeId, number>;
  /**
   * A new concatenation that stands where its first input stood: those who read it knew only the channels of that input,
   * so its width here is that of its first input, and all other channels count as added.
   */
  readonly joined?: NodeId;
}

interface Input {
  readonly id: NodeId;
  readonly width: number;
  readonly growth: Growth;
}

/** A tensor that needs so many new channels at a place. */
interface Need {
  readonly id: NodeId;
  readonly offset: number;
  readonly count: number;
}

function inputsOf(graph: OldWidths, node: Node, growths: Growths): Input[] {
  return node.inputs.map((id, index) => {
    const width = must(graph.widths.get(id), `width of node ${id}`);
    const growth = must(growths.get(id), `growth of node ${id}`);
    return node.id === graph.joined && index > 0
      ? { id, width: 0, growth: [[0, width + totalOf(growth)]] }
      : { id, width, growth };
  });
}

function disagreement(inputs: readonly Input[]): Need | undefined {
  for (const offset of inputs.flatMap(({ growth }) => growth.map(([place]) => place))) {
    const count = Math.max(...inputs.map(({ growth }) => countAt(growth, offset)));
    const short = inputs.find(({ growth }) => countAt(growth, offset) < count);
    if (short !== undefined) return { id: short.id, offset, count };
  }
  return undefined;
}

/** Every tensor's growth where the convolutions grow so, up to the first Add or Convex whose inputs disagree. */
function spreadForward(graph: OldWidths, made: Growths): { readonly growths: Growths; readonly need: Need | undefined } {
  const growths = new Map<NodeId, Growth>();
  const growthOf = (node: Node): Growth | Need => {
    const inputs = inputsOf(graph, node, growths);
    switch (partOf(node)) {
      case 'given':
      case 'ends':
        return noGrowth;
      case 'makes':
        return made.get(node.id) ?? noGrowth;
      case 'passes':
        return must(inputs[0], 'input').growth;
      case 'agrees':
        return disagreement(inputs) ?? must(inputs[0], 'input').growth;
      case 'stacks':
        return stack(inputs);
    }
  };
  for (const node of graph.network.nodes) {
    const growth = growthOf(node);
    if ('count' in growth) return { growths, need: growth };
    growths.set(node.id, growth);
  }
  return { growths, need: undefined };
}

/**
 * What the convolutions must make so that a tensor has what it needs, or why that cannot be. A convolution gets channels
 * at a place once: one that would need more of them there in a later round reads, through an Add, what it makes itself.
 */
function trace(
  graph: OldWidths,
  nodes: ReadonlyMap<NodeId, Node>,
  growths: Growths,
  made: Growths,
  need: Need,
): Growths | string {
  const node = must(nodes.get(need.id), `node ${need.id}`);
  const onInput = (id: NodeId, offset: number, count: number): Growths | string =>
    trace(graph, nodes, growths, made, { id, offset, count });
  switch (partOf(node)) {
    case 'given':
    case 'ends':
      return `node ${node.id} (${node.layer.kind}) would have to get wider`;
    case 'makes': {
      const growth = made.get(node.id) ?? noGrowth;
      const count = countAt(growth, need.offset);
      if (count >= need.count) return made;
      if (count > 0) return `node ${node.id} (${node.layer.kind}) would have to get wider in two ways`;
      return new Map(made).set(node.id, grownAt(growth, need.offset, need.count));
    }
    case 'passes':
    case 'agrees':
      // The other inputs of an Add or Convex lack the same then, and follow in later rounds.
      return onInput(must(node.inputs[0], 'input'), need.offset, need.count);
    case 'stacks': {
      const missing = need.count - countAt(must(growths.get(node.id), `growth of node ${node.id}`), need.offset);
      let [start, impossible] = [0, `node ${node.id} (${node.layer.kind}) would have to get wider`];
      for (const { id, width, growth } of inputsOf(graph, node, growths)) {
        const offset = need.offset - start;
        start += width;
        // A joined companion is no place to grow. Where two inputs meet, the end of the earlier comes first, the start of the later where that cannot grow.
        if (width === 0 || offset < 0 || offset > width) continue;
        const result = onInput(id, offset, countAt(growth, offset) + missing);
        if (typeof result !== 'string') return result;
        impossible = result;
      }
      return impossible;
    }
  }
}

/**
 * How every tensor grows where these convolutions grow so (and the joined concatenation adds its channels), or why that
 * is impossible. Each round gives one more convolution channels at one more place, so it ends.
 */
export function spread(graph: OldWidths, origin: Growths): Growths | string {
  const nodes = new Map(graph.network.nodes.map((node) => [node.id, node]));
  let made = origin;
  for (;;) {
    const { growths, need } = spreadForward(graph, made);
    if (need === undefined)
      return totalOf(growths.get(outputOf(graph.network).id) ?? noGrowth) === 0 ? growths : 'there would be more logits';
    const next = trace(graph, nodes, growths, made, need);
    if (typeof next === 'string') return next;
    assert(next !== made, () => `node ${need.id} needs ${need.count} channels at ${need.offset}, and nothing makes them`);
    made = next;
  }
}

/** The graph with its convolutions as wide as they grow. */
export function widen(network: Network, growths: Growths): Network {
  return freeze(
    network.nodes.map((node) => {
      const added = totalOf(growths.get(node.id) ?? noGrowth);
      return node.layer.kind === 'convolution' && added > 0
        ? { ...node, layer: { ...node.layer, channels: node.layer.channels + added } }
        : node;
    }),
  );
}
