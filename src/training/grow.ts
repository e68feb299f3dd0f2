/**
 * Makes a child from its parent: applies the edits in order, calibrates each new batch normalisation right after its insertion,
 * and measures the certificate that the child computes its parent's function.
 */
import { applyRewrite, checkedRewrite } from '../morphism/apply.ts';
import { calibrate } from '../morphism/calibration.ts';
import type { Companion } from '../morphism/companions.ts';
import type { Edit } from '../morphism/edit.ts';
import { describeEdit, toleranceOf } from '../morphism/operators.ts';
import type { AugmentationSettings } from '../data/augmentation/augmentation.ts';
import { createBatcher, type Batcher } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { evenlySpaced, splitDataset } from '../data/split.ts';
import type { Engine } from '../engine/engine.ts';
import { nodeOf, type Shape } from '../network/network.ts';
import { must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import type { Checkpoint } from './checkpoint.ts';
import { JobFailure, leastLoss, passSize, type Certificate, type Job, type ProbeJob, type TrainingJob } from './job.ts';
import { channelStatistics, compareLogits, evaluating, trainingLoss, type Batch } from './measure.ts';
import type { EvaluationWeights } from './weights.ts';

/** Augmented batches that a calibration averages over. */
export const calibrationBatches = 4;
/** Augmented held-out batches of the certificate's training-mode loss. */
const certificateBatches = 4;
/** Clean held-out images of the certificate's logits, at most. */
const certificateImages = 256;

export interface Images {
  readonly dataset: Dataset;
  /** Of batches as they are computed: of a minibatch in several passes one of those. */
  readonly batcher: Batcher;
  readonly batch: number;
  /** Indices into the training part. */
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/** The dataset with the job's normalisation. */
export const seenBy = ({ data }: Job, dataset: Dataset): Dataset =>
  data.normalisation === undefined ? dataset : { ...dataset, ...data.normalisation };

export function imagesOf(job: TrainingJob | ProbeJob, dataset: Dataset): Images {
  const { validation, images } = job.data;
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  const batch = passSize(job);
  return { dataset, batcher: createBatcher(dataset, job.augmentation, batch), batch, ...split };
}

/** Images in a batch of calibration and certification, if there are enough, and they are small. */
const measuringBatch = 128;
/** Pixels in a batch: with large images fewer suffice, and more would need more memory than training. */
const measuringPositions = measuringBatch * 64 * 64;

/**
 * Images in a batch of calibration and certification: the statistics of small batches vary so much that a child that computes
 * exactly its parent's function could fail its certificate. `train`: the number of training images.
 */
export function measuringBatchOf(batch: number, { height, width }: Shape, train: number): number {
  const wanted = Math.min(measuringBatch, Math.floor(measuringPositions / (height * width)));
  return Math.max(batch, Math.min(wanted, train));
}

/** The same images in such batches. */
export function forMeasuring(augmentation: AugmentationSettings, images: Images): Images {
  const batch = measuringBatchOf(images.batch, images.dataset.shape, images.train.length);
  return batch === images.batch ? images : { ...images, batch, batcher: createBatcher(images.dataset, augmentation, batch) };
}

/** Augmented batches, sampled without replacement until all images are used; then again from the start. */
export function drawBatches({ dataset, batcher, batch }: Images, indices: Uint32Array, count: number, random: Random): Batch[] {
  const { channels, height, width } = dataset.shape;
  const permutation = random.fork('order').permutation(indices.length);
  const order = Uint32Array.from(
    { length: count * batch },
    (_none, i) => indices[permutation[i % indices.length] as number] as number,
  );
  return Array.from({ length: count }, (_none, index) => {
    const images = new Float32Array(batch * channels * height * width);
    const labels = new Float32Array(batch * dataset.classes.length);
    batcher.fillTraining(order, index * batch, random.fork('batch', index), images, labels);
    return { images, labels };
  });
}

export type Grown = Checkpoint;

export interface GrowOptions {
  /** The parent's numbers mean nothing: they allow any edit. Default: false. */
  readonly untrained?: boolean;
  /** What of the parent's tensors moves along beside its parameters. Default: nothing. */
  readonly companions?: readonly Companion[];
}

/**
 * Applies the edits in order and calibrates after each. `random` gives fresh weights and the calibration's batches. An edit that
 * the parent's numbers do not allow loses the child, as a failed certificate does.
 */
export async function grow(
  engine: Engine,
  parent: Grown,
  edits: readonly Edit[],
  images: Images,
  random: Random,
  breathe: () => Promise<void>,
  { untrained = false, companions = [] }: GrowOptions = {},
): Promise<Grown> {
  let child = parent;
  let batches: readonly Batch[] | undefined;
  for (const [index, edit] of edits.entries()) {
    const rewrite = checkedRewrite(child.network, edit, untrained ? undefined : child.tensors);
    if (typeof rewrite === 'string') throw new JobFailure('certificate', `cannot ${describeEdit(edit)}: ${rewrite}`);
    const { network, tensors, calibrations } = applyRewrite(rewrite, child.tensors, random.fork('edit', index), companions);
    child = { network, tensors };
    if (calibrations.length === 0) continue;
    batches ??= drawBatches(images, images.train, calibrationBatches, random.fork('calibration'));
    const tapOf = (node: number): number => must(nodeOf(network, node).inputs[0], 'input of a batch normalisation');
    const taps = [...new Set(calibrations.map(({ node }) => tapOf(node)))];
    const statistics = await channelStatistics({ engine, batches, size: images.batch, breathe }, child, taps);
    for (const calibration of calibrations) {
      const { mean, variance } = must(statistics.get(tapOf(calibration.node)), 'statistics');
      child = { network, tensors: calibrate(network, child.tensors, calibration, mean, variance) };
    }
  }
  return child;
}

/** With direct convolutions, whatever the job trains with. */
export async function certify(
  engine: Engine,
  parent: Grown,
  child: Grown,
  images: Images,
  random: Random,
  breathe: () => Promise<void>,
  weights?: EvaluationWeights,
): Promise<Certificate> {
  const { dataset, batcher, batch } = images;
  const clean = evenlySpaced(images.validation, certificateImages);
  const logits: Float32Array[] = [];
  const losses: number[] = [];
  const heldOut = images.validation.length >= batch ? images.validation : images.train;
  const batches = drawBatches(images, heldOut, certificateBatches, random.fork('certificate'));
  for (const one of [parent, child]) {
    const evaluated = evaluating(engine, one, batcher, 'direct', weights, (e) => e.logits(dataset.train, clean, breathe));
    logits.push(await evaluated);
    losses.push(await trainingLoss({ engine, batches, size: batch, breathe }, one));
  }
  const [before, after] = logits as [Float32Array, Float32Array];
  const { largest, difference } = compareLogits(before, after);
  const [lossBefore, lossAfter] = losses as [number, number];
  return { evaluation: difference / largest, training: Math.abs(lossAfter - lossBefore) / Math.max(lossBefore, leastLoss) };
}

/** Why a certificate loses the child; undefined where it is within the tolerance of the edits' operators. */
export function certificateProblem({ evaluation, training }: Certificate, edits: readonly Edit[]): string | undefined {
  const allowed = toleranceOf(edits);
  return evaluation <= allowed.evaluation && training <= allowed.training
    ? undefined
    : `not its parent's function: logits differ by ${evaluation.toExponential(1)}, the loss by ${(100 * training).toFixed(1)} %`;
}
