/**
 * TensorFlow Lite files: their structure, by the schema and the 8-bit specification; and, where Python has LiteRT, their numbers against the
 * reference engine and, in bytes, each layer against the arithmetic of the other files. Networks of all layers, grown and random.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shapeOf, type Deployed } from '../../src/deploy/deployed.ts';
import { deploy } from '../../src/deploy/lower.ts';
import { describeStep } from '../../src/deploy/print.ts';
import { pixelBytes, quantisationOf, quantise, type Quantised } from '../../src/deploy/quantise.ts';
import { pixelLine, writeLite, type LiteOptions } from '../../src/formats/tflite/write.ts';
import type { Network, Shape } from '../../src/network/network.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { asBytes } from '../../src/util/bytes.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { assertClose } from '../support/comparing.ts';
import { calibrated, expectedOf, normalisedImage, optionsFor } from '../support/deployed-cases.ts';
import { quantisedValues } from '../support/deployed-forward.ts';
import { draft, grownNetwork, handmade, trainedTensors } from '../support/networks.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';
import { readModel, type ReadModel, type ReadTensor } from '../support/tflite-structure.ts';
import { interpret, withoutInterpreter, type LiteAnswer } from '../support/tflite.ts';

const classesOf = ({ steps, output }: Deployed): number => must(steps[output - 1], 'output').shape.channels;

function liteOptions(network: Network, deployed: Deployed): LiteOptions {
  const { mean, std, classes } = optionsFor(network, classesOf(deployed));
  return { mean, std, classes, description: 'of a test', metadata: { classes: JSON.stringify(classes) } };
}

/** The codes of the schema. */
const codes = { concatenation: 2, convolution: 3, depthwise: 4, logistic: 14, reshape: 22, pad: 34, gather: 36, maxPool: 17 };
const types = { float32: 0, int32: 2, int8: 9 };
const sizes: Readonly<Record<number, number>> = { [types.float32]: 4, [types.int32]: 4, [types.int8]: 1 };

const countOf = ({ shape }: ReadTensor): number => shape.reduce((count, extent) => count * extent, 1);

/** Whatever any file is to be. */
function checkStructure({ tensors, operators, inputs, outputs, buffers, codes: count }: ReadModel): void {
  const made = new Set(inputs);
  assert.deepEqual(buffers[0], new Uint8Array());
  assert.ok(count <= operators.length);
  tensors.forEach((tensor, at) => {
    const { type, buffer, scales, zeros, dimension, shape } = tensor;
    const data = must(buffers[buffer], 'buffer');
    if (buffer !== 0) {
      made.add(at);
      assert.equal(data.length, countOf(tensor) * must(sizes[type], 'type'));
    }
    assert.ok(shape.every((extent) => extent > 0));
    assert.equal(scales.length, zeros.length);
    assert.ok(scales.length <= 1 || scales.length === shape[dimension], 'a scale for each filter');
    assert.ok(scales.every((scale) => scale > 0 && Number.isFinite(scale)));
    assert.ok(zeros.every((zero) => zero >= -128 && zero <= 127));
    assert.equal(type === types.int8, scales.length > 0 && type !== types.int32, 'bytes have a scale');
  });
  for (const operator of operators) {
    for (const input of operator.inputs) assert.ok(made.has(input), `tensor ${input} is read before it is made`);
    for (const output of operator.outputs) {
      assert.ok(tensors[output] !== undefined && !made.has(output), `tensor ${output} is made once`);
      made.add(output);
    }
  }
  for (const output of outputs) assert.ok(made.has(output));
  assert.equal(made.size, tensors.length, 'no tensor is left over');
}

/** What the 8-bit specification asks of operators in bytes. */
function checkSpecification({ tensors, operators, buffers }: ReadModel): void {
  const tensorAt = (at: number | undefined): ReadTensor => must(tensors[at ?? -1], 'tensor');
  const sameBytes = (one: ReadTensor, other: ReadTensor): void =>
    assert.deepEqual([one.scales, one.zeros], [other.scales, other.zeros]);
  for (const { code, inputs, outputs } of operators) {
    const [input, second, third] = inputs.map(tensorAt) as [ReadTensor, ReadTensor, ReadTensor];
    const output = tensorAt(outputs[0]);
    if (input.type !== types.int8) continue;
    if (code === codes.convolution || code === codes.depthwise) {
      assert.equal(second.dimension, code === codes.convolution ? 0 : 3);
      assert.ok(new Int8Array(must(buffers[second.buffer], 'weights').slice().buffer).every((weight) => weight >= -127));
      assert.ok([...second.zeros, ...third.zeros].every((zero) => zero === 0));
      assert.equal(third.type, types.int32);
      const [scale] = input.scales;
      assert.deepEqual(
        third.scales,
        second.scales.map((each) => Math.fround(each * must(scale, 'scale'))),
      );
    }
    if (code === codes.concatenation) for (const at of inputs) sameBytes(tensorAt(at), output);
    if ([codes.maxPool, codes.pad, codes.gather, codes.reshape].includes(code)) sameBytes(input, output);
    if (code === codes.logistic) assert.deepEqual([output.scales, output.zeros], [[1 / 256], [-128]]);
  }
}

test('a file has the structure of the schema, and in bytes keeps to the specification', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), fc.boolean(), (seed, symmetric) => {
      const network = seed % 3 === 0 ? grownNetwork(seed, 5) : smallRandomNetwork(random('lite', seed), 12);
      const deployed = deploy(network, trainedTensors(network, random('lite', seed)));
      const options = liteOptions(network, deployed);
      const stream = random('ranges', seed);
      const ranges = Array.from({ length: deployed.steps.length + 1 }, () => ({
        least: -3 * stream.float(),
        most: 0.1 + 3 * stream.float(),
      }));
      for (const quantised of [null, quantise(deployed, ranges, symmetric)]) {
        const { bytes, operators } = writeLite(deployed, quantised, options);
        assert.deepEqual(writeLite(deployed, quantised, options).bytes, bytes, 'the same bytes again');
        const model = readModel(bytes);
        assert.equal(model.operators.length, operators);
        assert.equal(model.description, options.description);
        assert.deepEqual(model.metadata, options.metadata);
        checkStructure(model);
        checkSpecification(model);
        const [images, logits] = [model.inputs, model.outputs].map(([at]) => must(model.tensors[at ?? -1], 'tensor'));
        const { channels, height, width } = deployed.image;
        assert.deepEqual([images?.name, images?.shape], ['images', [1, height, width, channels]]);
        assert.deepEqual([logits?.name, logits?.shape], ['logits', [1, classesOf(deployed)]]);
      }
    }),
    { numRuns: 60 },
  );
});

test('all 256 pixels of a channel become the bytes of the other files', () => {
  const stream = random('pixels');
  let wrong = 0;
  for (let channel = 0; channel < 300; channel++) {
    const [mean, std] = [0.05 + 0.85 * stream.float(), 0.02 + 0.48 * stream.float()];
    const share = 0.5 + 0.5 * stream.float();
    const image = quantisationOf({ least: (-share * mean) / std, most: (share * (1 - mean)) / std }, channel % 3 === 0);
    const { weight, scale, bias } = pixelLine(mean, std, image);
    assert.ok(weight >= 64 && weight <= 127 && Number.isInteger(bias));
    pixelBytes(mean, std, image).forEach((byte, pixel) => {
      const found = Math.floor(((weight * pixel + bias) * scale) / image.scale + 0.5) + image.zero;
      const steps = Math.abs(Math.max(-128, Math.min(127, found)) - byte);
      assert.ok(steps <= 1, `channel ${channel}, pixel ${pixel}`);
      wrong += steps;
    });
  }
  assert.ok(wrong <= 10, `${wrong} of ${300 * 256} pixels`);
});

interface Prepared {
  readonly name: string;
  readonly deployed: Deployed;
  readonly quantised: Quantised;
  readonly expected: Float32Array;
  /** Normalised. */
  readonly images: readonly Float64Array[];
  readonly cases: Parameters<typeof interpret>[0];
}

const kinds = new Set<string>();

async function prepare(
  name: string,
  network: Network,
  symmetric = false,
  count = 6,
  tensors = trainedTensors(network, random('lite', name)),
): Promise<Prepared> {
  for (const { layer } of network.nodes) kinds.add(layer.kind);
  const deployed = deploy(network, tensors);
  const { channels, height, width } = deployed.image;
  const stream = random('lite images', name);
  const pixels = Uint8Array.from({ length: count * channels * height * width }, () => stream.integer(256));
  const options = optionsFor(network, classesOf(deployed));
  const lite = liteOptions(network, deployed);
  const quantised = quantise(deployed, await calibrated(deployed, pixels, options), symmetric);
  return {
    name,
    deployed,
    quantised,
    expected: await expectedOf(network, tensors, pixels, options),
    images: Array.from({ length: count }, (_none, image) => normalisedImage(pixels, image, deployed, options)),
    cases: [
      { name: `${name} in f32`, file: writeLite(deployed, null, lite).bytes, images: asBytes(Float32Array.from(pixels)) },
      {
        name: `${name} in bytes`,
        file: writeLite(deployed, quantised, { ...lite, values: true }).bytes,
        // The pixel less 128.
        images: pixels.map((pixel) => pixel ^ 0x80),
      },
    ],
  };
}

/** (C, H, W) of one of several images (N, H, W, C). */
function planar(numbers: ArrayLike<number>, image: number, { channels, height, width }: Shape): Float64Array {
  const size = height * width;
  return Float64Array.from({ length: channels * size }, (_none, at) =>
    must(numbers[image * channels * size + (at % size) * channels + Math.floor(at / size)], 'number'),
  );
}

/** TensorFlow Lite's reference kernel leaves out the last channel around each. */
const wrongInReference = (what: string): boolean => what.startsWith('response norm');

function checkFloats({ name, deployed, expected }: Prepared, { own, reference, batch, taken, given }: LiteAnswer): void {
  assert.deepEqual(
    [taken, given],
    [
      ['float32', 0, 0],
      ['float32', 0, 0],
    ],
  );
  assert.ok(batch, `${name}: all images at once`);
  const isWrong = deployed.steps.some((step) => wrongInReference(describeStep(step)));
  for (const [logits] of isWrong ? [own] : [own, reference]) {
    const found = must(logits, 'logits') as Float32Array;
    assertClose(found, expected, 1e-4, 1e-2, () => `${name}: logits`);
  }
}

/** Bytes that were compared, and those that are a step off, by kernels: those of the runtime's choice round once, as we do. */
const seen = { own: { compared: 0, off: 0 }, reference: { compared: 0, off: 0 } };

/** Each layer on the bytes that it read. */
function checkBytes({ name, deployed, quantised, images }: Prepared, { own, reference, batch, taken, given }: LiteAnswer): void {
  const of = (value: number) => must(quantised.values[value], 'quantisation');
  const { scale, zero } = of(deployed.output);
  assert.deepEqual(
    [taken, given],
    [
      ['int8', 1, -128],
      ['int8', scale, zero],
    ],
  );
  assert.ok(batch, `${name}: all images at once`);
  for (const kernels of ['own', 'reference'] as const) {
    const [, ...values] = { own, reference }[kernels];
    const counts = seen[kernels];
    images.forEach((normalised, image) => {
      const found = values.map((bytes, value) => planar(bytes, image, shapeOf(deployed, value)));
      const read = found.map((bytes, value) => bytes.map((byte) => (byte - of(value).zero) * of(value).scale));
      quantisedValues(quantised, normalised, read).forEach((numbers, value) => {
        const step = deployed.steps[value - 1];
        const what = step === undefined ? 'image' : describeStep(step);
        if (kernels === 'reference' && wrongInReference(what)) return;
        // The format's own pool rounds at the scale of its input, and then at that of the result.
        const most = what.startsWith('average pool') && what.endsWith('inside') ? 2 : 1;
        numbers.forEach((number, at) => {
          const steps = Math.abs(must(read[value]?.[at], 'number') - number) / of(value).scale;
          counts.compared++;
          if (steps > 0.5) counts.off++;
          assert.ok(steps < most + 0.01, `${name}, ${kernels} kernels: ${what} is ${steps} steps off`);
        });
      });
    });
  }
}

const checkAll = (all: readonly Prepared[]): void => {
  const answers = interpret(all.flatMap(({ cases }) => cases));
  for (const prepared of all) {
    checkFloats(prepared, must(answers.get(`${prepared.name} in f32`), 'answer'));
    checkBytes(prepared, must(answers.get(`${prepared.name} in bytes`), 'answer'));
  }
};

const skip = withoutInterpreter;

test('handmade networks', { skip }, async () => {
  checkAll(await Promise.all(Object.entries(handmade).map(([name, make]) => prepare(name, make()))));
});

test('ten grown networks of all operators', { skip }, async () => {
  checkAll(
    await Promise.all(
      Array.from({ length: 10 }, (_none, seed) => prepare(`grown ${seed}`, grownNetwork(seed, 6), seed % 2 === 1)),
    ),
  );
});

test('random networks over the whole union of layers', { skip }, async () => {
  const made = (seed: number): Network => smallRandomNetwork(random('lite networks', seed));
  checkAll(await Promise.all(Array.from({ length: 20 }, (_none, seed) => prepare(`random ${seed}`, made(seed), seed % 3 === 1))));
  assert.equal(kinds.size, 18, [...kinds].join());
});

test('shares below zero, of nothing, of all', { skip }, async () => {
  const { block, mix, head } = draft(2, 5);
  const start = block(0, 3);
  const network = head(block(mix(start, block(start, 3)), 2));
  const shares = [-0.25, 0, 1, 1.25];
  const withShare = (share: number): Tensors => {
    const tensors = trainedTensors(network, random('shares'));
    const name = must(
      Object.keys(tensors).find((each) => each.endsWith('/mix')),
      'mix',
    );
    return { ...tensors, [name]: { shape: [1], data: Float32Array.of(share) } };
  };
  checkAll(await Promise.all(shares.map((share) => prepare(`share ${share}`, network, false, 6, withShare(share)))));
});

test('a thousand images', { skip }, async () => {
  checkAll([await prepare('many', grownNetwork(3, 4), false, 1000)]);
  for (const [kernels, most] of Object.entries({ own: 0.01, reference: 0.02 })) {
    const { compared, off } = seen[kernels as keyof typeof seen];
    assert.ok(compared > 1e6 && off <= most * compared, `${kernels}: ${off} of ${compared} bytes are a step off`);
  }
});
