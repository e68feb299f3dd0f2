/** Rank correlations and intervals against values worked out by hand and against their definitions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { kendall, pairsOf, ranksOf, spearman, wilson } from '../../src/study/statistics.ts';

const near = (actual: number | null, expected: number): void =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 5e-5, `${actual} is ${expected}`);

test('known values, with ties and without', () => {
  const a = [1, 2, 3, 4, 5];
  assert.equal(kendall(a, [2, 1, 4, 3, 5]), 0.6);
  near(spearman(a, [2, 1, 4, 3, 5]), 0.8);
  assert.equal(kendall(a, [5, 4, 3, 2, 1]), -1);
  near(spearman(a, [10, 20, 30, 40, 1000]), 1);
  // Ties: pairs (1,2) of a, (3,4) of b: 4 concordant of 6; τ-b = 4/√(5·5), ranks 1.5 1.5 3 4 and 1 2 3.5 3.5.
  near(kendall([1, 1, 2, 3], [1, 2, 3, 3]), 4 / 5);
  near(spearman([1, 1, 2, 3], [1, 2, 3, 3]), 4 / 4.5);
  assert.deepEqual(ranksOf([0.5, 0.1, 0.5, 0.9]), [2.5, 1, 2.5, 4]);
});

test('of fewer than three, or where all are tied, nothing is said', () => {
  for (const f of [kendall, spearman]) {
    assert.equal(f([], []), null);
    assert.equal(f([1, 2], [2, 1]), null);
    assert.equal(f([1, 1, 1], [1, 2, 3]), null);
    assert.equal(f([1, 2, 3], [4, 4, 4]), null);
  }
  assert.deepEqual(pairsOf([1, 2], [2, 1]), { concordant: 0, discordant: 1, tied: 0 });
});

const both = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 })), { minLength: 3, maxLength: 12 })
  .map((pairs) => [pairs.map(([a]) => a), pairs.map(([, b]) => b)] as const);

test('symmetric, in −1 … 1, turned round by a turned order, and each pair counted once', () => {
  fc.assert(
    fc.property(both, ([a, b]) => {
      const { concordant, discordant, tied } = pairsOf(a, b);
      assert.equal(concordant + discordant + tied, (a.length * (a.length - 1)) / 2);
      for (const f of [kendall, spearman]) {
        const value = f(a, b);
        assert.equal(f(b, a) === null, value === null);
        if (value === null) continue;
        assert.ok(Math.abs(value) <= 1 + 1e-12);
        near(f(b, a), value);
        near(
          f(
            a.map((each) => -each),
            b,
          ),
          -value,
        );
      }
    }),
  );
});

test('Wilson’s interval: known values, and it holds the share', () => {
  const [low, high] = wilson(8, 10);
  near(low, 0.49016);
  near(high, 0.94332);
  assert.deepEqual(wilson(0, 0), [0, 1]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, part) => {
      const right = Math.round(part * count);
      const [from, to] = wilson(right, count);
      assert.ok(from >= 0 && to <= 1 && from <= right / count + 1e-12 && to >= right / count - 1e-12 && from < to);
    }),
  );
});
