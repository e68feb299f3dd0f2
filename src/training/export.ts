/**
 * Exports a trained network as ONNX, and verifies the file. The export is a pure function of a checkpoint and its metadata; the
 * verification compares the file with the engine on the same images.
 */
import { clean } from '../data/augmentation/augmentation.ts';
import { createBatcher } from '../data/batches.ts';
import { channelsLast, picked, type Part } from '../data/dataset.ts';
import { allBytes } from '../data/images.ts';
import { partOf } from '../data/split.ts';
import { meanOfViews } from '../data/views.ts';
import { openRuntime, type Runtime } from '../engine/onnx/runtime.ts';
import { encodeModel } from '../formats/onnx/codec.ts';
import { deployedModel, inputName, logitsName, type Deployment } from '../formats/onnx/write-network.ts';
import { inputShapeOf, type Network, type Shape } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import { viewsOf, type ViewsName } from '../network/views.ts';
import { must } from '../util/assert.ts';
import { sha256 } from '../util/hash.ts';
import { passSize, type About, type JobContext, type VerificationJob, type Verified } from './job.ts';
import { argmax, compareLogits, evaluating } from './measure.ts';
import { evaluationTensors, type EvaluationWeights } from './weights.ts';

/** The format allows only strings. */
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

/** What a file is written with. */
export const deploymentOf = (about: About, views: ViewsName): Deployment => ({
  mean: about.mean,
  std: about.std,
  producerVersion: about.instar,
  views: viewsOf(views),
  metadata: { ...metadataOf(about), ...(views === 'image' ? {} : { views }) },
});

/** The bytes of the .onnx file. The same network, tensors of a checkpoint and metadata give the same bytes. */
export const exportModel = (
  network: Network,
  tensors: Tensors,
  about: About,
  weights?: EvaluationWeights,
  views: ViewsName = 'image',
): Uint8Array => encodeModel(deployedModel(network, evaluationTensors(network, tensors, weights), deploymentOf(about, views)));

/** Timed runs for the median latency, and runs before them. */
const timedRuns = 15;
const warmUp = 3;

export async function medianMilliseconds(
  run: () => Promise<unknown>,
  now: () => number,
  breathe: () => Promise<void>,
): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < warmUp + timedRuns; i++) {
    const start = now();
    await run();
    times.push(now() - start);
    await breathe();
  }
  return times.slice(warmUp).toSorted((a, b) => a - b)[timedRuns >> 1] as number;
}

/** Images of a part, by their indices. */
export interface Selected {
  readonly part: Part;
  readonly indices: Uint32Array;
  readonly shape: Shape;
}

/** Those from `from` to before `to`, as files take them. */
export function inputOf({ part, indices, shape }: Selected, { Tensor }: Runtime['library'], from: number, to: number) {
  const pixels = channelsLast(allBytes(picked(part, shape, indices.subarray(from, to)).images), shape);
  return { [inputName]: new Tensor('uint8', pixels, [to - from, shape.height, shape.width, shape.channels]) };
}

/** Exports the network again, and compares the file with the engine (direct convolutions) on the job's images. */
export async function verifyExport(
  job: VerificationJob,
  { engine, dataset, checkpoints, breathe, now }: JobContext,
): Promise<Verified> {
  const { network, about } = job;
  const batch = passSize(job);
  const { tensors } = await checkpoints.read(job.checkpoint);
  const { part, indices } = partOf(dataset, job.data, job.part);
  const shape = inputShapeOf(network);
  const subject = { ...dataset, mean: about.mean, std: about.std };
  const batcher = createBatcher(subject, clean(true), batch);
  const expected = await evaluating(engine, { network, tensors }, batcher, 'direct', job.evaluationWeights, (evaluator) =>
    meanOfViews(picked(part, shape, indices), shape, job.views ?? 'image', (view) =>
      evaluator.logits(
        view,
        Uint32Array.from(view.labels, (_label, at) => at),
        breathe,
      ),
    ),
  );
  const file = exportModel(network, tensors, about, job.evaluationWeights, job.views);
  const runtime = await openRuntime('cpu', job.engine.threads);
  const session = await runtime.open(file);
  try {
    const run = async (from: number, to: number): Promise<Float32Array> => {
      const input = inputOf({ part, indices, shape }, runtime.library, from, to);
      return must((await session.run(input))[logitsName], logitsName).data as Float32Array;
    };
    const classes = expected.length / indices.length;
    let [difference, largest, right, fileRight, agreed] = [0, 0, 0, 0, 0];
    for (let from = 0; from < indices.length; from += batch) {
      const to = Math.min(indices.length, from + batch);
      const actual = await run(from, to);
      const found = compareLogits(expected.subarray(from * classes, to * classes), actual);
      largest = Math.max(largest, found.largest);
      difference = Math.max(difference, found.difference);
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
