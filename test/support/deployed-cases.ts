/** What tests of deployed networks share: normalisation, the reference engine's logits, ranges found on images, by the file in ONNX. */
import { InferenceSession } from 'onnxruntime-common';
import { emptyExtent, emptyHistogram, extend, leastErrorRange, tally, type Range } from '../../src/deploy/calibration.ts';
import type { Deployed } from '../../src/deploy/deployed.ts';
import { openRuntime } from '../../src/engine/onnx/runtime.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import type { CodeOptions } from '../../src/formats/c/write.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { writeDeployed } from '../../src/formats/onnx/write-network.ts';
import { inputShapeOf, type Network } from '../../src/network/network.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { lower } from '../../src/program/lower.ts';
import { must } from '../../src/util/assert.ts';

export const optionsFor = (network: Network, classes: number): CodeOptions => ({
  mean: Array.from({ length: inputShapeOf(network).channels }, (_none, c) => 0.3 + 0.1 * c),
  std: Array.from({ length: inputShapeOf(network).channels }, (_none, c) => 0.2 + 0.05 * c),
  classes: Array.from({ length: classes }, (_none, at) => `class "${at}" ??/ \\ é */`),
  facts: ['Instar of a test */ #include'],
});

export const deploymentFor = (options: CodeOptions) => ({ ...options, producerVersion: '0', metadata: {} });

/** Logits of the reference engine, of pixels (N, H, W, C). */
export async function expectedOf(
  network: Network,
  tensors: Tensors,
  pixels: Uint8Array,
  { mean, std }: CodeOptions,
): Promise<Float32Array> {
  const { channels, height, width } = inputShapeOf(network);
  const images = pixels.length / (channels * height * width);
  const program = lower(network, images, { kind: 'evaluation' });
  const session = await reference.compile(program, 'direct');
  session.load(tensors);
  const input = session.input(program.images);
  for (let n = 0; n < images; n++)
    for (let c = 0; c < channels; c++)
      for (let at = 0; at < height * width; at++)
        input[(n * channels + c) * height * width + at] =
          ((pixels[(n * height * width + at) * channels + c] as number) / 255 - (mean[c] as number)) / (std[c] as number);
  await session.run();
  const logits = session.output(must(program.logits, 'logits')).slice();
  session.dispose();
  return logits;
}

const { library } = await openRuntime('cpu', 1);

/** Outputs of a file, without what a runtime would join: what the file itself says. */
export async function outputsOf(file: Uint8Array, pixels: Uint8Array, { image: { channels, height, width } }: Deployed) {
  const session: InferenceSession = await library.InferenceSession.create(file, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
  });
  const found = await session.run({
    images: new library.Tensor('uint8', pixels, [pixels.length / (channels * height * width), height, width, channels]),
  });
  const values = session.outputNames.map((name) => must(found[name], name).data as Float32Array);
  await session.release();
  return values;
}

export async function calibrated(deployed: Deployed, pixels: Uint8Array, options: CodeOptions): Promise<readonly Range[]> {
  const file = encodeModel(writeDeployed(deployed, deploymentFor(options), { values: true }));
  const [, , ...values] = await outputsOf(file, pixels, deployed);
  return values.map((seen, value) => {
    const extent = emptyExtent();
    extend(extent, seen);
    if (value === deployed.output) return extent;
    const histogram = emptyHistogram(extent);
    tally(histogram, seen);
    return leastErrorRange(histogram, false);
  });
}

/** (C, H, W), as files normalise it: in f32. */
export function normalisedImage(
  pixels: Uint8Array,
  image: number,
  { image: { channels, height, width } }: Deployed,
  { mean, std }: CodeOptions,
) {
  const size = height * width;
  return Float64Array.from({ length: channels * size }, (_none, at) => {
    const [channel, position] = [Math.floor(at / size), at % size];
    const [by, from] = [must(std[channel], 'std'), must(mean[channel], 'mean')];
    const pixel = pixels[(image * size + position) * channels + channel] as number;
    return Math.fround(Math.fround(pixel * Math.fround(1 / (255 * by))) + Math.fround(-from / by));
  });
}
