/**
 * How useful each channel is to the layers that read it: the size of what it carries, by the scale of its batch normalisation (Liu et al.
 * 2017), times the size of the numbers that it is read by. Channels that are dropped together are counted together.
 */
import { consumersOf, type Network, type Node, type NodeId } from '../network/network.ts';
import { parameterName, type ParameterRole } from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import type { Tensors } from '../network/tensor.ts';
import { must } from '../util/assert.ts';
import { absorbs, partOf } from './width.ts';
import { takeOf } from './selection.ts';

/** Channels that are one and the same for a change of width: those of a sum and of what it adds, and so on. */
export interface Ties {
  /** A number that channels have in common which are dropped together. */
  of(node: NodeId, channel: number): number;
  /** The nodes in which a channel stands, and how often, as a text: alike for channels that may be dropped in place of each other. */
  standing(node: NodeId, channel: number): string;
}

export function tiesOf(network: Network): Ties {
  const shapes = shapesOf(network);
  const starts = new Map<NodeId, number>();
  let total = 0;
  for (const { id } of network.nodes) {
    starts.set(id, total);
    total += must(shapes.get(id), 'shape').channels;
  }
  const parents = Int32Array.from({ length: total }, (_none, at) => at);
  const rootOf = (at: number): number => {
    let root = at;
    while (parents[root] !== root) root = parents[root] = parents[parents[root] as number] as number;
    return root;
  };
  const startOf = (id: NodeId): number => must(starts.get(id), `node ${id}`);
  const tie = (a: number, b: number): void => {
    parents[rootOf(a)] = rootOf(b);
  };
  for (const node of network.nodes) {
    const [part, own] = [partOf(node), startOf(node.id)];
    let offset = 0;
    for (const input of node.inputs) {
      const width = must(shapes.get(input), 'shape').channels;
      if (part === 'passes' || part === 'agrees')
        for (let channel = 0; channel < width; channel++) tie(own + channel, startOf(input) + channel);
      if (part === 'stacks') for (let channel = 0; channel < width; channel++) tie(own + offset++, startOf(input) + channel);
      if (part === 'selects') takeOf(node).forEach((channel, at) => tie(own + at, startOf(input) + channel));
    }
  }
  let standings: Map<number, string> | undefined;
  const standingsOf = (): Map<number, string> => {
    const texts = new Map<number, string>();
    for (const { id } of network.nodes)
      for (let channel = 0; channel < must(shapes.get(id), 'shape').channels; channel++) {
        const root = rootOf(startOf(id) + channel);
        texts.set(root, `${texts.get(root) ?? ''} ${id}`);
      }
    return texts;
  };
  const of = (node: NodeId, channel: number): number => rootOf(startOf(node) + channel);
  return { of, standing: (node, channel) => must((standings ??= standingsOf()).get(of(node, channel)), 'channel') };
}

/** Mean squares of the numbers that belong to each channel: rows of (channels, …). */
function rowSquares(data: Float32Array, rows: number): Float64Array {
  const each = data.length / rows;
  return Float64Array.from({ length: rows }, (_none, row) =>
    data.subarray(row * each, (row + 1) * each).reduce((sum, value) => sum + value * value, 0),
  );
}

/** Sums of squares of a kernel's numbers by input channel: columns of (out, in·size). */
function columnSquares(data: Float32Array, rows: number, channels: number): Float64Array {
  const size = data.length / rows / channels;
  const sums = new Float64Array(channels);
  for (let at = 0; at < data.length; at++)
    (sums[Math.floor(at / size) % channels] as number) += (data[at] as number) * (data[at] as number);
  return sums;
}

/** About how large each channel of each tensor is, squared, up to a factor that layers have in common. */
function energiesOf(network: Network, tensors: Tensors): ReadonlyMap<NodeId, Float64Array> {
  const shapes = shapesOf(network);
  const energies = new Map<NodeId, Float64Array>();
  const numbers = ({ id }: Node, role: ParameterRole): Float32Array =>
    must(tensors[parameterName(id, role)], `${role} of ${id}`).data;
  const energyOf = (node: Node): Float64Array => {
    const { layer } = node;
    const width = must(shapes.get(node.id), 'shape').channels;
    const inputs = node.inputs.map((id) => must(energies.get(id), `node ${id}`));
    const [first = new Float64Array(width).fill(1)] = inputs;
    switch (layer.kind) {
      case 'convolution':
      case 'dense':
        return rowSquares(numbers(node, 'kernel'), width);
      case 'depthwise':
        return rowSquares(numbers(node, 'kernel'), width).map((value, channel) => value * (first[channel] as number));
      case 'batch-normalization':
      case 'layer-normalization':
        return rowSquares(numbers(node, 'scale'), width);
      case 'convex': {
        const mix = numbers(node, 'mix')[0] as number;
        return first.map((value, channel) => mix * mix * value + (1 - mix) ** 2 * (inputs[1]?.[channel] ?? 0));
      }
      case 'add':
        return first.map((_value, channel) => inputs.reduce((sum, input) => sum + (input[channel] as number), 0));
      case 'concat':
        return Float64Array.from(inputs.flatMap((input) => [...input]));
      case 'select':
        return Float64Array.from(layer.take, (channel) => first[channel] as number);
      case 'image':
      case 'response-normalization':
      case 'relu':
      case 'activation':
      case 'max-pool':
      case 'average-pool':
      case 'pad':
      case 'global-average-pool':
      // A gate is between 0 and 1, as a rule.
      case 'product':
        return first;
    }
  };
  for (const node of network.nodes) energies.set(node.id, energyOf(node));
  return energies;
}

/** How useful the channels of a node are, each with those that are dropped along with it. */
export function usefulnessOf(network: Network, tensors: Tensors, ties: Ties, id: NodeId): Float64Array {
  const energies = energiesOf(network, tensors);
  const sums = new Map<number, number>();
  for (const [read, readers] of consumersOf(network)) {
    const energy = must(energies.get(read), `node ${read}`);
    for (const reader of new Set(readers)) {
      if (!absorbs(reader)) continue;
      const kernel = must(tensors[parameterName(reader.id, 'kernel')], `kernel of ${reader.id}`);
      const columns = columnSquares(kernel.data, must(kernel.shape[0], 'rows'), energy.length);
      columns.forEach((value, channel) => {
        const tie = ties.of(read, channel);
        sums.set(tie, (sums.get(tie) ?? 0) + value * (energy[channel] as number));
      });
    }
  }
  const width = must(energies.get(id), `node ${id}`).length;
  return Float64Array.from({ length: width }, (_none, channel) => sums.get(ties.of(id, channel)) ?? 0);
}
