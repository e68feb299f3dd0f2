/**
 * The file that people take away: a trained network as ONNX, made and verified. Making it is a pure function of a checkpoint
 * and of what is said of it; verifying it runs it beside the engine on the same images.
 */
import { createBatcher } from '../data/batches.ts';
import { bytesOf, type Part } from '../data/dataset.ts';
import { partOf } from '../data/split.ts';
import { openRuntime } from '../engine/onnx/runtime.ts';
import { encodeModel } from '../formats/onnx/encode.ts';
import { deployedModel, inputName, logitsName } from '../formats/onnx/write-network.ts';
import { inputShapeOf, type Network, type Shape } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import { must } from '../util/assert.ts';
import { sha256 } from '../util/hash.ts';
import type { About, VerificationJob, Verified } from './job.ts';
import { createEvaluator } from './measure.ts';
import type { Surroundings } from './surroundings.ts';

/** Strings, as the format wants them; numbers in full. */
function metadataOf(about: About): Record<string, string> {
  const { shape, classes, mean, std, ...rest } = about;
  const texts = Object.entries(rest).map(([key, value]) => [key, String(value)] as const);
  return {
    ...Object.fromEntries(texts),
    classes: JSON.stringify(classes),
    height: String(shape.height),
    width: String(shape.width),
    channels: String(shape.channels),
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
  };
}

/** The bytes of the .onnx file. The same network, numbers and words give the same bytes. */
export const exportModel = (network: Network, tensors: Tensors, about: About): Uint8Array =>
  encodeModel(
    deployedModel(network, tensors, {
      mean: about.mean,
      std: about.std,
      producerVersion: about.instar,
      metadata: metadataOf(about),
    }),
  );

/** Images `from` to `to` of a list of a part's, as the file takes them: (N, H, W, C). */
export function pixelsOf(part: Part, indices: Uint32Array, from: number, to: number, shape: Shape): Uint8Array {
  const { channels } = shape;
  const area = shape.height * shape.width;
  const size = bytesOf(shape);
  const pixels = new Uint8Array((to - from) * size);
  for (let row = from; row < to; row++) {
    const start = (indices[row] as number) * size;
    for (let c = 0; c < channels; c++)
      for (let at = 0; at < area; at++)
        pixels[(row - from) * size + at * channels + c] = part.images[start + c * area + at] as number;
  }
  return pixels;
}

/** The first of equal maxima, as everywhere. */
function argmax(logits: Float32Array, at: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if ((logits[at + k] as number) > (logits[at + best] as number)) best = k;
  return best;
}

/** Runs that a latency is the median of, and those before it. */
const timedRuns = 15;
const warmUp = 3;

async function medianMilliseconds(run: () => Promise<unknown>, now: () => number, breathe: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < warmUp + timedRuns; i++) {
    const start = now();
    await run();
    times.push(now() - start);
    await breathe();
  }
  return times.slice(warmUp).toSorted((a, b) => a - b)[timedRuns >> 1] as number;
}

/** Makes the file again and runs it on the images of the job, beside the engine with direct convolutions. */
export async function verifyExport(
  job: VerificationJob,
  { engine, dataset, checkpoints, breathe, now }: Surroundings,
): Promise<Verified> {
  const { network, batch, about } = job;
  const { tensors } = await checkpoints.read(job.checkpoint);
  const { part, indices } = partOf(dataset, job.data, job.part);
  const shape = inputShapeOf(network);
  const subject = { ...dataset, mean: about.mean, std: about.std };
  const plain = { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 };
  const evaluator = await createEvaluator(engine, network, createBatcher(subject, plain, batch), batch, 'direct');
  evaluator.load(tensors);
  let expected: Float32Array;
  try {
    expected = await evaluator.logits(part, indices, breathe);
  } finally {
    evaluator.dispose();
  }

  const file = exportModel(network, tensors, about);
  const runtime = await openRuntime('cpu', job.engine.threads);
  const { Tensor } = runtime.library;
  const session = await runtime.open(file);
  try {
    const run = async (from: number, to: number): Promise<Float32Array> => {
      const pixels = pixelsOf(part, indices, from, to, shape);
      const images = new Tensor('uint8', pixels, [to - from, shape.height, shape.width, shape.channels]);
      return must((await session.run({ [inputName]: images }))[logitsName], logitsName).data as Float32Array;
    };
    const classes = expected.length / indices.length;
    let [difference, largest, right, fileRight, agreed] = [0, 0, 0, 0, 0];
    for (let from = 0; from < indices.length; from += batch) {
      const to = Math.min(indices.length, from + batch);
      const actual = await run(from, to);
      for (let i = 0; i < actual.length; i++) {
        const wanted = expected[from * classes + i] as number;
        largest = Math.max(largest, Math.abs(wanted));
        difference = Math.max(difference, Math.abs((actual[i] as number) - wanted));
      }
      for (let row = from; row < to; row++) {
        const label = part.labels[indices[row] as number];
        const [ours, theirs] = [argmax(expected, row * classes, classes), argmax(actual, (row - from) * classes, classes)];
        if (ours === label) right++;
        if (theirs === label) fileRight++;
        if (ours === theirs) agreed++;
      }
      await breathe();
    }
    const size = Math.min(batch, indices.length);
    return {
      file: sha256(file),
      bytes: file.byteLength,
      part: job.part,
      images: indices.length,
      difference: difference / largest,
      accuracy: right / indices.length,
      fileAccuracy: fileRight / indices.length,
      agreement: agreed / indices.length,
      latency: {
        one: await medianMilliseconds(() => run(0, 1), now, breathe),
        batch: await medianMilliseconds(() => run(0, size), now, breathe),
        size,
        threads: job.engine.threads,
      },
    };
  } finally {
    await session.release();
  }
}
