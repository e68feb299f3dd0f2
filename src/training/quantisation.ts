/**
 * Writes a trained network in bytes: the ranges of its values are found on training images, and the file is measured beside that in
 * f32. The file is a pure function of checkpoint, metadata and ranges, so that whoever has these makes the same one.
 */
import type { InferenceSession } from 'onnxruntime-common';
import type { Dataset } from '../data/dataset.ts';
import { partOf } from '../data/split.ts';
import { emptyExtent, emptyHistogram, extend, leastErrorRange, tally, type Range } from '../deploy/calibration.ts';
import { countOf, shapeOf, type Deployed } from '../deploy/deployed.ts';
import { deploy, finite } from '../deploy/lower.ts';
import { quantise } from '../deploy/quantise.ts';
import { openRuntime, type Runtime } from '../engine/onnx/runtime.ts';
import { encodeModel } from '../formats/onnx/codec.ts';
import { logitsName, writeDeployed } from '../formats/onnx/write-network.ts';
import type { Network } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import type { ViewsName } from '../network/views.ts';
import { must } from '../util/assert.ts';
import { deploymentOf, inputOf, medianMilliseconds, type Selected } from './export.ts';
import type { About, JobContext, MeasuredFile, QuantisationJob, QuantisedExport } from './job.ts';
import { argmax } from './measure.ts';
import { evaluationTensors, type EvaluationWeights } from './weights.ts';

/** A checkpoint's network as it is deployed. */
export const deployedOf = (network: Network, tensors: Tensors, weights?: EvaluationWeights): Deployed =>
  finite(deploy(network, evaluationTensors(network, tensors, weights)));

export interface QuantisedOptions {
  readonly ranges: readonly Range[];
  readonly symmetric: boolean;
  readonly views: ViewsName;
}

/** The bytes of the .onnx file in bytes. */
export function quantisedModel(deployed: Deployed, about: About, { ranges, symmetric, views }: QuantisedOptions): Uint8Array {
  const deployment = deploymentOf(about, views);
  const metadata = { ...deployment.metadata, numbers: 'int8' };
  return encodeModel(writeDeployed(deployed, { ...deployment, metadata }, { quantised: quantise(deployed, ranges, symmetric) }));
}

/** Images that ranges are found on; fewer where an image has many values. */
const mostImages = 256;
const fewestImages = 32;
/** Numbers that are gone through, and numbers that are held at a time, about. */
const mostNumbers = 2 ** 30;
const heldNumbers = 2 ** 24;

/** Evenly spread over the training images, which may be in the order of their classes. */
function calibrationImages(dataset: Dataset, { data }: QuantisationJob, numbers: number): Omit<Selected, 'shape'> {
  const { part, indices } = partOf(dataset, data, 'training');
  const most = Math.max(fewestImages, Math.min(mostImages, Math.floor(mostNumbers / numbers)));
  const count = Math.min(most, indices.length);
  const spread = Uint32Array.from({ length: count }, (_none, at) => indices[Math.floor((at * indices.length) / count)] as number);
  return { part, indices: spread };
}

/** The range of each value; `file` gives them behind its two outputs. */
async function rangesOf(
  runtime: Runtime,
  file: Uint8Array,
  deployed: Deployed,
  images: Selected,
  numbers: number,
  symmetric: boolean,
  breathe: () => Promise<void>,
): Promise<readonly Range[]> {
  const session = await runtime.open(file);
  const batch = Math.max(1, Math.floor(heldNumbers / numbers));
  const goThrough = async (take: (value: number, seen: Float32Array) => void): Promise<void> => {
    const { length } = images.indices;
    for (let from = 0; from < length; from += batch) {
      const found = await session.run(inputOf(images, runtime.library, from, Math.min(length, from + batch)));
      session.outputNames.slice(2).forEach((name, value) => take(value, must(found[name], name).data as Float32Array));
      await breathe();
    }
  };
  try {
    const extents = Array.from({ length: deployed.steps.length + 1 }, emptyExtent);
    await goThrough((value, seen) => extend(must(extents[value], 'extent'), seen));
    const histograms = extents.map(emptyHistogram);
    await goThrough((value, seen) => tally(must(histograms[value], 'histogram'), seen));
    return histograms.map((histogram, value) =>
      value === deployed.output ? histogram.extent : leastErrorRange(histogram, symmetric),
    );
  } finally {
    await session.release();
  }
}

/** Which class a file tells of each image. */
async function toldBy(
  run: (from: number, to: number) => Promise<Float32Array>,
  images: number,
  batch: number,
  breathe: () => Promise<void>,
): Promise<Uint16Array> {
  const told = new Uint16Array(images);
  for (let from = 0; from < images; from += batch) {
    const to = Math.min(images, from + batch);
    const logits = await run(from, to);
    const classes = logits.length / (to - from);
    for (let at = from; at < to; at++) told[at] = argmax(logits, (at - from) * classes, classes);
    await breathe();
  }
  return told;
}

const shareOf = (count: number, holds: (at: number) => boolean): number => {
  let sum = 0;
  for (let at = 0; at < count; at++) if (holds(at)) sum++;
  return sum / count;
};

/** Finds the ranges, writes both files, and measures them on the job's images. */
export async function quantiseExport(
  job: QuantisationJob,
  { dataset, checkpoints, breathe, now }: JobContext,
): Promise<QuantisedExport> {
  const { network, about, symmetric, views = 'image' } = job;
  const { tensors } = await checkpoints.read(job.checkpoint);
  const deployed = deployedOf(network, tensors, job.evaluationWeights);
  const shape = deployed.image;
  const numbers = countOf(shape) + deployed.steps.reduce((sum, { output }) => sum + countOf(shapeOf(deployed, output)), 0);
  const calibration = { ...calibrationImages(dataset, job, numbers), shape };
  // One thread: the same numbers whatever the machine.
  const single = await openRuntime('cpu', 1);
  const tapped = encodeModel(writeDeployed(deployed, deploymentOf(about, 'image'), { values: true }));
  const ranges = await rangesOf(single, tapped, deployed, calibration, numbers, symmetric, breathe);

  const images: Selected = { ...partOf(dataset, job.data, job.part), shape };
  const { length } = images.indices;
  const runtime = await openRuntime('cpu', job.engine.threads);
  const measure = async (file: Uint8Array): Promise<{ readonly measured: MeasuredFile; readonly told: Uint16Array }> => {
    const session: InferenceSession = await runtime.open(file);
    const run = async (from: number, to: number): Promise<Float32Array> =>
      must((await session.run(inputOf(images, runtime.library, from, to), [logitsName]))[logitsName], logitsName)
        .data as Float32Array;
    try {
      const told = await toldBy(run, length, job.batch, breathe);
      const accuracy = shareOf(length, (at) => told[at] === images.part.labels[images.indices[at] as number]);
      const latency = await medianMilliseconds(() => run(0, 1), now, breathe);
      return { measured: { bytes: file.byteLength, accuracy, latency }, told };
    } finally {
      await session.release();
    }
  };
  const float = await measure(encodeModel(writeDeployed(deployed, deploymentOf(about, views))));
  const int8 = await measure(quantisedModel(deployed, about, { ranges, symmetric, views }));
  return {
    ranges,
    calibration: calibration.indices.length,
    part: job.part,
    images: length,
    threads: job.engine.threads,
    float: float.measured,
    int8: int8.measured,
    agreement: shareOf(length, (at) => float.told[at] === int8.told[at]),
  };
}
