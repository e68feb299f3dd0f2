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
        const known = splitCounts(size * classes, { validation, images });
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
