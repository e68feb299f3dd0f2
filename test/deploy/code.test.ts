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

async function check(name: string, network: Network, tensors: Tensors, stream: Random, symmetric = false): Promise<void> {
  for (const { layer } of network.nodes) kinds.add(layer.kind);
  const deployed = deploy(network, tensors);
  const { channels, height, width } = deployed.image;
  const pixels = Uint8Array.from({ length: images * channels * height * width }, () => stream.integer(256));
  const options = optionsFor(network, must(deployed.steps[deployed.output - 1], 'output').shape.channels);
  const expected = await expectedOf(network, tensors, pixels, options);

  const code = writeCode(deployed, null, options);
  assert.deepEqual(writeCode(deployed, null, options), code, 'the same bytes again');
  const ran = runCode(code, pixels);
  assertClose(ran.logits, expected, 1e-4, 1e-2, () => `${name}: logits`);
  const { size, least } = planMemory(deployed);
  assert.ok(size >= least, name);
  assert.equal(code.arenaBytes, 4 * size);
  // A number that was written may equal the paint of one byte by chance.
  assert.ok(
    ran.touched <= code.arenaBytes && ran.touched >= 0.9 * code.arenaBytes,
    `${name}: ${ran.touched} of ${code.arenaBytes}`,
  );

  const quantised = quantise(deployed, await calibrated(deployed, pixels, options), symmetric);
  const [file] = await outputsOf(encodeModel(writeDeployed(deployed, deploymentFor(options), { quantised })), pixels, deployed);
  const bytes = writeCode(deployed, quantised, options);
  const inBytes = runCode(bytes, pixels);
  const { scale } = must(quantised.values[deployed.output], 'logits');
  const wanted = must(file, 'logits');
  wanted.forEach((value, at) => {
    const found = inBytes.logits[at] as number;
    assert.ok(Math.abs(found - value) <= 1.01 * scale, `${name}: logit ${at} is ${found}, not ${value}; a step is ${scale}`);
  });
  assert.ok(
    inBytes.touched <= bytes.arenaBytes && inBytes.touched >= 0.85 * bytes.arenaBytes,
    `${name}: ${inBytes.touched} of ${bytes.arenaBytes}`,
  );
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
