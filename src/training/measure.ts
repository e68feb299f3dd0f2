/** Forward passes: logits, losses and channel statistics of a network, and its accuracy on a part of the data. */
import type { Part } from '../data/dataset.ts';
import type { Batcher } from '../data/batches.ts';
import type { ConvolutionAlgorithms, Engine, Session } from '../engine/engine.ts';
import type { Network, NodeId } from '../network/network.ts';
import { sizeOf, type Tensors } from '../network/tensor.ts';
import { lower } from '../program/lower.ts';
import { bufferOf, type BufferId, type Program } from '../program/program.ts';
import { must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Measured } from './job.ts';
import { evaluationTensors, type EvaluationWeights } from './weights.ts';

/** An augmented batch: normalised images (N, C, H, W) and mixed, smoothed labels (N, classes). */
export interface Batch {
  readonly images: Float32Array;
  readonly labels: Float32Array;
}

/** −Σ label·log softmax(logits) of one image. */
export function crossEntropy(logits: Float32Array, labels: Float32Array, image: number, classes: number): number {
  const at = image * classes;
  let largest = -Infinity;
  for (let k = 0; k < classes; k++) largest = Math.max(largest, logits[at + k] as number);
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += Math.exp((logits[at + k] as number) - largest);
  const log = largest + Math.log(sum);
  let loss = 0;
  for (let k = 0; k < classes; k++) loss -= (labels[at + k] as number) * ((logits[at + k] as number) - log);
  return loss;
}

/** The probabilities of one image, from its logits. */
export function softmax(logits: Float32Array): number[] {
  const largest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = Array.from(logits, (value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Scores whose softmax is the probability: logits as they are, of probabilities the logarithms. Row-major (images, classes). */
export function scoresAsLogits(scores: Float32Array, classes: number): Float32Array {
  const sums = new Float64Array(scores.length / classes);
  scores.forEach((score, at) => ((sums[Math.floor(at / classes)] as number) += score));
  const isShare = scores.every((score) => score >= 0 && score <= 1) && sums.every((sum) => Math.abs(sum - 1) < 1e-3);
  // The smallest normal f32 for what is 0.
  return isShare ? scores.map((score) => Math.log(Math.max(score, 2 ** -126))) : scores;
}

/** The index of the largest of `classes` numbers from `at` on; the first of equal ones. */
export function argmax(numbers: Float32Array, at: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if ((numbers[at + k] as number) > (numbers[at + best] as number)) best = k;
  return best;
}

/** The largest absolute expected logit, and the largest difference. NaN if any logit is NaN. */
export function compareLogits(expected: Float32Array, actual: Float32Array): { largest: number; difference: number } {
  let [largest, difference] = [0, 0];
  expected.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs((actual[i] as number) - value));
  });
  return { largest, difference };
}

/** Disposes of a session or an evaluator after its use. */
async function using<Held extends { dispose(): void }, T>(held: Held, use: (held: Held) => Promise<T>): Promise<T> {
  try {
    return await use(held);
  } finally {
    held.dispose();
  }
}

/** Augmented batches of `size` images, and what a network is run with over them. */
interface BatchRuns {
  readonly engine: Engine;
  readonly batches: readonly Batch[];
  readonly size: number;
  breathe(): Promise<void>;
}

/** Runs a program over the batches with direct convolutions; `use` is called after each. */
async function runBatches(
  { engine, batches, breathe }: BatchRuns,
  program: Program,
  tensors: Tensors,
  use: (session: Session, batch: Batch) => void,
): Promise<void> {
  await using(await engine.compile(program, 'direct'), async (session) => {
    session.load(tensors);
    for (const batch of batches) {
      session.input(program.images).set(batch.images);
      await session.run();
      use(session, batch);
      await breathe();
    }
  });
}

/** Mean over the batches of the loss with batch statistics. */
export async function trainingLoss(runs: BatchRuns, { network, tensors }: Checkpoint): Promise<number> {
  const { batches, size } = runs;
  const program = lower(network, size, { kind: 'measurement', taps: [] });
  let loss = 0;
  await runBatches(runs, program, tensors, (session, { labels }) => {
    const logits = session.output(must(program.logits, 'logits'));
    for (let image = 0; image < size; image++) loss += crossEntropy(logits, labels, image, logits.length / size);
  });
  return loss / (batches.length * size);
}

/**
 * Per tapped node, the mean over the batches of each channel's mean and (biased) variance over (N, H, W), with batch
 * statistics everywhere before it.
 */
export async function channelStatistics(
  runs: BatchRuns,
  { network, tensors }: Checkpoint,
  taps: readonly NodeId[],
): Promise<ReadonlyMap<NodeId, { readonly mean: Float32Array; readonly variance: Float32Array }>> {
  const program = lower(network, runs.size, { kind: 'measurement', taps });
  const buffers = program.taps.flatMap(({ mean, variance }) => [mean, variance]);
  const sums = new Map(buffers.map((id) => [id, new Float64Array(sizeOf(bufferOf(program, id).shape))]));
  await runBatches(runs, program, tensors, (session) => {
    for (const [id, sum] of sums)
      session.output(id).forEach((value, channel) => (sum[channel] = (sum[channel] as number) + value / runs.batches.length));
  });
  const meanOf = (id: BufferId): Float32Array => Float32Array.from(must(sums.get(id), 'sum'));
  return new Map(program.taps.map(({ node, mean, variance }) => [node, { mean: meanOf(mean), variance: meanOf(variance) }]));
}

/** Loss and accuracy of logits (images, classes). `told` is called with each image's label and prediction. */
export function measureLogits(logits: Float32Array, labels: Uint16Array, classes: number, told?: Told): Measured {
  const target = new Float32Array(classes);
  let [loss, right] = [0, 0];
  labels.forEach((label, image) => {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    target.fill(0);
    target[label] = 1;
    loss += crossEntropy(row, target, 0, classes);
    const best = argmax(row, 0, classes);
    if (best === label) right++;
    told?.(label, best);
  });
  return { loss: loss / labels.length, accuracy: right / labels.length };
}

/** Counts confusion[label][prediction]. */
export function tally(classes: number): { readonly confusion: readonly (readonly number[])[]; readonly tell: Told } {
  const confusion = Array.from({ length: classes }, () => Array.from<number>({ length: classes }).fill(0));
  const tell: Told = (label, prediction) => {
    const row = must(confusion[label], 'class');
    row[prediction] = (row[prediction] as number) + 1;
  };
  return { confusion, tell };
}

type Breathe = () => Promise<void>;
type Told = (label: number, prediction: number) => void;

export interface MeasureOptions {
  readonly tell?: Told;
  readonly balanced?: boolean;
}

/** Sums over the images of a class. */
interface ClassSum {
  images: number;
  loss: number;
  right: number;
}

const total = (sums: readonly ClassSum[], of: (sum: ClassSum) => number): number => sums.reduce((all, each) => all + of(each), 0);

function balancedOf(sums: readonly ClassSum[]): Measured {
  const seen = sums.filter(({ images }) => images > 0);
  const images = total(seen, (sum) => sum.images);
  return {
    loss: total(seen, (sum) => sum.loss / sum.images) / seen.length,
    accuracy: total(seen, (sum) => sum.right) / images,
    balanced: total(seen, (sum) => sum.right / sum.images) / seen.length,
  };
}

export interface Evaluator {
  load(tensors: Tensors): void;
  /**
   * Loss and accuracy over those images of a part. `tell` is called with each image's label and prediction. `balanced`: all classes
   * that have images count alike in the loss, and the balanced accuracy is measured.
   */
  measure(part: Part, indices: Uint32Array, breathe: Breathe, options?: MeasureOptions): Promise<Measured>;
  /** Loss and accuracy over those training images, augmented as in training of that epoch but without mixup and smoothing. */
  measureAugmented(indices: Uint32Array, random: (batch: number) => Random, breathe: Breathe, epoch: number): Promise<Measured>;
  /** The logits of those images, row-major (images, classes). */
  logits(part: Part, indices: Uint32Array, breathe: Breathe): Promise<Float32Array>;
  dispose(): void;
}

/** Evaluates with running statistics. It loads the tensors of a checkpoint that `weights` names. */
export async function createEvaluator(
  engine: Engine,
  network: Network,
  batcher: Batcher,
  convolution: ConvolutionAlgorithms,
  weights: EvaluationWeights = 'raw',
): Promise<Evaluator> {
  const size = batcher.batch;
  const program = lower(network, size, { kind: 'evaluation' });
  const session = await engine.compile(program, convolution);
  const output = must(program.logits, 'logits');
  const classes = bufferOf(program, output).shape[1] as number;
  const labels = new Float32Array(size * classes);

  /** Writes the images and labels of a batch from image `first` on, and returns how many. */
  type Fill = (first: number, images: Float32Array) => number;
  type Use = (logits: Float32Array, first: number, filled: number) => void;
  async function forEachBatch(count: number, fill: Fill, breathe: Breathe, use: Use): Promise<void> {
    for (let first = 0; first < count; first += size) {
      const filled = fill(first, session.input(program.images));
      await session.run();
      use(session.output(output), first, filled);
      await breathe();
    }
  }

  async function measure(
    count: number,
    fill: Fill,
    breathe: Breathe,
    { tell, balanced = false }: MeasureOptions = {},
  ): Promise<Measured> {
    let [loss, right] = [0, 0];
    const sums = Array.from({ length: balanced ? classes : 0 }, (): ClassSum => ({ images: 0, loss: 0, right: 0 }));
    await forEachBatch(count, fill, breathe, (logits, _first, filled) => {
      for (let image = 0; image < filled; image++) {
        const own = crossEntropy(logits, labels, image, classes);
        const [label, best] = [argmax(labels, image * classes, classes), argmax(logits, image * classes, classes)];
        loss += own;
        if (best === label) right++;
        const sum = sums[label];
        if (sum !== undefined) {
          sum.images++;
          sum.loss += own;
          if (best === label) sum.right++;
        }
        tell?.(label, best);
      }
    });
    return balanced ? balancedOf(sums) : { loss: loss / count, accuracy: right / count };
  }

  const clean = (part: Part, indices: Uint32Array): Fill => {
    return (first, images) => batcher.fillClean(part, indices, first, images, labels);
  };

  return {
    load: (tensors) => session.load(evaluationTensors(network, tensors, weights)),
    measure: (part, indices, breathe, options) => measure(indices.length, clean(part, indices), breathe, options),
    measureAugmented(indices, random, breathe, epoch) {
      const fill: Fill = (first, images) => batcher.fillAugmented(indices, first, random(first / size), images, labels, epoch);
      return measure(indices.length, fill, breathe);
    },
    async logits(part, indices, breathe) {
      const all = new Float32Array(indices.length * classes);
      await forEachBatch(indices.length, clean(part, indices), breathe, (logits, first, filled) =>
        all.set(logits.subarray(0, filled * classes), first * classes),
      );
      return all;
    },
    dispose: () => session.dispose(),
  };
}

/** Evaluates a network in batches of the batcher's size. */
export async function evaluating<T>(
  engine: Engine,
  { network, tensors }: Checkpoint,
  batcher: Batcher,
  convolution: ConvolutionAlgorithms,
  weights: EvaluationWeights | undefined,
  use: (evaluator: Evaluator) => Promise<T>,
): Promise<T> {
  return using(await createEvaluator(engine, network, batcher, convolution, weights), (evaluator) => {
    evaluator.load(tensors);
    return use(evaluator);
  });
}
