/**
 * A network as frozen plain data: a directed acyclic graph of layers in topological order. The first node is the image, the last
 * gives the logits. Weights are not part of it. Tensors are (N, C, H, W); a vector is (N, C, 1, 1).
 *
 * To add a layer, add its member to `Layer`; the compiler then lists every table that lacks its row.
 */

import type { ActivationFunction } from './activations.ts';

export interface Shape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Square; `padding` on each side. */
export interface SquareWindow {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** Pixels of a window stand `dilation` apart; Yu & Koltun 2016. Missing: 1. */
export interface DilatedWindow extends SquareWindow {
  readonly dilation?: number;
}

/** Pixels before the first row and column and behind the last. */
export interface Margins {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** The padding of a window on each side. */
export const marginsOf = ({ padding, margins }: { readonly padding: number; readonly margins?: Margins }): Margins =>
  margins ?? { top: padding, left: padding, bottom: padding, right: padding };

/** Pixels from the first to the last of a window. */
export const reachOf = ({ kernel, dilation = 1 }: Pick<DilatedWindow, 'kernel' | 'dilation'>): number =>
  (kernel - 1) * dilation + 1;

/** The numbers of a local response normalisation. */
export interface Response {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

export type Layer =
  /** The source. Normalised pixels. */
  | { readonly kind: 'image'; readonly shape: Shape }
  /**
   * Padding by zeros. Kernel (out, in, k, k). The kernel of a `frozen` one is not trained, and no operator changes it; its bias
   * is trained.
   */
  | ({
      readonly kind: 'convolution';
      readonly channels: number;
      readonly bias: boolean;
      readonly frozen?: true;
      /** Channels are convolved in so many groups, each by its own: kernel (out, in / groups, k, k). Missing: 1. */
      readonly groups?: number;
    } & DilatedWindow)
  /** One filter a channel. Padding by zeros. Kernel (C, 1, k, k). */
  | ({ readonly kind: 'depthwise'; readonly bias: boolean } & DilatedWindow)
  /** Per channel, over (N, H, W); Ioffe & Szegedy 2015. */
  | { readonly kind: 'batch-normalization'; readonly epsilon: number }
  /** Each pixel over its channels, then a scale and a shift for each channel; Ba et al. 2016. */
  | { readonly kind: 'layer-normalization'; readonly epsilon: number }
  /** x/(bias + alpha/size·Σ x²)^beta, Σ over the `size` channels around each, an odd number; Krizhevsky et al. 2012. */
  | ({ readonly kind: 'response-normalization' } & Response)
  | { readonly kind: 'relu' }
  | { readonly kind: 'activation'; readonly function: ActivationFunction }
  /** Padding counts as −∞. */
  | ({ readonly kind: 'max-pool' } & SquareWindow)
  /**
   * The mean of a window. Padding is zeros, which count where `counted`; else the mean is over the pixels inside. `margins`: the
   * padding, where its sides differ; `padding` is 0 then.
   */
  | ({ readonly kind: 'average-pool'; readonly counted: boolean; readonly margins?: Margins } & SquareWindow)
  /** Rows and columns of zeros, or of `lowestNumber`, around the image. */
  | ({ readonly kind: 'pad'; readonly value: 'zero' | 'lowest' } & Margins)
  /** Mean over (H, W): (C, 1, 1). */
  | { readonly kind: 'global-average-pool' }
  /** Takes (C, H, W) as one vector, channel-major: kernel (features, C·H·W). Gives (features, 1, 1). */
  | { readonly kind: 'dense'; readonly features: number }
  /** The listed channels of the input, in that order, none twice: a part of them, or a shuffle. */
  | { readonly kind: 'select'; readonly take: readonly number[] }
  /** The sum of two or more tensors of one shape. */
  | { readonly kind: 'add' }
  /** first·second, elementwise; the second of the first's shape, or a gate (C, 1, 1) for all pixels. Hu et al. 2018. */
  | { readonly kind: 'product' }
  /** λ·first + (1 − λ)·second, one learnable λ ∈ [0, 1]; §3.2.3, Equation 3. */
  | { readonly kind: 'convex' }
  /** Channels stacked in the order of the inputs; §3.2.4, Equation 5. */
  | { readonly kind: 'concat' };

export type LayerKind = Layer['kind'];
export type LayerOf<K extends LayerKind> = Extract<Layer, { kind: K }>;

export type NodeId = number;

export interface Node {
  readonly id: NodeId;
  readonly layer: Layer;
  readonly inputs: readonly NodeId[];
}

export interface Network {
  readonly nodes: readonly Node[];
  /** The id of the next new node, if the nodes with the highest ids were removed. Missing if it is the largest id + 1. */
  readonly nextId?: NodeId;
}

/** One row per kind of layer. The compiler requires all of them. */
export type LayerTable<Arguments extends readonly unknown[], Result> = {
  readonly [K in LayerKind]: (layer: LayerOf<K>, ...rest: Arguments) => Result;
};

/** Calls the row of this layer. */
export function ask<Arguments extends readonly unknown[], Result>(
  table: LayerTable<Arguments, Result>,
  layer: Layer,
  ...rest: Arguments
): Result {
  const row = table[layer.kind] as (layer: Layer, ...rest: Arguments) => Result;
  return row(layer, ...rest);
}

/** Freezes these nodes to a network. `next`: the smallest id for new nodes, taken from the network that this one is made from. */
export function freeze(nodes: readonly Node[], next: NodeId = 0): Network {
  for (const node of nodes) {
    Object.freeze(node.layer);
    Object.freeze(node.inputs);
    Object.freeze(node);
  }
  const network = { nodes: Object.freeze([...nodes]) };
  return Object.freeze(next > nextId(network) ? { ...network, nextId: next } : network);
}

/** The node with that id. */
export function nodeOf(network: Network, id: NodeId): Node {
  const node = network.nodes.find((candidate) => candidate.id === id);
  if (node === undefined) throw new Error(`bug: no node ${id} in the network`);
  return node;
}

/** The nodes that `ends` depend on, `ends` included, in the network's order. */
export function ancestorsOf(network: Network, ends: readonly NodeId[]): readonly Node[] {
  const wanted = new Set(ends);
  const kept: Node[] = [];
  for (const node of network.nodes.toReversed()) {
    if (!wanted.has(node.id)) continue;
    kept.unshift(node);
    for (const id of node.inputs) wanted.add(id);
  }
  return kept;
}

/** The node that gives the logits. */
export function outputOf(network: Network): Node {
  return network.nodes.at(-1) as Node;
}

export function inputShapeOf(network: Network): Shape {
  const layer = network.nodes[0]?.layer;
  if (layer?.kind !== 'image') throw new Error('bug: a network starts with its image');
  return layer.shape;
}

/** The lowest number of f32, which stands for −∞ around the input of a max-pool: zero times it is no NaN. */
export const lowestNumber = -3.4028234663852886e38;

/** The groups of a convolution. */
export const groupsOf = ({ groups = 1 }: LayerOf<'convolution'>): number => groups;

export const isGrouped = (layer: Layer): boolean => layer.kind === 'convolution' && groupsOf(layer) > 1;

/** Whether a layer is a convolution whose kernel is not trained. */
export const isFrozen = (layer: Layer): boolean => layer.kind === 'convolution' && layer.frozen === true;

/** For each node, the nodes that read it, in the network's order. A node that reads it twice is listed twice. */
export function consumersOf(network: Network): ReadonlyMap<NodeId, readonly Node[]> {
  const consumers = new Map<NodeId, Node[]>(network.nodes.map((node) => [node.id, []]));
  for (const node of network.nodes) for (const input of node.inputs) consumers.get(input)?.push(node);
  return consumers;
}

/** The id for the next new node. No node of this network, or of those that it was made from, has had it or a larger one. */
export function nextId(network: Network): NodeId {
  return network.nodes.reduce((next, { id }) => Math.max(next, id + 1), network.nextId ?? 0);
}
