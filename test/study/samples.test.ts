/** Tests of few values against SciPy's numbers, the paper's figures, and what holds of all of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  brownForsythe,
  holm,
  meanInterval,
  summaryOf,
  varianceRatio,
  welch,
  type Interval,
  type Summary,
} from '../../src/study/samples.ts';
import { spearmanProbability } from '../../src/study/statistics.ts';
import { must } from '../../src/util/assert.ts';

const near = (actual: number, expected: number, tolerance = 1e-6): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is ${expected}`);

const nearInterval = ([low, high]: Interval, [from, to]: Interval): void => {
  near(low, from);
  near(high, to);
};

const summary = (values: readonly number[]): Summary => must(summaryOf(values), 'summary');

const a = [94.1, 94.9, 94.3, 95.07, 94.0, 94.8, 94.7, 95.0];
const b = [94.5, 94.6, 94.45, 94.7, 94.35, 94.6, 94.55, 94.62];
const c = [93.2, 93.9, 94.1, 92.8, 93.5];

test('mean, deviation and interval, as SciPy 1.17 has them', () => {
  const cases = [
    [a, 94.60875, 0.417524592945477, [94.25969070500265, 94.95780929499735]],
    [b, 94.54625, 0.11005680351527697, [94.45424020969354, 94.63825979030646]],
    [c, 93.5, 0.5244044240850758, [92.8488659061148, 94.15113409388523]],
  ] as const;
  for (const [values, mean, deviation, interval] of cases) {
    const found = summary(values);
    near(found.mean, mean, 1e-10);
    near(must(found.deviation, 'deviation'), deviation, 1e-10);
    nearInterval(must(meanInterval(found), 'interval'), interval);
  }
});

test('Welch’s t-test, as SciPy’s ttest_ind(equal_var=False) has it', () => {
  const cases = [
    [a, b, 0.40940797260587636, 7.968068544821233, 0.6930247186944026, [-0.2897790568094482, 0.4147790568094482]],
    [a, c, 4.001095343642989, 7.155619130346571, 0.004954232299501215, [0.45636296269912346, 1.7611370373008493]],
    [b, c, 4.401059167394449, 4.2214304938395095, 0.010348505230679183, [0.3996467516606136, 1.6928532483393592]],
  ] as const;
  for (const [first, second, t, freedom, p, interval] of cases) {
    const found = must(welch(summary(first), summary(second)), 'test');
    near(found.t, t, 1e-9);
    near(found.freedom, freedom, 1e-9);
    near(found.p, p);
    nearInterval(found.interval, interval);
  }
});

test('Brown and Forsythe’s test, as SciPy’s levene(center="median") has it, and the ratio of variances', () => {
  const first = must(brownForsythe(a, b), 'test');
  near(first.statistic, 6.678433430329596, 1e-9);
  near(first.p, 0.021629263826994635);
  assert.deepEqual(first.freedom, [1, 14]);
  assert.ok(first.spreads[0] > first.spreads[1]);
  const second = must(brownForsythe(a, c), 'test');
  near(second.statistic, 0.18833067792704972, 1e-9);
  near(second.p, 0.6726986129888229);
  const ratio = must(varianceRatio(summary(b), summary(a)), 'ratio');
  near(ratio.statistic, 14.39230429013682, 1e-9);
  near(ratio.p, 0.002287715892672187);
});

test('Holm’s correction by hand', () => {
  // Sorted: 0.005·4, 0.01·3, 0.03·2, 0.04·1 → raised to 0.06.
  assert.deepEqual(
    holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(12))),
    [0.03, 0.06, 0.06, 0.02],
  );
  assert.deepEqual(holm([]), []);
  assert.deepEqual(holm([0.7, 0.6]), [1, 1]);
});

test('the probability of a rank correlation, over all orders', () => {
  near(must(spearmanProbability([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]), 'p'), 16 / 120, 1e-12);
  // With ties; SciPy's correlation over all permutations of the ranks.
  near(must(spearmanProbability([1, 2, 2, 3, 4, 5], [1, 3, 2, 4, 4, 6]), 'p'), 6 / 720, 1e-12);
  near(must(spearmanProbability([1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]), 'p'), 2 / 40320, 1e-12);
  assert.equal(spearmanProbability([1, 1, 1], [1, 2, 3]), null);
  assert.equal(spearmanProbability([1, 2], [1, 2]), null);
});

test('what cannot be said is not said', () => {
  assert.equal(summaryOf([]), null);
  const one = summary([0.5]);
  assert.deepEqual(one, { count: 1, mean: 0.5, deviation: null });
  assert.equal(meanInterval(one), null);
  assert.equal(welch(one, summary(a)), null);
  // 0.1 + 0.2 has no exact sum: equal values must not vary all the same.
  const equal = summary([0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]);
  assert.equal(equal.deviation, 0);
  assert.equal(welch(equal, summary([0.1, 0.1, 0.1])), null);
  assert.ok(welch(equal, summary(a)) !== null);
  assert.equal(brownForsythe([1, 2, 3], [1, 2, 3, 4]), null);
  assert.equal(brownForsythe([1, 1, 1, 1], [2, 2, 2, 2]), null);
  // All are as far from the median as the others, but for the last bits.
  assert.equal(brownForsythe([84.1, 84.3, 84.1, 84.3], [84.0, 84.4, 84.0, 84.4]), null);
  assert.equal(varianceRatio(equal, summary(a)), null);
});

const values = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 12 });

test('Welch: the interval and p agree; turned, shifted and scaled it says the same', () => {
  fc.assert(
    fc.property(values, values, fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 9 }), (x, y, shift, scale) => {
      const found = welch(summary(x), summary(y));
      if (found === null) return;
      const { p, interval, difference } = found;
      assert.ok(p >= 0 && p <= 1 && interval[0] <= difference && difference <= interval[1]);
      if (Math.abs(p - 0.05) > 1e-5) assert.equal(interval[0] > 0 || interval[1] < 0, p < 0.05);
      const turned = must(welch(summary(y), summary(x)), 'turned');
      near(turned.p, p, 1e-9);
      near(turned.t, -found.t, 1e-9 * Math.max(1, Math.abs(found.t)));
      const moved = (each: readonly number[]): Summary => summary(each.map((value) => scale * value + shift));
      near(must(welch(moved(x), moved(y)), 'moved').p, p, 1e-6);
    }),
  );
});

test('Holm: never below the uncorrected, never above Bonferroni’s, in the same order', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 10 }), (family) => {
      const corrected = holm(family);
      family.forEach((p, index) => {
        const own = corrected[index] as number;
        assert.ok(own >= p && own <= Math.min(1, p * family.length) + 1e-12);
        family.forEach((other, at) => assert.ok(p > other || own <= (corrected[at] as number)));
      });
    }),
  );
});

test('Brown and Forsythe: the order of the samples and their places do not matter', () => {
  const four = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 4, maxLength: 10 });
  fc.assert(
    fc.property(four, four, fc.integer({ min: -9, max: 9 }), (x, y, shift) => {
      const found = brownForsythe(x, y);
      const turned = brownForsythe(
        y,
        x.map((value) => value + shift),
      );
      assert.equal(found === null, turned === null);
      if (found === null || turned === null) return;
      assert.ok(found.p >= 0 && found.p <= 1);
      near(found.p, turned.p, 1e-7);
    }),
  );
});
