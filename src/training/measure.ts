/** Forward passes: logits, losses and channel statistics of a network, and its accuracy on a part of the data. */
import type { Part } from '../data/dataset.ts';
import type { Batcher } from '../data/batches.ts';
import type { ConvolutionAlgorithms, Engine } from '../engine/engine.ts';
import type { Network, NodeId } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import { lower } from '../program/lower.ts';
import { must } from '../util/assert.ts';
import type { Random } from '../util/random.ts';
import type { Measured } from './job.ts';
import { evaluationTensors, type EvaluationWeights } from './weights.ts';

/** An augmented batch: normalised images (N, C, H, W) and mixed labels (N, classes). */
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

/** Mean over the batches of the loss with batch statistics. */
export async function trainingLoss(
  engine: Engine,
  network: Network,
  tensors: Tensors,
  batches: readonly Batch[],
  size: number,
  convolution: ConvolutionAlgorithms,
  breathe: () => Promise<void>,
): Promise<number> {
  const program = lower(network, size, { kind: 'measurement', taps: [] });
  return using(await engine.compile(program, convolution), async (session) => {
    session.load(tensors);
    let loss = 0;
    for (const batch of batches) {
      session.input(program.images).set(batch.images);
      await session.run();
      const logits = session.output(must(program.logits, 'logits'));
      for (let image = 0; image < size; image++) loss += crossEntropy(logits, batch.labels, image, logits.length / size);
      await breathe();
    }
    return loss / (batches.length * size);
  });
}

/**
 * Per tapped node, the mean over the batches of each channel's mean and (biased) variance over (N, H, W), with batch
 * statistics everywhere before it.
 */
export async function channelStatistics(
  engine: Engine,
  network: Network,
  tensors: Tensors,
  taps: readonly NodeId[],
  batches: readonly Batch[],
  size: number,
  breathe: () => Promise<void>,
): Promise<ReadonlyMap<NodeId, { readonly mean: Float32Array; readonly variance: Float32Array }>> {
  const program = lower(network, size, { kind: 'measurement', taps });
  return using(await engine.compile(program, 'direct'), async (session) => {
    session.load(tensors);
    const sums = program.taps.map(({ node, mean, variance }) => ({
      node,
      buffers: [mean, variance] as const,
      sums: [mean, variance].map((buffer) => new Float64Array(session.output(buffer).length)) as [Float64Array, Float64Array],
    }));
    for (const batch of batches) {
      session.input(program.images).set(batch.images);
      await session.run();
      for (const tap of sums)
        tap.buffers.forEach((buffer, which) => {
          const sum = tap.sums[which] as Float64Array;
          session.output(buffer).forEach((value, channel) => (sum[channel] = (sum[channel] as number) + value / batches.length));
        });
      await breathe();
    }
    return new Map(
      sums.map((tap) => [tap.node, { mean: Float32Array.from(tap.sums[0]), variance: Float32Array.from(tap.sums[1]) }]),
    );
  });
}

/** Counts confusion[label][prediction]. */
export function tally(classes: number): {
  readonly confusion: readonly (readonly number[])[];
  readonly tell: (label: number, prediction: number) => void;
} {
  const confusion = Array.from({ length: classes }, () => Array.from<number>({ length: classes }).fill(0));
  return {
    confusion,
    tell: (label, prediction) => {
      const row = must(confusion[label], 'class');
      row[prediction] = (row[prediction] as number) + 1;
    },
  };
}

export interface Evaluator {
  load(tensors: Tensors): void;
  /** Loss and accuracy over those images of a part. `told` is called with each image's label and prediction. */
  measure(
    part: Part,
    indices: Uint32Array,
    breathe: () => Promise<void>,
    told?: (label: number, prediction: number) => void,
  ): Promise<Measured>;
  /** Loss and accuracy over those training images, augmented as in training but without mixup. */
  measureAugmented(indices: Uint32Array, random: (batch: number) => Random, breathe: () => Promise<void>): Promise<Measured>;
  /** The logits of those images, row-major (images, classes). */
  logits(part: Part, indices: Uint32Array, breathe: () => Promise<void>): Promise<Float32Array>;
  dispose(): void;
}

/** Evaluates with running statistics. It loads the tensors of a checkpoint that `weights` names. */
export async function createEvaluator(
  engine: Engine,
  network: Network,
  batcher: Batcher,
  size: number,
  convolution: ConvolutionAlgorithms,
  weights: EvaluationWeights = 'raw',
): Promise<Evaluator> {
  const program = lower(network, size, { kind: 'evaluation' });
  const session = await engine.compile(program, convolution);
  const output = must(program.logits, 'logits');
  const classes = (program.buffers[output]?.shape[1] ?? 0) as number;
  const labels = new Float32Array(size * classes);

  async function forEachBatch(
    part: Part,
    indices: Uint32Array,
    breathe: () => Promise<void>,
    use: (logits: Float32Array, first: number, filled: number) => void,
  ): Promise<void> {
    for (let first = 0; first < indices.length; first += size) {
      const filled = batcher.fillClean(part, indices, first, session.input(program.images), labels);
      await session.run();
      use(session.output(output), first, filled);
      await breathe();
    }
  }

  return {
    load: (tensors) => session.load(evaluationTensors(network, tensors, weights)),
    async measure(part, indices, breathe, told) {
      let [loss, right] = [0, 0];
      await forEachBatch(part, indices, breathe, (logits, first, filled) => {
        for (let image = 0; image < filled; image++) {
          loss += crossEntropy(logits, labels, image, classes);
          const best = argmax(logits, image * classes, classes);
          const label = part.labels[indices[first + image] as number] as number;
          if (best === label) right++;
          told?.(label, best);
        }
      });
      return { loss: loss / indices.length, accuracy: right / indices.length };
    },
    async measureAugmented(indices, random, breathe) {
      let [loss, right] = [0, 0];
      for (let first = 0; first < indices.length; first += size) {
        const filled = batcher.fillAugmented(indices, first, random(first / size), session.input(program.images), labels);
        await session.run();
        const logits = session.output(output);
        for (let image = 0; image < filled; image++) {
          loss += crossEntropy(logits, labels, image, classes);
          if (argmax(logits, image * classes, classes) === argmax(labels, image * classes, classes)) right++;
        }
        await breathe();
      }
      return { loss: loss / indices.length, accuracy: right / indices.length };
    },
    async logits(part, indices, breathe) {
      const all = new Float32Array(indices.length * classes);
      await forEachBatch(part, indices, breathe, (logits, first, filled) =>
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
  { network, tensors }: { readonly network: Network; readonly tensors: Tensors },
  batcher: Batcher,
  convolution: ConvolutionAlgorithms,
  weights: EvaluationWeights | undefined,
  use: (evaluator: Evaluator) => Promise<T>,
): Promise<T> {
  return using(await createEvaluator(engine, network, batcher, batcher.batch, convolution, weights), (evaluator) => {
    evaluator.load(tensors);
    return use(evaluator);
  });
}
