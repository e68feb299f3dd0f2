import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Dataset } from '../../src/data/dataset.ts';
import { splitDataset } from '../../src/data/split.ts';
import { splitCounts } from '../../src/data/split-counts.ts';
import { noiseDataset } from './places.ts';

const shape = { channels: 1, height: 1, width: 1 };
/** Images of each class in these, a class each. */
const counts = (labels: Uint16Array, indices: Uint32Array, classes: number): number[] =>
  Array.from({ length: classes }, (_, label) => indices.filter((index) => labels[index] === label).length);
const labelsOf = (sizes: readonly number[]): number[] => sizes.flatMap((size, label) => Array<number>(size).fill(label));

const sizesOfClasses = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 6 });

test('every image is in one part; each class gives its share, and keeps one', () => {
  fc.assert(
    fc.property(sizesOfClasses, fc.constantFrom(0, 0.01, 0.1, 0.5, 0.99), (sizes, share) => {
      const dataset = noiseDataset(labelsOf(sizes), shape);
      const { train, validation } = splitDataset(dataset, { validation: share });
      const everything = [...train, ...validation].toSorted((a, b) => a - b);
      assert.deepEqual(everything, [...dataset.train.labels.keys()]);
      assert.deepEqual(
        [...train],
        [...train].toSorted((a, b) => a - b),
      );
      const held = counts(dataset.train.labels, validation, sizes.length);
      const wanted = sizes.map((size) =>
        share === 0 || size === 1 ? 0 : Math.min(Math.max(1, Math.round(share * size)), size - 1),
      );
      assert.deepEqual(held, wanted);
    }),
  );
});

test('how many train and validate is known beforehand, where classes are alike', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }).map((tens) => 10 * tens),
      fc.integer({ min: 2, max: 6 }),
      fc.constantFrom(0, 0.1, 0.3),
      fc.option(fc.integer({ min: 10, max: 2000 })),
      (size, classes, validation, images) => {
        const dataset = noiseDataset(labelsOf(Array<number>(classes).fill(size)), shape);
        const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
        const known = splitCounts({ trainImages: size * classes }, { validation, images });
        assert.deepEqual(known, { train: split.train.length, validation: split.validation.length });
      },
    ),
  );
});

test('fewer training images are a part of more, of every class the same share', () => {
  fc.assert(
    fc.property(sizesOfClasses, fc.integer({ min: 1, max: 250 }), fc.integer({ min: 0, max: 50 }), (sizes, few, more) => {
      const dataset = noiseDataset(labelsOf(sizes), shape);
      const whole = splitDataset(dataset, { validation: 0.1 });
      const small = splitDataset(dataset, { validation: 0.1, images: few });
      const large = splitDataset(dataset, { validation: 0.1, images: few + more });
      assert.deepEqual(small.validation, whole.validation);
      assert.ok(small.train.every((index) => large.train.includes(index)));
      assert.ok(large.train.every((index) => whole.train.includes(index)));
      assert.equal(small.train.length, Math.min(whole.train.length, Math.max(few, sizes.length)));
      const all = counts(dataset.train.labels, whole.train, sizes.length);
      const used = counts(dataset.train.labels, small.train, sizes.length);
      const fraction = small.train.length / whole.train.length;
      used.forEach((often, label) => {
        assert.ok(often >= 1);
        // Classes that get their one image before their share comes take it from the others.
        const fair = fraction * (all[label] as number);
        assert.ok(often <= fair + 1.5 && often >= Math.min(1, fair) && often >= fair - sizes.length, `${often} of ${fair}`);
      });
    }),
  );
});

test('CIFAR-10 gives 45,000 and 5,000, 500 of each class', () => {
  const dataset = noiseDataset(labelsOf(Array<number>(10).fill(5000)), shape);
  const { train, validation } = splitDataset(dataset, { validation: 0.1 });
  assert.equal(train.length, 45000);
  assert.deepEqual(counts(dataset.train.labels, validation, 10), Array(10).fill(500));
  const part = splitDataset(dataset, { validation: 0.1, images: 10000 }).train;
  assert.deepEqual(counts(dataset.train.labels, part, 10), Array(10).fill(1000));
});

test('five classes of twenty photos work', () => {
  const dataset = noiseDataset(labelsOf(Array<number>(5).fill(17)), shape); // 15 % tested
  const { train, validation } = splitDataset(dataset, { validation: 0.1 });
  assert.deepEqual([train.length, validation.length], [75, 10]);
});

test("the split is the data's own: another hash, another split; chosen across the class", () => {
  const dataset = noiseDataset(labelsOf([300, 300]), shape);
  const first = splitDataset(dataset, { validation: 0.1 });
  const renamed: Dataset = { ...dataset, name: 'renamed' };
  assert.deepEqual(splitDataset(renamed, { validation: 0.1 }), first);
  const other = splitDataset({ ...dataset, hash: 'f'.repeat(64) }, { validation: 0.1 });
  assert.notDeepEqual(other.validation, first.validation);
  const mean = first.validation.reduce((sum, index) => sum + index, 0) / first.validation.length;
  assert.ok(Math.abs(mean - 299.5) < 60, String(mean));
});

test('shares that leave nothing are bugs', () => {
  const dataset = noiseDataset([0, 1], shape);
  assert.throws(() => splitDataset(dataset, { validation: 1 }), /bug: a share of 0 to below 1, not 1/);
  assert.throws(() => splitDataset(dataset, { validation: 0.1, images: 0 }), /bug: some training images, not 0/);
});

/** A dataset of training images of these labels, and after them validation images of those. */
function withValidation(train: readonly number[], validation: readonly number[]): Dataset {
  const dataset = noiseDataset([...train, ...validation], shape);
  return { ...dataset, validationImages: validation.length };
}

test('validation images that are given validate, and the others train; their numbers are known beforehand', () => {
  fc.assert(
    fc.property(sizesOfClasses, fc.integer({ min: 1, max: 9 }), fc.constantFrom(0, 0.1, 0.5), (sizes, each, share) => {
      const dataset = withValidation(labelsOf(sizes), labelsOf(sizes.map(() => each)));
      const { train, validation } = splitDataset(dataset, { validation: share });
      const all = dataset.train.labels.length;
      const first = all - each * sizes.length;
      assert.deepEqual([...train], [...Array(first).keys()]);
      assert.deepEqual(
        [...validation],
        [...Array(all - first).keys()].map((at) => first + at),
      );
      const known = splitCounts({ trainImages: all, validationImages: all - first }, { validation: share, images: null });
      assert.deepEqual(known, { train: train.length, validation: validation.length });
    }),
  );
});

test('fewer training images take of the given validation images the same share, at least 2,000', () => {
  const dataset = withValidation(labelsOf([6000, 6000]), labelsOf([3000, 3000]));
  const split = splitDataset(dataset, { validation: 0.1, images: 6000 });
  assert.deepEqual([split.train.length, split.validation.length], [6000, 3000]);
  assert.deepEqual(counts(dataset.train.labels, split.validation, 2), [1500, 1500]);
  const known = splitCounts({ trainImages: 18000, validationImages: 6000 }, { validation: 0.1, images: 6000 });
  assert.deepEqual(known, { train: 6000, validation: 3000 });
  assert.equal(splitDataset(dataset, { validation: 0.1, images: 600 }).validation.length, 2000);
});
