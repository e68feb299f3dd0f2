/**
 * Inserts batch normalisations into an imported network without any (or whose exporter folded them into the convolutions): after
 * each convolution one that is the identity, calibrated like those of an inserted block. Without them, a batch normalisation
 * inserted later would be the only one, and batch statistics would vary so much that the child fails its certificate.
 */
import type { Engine } from '../engine/engine.ts';
import { calibrate } from '../morphism/calibration.ts';
import { putBehind } from '../morphism/graph.ts';
import { consumersOf, nextId, nodeOf, type LayerKind, type Network, type NodeId } from '../network/network.ts';
import { parameterName } from '../network/parameters.ts';
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
  'max-pool',
  'average-pool',
]);

export interface Normalised extends Grown {
  /** The inserted batch normalisations, not calibrated yet: with running statistics they are exact. */
  readonly added: readonly NodeId[];
}

/** Inserts them, with identity values until the statistics are measured. */
export function withNormalisations({ network, tensors }: Grown): Normalised {
  const consumers = consumersOf(network);
  const shapes = shapesOf(network);
  const sites = network.nodes.filter(({ id, layer }) => {
    const readers = consumers.get(id) ?? [];
    const convolves = layer.kind === 'convolution' || layer.kind === 'depthwise';
    // Of a gate there is one number an image and channel: too few for statistics.
    const { height, width } = must(shapes.get(id), 'shape');
    return convolves && height * width > 1 && readers.length > 0 && readers.every((reader) => ends.has(reader.layer.kind));
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

/**
 * Measures the statistics twice: first in the network without them, then with all of them, as in training. `before`: the network
 * without them.
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
  return current;
}
