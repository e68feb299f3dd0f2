/** Eigenvalues and eigenvectors of small symmetric matrices. The same numbers on every machine: no more than + − × ÷ √. */
import { assert } from './assert.ts';

export interface Eigen {
  /** From the largest to the smallest. */
  readonly values: Float64Array;
  /** (n, n): row i is the vector of value i, of length 1. Its sign has no meaning. */
  readonly vectors: Float64Array;
}

/** Sweeps over all pairs, at most; a dozen is many. */
const mostSweeps = 60;

/**
 * Of a symmetric matrix (n, n), row-major; only its upper triangle is read. By Jacobi's method, a rotation for each pair in turn
 * (Golub & Van Loan, Matrix Computations, §8.5): n³ a sweep.
 */
export function eigenOf(matrix: Float64Array, n: number): Eigen {
  assert(matrix.length === n * n, () => `${n}×${n} numbers, not ${matrix.length}`);
  assert(matrix.every(Number.isFinite), () => 'a matrix of finite numbers');
  const a = matrix.slice();
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i] as number;
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  for (let sweep = 0; sweep < mostSweeps && offDiagonal(a, n) > 0; sweep++)
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
  const order = Array.from({ length: n }, (_none, i) => i).toSorted(
    (i, j) => (a[j * n + j] as number) - (a[i * n + i] as number) || i - j,
  );
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => vectors.set(v.subarray(from * n, (from + 1) * n), to * n));
  return { values: Float64Array.from(order, (i) => a[i * n + i] as number), vectors };
}

/** Σ of what stands beside the diagonal, squared; 0 where rounding would lose it in the sum of the diagonal. */
function offDiagonal(a: Float64Array, n: number): number {
  let [beside, diagonal] = [0, 0];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const square = (a[i * n + j] as number) ** 2;
      if (i === j) diagonal += square;
      else beside += square;
    }
  return beside <= 1e-32 * diagonal ? 0 : beside;
}

/** Turns rows and columns p and q so that a[p,q] becomes 0; the rows of v along with them. */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q] as number;
  if (apq === 0) return;
  const theta = ((a[q * n + q] as number) - (a[p * n + p] as number)) / (2 * apq);
  // The smaller of the two angles: t = tan.
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  const turn = (values: Float64Array, i: number, j: number): void => {
    const [x, y] = [values[i] as number, values[j] as number];
    values[i] = c * x - s * y;
    values[j] = s * x + c * y;
  };
  for (let k = 0; k < n; k++) turn(a, k * n + p, k * n + q);
  for (let k = 0; k < n; k++) {
    turn(a, p * n + k, q * n + k);
    turn(v, p * n + k, q * n + k);
  }
  a[p * n + q] = a[q * n + p] = 0;
}
