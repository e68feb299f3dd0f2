/**
 * Inserts batch normalisations into an imported network without any (or whose exporter folded them into the convolutions): after
 * each convolution one that is the identity, calibrated like those of an inserted block. Without them, a batch normalisation
 * inserted later would be the only one, and batch statistics would vary so much that the child fails its certificate. Filters get the
 * norm 1, as exporters that fold leave them as small as 0.1: behind a normalisation a filter moves by the learning rate over its norm
 * squared (van Laarhoven 2017, arXiv 1706.05350, §2), so that a usual rate would destroy what small filters know.
 */
import type { Engine } from '../engine/engine.ts';
import { calibrate } from '../morphism/calibration.ts';
import { putBehind } from '../morphism/graph.ts';
import { consumersOf, nextId, nodeOf, type LayerKind, type Network, type Node, type NodeId } from '../network/network.ts';
import { parameterName, type ParameterRole } from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import { filled, type Tensor } from '../network/tensor.ts';
import { epsilon } from '../network/vanilla.ts';
import { must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import { UserError } from '../util/user-error.ts';
import { calibrationBatches, drawBatches, type Grown, type Images } from './grow.ts';
import { channelStatistics } from './measure.ts';

/** The readers of a convolution that needs one. */
const ends: ReadonlySet<LayerKind> = new Set<LayerKind>([
  'relu',
  'activation',
  'add',
  'product',
  'concat',
  'convex',
  'pad',
  'max-pool',
  'average-pool',
  'global-average-pool',
]);

export interface Normalised extends Grown {
  /** The inserted batch normalisations, not calibrated yet: with running statistics they are exact. */
  readonly added: readonly NodeId[];
}

/** Inserts them, with identity values until the statistics are measured. */
export function withNormalisations({ network, tensors }: Grown): Normalised {
  const consumers = consumersOf(network);
  const shapes = shapesOf(network);
  const convolves = ({ layer }: Node): boolean => layer.kind === 'convolution' || layer.kind === 'depthwise';
  const sites = network.nodes.filter((node) => {
    const { id, layer } = node;
    const readers = consumers.get(id) ?? [];
    // A linear bottleneck is normalised; what lies between the halves of a separable convolution is not.
    const ended = (reader: Node): boolean => ends.has(reader.layer.kind) || (layer.kind === 'convolution' && convolves(reader));
    // Of a gate there is one number an image and channel: too few for statistics.
    const { height, width } = must(shapes.get(id), 'shape');
    return convolves(node) && height * width > 1 && readers.length > 0 && readers.every(ended);
  });
  let current: Network = network;
  const all: Record<string, Tensor> = { ...tensors };
  const added = sites.map(({ id: site }) => {
    const id = nextId(current);
    current = putBehind(current, site, [{ id, layer: { kind: 'batch-normalization', epsilon }, inputs: [site] }]);
    const shape = [must(shapes.get(site), 'shape').channels];
    all[parameterName(id, 'scale')] = filled(shape, Math.sqrt(1 + epsilon));
    all[parameterName(id, 'shift')] = filled(shape, 0);
    all[parameterName(id, 'mean')] = filled(shape, 0);
    all[parameterName(id, 'variance')] = filled(shape, 1);
    return id;
  });
  return { network: current, tensors: all, added };
}

/** A filter is scaled by no more: one that is zero has no direction to keep. */
const mostScaled = 1e4;

/**
 * Divides each filter before an inserted batch normalisation by its norm, with its bias and the statistics; the scale makes up for what
 * ε then changes. The network computes the same.
 */
function withUnitFilters({ network, tensors }: Grown, added: readonly NodeId[]): Grown {
  const result: Record<string, Tensor> = { ...tensors };
  for (const node of added) {
    const site = must(nodeOf(network, node).inputs[0], 'input');
    const { layer } = nodeOf(network, node);
    const slack = layer.kind === 'batch-normalization' ? layer.epsilon : epsilon;
    const of = (id: NodeId, role: ParameterRole): Tensor | undefined => tensors[parameterName(id, role)];
    const kernel = must(of(site, 'kernel'), 'kernel');
    const variance = must(of(node, 'variance'), 'variance');
    const row = kernel.data.length / variance.data.length;
    const factors = variance.data.map((_value, channel) => {
      let squares = 0;
      for (let at = channel * row; at < (channel + 1) * row; at++) squares += (kernel.data[at] as number) ** 2;
      return Math.min(mostScaled, 1 / Math.sqrt(squares));
    });
    const scaled = (id: NodeId, role: ParameterRole, by: (value: number, channel: number) => number): void => {
      const tensor = of(id, role);
      if (tensor === undefined) return;
      const each = tensor.data.length / factors.length;
      const data = tensor.data.map((value, at) => by(value, Math.floor(at / each)));
      result[parameterName(id, role)] = { shape: tensor.shape, data };
    };
    const factor = (channel: number): number => factors[channel] as number;
    const times = (value: number, channel: number): number => value * factor(channel);
    scaled(site, 'kernel', times);
    scaled(site, 'bias', times);
    scaled(node, 'mean', times);
    scaled(node, 'variance', (value, channel) => value * factor(channel) ** 2);
    scaled(node, 'scale', (value, channel) => {
      const [before, f] = [variance.data[channel] as number, factor(channel)];
      return (value * Math.sqrt((f * f * before + slack) / (before + slack))) / f;
    });
  }
  return { network, tensors: result };
}

/**
 * Measures the statistics twice: first in the network without them, then with all of them, as in training; then filters get the norm 1.
 * `before`: the network without them.
 */
export async function measured(
  engine: Engine,
  before: Grown,
  { network, tensors, added }: Normalised,
  images: Images,
  random: Random,
  breathe: () => Promise<void>,
): Promise<Grown> {
  const batches = drawBatches(images, images.train, calibrationBatches, random.fork('calibration'));
  const tapOf = (node: NodeId): NodeId => must(nodeOf(network, node).inputs[0], 'input');
  let current: Grown = { network, tensors };
  for (const seen of [() => before, () => current]) {
    const runs = { engine, batches, size: images.batch, breathe };
    const statistics = await channelStatistics(runs, seen(), added.map(tapOf));
    for (const node of added) {
      const { mean, variance } = must(statistics.get(tapOf(node)), 'statistics');
      if (![...mean, ...variance].every(Number.isFinite))
        throw new UserError('what the given network computes from the images is not finite');
      const calibration = { node, kind: 'identity', channels: [[0, mean.length]] } as const;
      current = { network, tensors: calibrate(network, current.tensors, calibration, mean, variance) };
    }
  }
  return withUnitFilters(current, added);
}
