/** Random valid networks over the whole union of layers: branches, shared and repeated inputs, every way of joining. */
import { freeze, type Layer, type Network, type Node, type NodeId, type Shape } from '../../src/network/network.ts';
import { problemOf } from '../../src/network/check.ts';
import { inferShapes } from '../../src/network/shapes.ts';
import { convolution, epsilon } from '../../src/network/vanilla.ts';
import { must } from '../../src/util/assert.ts';
import type { Random } from '../../src/util/random.ts';
import { ofGates, ofTensors } from './activations.ts';

export interface RandomNetworkOptions {
  /** Layers between the first convolution and the head. */
  readonly layers: number;
  readonly image: Shape;
  readonly classes: number;
  /** The widest convolution. */
  readonly channels: number;
}

/** What a growing graph offers to the drawing of its next layers. */
interface Growing {
  readonly random: Random;
  readonly options: RandomNetworkOptions;
  shapeOf(id: NodeId): Shape;
  /** Any node but the image, so that what follows has parameters before it. */
  anyNode(): NodeId;
  /** The node's id, or undefined if the shapes do not allow it. */
  append(layer: Layer, ...inputs: readonly NodeId[]): NodeId | undefined;
}

const convolutionOf = (g: Growing, channels: number, stride = 1): Layer => {
  const kernel = g.random.pick([1, 3, 5]);
  const dilation = kernel === 3 && g.random.float() < 0.2 ? 2 : 1;
  const padding = (dilation * (kernel - 1)) / 2;
  const dilated = dilation === 1 ? {} : { dilation };
  return { kind: 'convolution', channels, kernel, stride, padding, ...dilated, bias: g.random.float() < 0.7 };
};

/** A node of the same shape as that one: another node that fits, a convolution of the node, or rarely the node itself. */
function companionOf(g: Growing, id: NodeId, layers: 'same channels' | 'any channels'): NodeId | undefined {
  const shape = g.shapeOf(id);
  const other = g.anyNode();
  const found = g.shapeOf(other);
  const fits = found.height === shape.height && found.width === shape.width;
  if (fits && (layers === 'any channels' || found.channels === shape.channels) && g.random.float() < 0.8) return other;
  return g.random.float() < 0.15 ? id : g.append(convolutionOf(g, shape.channels), id);
}

const rows: readonly ((g: Growing, id: NodeId) => void)[] = [
  (g, id) => g.append(convolutionOf(g, 1 + g.random.integer(g.options.channels), g.random.pick([1, 1, 2])), id),
  (g, id) => {
    const kernel = g.random.pick([3, 5]);
    const stride = g.random.pick([1, 1, 2]);
    const dilated = g.random.float() < 0.2 ? { dilation: 3 } : {};
    g.append({ kind: 'depthwise', kernel, stride, padding: (kernel - 1) / 2, bias: g.random.float() < 0.5, ...dilated }, id);
  },
  (g, id) => {
    // With fewer values per channel, rounding alone can change the statistics.
    if (g.shapeOf(id).height * g.shapeOf(id).width < 4) return;
    const normalized = must(g.append({ kind: 'batch-normalization', epsilon }, id), 'node');
    if (g.random.float() < 0.7) g.append({ kind: 'relu' }, normalized);
  },
  (g, id) => {
    // Of few channels, rounding alone can change the statistics.
    if (g.shapeOf(id).channels < 4) return;
    g.append({ kind: 'layer-normalization', epsilon }, id);
  },
  (g, id) => {
    g.append({ kind: 'response-normalization', size: g.random.pick([3, 5]), alpha: 0.5, beta: 0.75, bias: 1 }, id);
  },
  (g, id) => g.append({ kind: 'relu' }, id),
  (g, id) => g.append({ kind: 'activation', function: g.random.pick(ofTensors) }, id),
  (g, id) => {
    const kernel = g.random.pick([2, 3]);
    const counted = g.random.float() < 0.5;
    const stride = g.random.pick([1, 2]);
    const [padding, lopsided] = [g.random.pick([0, 1]), g.random.float() < 0.3];
    const margins = { top: padding, left: 0, bottom: g.random.integer(2), right: g.random.integer(2) };
    g.append({ kind: 'average-pool', kernel, stride, counted, ...(lopsided ? { padding: 0, margins } : { padding }) }, id);
  },
  (g, id) => {
    const [top, left, bottom, right] = [0, 0, 0, 0].map(() => g.random.integer(2)) as [number, number, number, number];
    g.append({ kind: 'pad', top, left, bottom, right, value: 'zero' }, id);
  },
  (g, id) => {
    // A gate, as of squeeze and excitation, or a tensor of the same shape.
    const pooled = g.append({ kind: 'global-average-pool' }, id);
    const mixed = pooled && g.append(convolution(g.shapeOf(id).channels, 1), pooled);
    const gate = mixed && g.append({ kind: 'activation', function: g.random.pick(ofGates) }, mixed);
    const second = g.random.float() < 0.7 ? gate : companionOf(g, id, 'same channels');
    if (second !== undefined) g.append({ kind: 'product' }, id, second);
  },
  (g, id) => {
    const { channels } = g.shapeOf(id);
    const groups = [2, 3, 4].filter((count) => channels % count === 0);
    if (groups.length === 0) return;
    const count = g.random.pick(groups);
    g.append({ ...convolutionOf(g, count * (1 + g.random.integer(4))), groups: count } as Layer, id);
  },
  (g, id) => {
    const kernel = g.random.pick([2, 3, 4]);
    const stride = g.random.pick([1, 2, kernel]);
    g.append({ kind: 'max-pool', kernel, stride, padding: g.random.pick([0, 0, Math.floor(kernel / 2)]) }, id);
  },
  (g, id) => {
    const companion = companionOf(g, id, 'same channels');
    const third = g.random.float() < 0.3 ? companionOf(g, id, 'same channels') : undefined;
    if (companion !== undefined) g.append({ kind: 'add' }, id, companion, ...(third === undefined ? [] : [third]));
  },
  (g, id) => {
    // A shuffle, or a part of the channels.
    const { channels } = g.shapeOf(id);
    const shuffled = Array.from(g.random.permutation(channels));
    const [first, count] = [g.random.integer(channels), 1 + g.random.integer(channels)];
    const some = shuffled.slice(0, count);
    const run = shuffled.toSorted((a, b) => a - b).slice(first, first + count);
    g.append({ kind: 'select', take: g.random.pick([shuffled, some, run]) }, id);
  },
  (g, id) => {
    const companion = companionOf(g, id, 'same channels');
    if (companion !== undefined) g.append({ kind: 'convex' }, id, companion);
  },
  (g, id) => {
    const companion = companionOf(g, id, 'any channels');
    if (companion !== undefined) g.append({ kind: 'concat' }, id, companion);
  },
];

/** A random network. Each node that nothing reads is pooled or passed to a dense layer; a last dense layer reads the stacked vectors. */
export function randomNetwork(random: Random, options: RandomNetworkOptions): Network {
  const nodes: Node[] = [{ id: 0, layer: { kind: 'image', shape: options.image }, inputs: [] }];
  let shapes = new Map<NodeId, Shape>([[0, options.image]]);
  const growing: Growing = {
    random,
    options,
    shapeOf: (id) => must(shapes.get(id), `shape of node ${id}`),
    anyNode: () => 1 + random.integer(nodes.length - 1),
    append(layer, ...inputs) {
      const node = { id: nodes.length, layer, inputs };
      const result = inferShapes({ nodes: [...nodes, node] });
      if (typeof result === 'string') return undefined;
      nodes.push(node);
      shapes = new Map(result);
      return node.id;
    },
  };
  const append = (layer: Layer, ...inputs: readonly NodeId[]): NodeId => must(growing.append(layer, ...inputs), 'node');
  append(convolutionOf(growing, 1 + random.integer(options.channels)), 0);
  while (nodes.length < options.layers + 2) {
    // Mostly the newest node, so that networks become deep; sometimes any node, so that they branch.
    const id = random.float() < 0.7 ? nodes.length - 1 : growing.anyNode();
    random.pick(rows)(growing, id);
  }
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const ends = nodes.map((node) => node.id).filter((id) => !read.has(id));
  const vectors = ends.map((id) =>
    random.float() < 0.5
      ? append({ kind: 'global-average-pool' }, id)
      : append({ kind: 'dense', features: 1 + random.integer(8) }, id),
  );
  const [first, ...others] = vectors;
  const stacked = others.length > 0 ? append({ kind: 'concat' }, ...vectors) : must(first, 'loose end');
  append({ kind: 'dense', features: options.classes }, stacked);
  const network = freeze(nodes);
  const problem = problemOf(network);
  if (problem !== undefined) throw new Error(`bug: a random network is not valid: ${problem}`);
  return network;
}

/** A small random network. */
export function smallRandomNetwork(random: Random, channels = 20): Network {
  return randomNetwork(random, {
    layers: 3 + random.integer(14),
    image: { channels: 1 + random.integer(3), height: 5 + random.integer(8), width: 5 + random.integer(8) },
    classes: 2 + random.integer(9),
    channels,
  });
}
