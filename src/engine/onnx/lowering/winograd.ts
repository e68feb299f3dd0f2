/**
 * Convolutions of stride 1 by Winograd's minimal filtering (Lavin & Gray, "Fast algorithms for convolutional neural networks",
 * 2015), written as matrix products over whole tensors, for those are what ONNX Runtime computes best. A tile of m×m outputs
 * takes 36 products instead of (m·k)², m = 7 − k.
 *
 * Along one axis, m outputs of a kernel g of size k over 6 inputs d are Aᵀ[(G·g) ⊙ (Bᵀ·d)]; over an image, Bᵀ of all its tiles is
 * one matrix, whose rows are those of Bᵀ at each tile's place, and so are G and Aᵀ. What lies on the padding or beyond the image has
 * no column: nothing is padded, gathered or cut. An axis is transformed by one product with such a matrix:
 *
 *     V = B·x·Bᵀ   (6, tiles, 6, tiles, C, N)      columns first, and the channels before the images
 *     M = U·V      36·tiles² products of (O, C) by (C, N)
 *     y = Aᵀ·M·A
 *
 * The gradient to the input is the same with the kernel flipped and its channels swapped. That to the kernel is, with m and k
 * changing places, Aᵀ[Σ (G·dy) ⊙ (Bᵀ·x)]A over the tiles and images, with the same V.
 */
import type { BufferId, Geometry } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { planesOf } from './rows.ts';

/** Products a tile along an axis, and where the polynomials are evaluated; the last of the six points is infinity. */
const points = [0, 1, -1, 2, -2];
const products = points.length + 1;

type Matrix = readonly (readonly number[])[];

const outputsOf = (size: number): number => products + 1 - size;

/** Coefficients of Π (x − p), the lowest first, as long as there are products. */
function polynomial(roots: readonly number[]): readonly number[] {
  let coefficients = [1];
  for (const root of roots) coefficients = [0, ...coefficients].map((above, power) => above - root * (coefficients[power] ?? 0));
  return [...coefficients, ...Array.from({ length: products - coefficients.length }, () => 0)];
}

const others = (point: number): readonly number[] => points.filter((other) => other !== point);

/** Bᵀ (6, 6). */
const inputTransform: Matrix = [...points.map((point) => polynomial(others(point))), polynomial(points)];

/** The powers of each point; of infinity the highest alone. (6, length) */
const powers = (length: number): number[][] => [
  ...points.map((point) => Array.from({ length }, (_none, power) => point ** power)),
  Array.from({ length }, (_none, power) => (power === length - 1 ? 1 : 0)),
];

/** G (6, length). */
const kernelTransform = (length: number): Matrix =>
  powers(length).map((row, index) => {
    const point = points[index];
    const scale = point === undefined ? 1 : others(point).reduce((product, other) => product * (point - other), 1);
    return row.map((value) => value / scale);
  });

/** The transform of a tile (6, width) at the place of each tile: (6·tiles, size), rows in the order (6, tiles). */
function overTiles(ofTile: Matrix, tiles: number, size: number, step: number, padding: number): Matrix {
  const matrix = Array.from({ length: products * tiles }, () => Array.from({ length: size }, () => 0));
  ofTile.forEach((row, product) => {
    for (let tile = 0; tile < tiles; tile++)
      row.forEach((value, offset) => {
        const position = step * tile + offset - padding;
        if (position >= 0 && position < size) (matrix[product * tiles + tile] as number[])[position] = value;
      });
  });
  return matrix;
}

const transposed = (matrix: Matrix): Matrix =>
  (matrix[0] ?? []).map((_none, column) => matrix.map((row) => row[column] as number));

/**
 * Both axes at once, for what is small: of one axis (6, k), it takes the places of a kernel, row by row, to products, columns
 * first, (36, k²).
 */
const squared = (matrix: Matrix): Matrix =>
  matrix.flatMap((across) => matrix.map((down) => down.flatMap((a) => across.map((c) => a * c))));

/** A tensor, without its factor, whose axes are transformed, the same along both: (6·tiles, 6·tiles, C·N), columns first. */
function transform(b: Builder, id: BufferId, along: (size: number) => Matrix): string {
  const [batch, channels, height, width] = planesOf(b, id);
  const lines = b.reshape(b.scaled(id).value, [-1, width]);
  const [horizontal, vertical] = [along(width), along(height)];
  const columns = b.node('Gemm', [b.matrix(horizontal), lines], { transB: 1 });
  const planes = b.reshape(columns, [horizontal.length, channels * batch, height]);
  return b.node('MatMul', [b.matrix(vertical), b.node('Transpose', [planes], { perm: [0, 2, 1] })]);
}

interface Tiling {
  readonly size: number;
  readonly padding: number;
  /** How many tiles the outputs of a convolution take along an axis with so many inputs. */
  tiles(inputs: number): number;
}

function tilingOf(size: number, padding: number): Tiling {
  const tiles = (inputs: number): number => Math.ceil((inputs + 2 * padding - size + 1) / outputsOf(size));
  return { size, padding, tiles };
}

/** V: (6, tiles, 6, tiles, C, N). */
function tilesOf(b: Builder, id: BufferId, { size, padding, tiles }: Tiling): string {
  const [batch, channels, height, width] = planesOf(b, id);
  return b.once(`tiles of ${id} ${size} ${padding}`, () => {
    const along = (length: number): Matrix => overTiles(inputTransform, tiles(length), length, outputsOf(size), padding);
    return b.reshape(transform(b, id, along), [products, tiles(width), products, tiles(height), channels, batch]);
  });
}

export interface Filtering {
  readonly input: BufferId;
  /** (O, C, k, k), or for `flipped` (C, O, k, k), with what multiplies the input. */
  readonly kernel: string;
  /** (N, O, H, W) */
  readonly output: BufferId;
  readonly size: number;
  readonly padding: number;
  /** Whether the kernel is turned by half a turn and its channels swapped. */
  readonly flipped: boolean;
}

/** The convolution without its bias: (O, N, H, W) as rows. */
export function filter(b: Builder, { input, kernel, output, size, padding, flipped }: Filtering): string {
  const tiling = tilingOf(size, padding);
  const [batch, channels, height, width] = planesOf(b, input);
  const [, outputs, rows, columns] = planesOf(b, output);
  const [high, wide] = [tiling.tiles(height), tiling.tiles(width)];
  const swapped = flipped
    ? b.node('Transpose', [b.reshape(kernel, [channels, outputs, size * size])], { perm: [1, 0, 2] })
    : kernel;
  const kernels = b.reshape(swapped, [outputs * channels, size * size]);
  const oneAxis = kernelTransform(size).map((row) => (flipped ? row.toReversed() : row));
  const flat = b.node('Gemm', [b.matrix(squared(oneAxis)), kernels], { transB: 1 });
  const u = b.reshape(flat, [products, 1, products, 1, outputs, channels]);
  const m = b.reshape(b.node('MatMul', [u, tilesOf(b, input, tiling)]), [products * wide, products * high, outputs * batch]);
  const outputTransform = (tiles: number, length: number): Matrix =>
    overTiles(powers(outputsOf(size)), tiles, length, outputsOf(size), 0);
  const vertical = b.matrix(outputTransform(high, rows));
  const lines = b.node('MatMul', [b.node('Transpose', [m], { perm: [0, 2, 1] }), vertical]);
  const all = b.reshape(lines, [products * wide, outputs * batch * rows]);
  const pixels = b.node('Gemm', [all, b.matrix(outputTransform(wide, columns))], { transA: 1 });
  return b.reshape(pixels, [outputs, -1]);
}

/**
 * dW (O, C, k, k) of the convolution of `input` with that padding, where `outputGradient` is not multiplied. The gradient's place
 * and the input's can be exchanged, which turns the kernel: the one is spread over tiles by G, the other's tiles are taken by
 * Bᵀ, and may have been taken for another product already.
 */
export function filterGradient(
  b: Builder,
  input: BufferId,
  outputGradient: BufferId,
  { kernel: size, padding }: Geometry,
  exchanged: boolean,
): string {
  const [taken, spread] = exchanged ? [outputGradient, input] : [input, outputGradient];
  const tiling = tilingOf(size, exchanged ? size - 1 - padding : padding);
  const [, channels, height, width] = planesOf(b, taken);
  const [batch, kernels] = planesOf(b, spread);
  const [high, wide] = [tiling.tiles(height), tiling.tiles(width)];
  const step = outputsOf(size);
  const over = (length: number): Matrix => overTiles(kernelTransform(step), Math.ceil(length / step), length, step, 0);
  const tiles = b.reshape(transform(b, spread, over), [products, wide, products, high, kernels, batch]);
  const turned = b.node('Transpose', [tilesOf(b, taken, tiling)], { perm: [0, 1, 2, 3, 5, 4] });
  const each = b.reshape(b.node('MatMul', [tiles, turned]), [products, wide, -1]);
  // One axis at a time: that is what ONNX Runtime sums fast.
  const ofColumns = b.node('ReduceSum', [each, b.integers(1)], { keepdims: 0 });
  const rows = b.reshape(ofColumns, [products * products, high, kernels * channels]);
  const flat = b.node('ReduceSum', [rows, b.integers(1)], { keepdims: 0 });
  const oneAxis = powers(size);
  const ofAxis = exchanged ? oneAxis.map((row) => row.toReversed()) : oneAxis;
  const gradient = b.node('Gemm', [b.matrix(transposed(squared(ofAxis))), flat]);
  // Two moves of one axis each: ONNX Runtime is several times slower where all axes change places.
  const perPlace = b.reshape(gradient, [size * size, kernels, channels]);
  const ordered = exchanged ? b.node('Transpose', [perPlace], { perm: [0, 2, 1] }) : perPlace;
  const perPair = b.node('Transpose', [b.reshape(ordered, [size * size, kernels * channels])], { perm: [1, 0] });
  return b.reshape(perPair, [...(exchanged ? [channels, kernels] : [kernels, channels]), size, size]);
}

/**
 * Whether it is faster than the definition's products, as measured: enough channels on both sides to pay for the transforms of
 * the images, and tiles that are mostly full.
 */
export function pays(
  { kernel, stride, groups }: Geometry,
  inputs: number,
  outputs: number,
  rows: number,
  columns: number,
): boolean {
  if (stride !== 1 || groups !== 1 || (kernel !== 3 && kernel !== 5)) return false;
  const tiles = Math.ceil(rows / outputsOf(kernel)) * Math.ceil(columns / outputsOf(kernel));
  return Math.min(inputs, outputs) >= 32 && tiles * products ** 2 <= 0.5 * rows * columns * kernel ** 2;
}
