/** The exact test by signs, against values by hand and by its definition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { signFlipProbability } from '../../src/study/statistics.ts';

test('paired differences: the share of changed signs with a mean at least as far from 0', () => {
  // Of the 8 ways for 1, 2, 3 the sums ±6 alone are as far; for 1, 1, −1 all are.
  assert.equal(signFlipProbability([1, 2, 3]), 0.25);
  assert.equal(signFlipProbability([1, 1, -1]), 1);
  assert.equal(signFlipProbability([0.4, 0.3, 0.5, 0.2, 0.6]), 2 / 32);
  assert.equal(signFlipProbability([]), 1);
  assert.equal(signFlipProbability(Array.from({ length: 21 }, () => 1)), null);
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }), (differences) => {
      const p = signFlipProbability(differences) ?? 0;
      assert.ok(p >= 2 ** (1 - differences.length) - 1e-12 || differences.includes(0));
      assert.equal(p, signFlipProbability(differences.map((each) => -each)));
    }),
  );
});
