/**
 * How a change of width spreads through a graph. Each layer plays one of seven parts. What a convolution drops is dropped by all
 * tensors that have the same channels; what it or a concatenation adds goes forward to all that read it, and at Add and Convex
 * back to the producers of the other inputs, until all agree or one cannot follow. It knows no parameters: the parts say only
 * what a layer does to channels.
 */
import { assert, must } from '../util/assert.ts';
import {
  consumersOf,
  freeze,
  isFrozen,
  isGrouped,
  type LayerKind,
  type Network,
  nextId,
  type Node,
  type NodeId,
  outputOf,
} from '../network/network.ts';
import { survey, widthsOf } from './graph.ts';
import { countAt, type Growth, grownAt, noGrowth, stack, totalOf } from './growth.ts';
import type { Rewrite } from './operator.ts';
import { placeBefore, reselected, selectedGrowth, takeOf } from './selection.ts';
import { changeOf, type KeptRange, layoutOf, type WidthChange, type WidthChanges, widthAfter } from './width-change.ts';

type WidthPart =
  /** Has the channels that it has, and reads those that it reads. */
  | 'given'
  /** Absorbs a change of its input (columns of its kernel), and can itself get or lose channels at any place. */
  | 'makes'
  /** Absorbs a change of its input, and keeps its own width. */
  | 'ends'
  /** Channel for channel; what it owns a channel follows. */
  | 'passes'
  /** Needs the same change on every input. */
  | 'agrees'
  /** Stacks its inputs' changes, each at its offset. */
  | 'stacks'
  /** Reads some of its input's channels, in an order of its own; new ones follow the channel behind which they stand. */
  | 'selects';

const parts: { readonly [K in LayerKind]: WidthPart } = {
  image: 'given',
  convolution: 'makes',
  depthwise: 'passes',
  'batch-normalization': 'passes',
  // What it makes of a channel depends on the others.
  'layer-normalization': 'given',
  'response-normalization': 'given',
  relu: 'passes',
  activation: 'passes',
  'max-pool': 'passes',
  'average-pool': 'passes',
  pad: 'passes',
  'global-average-pool': 'passes',
  // Each channel is height·width columns of its kernel.
  dense: 'ends',
  select: 'selects',
  add: 'agrees',
  // A gate has a channel for each channel of what it gates.
  product: 'agrees',
  convex: 'agrees',
  concat: 'stacks',
};

/** A convolution in groups keeps its channels and those that it reads: which belong to a group follows from their number. */
export const partOf = ({ layer }: Node): WidthPart => (isFrozen(layer) || isGrouped(layer) ? 'given' : parts[layer.kind]);

/** Whether the kernel of the node mixes all channels that it reads: it has columns for each of them. */
export const absorbs = (node: Node): boolean => partOf(node) === 'makes' || partOf(node) === 'ends';

type Growths = ReadonlyMap<NodeId, Growth>;

/** A graph, and how many channels each of its tensors had before the change. */
export interface OldWidths {
  readonly network: Network;
  readonly widths: ReadonlyMap<NodeId, number>;
  /**
   * A new concatenation that stands where its first input stood: those who read it knew only the channels of that input,
   * so its width here is that of its first input, and all other channels count as new.
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
      case 'selects':
        return selectedGrowth(takeOf(node), must(inputs[0], 'input').growth);
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
    case 'selects': {
      const place = placeBefore(takeOf(node), need.offset);
      return place === undefined
        ? `node ${node.id} (${node.layer.kind}) would have to get wider where it takes no channel`
        : onInput(must(node.inputs[0], 'input'), place, need.count);
    }
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

/** Why a tensor may not change its channels: what reads it keeps its kernel. Undefined where nothing is in the way. */
function unreadable({ nodes }: Network, changes: ReadonlyMap<NodeId, { readonly length: number }>): string | undefined {
  const changed = (id: NodeId): boolean => (changes.get(id)?.length ?? 0) > 0;
  const reader = nodes.find((node) => partOf(node) === 'given' && node.inputs.some(changed));
  return (
    reader &&
    `node ${reader.id} (${reader.layer.kind}) ${isFrozen(reader.layer) ? 'is frozen' : 'has groups'}, and would read other channels`
  );
}

/** Why a tensor may not get channels at a place: all that read it select channels, and none of them takes those. */
function unread(network: Network, growths: Growths): string | undefined {
  const readers = consumersOf(network);
  const node = network.nodes.find(({ id }) => {
    const reading = readers.get(id) ?? [];
    if (reading.length === 0 || !reading.every((reader) => partOf(reader) === 'selects')) return false;
    return growths.get(id)?.some((one) => reading.every((reader) => selectedGrowth(takeOf(reader), [one]).length === 0));
  });
  return node && `node ${node.id} (${node.layer.kind}) would get channels that nothing takes`;
}

/** Growths, where the convolutions grow so (and the joined concatenation adds its channels), or why that is impossible. */
function spreadGrowth(graph: OldWidths, origin: Growths): Growths | string {
  const nodes = new Map(graph.network.nodes.map((node) => [node.id, node]));
  let made = origin;
  // Each round gives one more convolution channels at one more place, so it ends.
  for (;;) {
    const { growths, need } = spreadForward(graph, made);
    if (need === undefined) return unreadable(graph.network, growths) ?? unread(graph.network, growths) ?? growths;
    const next = trace(graph, nodes, growths, made, need);
    if (typeof next === 'string') return next;
    assert(next !== made, () => `node ${need.id} needs ${need.count} channels at ${need.offset}, and nothing makes them`);
    made = next;
  }
}

/** The old channels of all tensors that lose some where the convolutions keep these; or why that is impossible. */
function spreadDrops({ network, widths }: OldWidths, made: WidthChanges): ReadonlyMap<NodeId, readonly KeptRange[]> | string {
  const masks = new Map([...widths].map(([id, width]) => [id, new Uint8Array(width)]));
  const dropped = (id: NodeId): Uint8Array => must(masks.get(id), `width of node ${id}`);
  for (const [id, change] of made) {
    dropped(id).fill(1);
    for (const { from, length } of layoutOf(change).kept) dropped(id).fill(0, from, from + length);
  }
  let moved = true;
  /** The channels of one tensor are those of another: dropped in both or in neither. */
  const tie = (a: Uint8Array, b: Uint8Array): void =>
    a.forEach((value, channel) => {
      if (value === b[channel]) return;
      a[channel] = b[channel] = 1;
      moved = true;
    });
  while (moved) {
    moved = false;
    for (const node of network.nodes) {
      const part = partOf(node);
      let start = 0;
      for (const input of node.inputs.map(dropped)) {
        if (part === 'passes' || part === 'agrees') tie(dropped(node.id), input);
        if (part === 'selects')
          takeOf(node).forEach((channel, at) => tie(dropped(node.id).subarray(at, at + 1), input.subarray(channel, channel + 1)));
        if (part === 'stacks') tie(dropped(node.id).subarray(start, (start += input.length)), input);
      }
    }
  }
  const narrowed = network.nodes.filter(({ id }) => dropped(id).includes(1));
  for (const node of narrowed) {
    const { id, layer } = node;
    if (!dropped(id).includes(0)) return `node ${id} (${layer.kind}) would keep no channels`;
    if (partOf(node) === 'given' || layer.kind === 'dense') return `node ${id} (${layer.kind}) would have to get narrower`;
  }
  const kept = new Map(narrowed.map(({ id }) => [id, keptRanges(dropped(id))]));
  return unreadable(network, kept) ?? kept;
}

/** The channels that are left, where each that is dropped has a 1. */
export function keptRanges(dropped: Uint8Array): readonly KeptRange[] {
  const ranges: { kept: number; length: number }[] = [];
  dropped.forEach((isDropped, channel) => {
    if (isDropped === 1) return;
    const last = ranges.at(-1);
    if (last !== undefined && channel === last.kept + last.length) last.length++;
    else ranges.push({ kept: channel, length: 1 });
  });
  return ranges;
}

/** Where a convolution gets channels, between the old ones that it keeps. */
function growthIn(change: WidthChange): Growth {
  let [place, growth] = [0, noGrowth];
  for (const piece of change)
    if ('new' in piece) growth = grownAt(growth, place, piece.new);
    else place += piece.length;
  return growth;
}

/**
 * How the tensors change where these convolutions change so, or why that is impossible. First channels are dropped, then new
 * ones put between those that are left. A joined concatenation adds its channels; nothing may be dropped beside it.
 */
export function spread(graph: OldWidths, origin: WidthChanges): WidthChanges | string {
  const before = (id: NodeId): number => must(graph.widths.get(id), `width of node ${id}`);
  const drops = [...origin].some(
    ([id, change]) => layoutOf(change).kept.reduce((sum, { length }) => sum + length, 0) < before(id),
  );
  assert(!drops || graph.joined === undefined, () => 'a concatenation is joined where channels are dropped');
  const kept = drops ? spreadDrops(graph, origin) : new Map<NodeId, readonly KeptRange[]>();
  if (typeof kept === 'string') return kept;
  const widths = new Map([...graph.widths].map(([id, width]) => [id, widthAfter(kept.get(id) ?? [{ kept: 0, length: width }])]));
  const growths = spreadGrowth(
    { ...graph, network: reselected(graph.network, kept), widths },
    new Map([...origin].map(([id, change]) => [id, growthIn(change)])),
  );
  if (typeof growths === 'string') return growths;
  const changes = new Map<NodeId, WidthChange>();
  for (const [id, growth] of growths)
    if (growth.length > 0 || kept.has(id)) changes.set(id, changeOf(kept.get(id) ?? [{ kept: 0, length: before(id) }], growth));
  return changes.has(outputOf(graph.network).id) ? 'the number of logits would change' : changes;
}

/** The graph with its convolutions as wide as they become, and the channels that are selected where they stand then. */
export function withWidths(network: Network, changes: WidthChanges): Network {
  const nodes = reselected(network, changes).nodes.map((node) => {
    const change = changes.get(node.id);
    return node.layer.kind === 'convolution' && change !== undefined
      ? { ...node, layer: { ...node.layer, channels: widthAfter(change) } }
      : node;
  });
  return freeze(nodes, nextId(network));
}

/** What the network becomes where these convolutions change so, or why that is impossible. */
export function changeWidths(network: Network, made: WidthChanges): Rewrite | string {
  const frozen = network.nodes.find(({ id, layer }) => made.has(id) && isFrozen(layer));
  if (frozen !== undefined) return `node ${frozen.id} (${frozen.layer.kind}) is frozen`;
  const widths = spread({ network, widths: widthsOf(survey(network)) }, made);
  return typeof widths === 'string' ? widths : { network: withWidths(network, widths), widths, sources: {}, identities: [] };
}
