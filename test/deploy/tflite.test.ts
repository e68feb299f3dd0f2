/** TensorFlow Lite files against the reference engine and, in bytes, against the arithmetic of the other files: networks of all layers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploy } from '../../src/deploy/lower.ts';
import { describeStep } from '../../src/deploy/print.ts';
import { quantise, type Quantised } from '../../src/deploy/quantise.ts';
import { shapeOf, type Deployed } from '../../src/deploy/deployed.ts';
import { writeLite, type LiteOptions } from '../../src/formats/tflite/write.ts';
import type { Network, Shape } from '../../src/network/network.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { calibrated, expectedOf, normalisedImage, optionsFor } from '../support/deployed-cases.ts';
import { quantisedValues } from '../support/deployed-forward.ts';
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
    exact: Array.from({ length: images }, (_none, image) => normalisedImage(pixels, image, deployed, options)),
    cases: [
      { name: `${name} in f32`, file: writeLite(deployed, null, lite).bytes, images: pixels },
      {
        name: `${name} in bytes`,
        file: writeLite(deployed, quantised, { ...lite, values: true }).bytes,
        images: aroundZero(pixels),
      },
    ],
  };
}

let [compared, beyond] = [0, 0];
const worstOf = new Map<string, number>();

/** (C, H, W) of one of several images (N, H, W, C). */
function planar(numbers: ArrayLike<number>, image: number, { channels, height, width }: Shape): Float64Array {
  const size = height * width;
  const from = image * channels * size;
  return Float64Array.from({ length: channels * size }, (_none, at) =>
    must(numbers[from + (at % size) * channels + Math.floor(at / size)], 'number'),
  );
}

test('logits are those of the engine, and in bytes those of the other files', { skip: withoutInterpreter }, async () => {
  const all: Prepared[] = [];
  for (const [name, make] of Object.entries(handmade)) all.push(await prepare(name, make(), false));
  for (let seed = 0; seed < 10; seed++) all.push(await prepare(`grown ${seed}`, grownNetwork(seed, 6), seed % 2 === 1));
  for (let seed = 0; seed < 20; seed++)
    all.push(await prepare(`random ${seed}`, smallRandomNetwork(random('lite networks', seed)), seed % 3 === 1));
  const answers = interpret(all.flatMap(({ cases }) => cases));
  for (const { name, quantised, deployed, expected, exact } of all) {
    const inFloats = must(answers.get(`${name} in f32`), name);
    const hasLrn = deployed.steps.some(({ operation }) => operation.kind === 'response-normalization');
    for (const found of hasLrn ? [inFloats.own] : [inFloats.own, inFloats.reference])
      assertClose(found[0] as Float32Array, expected, 1e-4, 1e-2, () => `${name}: logits`);
    const inBytes = must(answers.get(`${name} in bytes`), name);
    const { scale, zero } = must(quantised.values[deployed.output], 'logits');
    assert.deepEqual(inBytes.given, ['int8', scale, zero]);
    assert.deepEqual(inBytes.taken, ['int8', 1, -128]);
    for (const kernels of ['own', 'reference'] as const) {
      const [, ...values] = inBytes[kernels];
      for (let image = 0; image < images; image++) {
        const given = values.map((bytes, value) => {
          const q = must(quantised.values[value], 'q');
          return planar(bytes, image, shapeOf(deployed, value)).map((byte) => (byte - q.zero) * q.scale);
        });
        const wanted = quantisedValues(quantised, exact[image] as Float64Array, given);
        wanted.forEach((numbers, value) => {
          const q = must(quantised.values[value], 'q');
          const step = deployed.steps[value - 1];
          const kind = step === undefined ? 'image' : describeStep(step).replace(/channels .*/, 'channels');
          numbers.forEach((number, at) => {
            const off = Math.abs(Math.round((number - must(given[value]?.[at], 'n')) / q.scale));
            compared++;
            if (off > 1) beyond++;
            const key = `${kernels} ${kind}`;
            worstOf.set(key, Math.max(worstOf.get(key) ?? 0, off));
          });
        });
      }
    }
    if (!inFloats.batch || !inBytes.batch) console.log(name, inFloats.batch, inBytes.batch);
  }
  console.log(
    compared,
    beyond,
    kinds.size,
    [...worstOf].filter(([, v]) => v > 0),
  );
});
