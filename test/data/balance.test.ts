/** Orders of an epoch in which all classes have as many places. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { balancedOrder, imbalanceOf } from '../../src/data/balance.ts';
import { random } from '../../src/util/random.ts';

const data = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 200 }).chain((labels) =>
  fc.record({
    labels: fc.constant(labels),
    some: fc.subarray(
      labels.map((_label, index) => index),
      { minLength: 1 },
    ),
  }),
);

test('as many images as the pool has, all of the pool; each class, and each image of a class, as often up to one', () => {
  fc.assert(
    fc.property(data, fc.nat(100), ({ labels, some }, seed) => {
      const pool = Uint32Array.from(some);
      const order = balancedOrder(Uint16Array.from(labels), pool, random('balance', seed));
      assert.equal(order.length, pool.length);
      const times = new Map(some.map((image) => [image, 0]));
      for (const image of order) times.set(image, (times.get(image) ?? assert.fail('an image of the pool')) + 1);
      const classes = new Map<number, number[]>();
      for (const [image, count] of times)
        classes.set(labels[image] as number, [...(classes.get(labels[image] as number) ?? []), count]);
      const places = [...classes.values()].map((counts) => counts.reduce((sum, count) => sum + count, 0));
      assert.ok(Math.max(...places) - Math.min(...places) <= 1);
      for (const counts of classes.values()) assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
    }),
  );
});

test('the order is the seed’s, and differs from epoch to epoch', () => {
  const labels = Uint16Array.from({ length: 60 }, (_none, index) => (index < 50 ? 0 : 1));
  const pool = Uint32Array.from(labels, (_label, index) => index);
  const orderOf = (epoch: number): string => balancedOrder(labels, pool, random('order', epoch)).join();
  assert.equal(orderOf(1), orderOf(1));
  assert.notEqual(orderOf(1), orderOf(2));
  assert.equal(imbalanceOf(labels), 5);
  assert.equal(imbalanceOf(Uint16Array.of()), 1);
});
