/** How a start network begins: uniform as ever, or passing what it reads behind whitening filters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allBytes } from '../../src/data/images.ts';
import { clean } from '../../src/data/augmentation/augmentation.ts';
import { createBatcher } from '../../src/data/batches.ts';
import { datasetOf, measurePixels, type Dataset } from '../../src/data/dataset.ts';
import { splitDataset } from '../../src/data/split.ts';
import type { Network, Shape } from '../../src/network/network.ts';
import { initialTensors, parametersOf } from '../../src/network/parameters.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import type { Images } from '../../src/training/grow.ts';
import { initialise, patchCovariance, withIdentity, withWhitening } from '../../src/training/initialisation.ts';
import type { Initialisation } from '../../src/training/job.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { forward } from '../support/forward.ts';

/** Smooth images: neighbours are alike, and so are channels. */
function smooth(shape: Shape, count: number): Dataset {
  const { channels, height, width } = shape;
  const stream = random('smooth', channels, height);
  const images = new Uint8Array(count * channels * height * width);
  for (let n = 0; n < count; n++) {
    const waves = Array.from({ length: 6 }, () => [stream.normal() * 0.6, stream.normal() * 0.6, stream.float() * 6.28] as const);
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const wave = waves.reduce((sum, [fy, fx, phase]) => sum + Math.cos(fy * y + fx * x + phase + 0.3 * c), 0);
          images[((n * channels + c) * height + y) * width + x] = Math.max(
            0,
            Math.min(255, 128 + 22 * wave + 12 * stream.normal()),
          );
        }
  }
  const part = { images, labels: Uint16Array.from({ length: count }, (_none, n) => n % 2) };
  const content = { classes: ['a', 'b'], shape, train: part, test: part, flip: false, ...measurePixels(images, shape) };
  return datasetOf('smooth', 'memory', content);
}

const imagesOf = (dataset: Dataset, normalise = true, batch = 16): Images => ({
  dataset,
  batcher: createBatcher(dataset, clean(normalise), batch),
  batch,
  ...splitDataset(dataset, { validation: 0.1 }),
});

const still = (): Promise<void> => Promise.resolve();
const key = ['key'];
const begun = (network: Network, images: Images, initialisation: Initialisation = 'identity'): Promise<Tensors> =>
  initialise(network, key, initialisation, images, still);

const colour = { channels: 3, height: 10, width: 12 };
const images = imagesOf(smooth(colour, 120));
const staged = stagedNetwork(colour, 2, [13, 16, 8]);

/** What a 3×3 kernel gives for each patch of the training images, without padding: (out, patches), in f64. */
function responsesOf(kernel: Float32Array, { dataset, train, batcher, batch }: Images): Float64Array[] {
  const { channels, height, width } = dataset.shape;
  const size = channels * 9;
  const rows: number[][] = Array.from({ length: kernel.length / size }, () => []);
  const values = new Float32Array(batch * channels * height * width);
  const labels = new Float32Array(batch * dataset.classes.length);
  for (let at = 0; at < train.length; at += batch) {
    const count = batcher.fillClean(dataset.train, train, at, values, labels);
    for (let n = 0; n < count; n++)
      for (let y = 0; y + 3 <= height; y++)
        for (let x = 0; x + 3 <= width; x++)
          rows.forEach((row, filter) => {
            let sum = 0;
            for (let i = 0; i < size; i++) {
              const [c, v, u] = [Math.floor(i / 9), Math.floor(i / 3) % 3, i % 3];
              sum +=
                (kernel[filter * size + i] as number) * (values[((n * channels + c) * height + y + v) * width + x + u] as number);
            }
            row.push(sum);
          });
  }
  return rows.map((row) => Float64Array.from(row));
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
function covarianceOf(a: Float64Array, b: Float64Array): number {
  const [of, to] = [mean(a), mean(b)];
  return a.reduce((sum, value, i) => sum + (value - of) * ((b[i] as number) - to), 0) / a.length;
}

const sameNumbers = (a: Tensors, b: Tensors, name: string): boolean =>
  must(a[name], name).data.every((value, at) => value === b[name]?.data[at]);

await test('uniform: the draws that there were, to the bit, whatever the images', async () => {
  for (const network of [staged, vanillaNetwork(colour, 2, [3, 4])])
    assert.deepEqual(await begun(network, images, 'uniform'), initialTensors(network, random(...key)));
});

for (const [what, seen, widths] of [
  ['colour', images, [13, 4]],
  ['grey', imagesOf(smooth({ channels: 1, height: 9, width: 9 }, 100)), [18, 4]],
  ['colour, not normalised', imagesOf(smooth(colour, 120), false), [54, 4]],
] as const)
  await test(`whitening: responses on patches of about one variance and without correlation; ${what}`, async () => {
    const { shape } = seen.dataset;
    const tensors = await begun(stagedNetwork(shape, 2, widths), seen);
    const kernel = must(tensors['1/kernel'], 'kernel').data;
    const count = Math.min(Math.floor(widths[0] / 2), shape.channels * 9);
    const responses = responsesOf(kernel, seen).slice(0, 2 * count);
    for (const [i, a] of responses.slice(0, count).entries()) {
      const variance = covarianceOf(a, a);
      // Less by the damping, which the smallest eigenvalues feel most.
      assert.ok(variance > 0.9 && variance < 1.0001, `filter ${i} has variance ${variance}`);
      for (const b of responses.slice(0, i)) assert.ok(Math.abs(covarianceOf(a, b)) < 1e-4, `filter ${i}`);
      a.forEach((value, at) => assert.equal(responses[count + i]?.[at], -value));
    }
  });

await test('the filters are those of the largest eigenvalues, the rest is drawn, the bias is 0', async () => {
  const covariance = must(await patchCovariance(images, 3, still), 'covariance');
  const tensors = await begun(staged, images);
  const drawn = initialTensors(staged, random(...key));
  const { shape, data } = must(tensors['1/kernel'], 'kernel');
  const size = 27;
  // 13 filters: six pairs, and one that is drawn.
  assert.deepEqual(data.slice(12 * size), must(drawn['1/kernel'], 'kernel').data.slice(12 * size));
  assert.deepEqual(
    [...must(tensors['1/bias'], 'bias').data],
    Array.from({ length: 13 }, () => 0),
  );
  // The longer a filter, the smaller its eigenvalue.
  const lengths = Array.from({ length: 6 }, (_none, i) =>
    data.subarray(i * size, (i + 1) * size).reduce((sum, value) => sum + value ** 2, 0),
  );
  assert.deepEqual(
    lengths,
    lengths.toSorted((a, b) => a - b),
  );
  const trace = Array.from({ length: size }, (_none, i) => covariance[i * size + i] as number).reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(trace / size - 1) < 0.1, 'normalised pixels have a variance of about 1');
  assert.deepEqual(withWhitening(must(drawn['1/kernel'], 'kernel'), covariance), { shape, data });
});

await test('more filters than patches have numbers: all pairs, and the rest is drawn', async () => {
  const seen = imagesOf(smooth({ channels: 1, height: 9, width: 9 }, 100));
  const network = stagedNetwork(seen.dataset.shape, 2, [24, 4]);
  const kernel = must((await begun(network, seen))['1/kernel'], 'kernel').data;
  const drawn = must(initialTensors(network, random(...key))['1/kernel'], 'kernel').data;
  assert.deepEqual(kernel.slice(18 * 9), drawn.slice(18 * 9));
  assert.ok(kernel.slice(0, 18 * 9).every((value, at) => value !== drawn[at]));
});

await test('the covariance is that of all patches of the training images, in f64', async () => {
  const covariance = must(await patchCovariance(images, 3, still), 'covariance');
  const unit = new Float32Array(27 * 27);
  for (let i = 0; i < 27; i++) unit[i * 27 + i] = 1;
  const pixels = responsesOf(unit, images);
  for (const [i, a] of pixels.entries())
    for (const [j, b] of pixels.entries())
      assert.ok(Math.abs((covariance[i * 27 + j] as number) - covarianceOf(a, b)) < 1e-9, `${i} ${j}`);
});

await test('the same images give the same filters, however they are batched; validation images have no part', async () => {
  const of = async (seen: Images): Promise<Float32Array> => must((await begun(staged, seen))['1/kernel'], 'kernel').data;
  const first = await of(images);
  assert.deepEqual(await of(images), first);
  assert.deepEqual(await of(imagesOf(images.dataset, true, 7)), first);
  const { train } = images.dataset;
  const changed = { ...train, images: allBytes(train.images).slice() };
  const size = 3 * 10 * 12;
  for (const index of images.validation) changed.images.fill(0, index * size, (index + 1) * size);
  assert.deepEqual(await of({ ...images, dataset: { ...images.dataset, train: changed } }), first);
  for (const index of images.train.slice(0, 20)) changed.images.fill(0, index * size, (index + 1) * size);
  assert.notDeepEqual(await of({ ...images, dataset: { ...images.dataset, train: changed } }), first);
});

await test('no patch in an image, or nothing that varies: what was drawn stays', async () => {
  const small = { channels: 1, height: 2, width: 2 };
  const flat = smooth({ channels: 1, height: 6, width: 6 }, 20);
  const constant = { ...flat, train: { ...flat.train, images: allBytes(flat.train.images).slice().fill(9) } };
  for (const seen of [imagesOf(smooth(small, 20)), imagesOf(constant)]) {
    const network = stagedNetwork(seen.dataset.shape, 2, [4, 3]);
    const drawn = initialTensors(network, random(...key));
    const tensors = await begun(network, seen);
    for (const name of ['1/kernel', '1/bias']) assert.deepEqual(tensors[name], drawn[name]);
  }
});

await test('identity filters pass their channels; the others are drawn', async () => {
  const tensors = await begun(staged, images);
  const drawn = initialTensors(staged, random(...key));
  const stream = random('identity');
  const input = { batch: 2, shape: colour, data: new Float64Array(2 * 3 * 120).map(() => stream.normal()) };
  const values = forward(staged, tensors, input, 'training');
  let convolutions = 0;
  for (const { id, layer, inputs } of staged.nodes) {
    if (layer.kind !== 'convolution' || layer.frozen === true) continue;
    convolutions++;
    const [read, given] = [must(values.get(inputs[0] ?? -1), 'input'), must(values.get(id), 'output')];
    const passed = Math.min(read.shape.channels, layer.channels);
    const area = read.shape.height * read.shape.width;
    for (let n = 0; n < 2; n++)
      for (let c = 0; c < passed; c++)
        for (let at = 0; at < area; at++)
          assert.equal(
            given.data[(n * layer.channels + c) * area + at],
            read.data[(n * read.shape.channels + c) * area + at],
            `node ${id}, channel ${c}`,
          );
    const row = read.shape.channels * 9;
    const name = `${id}/kernel`;
    assert.deepEqual(tensors[name]?.data.slice(passed * row), drawn[name]?.data.slice(passed * row));
  }
  assert.equal(convolutions, 4);
  const changed = parametersOf(staged).filter(({ name }) => tensors[name] !== drawn[name] && !sameNumbers(tensors, drawn, name));
  assert.deepEqual(
    changed.map(({ name }) => name),
    ['1/kernel', '1/bias', '3/kernel', '7/kernel', '10/kernel', '14/kernel'],
  );
});

await test('a kernel with more inputs than outputs passes the first of them; nothing is written to', () => {
  const drawn = { shape: [2, 3, 3, 3], data: new Float32Array(54).fill(0.5) };
  const { data } = withIdentity(drawn);
  assert.ok(drawn.data.every((value) => value === 0.5));
  assert.deepEqual(
    [...data].flatMap((value, at) => (value === 0 ? [] : [[at, value]])),
    [
      [4, 1],
      [27 + 9 + 4, 1],
    ],
  );
});
