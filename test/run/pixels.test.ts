/** How the pixels of a model are scaled: what options and metadata say, and what evidence decides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { givenScaling, ofRange, rangeIn, seenThrough, usualScalings, type NamedScaling } from '../../src/data/pixel-scales.ts';
import { freeze, type Layer, type Network } from '../../src/network/network.ts';
import { chooseScaling, isNearChance, likenessOf, mostAccurate } from '../../src/run/preparing/pixel-evidence.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';

const rounded = (numbers: readonly number[]): readonly number[] => numbers.map((value) => Number(value.toFixed(6)));

test('options in their own units become one mean and deviation of pixels from 0 to 1', () => {
  const of = (...[given, channels = 1]: [Parameters<typeof givenScaling>[0], number?]): NamedScaling =>
    must(givenScaling(given, channels, { mean: [0.3], std: [0.2] }), 'scaling');
  const said = ({ mean, std }: NamedScaling): readonly number[] => rounded([...mean, ...std]);
  assert.equal(givenScaling({}, 3, null), null);
  assert.deepEqual(said(of({ pixels: '0-255' })), rounded([0, 1 / 255]));
  assert.deepEqual(said(of({ pixels: 'raw' })), rounded([0, 1 / 255]));
  assert.deepEqual(said(of({ pixels: '-1-1' })), [0.5, 0.5]);
  assert.deepEqual(said(of({ mean: [0.1307], std: [0.3081] })), [0.1307, 0.3081]);
  // Numbers of bytes are known by their size.
  assert.deepEqual(said(of({ mean: [127.5], std: [127.5] })), [0.5, 0.5]);
  assert.deepEqual(said(of({ pixels: '-1-1', std: [0.5] })), [0.5, 0.25]);
  assert.deepEqual(said(of({ pixels: 'normalised' })), [0.3, 0.2]);
  assert.deepEqual(rounded(of({ mean: [0.5] }, 3).mean), [0.5, 0.5, 0.5]);
  assert.throws(() => of({ pixels: 'imagenet' }), /of three channels/);
  assert.throws(() => givenScaling({ pixels: 'normalised' }, 1, null), /needs the images of a dataset/);
});

test('what a first layer sees behind a normalisation inside', () => {
  // (x/255 − 0.4)/0.2 of x from 0 to 255.
  const inside = { scale: [1 / 51], shift: [-2] };
  const seen = seenThrough(ofRange('0-255', 1), inside);
  assert.deepEqual([rounded(seen.mean), rounded(seen.std)], [[0.4], [0.2]]);
  // The same is given pixels from 0 to 1.
  const wrong = seenThrough(ofRange('0-1', 1), inside);
  assert.deepEqual([rounded(wrong.mean), rounded(wrong.std)], [[102], [51]]);
});

test('metadata of the ONNX standard, and only that', () => {
  assert.equal(rangeIn({ 'Image.NominalPixelRange': 'Normalized_1_1' }), '-1-1');
  assert.equal(rangeIn({ 'Image.NominalPixelRange': 'NominalRange_0_255' }), '0-255');
  for (const other of ['toString', 'constructor', '', 'NominalRange_16_235'])
    assert.equal(rangeIn({ 'Image.NominalPixelRange': other }), null);
});

test('near chance: twice it, or a tenth of the way from it', () => {
  assert.ok(isNearChance(0.11, 10));
  assert.ok(!isNearChance(0.2, 10));
  assert.ok(isNearChance(0.54, 2));
  assert.ok(!isNearChance(0.6, 2));
  assert.ok(!isNearChance(0.01, 1000));
});

const shape = { channels: 3, height: 12, width: 12 };
const stream = random('pixels of evidence');
const images = Uint8Array.from({ length: 64 * 3 * 144 }, () =>
  Math.min(255, Math.round(70 + 90 * stream.float() + 60 * stream.float())),
);
const part = { images, labels: new Uint16Array(64) };
const scalings = usualScalings(3, null);
const nodesOf = (...layers: readonly Layer[]): Network =>
  freeze([{ kind: 'image', shape } as const, ...layers].map((layer, id) => ({ id, layer, inputs: id === 0 ? [] : [id - 1] })));
const convolution: Layer = { kind: 'convolution', channels: 8, kernel: 3, stride: 1, padding: 1, bias: true };
const kernel = { shape: [8, 3, 3, 3], data: Float32Array.from({ length: 8 * 27 }, () => 0.2 * stream.normal()) };
const bias = { shape: [8], data: Float32Array.from({ length: 8 }, () => stream.normal()) };

/** The mean and variance of what a convolution gives inside the images, plainly. */
function givenBy({ mean, std }: NamedScaling): { mean: Float32Array; variance: Float32Array } {
  const [means, variances] = [new Float32Array(8), new Float32Array(8)];
  for (let output = 0; output < 8; output++) {
    const values: number[] = [];
    for (let image = 0; image < 64; image++)
      for (let y = 0; y < 10; y++)
        for (let x = 0; x < 10; x++) {
          let sum = bias.data[output] as number;
          for (let at = 0; at < 27; at++) {
            const [channel, row, column] = [Math.floor(at / 9), Math.floor(at / 3) % 3, at % 3];
            const pixel = images[((image * 3 + channel) * 12 + y + row) * 12 + x + column] as number;
            sum +=
              (kernel.data[output * 27 + at] as number) * ((pixel / 255 - (mean[channel] as number)) / (std[channel] as number));
          }
          values.push(sum);
        }
    const centre = values.reduce((sum, value) => sum + value, 0) / values.length;
    means[output] = centre;
    variances[output] = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / values.length;
  }
  return { mean: means, variance: variances };
}

test('the running statistics of the first batch normalisation say how pixels were scaled', () => {
  const network = nodesOf(
    { kind: 'pad', top: 1, left: 1, bottom: 0, right: 0, value: 'zero' },
    convolution,
    { kind: 'batch-normalization', epsilon: 1e-5 },
    { kind: 'relu' },
  );
  for (const right of scalings) {
    const { mean, variance } = givenBy(right);
    const statistics = { '3/mean': { shape: [8], data: mean }, '3/variance': { shape: [8], data: variance } };
    const tensors = { '2/kernel': kernel, '2/bias': bias, ...statistics };
    const likeness = must(likenessOf({ network, tensors }, scalings, part, shape), 'likeness');
    const found = chooseScaling(scalings, [], 0, 10, likeness);
    assert.equal(found.scaling.name, right.name);
    assert.ok(Math.min(...likeness.distances) < 0.02, `${likeness.distances}`);
    assert.match(found.why, /^with which its first layer gives what its first batch normalisation saw in training$/);
  }
});

test('a batch normalisation of the image itself says it too', () => {
  const network = nodesOf({ kind: 'batch-normalization', epsilon: 1e-5 }, convolution);
  const at = (mean: number, variance: number) => ({
    '1/mean': { shape: [3], data: new Float32Array(3).fill(mean) },
    '1/variance': { shape: [3], data: new Float32Array(3).fill(variance) },
  });
  const nameOf = (tensors: ReturnType<typeof at>): string =>
    chooseScaling(scalings, [], 0, 10, likenessOf({ network, tensors }, scalings, part, shape)).scaling.name;
  assert.equal(nameOf(at(145, 960)), '0-255');
  assert.equal(nameOf(at(145 / 255, 960 / 255 ** 2)), '0-1');
  assert.equal(nameOf(at((2 * 145) / 255 - 1, (4 * 960) / 255 ** 2)), '-1-1');
});

test('folded, only what is plainly of another size is taken for another scaling', () => {
  const network = nodesOf(convolution, { kind: 'relu' });
  const scaled = (factor: number) => ({
    '1/kernel': { shape: kernel.shape, data: kernel.data.map((value) => factor * value) },
    '1/bias': { shape: [8], data: new Float32Array(8) },
  });
  const chosen = (factor: number) =>
    chooseScaling(scalings, [], 0, 10, likenessOf({ network, tensors: scaled(factor) }, scalings, part, shape));
  assert.equal(chosen(1).scaling.name, 'imagenet');
  assert.match(chosen(1).why, /this may be wrong/);
  const bytes = chosen(1 / 60);
  assert.equal(bytes.scaling.name, '0-255');
  assert.match(bytes.why, /this may be wrong/);
});

test('of labelled images: the most accurate; within the error of it, the lowest loss; at chance, the first layer', () => {
  const [imagenet, unit, signed, bytes] = scalings as [NamedScaling, NamedScaling, NamedScaling, NamedScaling];
  const tried = [
    { scaling: imagenet, accuracy: 0.93, loss: 0.4 },
    { scaling: unit, accuracy: 0.7, loss: 0.1 },
    { scaling: signed, accuracy: 0.925, loss: 0.3 },
    { scaling: bytes, accuracy: 0.1, loss: Infinity },
  ];
  assert.equal(mostAccurate(tried, 100)?.scaling.name, '-1-1');
  assert.equal(mostAccurate(tried, 100_000)?.scaling.name, 'imagenet');
  const found = chooseScaling(scalings, tried, 100, 10, null);
  assert.match(found.why, /^with which 92\.5 % of 100 images are right \(imagenet 93\.0 %, 0-1 70\.0 %, 0-255 10\.0 %\)$/);
  const poor = tried.map((one) => ({ ...one, accuracy: 0.1 }));
  const likeness = { distances: [3, 4, 5, 1], known: false };
  assert.equal(chooseScaling(scalings, poor, 100, 10, likeness).scaling.name, '0-255');
  assert.match(
    chooseScaling(scalings, poor, 100, 10, null).why,
    /lowest loss; by no scaling more of 100 images .* may be wrong$/,
  );
});
