/** Compares two lists of numbers, with a message where they differ. */
import assert from 'node:assert/strict';

type Numbers = Float32Array | Float64Array;

/** √Σ(a − b)²; the norm of a if b is missing. */
export function norm(a: Numbers, b?: Numbers): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += ((a[j] as number) - (b?.[j] ?? 0)) ** 2;
  return Math.sqrt(sum);
}

export function largest(a: Numbers): number {
  let most = 0;
  for (const value of a) most = Math.max(most, Math.abs(value));
  return most;
}

/**
 * Asserts that each number differs by at most `tolerance` times the scale of the tensor: its largest magnitude, at least `floor`. NaN
 * is never close.
 */
export function assertClose(actual: Numbers, expected: Numbers, tolerance: number, floor: number, what: () => string): void {
  assert.equal(actual.length, expected.length, what());
  const bound = tolerance * Math.max(largest(expected), floor);
  for (let j = 0; j < actual.length; j++) {
    const [a, e] = [actual[j] as number, expected[j] as number];
    if (!(Math.abs(a - e) <= bound)) assert.fail(`${what()}[${j}]: ${a} instead of ${e} (bound ${bound})`);
  }
}
