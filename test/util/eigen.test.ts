/** Eigenvectors of symmetric matrices: known decompositions, and what must hold of any. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eigenOf } from '../../src/util/eigen.ts';
import { random } from '../../src/util/random.ts';

const close = (actual: number, expected: number, bound: number, what: string): void =>
  assert.ok(Math.abs(actual - expected) <= bound, `${what}: ${actual}, not ${expected}`);

test('known decompositions', () => {
  const two = eigenOf(Float64Array.of(2, 1, 1, 2), 2);
  close(two.values[0] as number, 3, 1e-15, 'λ₁');
  close(two.values[1] as number, 1, 1e-15, 'λ₂');
  close(Math.abs(two.vectors[0] as number), Math.SQRT1_2, 1e-15, 'v₁');
  close(two.vectors[0] as number, two.vectors[1] as number, 1e-15, 'v₁');
  close(two.vectors[2] as number, -(two.vectors[3] as number), 1e-15, 'v₂');
  // The second difference of 5 points: 2 − 2·cos(kπ/6).
  const n = 5;
  const differences = Float64Array.from({ length: n * n }, (_none, at) => {
    const apart = Math.abs(Math.floor(at / n) - (at % n));
    return apart === 0 ? 2 : apart === 1 ? -1 : 0;
  });
  eigenOf(differences, n).values.forEach((value, i) => close(value, 2 - 2 * Math.cos(((n - i) * Math.PI) / 6), 1e-14, `λ${i}`));
  assert.deepEqual([...eigenOf(Float64Array.of(1, 0, 0, 0, 3, 0, 0, 0, 2), 3).values], [3, 2, 1]);
  assert.deepEqual([...eigenOf(Float64Array.of(7), 1).vectors], [1]);
  assert.deepEqual([...eigenOf(new Float64Array(4), 2).values], [0, 0]);
});

/** A matrix of that rank: Σ g·gᵀ of so many random vectors, on a scale that differs along the axes. */
function gramOf(n: number, rank: number, seed: number): Float64Array {
  const stream = random('eigen', seed);
  const matrix = new Float64Array(n * n);
  for (let r = 0; r < rank; r++) {
    const g = Array.from({ length: n }, (_none, i) => stream.normal() * 10 ** -(i % 4));
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) (matrix[i * n + j] as number) += (g[i] as number) * (g[j] as number);
  }
  return matrix;
}

test('A·v = λ·v, vectors of length 1 and at right angles, values from the largest on', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 40 }), fc.nat(), (n, rank, seed) => {
      const matrix = gramOf(n, rank, seed);
      const { values, vectors } = eigenOf(matrix, n);
      const scale = Math.abs(values[0] as number);
      for (let i = 0; i < n; i++) {
        const v = vectors.subarray(i * n, (i + 1) * n);
        for (let row = 0; row < n; row++) {
          const product = v.reduce((sum, value, j) => sum + value * (matrix[row * n + j] as number), 0);
          close(product, (values[i] as number) * (v[row] as number), 1e-12 * scale, `A·v of ${i}`);
        }
        for (let j = 0; j <= i; j++) {
          const dot = v.reduce((sum, value, at) => sum + value * (vectors[j * n + at] as number), 0);
          close(dot, i === j ? 1 : 0, 1e-12, `v${i}·v${j}`);
        }
        if (i > 0) assert.ok((values[i - 1] as number) >= (values[i] as number));
        assert.ok((values[i] as number) >= -1e-12 * scale, 'no negative value of a Gram matrix');
      }
    }),
    { seed: 1, numRuns: 60 },
  );
});

test('what is not finite is a bug', () => {
  assert.throws(() => eigenOf(Float64Array.of(1, Number.NaN, Number.NaN, 1), 2), /bug|finite/);
});
