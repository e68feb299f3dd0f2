/** Kernels that stand for larger ones, as near as they can be. */
import { assert } from '../util/assert.ts';
import type { Tensor } from '../network/tensor.ts';

/** A kernel (out, in, k, k) without its outermost pixels. */
export function cropped({ shape, data }: Tensor): Tensor {
  const [rows, columns, height, width] = shape as [number, number, number, number];
  assert(height === width && height >= 3, () => `a kernel of ${height}×${width} is cropped`);
  const side = height - 2;
  const result = new Float32Array(rows * columns * side * side);
  for (let filter = 0; filter < rows * columns; filter++)
    for (let row = 0; row < side; row++) {
      const start = (filter * height + row + 1) * width + 1;
      result.set(data.subarray(start, start + side), (filter * side + row) * side);
    }
  return { shape: [rows, columns, side, side], data: result };
}

/** Steps of the power iteration. */
const powerSteps = 50;

/** The unit vector that the matrix (rows, columns), of which `at` gives the numbers, stretches most. */
function mostStretched(rows: number, columns: number, at: (row: number, column: number) => number): Float64Array {
  const moments = new Float64Array(columns * columns);
  for (let row = 0; row < rows; row++)
    for (let a = 0; a < columns; a++)
      for (let b = 0; b < columns; b++) (moments[a * columns + b] as number) += at(row, a) * at(row, b);
  // From the largest column on: it cannot be orthogonal to the answer, unless all is zero.
  const largest = Array.from({ length: columns }, (_none, a) => moments[a * columns + a] as number);
  const first = largest.indexOf(Math.max(...largest));
  let vector = Float64Array.from({ length: columns }, (_none, a) => (a === first ? 1 : 0));
  for (let step = 0; step < powerSteps; step++) {
    const next = new Float64Array(columns);
    for (let a = 0; a < columns; a++)
      for (let b = 0; b < columns; b++) (next[a] as number) += (moments[a * columns + b] as number) * (vector[b] as number);
    const length = Math.hypot(...next);
    if (!(length > 0)) return vector;
    vector = next.map((value) => value / length);
  }
  return vector;
}

/**
 * The depthwise kernel (in, 1, k, k) and the pointwise one (out, in, 1, 1) whose convolutions, one after the other, are nearest to that with
 * the kernel (out, in, k, k): for each input channel the matrix (out, k·k) of rank one that is nearest by least squares (Eckart & Young 1936).
 */
export function factorsOf({ shape, data }: Tensor): { readonly depthwise: Tensor; readonly pointwise: Tensor } {
  const [rows, channels, height, width] = shape as [number, number, number, number];
  const pixels = height * width;
  const depthwise = new Float32Array(channels * pixels);
  const pointwise = new Float32Array(rows * channels);
  for (let channel = 0; channel < channels; channel++) {
    const at = (row: number, pixel: number): number => data[(row * channels + channel) * pixels + pixel] as number;
    const filter = mostStretched(rows, pixels, at);
    depthwise.set(filter, channel * pixels);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let pixel = 0; pixel < pixels; pixel++) sum += at(row, pixel) * (filter[pixel] as number);
      pointwise[row * channels + channel] = sum;
    }
  }
  return {
    depthwise: { shape: [channels, 1, height, width], data: depthwise },
    pointwise: { shape: [rows, channels, 1, 1], data: pointwise },
  };
}
