/** C against the reference engine, and C in bytes against ONNX Runtime on the file in bytes: networks of all layers, grown and random. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferenceSession } from 'onnxruntime-common';
import { emptyExtent, emptyHistogram, extend, leastErrorRange, tally, type Range } from '../../src/deploy/calibration.ts';
import type { Deployed } from '../../src/deploy/deployed.ts';
import { deploy } from '../../src/deploy/lower.ts';
import { planMemory } from '../../src/deploy/memory.ts';
import { quantise } from '../../src/deploy/quantise.ts';
import { openRuntime } from '../../src/engine/onnx/runtime.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { writeCode, type CodeOptions } from '../../src/formats/c/write.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { writeDeployed } from '../../src/formats/onnx/write-network.ts';
import { inputShapeOf, type Network } from '../../src/network/network.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { lower } from '../../src/program/lower.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { runCode } from '../support/deployed-code.ts';
import { quantisedLogits } from '../support/deployed-forward.ts';
import { grownNetwork, handmade, trainedTensors } from '../support/networks.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';

const images = 6;

const optionsFor = (network: Network, classes: number): CodeOptions => ({
  mean: Array.from({ length: inputShapeOf(network).channels }, (_none, c) => 0.3 + 0.1 * c),
  std: Array.from({ length: inputShapeOf(network).channels }, (_none, c) => 0.2 + 0.05 * c),
  classes: Array.from({ length: classes }, (_none, at) => `class "${at}" ??/ \\ é */`),
  facts: ['Instar of a test */ #include'],
});

const deploymentFor = (options: CodeOptions) => ({ ...options, producerVersion: '0', metadata: {} });

/** Logits of the reference engine, of pixels (N, H, W, C). */
async function expectedOf(
  network: Network,
  tensors: Tensors,
  pixels: Uint8Array,
  { mean, std }: CodeOptions,
): Promise<Float32Array> {
  const program = lower(network, images, { kind: 'evaluation' });
  const session = await reference.compile(program, 'direct');
  session.load(tensors);
  const input = session.input(program.images);
  const { channels, height, width } = inputShapeOf(network);
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
async function outputsOf(file: Uint8Array, pixels: Uint8Array, { image: { channels, height, width } }: Deployed) {
  const session: InferenceSession = await library.InferenceSession.create(file, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
  });
  const found = await session.run({ images: new library.Tensor('uint8', pixels, [images, height, width, channels]) });
  const values = session.outputNames.map((name) => must(found[name], name).data as Float32Array);
  await session.release();
  return values;
}

async function calibrated(deployed: Deployed, pixels: Uint8Array, options: CodeOptions): Promise<readonly Range[]> {
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

const kinds = new Set<string>();
/** Logits in bytes, and those that are more than a step from the file's. */
let [compared, beyond] = [0, 0];

async function check(name: string, network: Network, tensors: Tensors, stream: Random, symmetric = false): Promise<void> {
  for (const { layer } of network.nodes) kinds.add(layer.kind);
  const deployed = deploy(network, tensors);
  const { channels, height, width } = deployed.image;
  const pixels = Uint8Array.from({ length: images * channels * height * width }, () => stream.integer(256));
  const options = optionsFor(network, must(deployed.steps[deployed.output - 1], 'output').shape.channels);
  const expected = await expectedOf(network, tensors, pixels, options);

  const code = writeCode(deployed, null, options);
  assert.deepEqual(writeCode(deployed, null, options), code, 'the same bytes again');
  const quantised = quantise(deployed, await calibrated(deployed, pixels, options), symmetric);
  const inBytes = writeCode(deployed, quantised, options);
  const [ofFloats, ofBytes] = await Promise.all([runCode(code, pixels), runCode(inBytes, pixels)]);

  assertClose(ofFloats.logits, expected, 1e-4, 1e-2, () => `${name}: logits`);
  const { size, least } = planMemory(deployed);
  assert.ok(size >= least, name);
  for (const [{ arenaBytes }, { touched }, bytes] of [
    [code, ofFloats, 4],
    [inBytes, ofBytes, 1],
  ] as const) {
    assert.equal(arenaBytes, bytes * size);
    // What is written may be the paint, by chance.
    assert.ok(touched <= arenaBytes && touched >= 0.9 * arenaBytes, `${name}: ${touched} of ${arenaBytes}`);
  }

  const [file] = await outputsOf(encodeModel(writeDeployed(deployed, deploymentFor(options), { quantised })), pixels, deployed);
  const { scale } = must(quantised.values[deployed.output], 'logits');
  const wanted = must(file, 'logits');
  const classes = wanted.length / images;
  const inFloats = deployed.steps.some(({ operation }) => operation.kind.endsWith('-normalization'));
  for (let image = 0; image < images; image++) {
    const exact = quantisedLogits(quantised, normalisedImage(pixels, image, deployed, options));
    exact.forEach((value, at) => {
      const found = ofBytes.logits[image * classes + at] as number;
      const stepsOff = Math.abs(found - (wanted[image * classes + at] as number)) / scale;
      compared++;
      if (stepsOff > 1.01) beyond++;
      // Layer by layer both agree; networks of random layers enlarge the rounding of ONNX Runtime, which sums in f32.
      assert.ok(
        stepsOff < (name.startsWith('random') ? 4 : 1.01),
        `${name}: logit ${at} is ${stepsOff} steps from that of the file`,
      );
      // Layers that C computes in f32 may round a number near a half to the other byte.
      if (!inFloats) assert.ok(Math.abs(found - value) < 0.01 * scale, `${name}: logit ${at} is ${found}, not ${value}`);
    });
  }
}

/** (C, H, W), as files normalise it: in f32. */
function normalisedImage(
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

test('handmade networks', async () => {
  for (const [name, make] of Object.entries(handmade)) {
    const network = make();
    await check(name, network, trainedTensors(network, random('c', name)), random('c images', name));
  }
});

test('ten grown networks of all operators', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const network = grownNetwork(seed, 6);
    await check(`grown ${seed}`, network, trainedTensors(network, random('c', seed)), random('c images', seed), seed % 2 === 1);
  }
});

test('random networks over the whole union of layers', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const network = smallRandomNetwork(random('c networks', seed));
    await check(`random ${seed}`, network, trainedTensors(network, random('c', seed)), random('c images', seed), seed % 3 === 1);
  }
  assert.equal(kinds.size, 18, [...kinds].join());
});

test('logits in bytes are within a step of those of the file', () => {
  assert.ok(compared > 500 && beyond <= 0.02 * compared, `${beyond} of ${compared}`);
});
