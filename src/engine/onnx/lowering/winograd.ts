/**
 * Convolutions of stride 1 by Winograd's minimal filtering (Lavin & Gray, "Fast algorithms for convolutional neural networks",
 * 2015), written as matrix products over whole tensors, which ONNX Runtime computes fastest. A tile of m×m outputs takes 36
 * products instead of (m·k)², with m = 7 − k.
 *
 * Along one axis, m outputs of a kernel g of size k over 6 inputs d are Aᵀ[(G·g) ⊙ (Bᵀ·d)]. For a whole axis of an image, Bᵀ of all
 * tiles is one matrix: it has the rows of Bᵀ at the position of each tile. G and Aᵀ are extended in the same way. Positions on the
 * padding or beyond the image have no column, so nothing is padded, gathered or cropped. One product with such a matrix transforms
 * an axis:
 *
 *     V = B·x·Bᵀ   (6, tiles, 6, tiles, C, N)      columns first, and the channels before the images
 *     M = U·V      36·tiles² products of (O, C) by (C, N)
 *     y = Aᵀ·M·A
 *
 * The gradient to the input is the same with the kernel flipped and its channels swapped. The gradient to the kernel is
 * Aᵀ[Σ (G·dy) ⊙ (Bᵀ·x)]A, summed over tiles and images, with m and k swapped and the same V.
 */
import type { BufferId, Geometry } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { planesOf } from './rows.ts';

/** The finite points at which the polynomials are evaluated; the sixth is infinity. A tile has one product per point and axis. */
const points = [0, 1, -1, 2, -2];
const products = points.length + 1;

type Matrix = readonly (readonly number[])[];

const outputsOf = (size: number): number => products + 1 - size;

/** The coefficients of Π (x − p), from the lowest power on, padded with zeros to the number of products. */
function polynomial(roots: readonly number[]): readonly number[] {
  let coefficients = [1];
  for (const root of roots) coefficients = [0, ...coefficients].map((above, power) => above - root * (coefficients[power] ?? 0));
  return [...coefficients, ...Array.from({ length: products - coefficients.length }, () => 0)];
}

const others = (point: number): readonly number[] => points.filter((other) => other !== point);

/** Bᵀ (6, 6). */
const inputTransform: Matrix = [...points.map((point) => polynomial(others(point))), polynomial(points)];

/** The powers of each point; for infinity only the highest is 1. (6, length) */
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

/** The transform of a tile (6, width), repeated at the position of each tile: (6·tiles, size), rows in the order (6, tiles). */
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
 * The transform of both axes at once, for small tensors. From that of one axis, (6, k), it makes a matrix (36, k²) that takes the
 * elements of a kernel, row by row, to the products, columns first.
 */
const squared = (matrix: Matrix): Matrix =>
  matrix.flatMap((across) => matrix.map((down) => down.flatMap((a) => across.map((c) => a * c))));

/** The value of a buffer, without its factor, with both axes transformed alike: (6·tiles, 6·tiles, C·N), columns first. */
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
  /** The number of tiles of a convolution's outputs along an axis with `inputs` pixels. */
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
  /** (O, C, k, k), or (C, O, k, k) if `flipped`; includes the factors of the input's channels. */
  readonly kernel: string;
  /** (N, O, H, W) */
  readonly output: BufferId;
  readonly size: number;
  readonly padding: number;
  /** Whether to flip the kernel along both axes and swap its channels. */
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
 * dW (O, C, k, k) of the convolution of `input` with that padding, without the factor of `outputGradient`. G transforms one of the
 * two tensors, Bᵀ the other. `exchanged` swaps them, which flips the kernel; then the tiles of the gradient are used, which another
 * step may need as well.
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
  // ONNX Runtime sums fastest along one axis at a time.
  const ofColumns = b.node('ReduceSum', [each, b.integers(1)], { keepdims: 0 });
  const rows = b.reshape(ofColumns, [products * products, high, kernels * channels]);
  const flat = b.node('ReduceSum', [rows, b.integers(1)], { keepdims: 0 });
  const oneAxis = powers(size);
  const ofAxis = exchanged ? oneAxis.map((row) => row.toReversed()) : oneAxis;
  const gradient = b.node('Gemm', [b.matrix(transposed(squared(ofAxis))), flat]);
  // Two transposes of one axis each: ONNX Runtime is several times slower if all axes move at once.
  const perPlace = b.reshape(gradient, [size * size, kernels, channels]);
  const ordered = exchanged ? b.node('Transpose', [perPlace], { perm: [0, 2, 1] }) : perPlace;
  const perPair = b.node('Transpose', [b.reshape(ordered, [size * size, kernels * channels])], { perm: [1, 0] });
  return b.reshape(perPair, [...(exchanged ? [channels, kernels] : [kernels, channels]), size, size]);
}

/**
 * Whether minimal filtering is faster than the products of the definition, by measurement: both sides need enough channels to pay
 * for the transforms of the images, and most tiles must be full.
 */
export function pays(
  { kernel, stride, groups, dilation }: Geometry,
  inputs: number,
  outputs: number,
  rows: number,
  columns: number,
): boolean {
  if (stride !== 1 || dilation !== undefined || groups !== 1 || (kernel !== 3 && kernel !== 5)) return false;
  const tiles = Math.ceil(rows / outputsOf(kernel)) * Math.ceil(columns / outputsOf(kernel));
  return Math.min(inputs, outputs) >= 32 && tiles * products ** 2 <= 0.5 * rows * columns * kernel ** 2;
}
