import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { philox, random } from '../../src/util/random.ts';

const hex = (words: readonly number[]): string => words.map((word) => word.toString(16).padStart(8, '0')).join(' ');

test('Philox 4×32-10: the known answers of Random123', () => {
  const ones = 0xffffffff;
  assert.equal(hex(philox([0, 0, 0, 0], [0, 0])), '6627e8d5 e169c58d bc57ac4c 9b00dbd8');
  assert.equal(hex(philox([ones, ones, ones, ones], [ones, ones])), '408f276d 41c83b0e a20bc7c6 6d5451fd');
  assert.equal(
    hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])),
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  );
});

const part = fc.oneof(fc.integer(), fc.string());
const path = fc.array(part, { maxLength: 4 });

test('a stream depends on its name alone, not on what was drawn elsewhere or before it', () => {
  fc.assert(
    fc.property(path, part, fc.nat({ max: 20 }), (name, purpose, drawnBefore) => {
      const draw = (): number[] => {
        const stream = random(...name, purpose);
        return Array.from({ length: 9 }, () => stream.float());
      };
      const expected = draw();
      const parent = random(...name);
      for (let i = 0; i < drawnBefore; i++) parent.float();
      const forked = parent.fork(purpose);
      const interleaved = Array.from({ length: 9 }, () => {
        parent.normal();
        return forked.float();
      });
      assert.deepEqual(interleaved, expected);
      assert.deepEqual(draw(), expected);
    }),
  );
});

test('other names are other streams: 1 is not "1", and a path is not its parts joined', () => {
  const names = [[], [1], ['1'], [1, 2], [12], ['1', '2'], ['12'], ['1,2'], ['a', 1], ['a1']];
  const firsts = names.map((name) => random(...name).integer(2 ** 32));
  assert.equal(new Set(firsts).size, names.length);
});

/** χ² of counts that should be equal. */
function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

test('integers are uniform, also for a bound that 2³² is no multiple of', () => {
  for (const bound of [2, 3, 7, 10, 100]) {
    const counts = Array.from({ length: bound }, () => 0);
    const stream = random('integers', bound);
    for (let i = 0; i < 2000 * bound; i++) (counts[stream.integer(bound)] as number)++;
    // Mean bound − 1, variance 2·(bound − 1): five deviations off is a bias.
    assert.ok(chiSquared(counts) < bound - 1 + 5 * Math.sqrt(2 * (bound - 1)) + 5, `${bound}: ${counts.join(' ')}`);
  }
  // Without rejection, values below 2³⁰ would come twice as often as they should.
  const bound = 3 * 2 ** 30;
  const stream = random('bias');
  let low = 0;
  for (let i = 0; i < 30_000; i++) if (stream.integer(bound) < 2 ** 30) low++;
  assert.ok(Math.abs(low / 30_000 - 1 / 3) < 0.015, `${low} of 30000`);
});

test('integers stay below their bound, and a bound that is none is a bug', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.nat(), (bound, seed) => {
      const value = random(seed).integer(bound);
      assert.ok(Number.isInteger(value) && value >= 0 && value < bound);
    }),
  );
  for (const bound of [0, -1, 1.5, NaN, 2 ** 32 + 1]) assert.throws(() => random().integer(bound), /bug/);
  assert.throws(() => random().pick([]), /bug/);
});

test('a permutation holds each number once, and every order comes as often', () => {
  fc.assert(
    fc.property(fc.nat({ max: 300 }), fc.nat(), (length, seed) => {
      const sorted = [...random(seed).permutation(length)].toSorted((a, b) => a - b);
      assert.deepEqual(
        sorted,
        Array.from({ length }, (_, index) => index),
      );
    }),
  );
  const counts = new Map<string, number>();
  const stream = random('orders');
  for (let i = 0; i < 12_000; i++) {
    const order = stream.permutation(4).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  assert.ok(chiSquared([...counts.values()]) < 23 + 5 * Math.sqrt(46));
});

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test('floats are uniform on [0, 1), normals have mean 0 and variance 1', () => {
  const stream = random('moments');
  const floats = Array.from({ length: 20_000 }, () => stream.float());
  assert.ok(floats.every((value) => value >= 0 && value < 1));
  assert.ok(Math.abs(mean(floats) - 0.5) < 0.01);
  assert.ok(Math.abs(mean(floats.map((value) => value ** 2)) - 1 / 3) < 0.01);
  const normals = Array.from({ length: 20_000 }, () => stream.normal());
  assert.ok(normals.every(Number.isFinite));
  assert.ok(Math.abs(mean(normals)) < 0.04);
  assert.ok(Math.abs(mean(normals.map((value) => value ** 2)) - 1) < 0.05);
  assert.ok(Math.abs(mean(normals.map((value) => value ** 4)) - 3) < 0.4);
});
