/** C against the reference engine, and C in bytes against ONNX Runtime on the file in bytes: networks of all layers, grown and random. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploy } from '../../src/deploy/lower.ts';
import { planMemory } from '../../src/deploy/memory.ts';
import { quantise } from '../../src/deploy/quantise.ts';
import { writeCode } from '../../src/formats/c/write.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { writeDeployed } from '../../src/formats/onnx/write-network.ts';
import type { Network } from '../../src/network/network.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { calibrated, deploymentFor, expectedOf, normalisedImage, optionsFor, outputsOf } from '../support/deployed-cases.ts';
import { runCode } from '../support/deployed-code.ts';
import { quantisedLogits } from '../support/deployed-forward.ts';
import { grownNetwork, handmade, trainedTensors } from '../support/networks.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';

const images = 6;

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
