/** What is said of an accuracy where classes differ in size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { accuracyByClass, describeClasses } from '../../src/run/display/classes.ts';

test('a constant network on 1,000 against 10 images: its accuracy is put into context', () => {
  assert.deepEqual(
    describeClasses(
      [
        [1000, 0],
        [10, 0],
      ],
      ['cat', 'dog'],
    ),
    [
      '99.0 % of the test images are of the class cat: always naming it would have as many right',
      'balanced accuracy, the mean over classes: 50.0 %',
      'none right of 1 class: dog',
    ],
  );
});

test('equal classes that are all known need no words; a class without images is named', () => {
  assert.deepEqual(
    describeClasses(
      [
        [5, 5],
        [1, 9],
      ],
      ['cat', 'dog'],
    ),
    [],
  );
  assert.deepEqual(
    describeClasses(
      [
        [5, 5, 0],
        [1, 9, 0],
        [0, 0, 0],
      ],
      ['cat', 'dog', 'e\u001b[31mel'],
    ),
    ['no test images of 1 class: e?[31mel'],
  );
  assert.deepEqual(
    describeClasses(
      [
        [0, 0],
        [0, 0],
      ],
      ['cat', 'dog'],
    ),
    [],
  );
});

test('balanced accuracy does not change with the number of images of a class', () => {
  const row = fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 50 }));
  fc.assert(
    fc.property(fc.array(row, { minLength: 3, maxLength: 3 }), fc.integer({ min: 1, max: 30 }), (rows, factor) => {
      const names = ['a', 'b', 'c'];
      const scaled = rows.map((each, index) => (index === 1 ? each.map((count) => count * factor) : each));
      const [one, other] = [accuracyByClass(rows, names).balanced, accuracyByClass(scaled, names).balanced];
      assert.ok(Math.abs((one ?? -1) - (other ?? -2)) < 1e-12);
    }),
  );
});
