import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { allBytes } from '../../src/data/images.ts';
import { additionsOff, type AugmentationSettings } from '../../src/data/augmentation/augmentation.ts';
import { brightness } from '../../src/data/augmentation/brightness.ts';
import { contrast } from '../../src/data/augmentation/contrast.ts';
import { crop } from '../../src/data/augmentation/crop.ts';
import { flip } from '../../src/data/augmentation/flip.ts';
import { policy } from '../../src/data/augmentation/policy.ts';
import { saturation } from '../../src/data/augmentation/saturation.ts';
import { shift } from '../../src/data/augmentation/shift.ts';
import { createBatcher } from '../../src/data/batches.ts';
import { must } from '../../src/util/assert.ts';
import { sha256 } from '../../src/util/hash.ts';
import { random, type Random } from '../../src/util/random.ts';
import { noiseDataset } from './places.ts';

const off: AugmentationSettings = { flip: false, normalise: false, shift: 0, cutout: 0, mixup: 0 };
const all: AugmentationSettings = { flip: true, normalise: true, shift: 0.25, cutout: 0.5, mixup: 1 };
const shape = { channels: 3, height: 4, width: 5 };
const size = 60;
const dataset = noiseDataset([0, 1, 2, 0, 1, 2, 0, 1, 2, 2], shape);
const order = Uint32Array.of(9, 1, 8, 2, 7, 3, 6, 4, 5, 0);

const memory = (batch: number): { images: Float32Array; labels: Float32Array } => ({
  images: new Float32Array(batch * size).fill(Number.NaN),
  labels: new Float32Array(batch * 3).fill(Number.NaN),
});

/** Row of values, and position of its class. */
function expectClean(images: Float32Array, labels: Float32Array, row: number, index: number): void {
  for (let place = 0; place < size; place++) {
    const channel = Math.floor(place / 20);
    const pixel = allBytes(dataset.train.images)[index * size + place] as number;
    const value = (pixel / 255 - (dataset.mean[channel] as number)) / (dataset.std[channel] as number);
    assert.equal(images[row * size + place], Math.fround(value));
  }
  const wanted = [0, 1, 2].map((label) => (label === dataset.train.labels[index] ? 1 : 0));
  assert.deepEqual([...labels.subarray(row * 3, row * 3 + 3)], wanted);
}

test('clean batches hold each image once, normalised, and zeros behind the last', () => {
  const batcher = createBatcher(dataset, all, 4);
  const { images, labels } = memory(4);
  for (const [at, filled] of [
    [0, 4],
    [4, 4],
    [8, 2],
    [10, 0],
  ] as const) {
    assert.equal(batcher.fillClean(dataset.train, order, at, images, labels), filled);
    for (let row = 0; row < filled; row++) expectClean(images, labels, row, order[at + row] as number);
    assert.ok(images.subarray(filled * size).every((value) => value === 0));
    assert.ok(labels.subarray(filled * 3).every((value) => value === 0));
  }
});

test('image by image a batch is that of training without mixup, and zeros behind the last', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 10 }), (seed, at) => {
      const [one, other] = [memory(4), memory(4)];
      const filled = createBatcher(dataset, all, 4).fillAugmented(order, at, random(seed), one.images, one.labels);
      assert.equal(filled, Math.min(4, 10 - at));
      const unmixed = createBatcher(dataset, { ...all, mixup: 0 }, 4);
      const longer = Uint32Array.of(...order, 0, 0, 0, 0);
      unmixed.fillTraining(longer, at, random(seed), other.images, other.labels);
      assert.deepEqual(one.images.subarray(0, filled * size), other.images.subarray(0, filled * size));
      assert.deepEqual(one.labels.subarray(0, filled * 3), other.labels.subarray(0, filled * 3));
      assert.ok([...one.images.subarray(filled * size), ...one.labels.subarray(filled * 3)].every((value) => value === 0));
    }),
  );
});

test('without augmentation a training batch is a clean one', () => {
  const batcher = createBatcher(dataset, { ...off, normalise: true }, 4);
  const { images, labels } = memory(4);
  batcher.fillTraining(order, 3, random('unused'), images, labels);
  for (let row = 0; row < 4; row++) expectClean(images, labels, row, order[3 + row] as number);
});

test('a training batch depends on its name and nothing else', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat({ max: 6 }), (seed, at) => {
      const [one, other] = [memory(4), memory(4)];
      const batcher = createBatcher(dataset, all, 4);
      batcher.fillTraining(order, 2, random('before'), other.images, other.labels);
      batcher.fillTraining(order, at, random(seed), one.images, one.labels);
      createBatcher(dataset, all, 4).fillTraining(order, at, random(seed), other.images, other.labels);
      assert.deepEqual(one, other);
      for (let row = 0; row < 4; row++) {
        const shares = one.labels.subarray(row * 3, row * 3 + 3);
        assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-6);
      }
      assert.ok(one.images.every(Number.isFinite));
    }),
  );
});

test('random numbers come in the order that is written: flip, shift, cutout of each image', () => {
  const settings = { ...all, mixup: 0, normalise: false };
  const { images, labels } = memory(4);
  createBatcher(dataset, settings, 4).fillTraining(order, 0, random('order'), images, labels);
  const source = random('order');
  for (let row = 0; row < 4; row++) {
    const flipped = source.float() < 0.5;
    const [down, right] = [source.integer(3) - 1, source.integer(3) - 1];
    const [top, left] = [source.integer(4) - 1, source.integer(5) - 1];
    for (let channel = 0; channel < 3; channel++)
      for (let y = 0; y < 4; y++)
        for (let x = 0; x < 5; x++) {
          const cut = y >= top && y < top + 2 && x >= left && x < left + 2;
          const [fromY, fromX] = [y - down, x - right];
          const inside = fromY >= 0 && fromY < 4 && fromX >= 0 && fromX < 5;
          const from = ((order[row] as number) * 3 + channel) * 20 + fromY * 5 + (flipped ? 4 - fromX : fromX);
          const pixel = cut || !inside ? 0 : (allBytes(dataset.train.images)[from] as number);
          assert.equal(images[row * size + channel * 20 + y * 5 + x], Math.fround(pixel / 255));
        }
  }
});

test('with the paper’s augmentations alone, batches are what they were', () => {
  const many = noiseDataset(
    Array.from({ length: 40 }, (_, index) => index % 10),
    { channels: 3, height: 32, width: 32 },
  );
  const paper: AugmentationSettings = { flip: true, normalise: true, shift: 0.125, cutout: 0.5, mixup: 1 };
  const images = new Float32Array(16 * 3072);
  const labels = new Float32Array(160);
  const fixture = '1afab29bec62ada9cd134e2e2b00dd1899e552405a779af9be1a07e20fe5e981';
  for (const settings of [paper, { ...paper, ...additionsOff }]) {
    const batcher = createBatcher(many, settings, 16);
    const hashes: string[] = [];
    const keep = (): void => void hashes.push(sha256(new Uint8Array(images.buffer)), sha256(new Uint8Array(labels.buffer)));
    for (let batch = 0; batch < 4; batch++) {
      const named = random('fixture', batch);
      batcher.fillTraining(named.fork('order').permutation(40), 5 * batch, named, images, labels, batch);
      keep();
      batcher.fillAugmented(named.fork('order').permutation(40), 9 * batch, named, images, labels, batch);
      keep();
    }
    assert.equal(sha256(new TextEncoder().encode(hashes.join())), fixture);
  }
});

/** Everything that works image by image. */
const everything: AugmentationSettings = {
  ...all,
  mixup: 0,
  crop: 0.3,
  edges: 'mirror',
  policy: 'trivial',
  brightness: 0.4,
  contrast: 0.4,
  saturation: 0.4,
};

test('an image goes through crop, flip, shift, policy, brightness, contrast, saturation, cutout, and draws in that order', () => {
  const draws: string[] = [];
  const source = random('everything');
  const recorded: Random = {
    ...source,
    float: () => (draws.push('float'), source.float()),
    integer: (bound) => (draws.push(`${bound}`), source.integer(bound)),
  };
  const { images, labels } = memory(4);
  const fill = (settings: AugmentationSettings, drawn: Random): void =>
    createBatcher(dataset, settings, 4).fillTraining(order, 0, drawn, images, labels, 1);
  fill(everything, recorded);
  const image = 'float float float float, float, 3 3, 14 31 2, float, float, float, 4 5';
  assert.equal(draws.join(' '), Array.from({ length: 4 }, () => image.replaceAll(',', '')).join(' '));
  draws.length = 0;
  fill({ ...everything, alternate: true }, recorded);
  assert.equal(draws.length, 4 * 14);

  fill({ ...everything, normalise: false, cutout: 0 }, random('in order'));
  const info = { shape, classes: 3, mean: dataset.mean, std: dataset.std, flip: true, batch: 4 };
  const rows = [crop, flip, shift, policy, brightness, contrast, saturation];
  const settings = { ...additionsOff, ...everything };
  const steps = rows.map((row) => must(row.create(settings, info), 'step'));
  const stream = random('in order');
  for (let row = 0; row < 4; row++) {
    const index = order[row] as number;
    const expected = dataset.train.images.subarray(index * size, (index + 1) * size).slice();
    for (const step of steps) step(expected, stream, index, 1);
    assert.deepEqual(
      images.subarray(row * size, (row + 1) * size),
      Float32Array.from(expected, (byte) => byte / 255),
    );
  }
});

test('smoothing acts on the labels of training alone, mixed ones too, and on no image', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(0.1, 0.5, 1), fc.constantFrom(0, 1), (seed, smoothing, mixup) => {
      const [plain, smooth] = [memory(4), memory(4)];
      const unsmoothed = createBatcher(dataset, { ...all, mixup }, 4);
      const smoothed = createBatcher(dataset, { ...all, mixup, smoothing }, 4);
      unsmoothed.fillTraining(order, 2, random(seed), plain.images, plain.labels);
      smoothed.fillTraining(order, 2, random(seed), smooth.images, smooth.labels);
      assert.deepEqual(smooth.images, plain.images);
      smooth.labels.forEach((label, place) =>
        assert.equal(label, Math.fround((1 - smoothing) * (plain.labels[place] as number) + smoothing / 3)),
      );
      unsmoothed.fillAugmented(order, 8, random(seed), plain.images, plain.labels);
      smoothed.fillAugmented(order, 8, random(seed), smooth.images, smooth.labels);
      assert.deepEqual(smooth, plain);
      unsmoothed.fillClean(dataset.train, order, 8, plain.images, plain.labels);
      smoothed.fillClean(dataset.train, order, 8, smooth.images, smooth.labels);
      assert.deepEqual(smooth, plain);
    }),
  );
});

test('alternating flips follow the image and the epoch, not its place in a batch nor the random numbers', () => {
  const batcher = createBatcher(dataset, { ...off, flip: true, alternate: true }, 1);
  const mirrorOf = (image: Float32Array): Float32Array =>
    image.map((_value, place) => image[place - (place % 5) + 4 - (place % 5)] as number);
  const { images, labels } = memory(1);
  let mirroredFirst = 0;
  for (let index = 0; index < 10; index++) {
    batcher.fillClean(dataset.train, Uint32Array.of(index), 0, images, labels);
    const ways = [images.slice(), mirrorOf(images)];
    const seen = [0, 1, 2, 3].map((epoch) => {
      const at = epoch % 2 === 0 ? index : 9 - index;
      const indices = epoch % 2 === 0 ? order.toSorted() : order.toSorted().toReversed();
      const fill = epoch < 2 ? batcher.fillTraining : batcher.fillAugmented;
      fill(indices, at, random('epoch', epoch), images, labels, epoch);
      return ways.findIndex((way) => way.every((value, place) => value === images[place]));
    });
    assert.ok(seen.join('') === '0101' || seen.join('') === '1010', seen.join(' '));
    mirroredFirst += seen[0] as number;
  }
  assert.ok(mirroredFirst > 0 && mirroredFirst < 10);
});

test('black that is shifted in is normalised, what is cut out is 0', () => {
  const white = noiseDataset([0, 1], shape, { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  allBytes(white.train.images).fill(255);
  const { images } = memory(2);
  const labels = new Float32Array(4);
  const batcher = createBatcher(white, { ...all, mixup: 0 }, 2);
  const seen = new Set<number>();
  for (let draw = 0; draw < 50; draw++) {
    batcher.fillTraining(Uint32Array.of(0, 1), 0, random('black', draw), images, labels);
    for (const value of images) seen.add(value);
  }
  assert.deepEqual(
    [...seen].toSorted((a, b) => a - b),
    [-2, 0, 2],
  );
});

test('a part of a batch, and memory of another size, are bugs', () => {
  const batcher = createBatcher(dataset, all, 4);
  const { images, labels } = memory(4);
  assert.throws(() => batcher.fillTraining(order, 7, random(0), images, labels), /bug: a whole batch at 7 of 10 images/);
  assert.throws(() => batcher.fillTraining(order, 0, random(0), images.subarray(1), labels), /bug: images of 4 × 60 numbers/);
  assert.throws(() => batcher.fillClean(dataset.train, order, 0, images, labels.subarray(1)), /bug: labels of 4 × 3 numbers/);
  assert.throws(() => batcher.fillClean(dataset.test, order, 0, images, labels), /bug: an image below 2, not 9/);
  assert.throws(() => createBatcher(dataset, all, 0), /bug: a batch of one image or more, not 0/);
});
