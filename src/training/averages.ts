/**
 * The statistics of batch normalisations under averaged weights. Running statistics follow the weights as they are trained; those
 * of an average are measured, and kept in the checkpoint, so that whoever evaluates it needs no images.
 */
import type { Engine } from '../engine/engine.ts';
import { nodeOf, type NodeId } from '../network/network.ts';
import { parameterName } from '../network/parameters.ts';
import type { Tensor, Tensors } from '../network/tensor.ts';
import { keptStatistics } from '../program/learning.ts';
import { must } from '../util/assert.ts';
import { random as randomOf, type Random } from '../util/random.ts';
import type { Checkpoint } from './checkpoint.ts';
import { calibrationBatches, drawBatches, forMeasuring, type Images } from './grow.ts';
import type { JobContext, TrainingJob } from './job.ts';
import { channelStatistics } from './measure.ts';
import { averagedName, averagedParameters } from './weights.ts';

const statisticsRoles = ['mean', 'variance'] as const;
const statisticsOf = (node: NodeId): readonly string[] => statisticsRoles.map((role) => parameterName(node, role));

/**
 * The tensors, and the mean and the (biased) variance that each batch normalisation sees with averaged weights: (C) each, means
 * over augmented batches of training images, with batch statistics, as `channelStatistics` measures them; of `kept` ones what they
 * have. Without averages only the tensors.
 */
export async function withAveragedStatistics(
  engine: Engine,
  { network, tensors }: Checkpoint,
  images: Images,
  random: Random,
  breathe: () => Promise<void>,
  kept: ReadonlySet<NodeId> = new Set(),
): Promise<Tensors> {
  const averaged = averagedParameters(network, tensors);
  const nodes = network.nodes.filter(({ layer }) => layer.kind === 'batch-normalization').map(({ id }) => id);
  if (averaged === undefined || nodes.length === 0) return tensors;
  const batches = drawBatches(images, images.train, calibrationBatches, random);
  const tapOf = (node: NodeId): NodeId => must(nodeOf(network, node).inputs[0], 'input of a batch normalisation');
  const taps = [...new Set(nodes.map(tapOf))];
  const runs = { engine, batches, size: images.batch, breathe };
  const statistics = await channelStatistics(runs, { network, tensors: averaged }, taps);
  const measured = nodes.flatMap((node): [string, Tensor][] => {
    if (kept.has(node)) return statisticsOf(node).map((name) => [averagedName(name), must(tensors[name], name)]);
    const found = must(statistics.get(tapOf(node)), 'statistics');
    return statisticsRoles.map((role) => {
      const data = found[role];
      return [averagedName(parameterName(node, role)), { shape: [data.length], data }];
    });
  });
  return { ...tensors, ...Object.fromEntries(measured) };
}

/** What a checkpoint holds: the state, and the statistics of averaged weights where those are evaluated. */
export async function checkpointTensors(
  {
    evaluationWeights,
    augmentation,
    key,
    learning,
  }: Pick<TrainingJob, 'evaluationWeights' | 'augmentation' | 'key' | 'learning'>,
  trained: Checkpoint,
  images: Images,
  { engine, breathe }: Pick<JobContext, 'engine' | 'breathe'>,
): Promise<Tensors> {
  if (evaluationWeights !== 'average') return trained.tensors;
  // The same images at each epoch: what differs between them is the weights.
  const random = randomOf(...key, 'averaged statistics');
  return withAveragedStatistics(
    engine,
    trained,
    forMeasuring(augmentation, images),
    random,
    breathe,
    keptStatistics(learning, trained.network),
  );
}
