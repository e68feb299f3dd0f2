/** TensorFlow Lite files against the reference engine and, in bytes, against the arithmetic of the other files: networks of all layers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploy } from '../../src/deploy/lower.ts';
import { quantise, type Quantised } from '../../src/deploy/quantise.ts';
import type { Deployed } from '../../src/deploy/deployed.ts';
import { writeLite, type LiteOptions } from '../../src/formats/tflite/write.ts';
import type { Network } from '../../src/network/network.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { calibrated, expectedOf, normalisedImage, optionsFor } from '../support/deployed-cases.ts';
import { quantisedLogits } from '../support/deployed-forward.ts';
import { grownNetwork, handmade, trainedTensors } from '../support/networks.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';
import { interpret, withoutInterpreter, type LiteCase } from '../support/tflite.ts';

const images = 6;

const kinds = new Set<string>();

interface Prepared {
  readonly name: string;
  readonly deployed: Deployed;
  readonly quantised: Quantised;
  readonly expected: Float32Array;
  readonly exact: readonly Float64Array[];
  readonly cases: readonly LiteCase[];
}

/** Bytes as a file in bytes takes them. */
const aroundZero = (pixels: Uint8Array): Uint8Array => pixels.map((pixel) => pixel ^ 0x80);

async function prepare(name: string, network: Network, symmetric: boolean): Promise<Prepared> {
  for (const { layer } of network.nodes) kinds.add(layer.kind);
  const tensors = trainedTensors(network, random('lite', name));
  const deployed = deploy(network, tensors);
  const { channels, height, width } = deployed.image;
  const stream = random('lite images', name);
  const pixels = Uint8Array.from({ length: images * channels * height * width }, () => stream.integer(256));
  const options = optionsFor(network, must(deployed.steps[deployed.output - 1], 'output').shape.channels);
  const lite: LiteOptions = { ...options, description: name, metadata: { classes: JSON.stringify(options.classes) } };
  const quantised = quantise(deployed, await calibrated(deployed, pixels, options), symmetric);
  return {
    name,
    deployed,
    quantised,
    expected: await expectedOf(network, tensors, pixels, options),
    exact: Array.from({ length: images }, (_none, image) =>
      quantisedLogits(quantised, normalisedImage(pixels, image, deployed, options)),
    ),
    cases: [
      { name: `${name} in f32`, file: writeLite(deployed, null, lite).bytes, images: pixels },
      { name: `${name} in bytes`, file: writeLite(deployed, quantised, lite).bytes, images: aroundZero(pixels) },
    ],
  };
}

let [compared, beyond] = [0, 0];

test('logits are those of the engine, and in bytes those of the other files', { skip: withoutInterpreter }, async () => {
  const all: Prepared[] = [];
  for (const [name, make] of Object.entries(handmade)) all.push(await prepare(name, make(), false));
  for (let seed = 0; seed < 10; seed++) all.push(await prepare(`grown ${seed}`, grownNetwork(seed, 6), seed % 2 === 1));
  for (let seed = 0; seed < 20; seed++)
    all.push(await prepare(`random ${seed}`, smallRandomNetwork(random('lite networks', seed)), seed % 3 === 1));
  const answers = interpret(all.flatMap(({ cases }) => cases));
  for (const { name, quantised, deployed, expected, exact } of all) {
    const inFloats = must(answers.get(`${name} in f32`), name);
    for (const found of [inFloats.own, inFloats.reference])
      assertClose(new Float32Array(found.buffer), expected, 1e-4, 1e-2, () => `${name}: logits`);
    const inBytes = must(answers.get(`${name} in bytes`), name);
    const { scale, zero } = must(quantised.values[deployed.output], 'logits');
    assert.deepEqual(inBytes.given, ['int8', scale, zero]);
    assert.deepEqual(inBytes.taken, ['int8', 1, -128]);
    const worst = [inBytes.own, inBytes.reference].map((found) => {
      let most = 0;
      const bytes = new Int8Array(found.buffer);
      exact.forEach((logits, image) =>
        logits.forEach((value, at) => {
          const off = Math.abs(must(bytes[image * logits.length + at], 'byte') - Math.round(value / scale) - zero);
          compared++;
          if (off > 1) beyond++;
          most = Math.max(most, off);
        }),
      );
      return most;
    });
    console.log(name, worst.join(), inFloats.batch, inBytes.batch);
  }
  console.log(compared, beyond, kinds.size);
});
