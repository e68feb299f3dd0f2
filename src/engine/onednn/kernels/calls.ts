/**
 * What the kernels are called for. A call is plain data, and is performed by all threads of a session together, each taking its part of
 * the images, rows or planes; sums over images are in the order of the parts, so that results follow from their number.
 */
import type { Kernels } from './module.ts';

/** Of a matrix product C = A·B + keep·C over row-major matrices, A (m, k) or, transposed, (k, m). Offsets into the memory, in bytes. */
export type Product = (
  transposed: boolean,
  sizes: readonly [m: number, n: number, k: number],
  a: readonly [offset: number, width: number],
  b: readonly [offset: number, width: number],
  c: readonly [offset: number, width: number],
  keep: 0 | 1,
) => void;

export interface Context {
  readonly kernels: Kernels;
  readonly product: Product;
}

/** Positions in a pair of transformed axes. */
export const positions = 36;

/** The images of a convolution of stride 1 and size 3, as tiles of 4×4 outputs. Offsets and pitches in bytes. */
export interface Tiling {
  readonly images: number;
  /** Images at a time: what lies between the transforms stays in the cache. */
  readonly block: number;
  readonly padding: number;
  readonly lanes: number;
  readonly down: number;
  readonly across: number;
  readonly input: Side;
  readonly output: Side;
  /** Of each part: room for the transforms, and the matrices between them. */
  readonly scratch: number;
  readonly scratchBytes: number;
  readonly room: number;
}

export interface Side {
  /** Where the tensor lies. */
  readonly at: number;
  /** Those that count, and with the padding of the layout. */
  readonly channels: number;
  readonly padded: number;
  readonly height: number;
  readonly width: number;
  /** Where what lies at `at` is the output of a 2×2 pool of this tensor: where the places of its maxima lie, 0 if nowhere. */
  readonly places: number | null;
  /** Between the matrices of neighbouring positions. */
  readonly pitch: number;
}

/** G g Gᵀ for products (rows, columns) at `at`. */
interface KernelTransform {
  readonly kind: 'kernel transform';
  readonly kernel: number;
  readonly rows: number;
  readonly columns: number;
  /** Bytes between two rows and two columns in the kernel. */
  readonly rowStep: number;
  readonly columnStep: number;
  readonly flipped: boolean;
  readonly at: number;
  readonly width: number;
  readonly pitch: number;
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** Aᵀ[U ⊙ Bᵀ d B]A. */
interface Convolution {
  readonly kind: 'convolution';
  readonly tiling: Tiling;
  readonly transformed: { readonly at: number; readonly pitch: number };
  /** 0: none. */
  readonly bias: number;
}

/** Σ (A dy Aᵀ) ⊙ (Bᵀ d B) over the images of a part, (in, out) at each position, and Σ dy. */
interface KernelSums {
  readonly kind: 'kernel sums';
  readonly tiling: Tiling;
  readonly sums: Sums;
}

/** One set for each part. */
interface Sums {
  readonly at: number;
  readonly pitch: number;
  readonly partBytes: number;
  /** Behind the matrices of a set: Σ dy; null where it is not wanted. */
  readonly bias: number | null;
}

/** Gᵀ(Σ)G. */
interface KernelGradient {
  readonly kind: 'kernel gradient';
  readonly tiling: Tiling;
  readonly sums: Sums;
  readonly kernelGradient: number;
  readonly biasGradient: number | null;
}

interface Pool {
  readonly kind: 'max pool' | 'max pool gradient';
  readonly planes: number;
  readonly lanes: number;
  readonly height: number;
  readonly width: number;
  /** Of the tensor before the pool, or its gradient. */
  readonly whole: number;
  readonly pooled: number;
  /** 0: none. */
  readonly places: number;
}

export type Call = KernelTransform | Convolution | KernelSums | KernelGradient | Pool;
type CallOf<Kind extends Call['kind']> = Extract<Call, { kind: Kind }>;

type Part = readonly [part: number, parts: number];

/** The elements of a part, of so many. */
const range = (count: number, [part, parts]: Part): readonly [from: number, to: number] => [
  Math.floor((count * part) / parts),
  Math.floor((count * (part + 1)) / parts),
];

const imageBytes = ({ padded, height, width, places }: Side): number =>
  4 * padded * (places === null ? height * width : Math.floor(height / 2) * Math.floor(width / 2));

/** The addresses of an image and of its places, one byte for each number; 0 where there are none. */
const addressesOf = (side: Side, image: number): readonly [at: number, places: number] => {
  const before = image * imageBytes(side);
  return [side.at + before, side.places === null || side.places === 0 ? 0 : side.places + before / 4];
};

function transformKernel({ kernels }: Context, call: CallOf<'kernel transform'>, part: Part): void {
  const [first, end] = range(call.rows, part);
  const { kernel, rowStep, columnStep, columns, width, flipped, at, pitch, scratch, scratchBytes } = call;
  const room = scratch + part[0] * scratchBytes;
  kernels.transformKernel(kernel, rowStep, columnStep, first, end, columns, width, Number(flipped), at, pitch, room);
}

function convolve({ kernels, product }: Context, { tiling, transformed, bias }: Convolution, part: Part): void {
  const { block, padding, lanes, down, across, input, output, room } = tiling;
  const [from, to] = range(tiling.images, part);
  const scratch = tiling.scratch + part[0] * tiling.scratchBytes;
  const pitch = Math.max(input.pitch, output.pitch);
  // The products of a position overwrite what the transform left for the one before.
  const results = scratch + room;
  const inputs = results + pitch;
  for (let first = from; first < to; first += block) {
    const images = Math.min(block, to - first);
    const tiles = images * down * across;
    const [target, places] = addressesOf(output, first);
    kernels.transformInput(
      ...addressesOf(input, first),
      ...([images, input.padded, lanes, input.height, input.width, padding, down, across, inputs, pitch, scratch] as const),
    );
    for (let position = 0; position < positions; position++)
      product(
        false,
        [tiles, output.padded, input.channels],
        [inputs + position * pitch, input.padded],
        [transformed.at + position * transformed.pitch, output.padded],
        [results + position * pitch, output.padded],
        0,
      );
    const matrices = [results, pitch, bias, output.channels, images, output.padded, lanes] as const;
    const tensor = [output.height, output.width, down, across, target] as const;
    if (output.places === null) kernels.transformOutput(...matrices, ...tensor, scratch);
    else kernels.transformOutputPooled(...matrices, ...tensor, places, scratch);
  }
}

function sumKernel({ kernels, product }: Context, { tiling, sums }: KernelSums, part: Part, memory: Float32Array): void {
  const { block, padding, lanes, down, across, input, output, room } = tiling;
  const [from, to] = range(tiling.images, part);
  const scratch = tiling.scratch + part[0] * tiling.scratchBytes;
  const inputs = scratch + room;
  const gradients = inputs + positions * input.pitch;
  const at = sums.at + part[0] * sums.partBytes;
  const bias = sums.bias === null ? 0 : at + sums.bias;
  if (bias !== 0) memory.fill(0, bias / 4, bias / 4 + output.padded);
  if (from === to) memory.fill(0, at / 4, (at + positions * sums.pitch) / 4);
  for (let first = from; first < to; first += block) {
    const images = Math.min(block, to - first);
    const tiles = images * down * across;
    const matrices = [down, across, inputs, input.pitch, scratch] as const;
    kernels.transformInput(
      ...addressesOf(input, first),
      ...([images, input.padded, lanes, input.height, input.width, padding] as const),
      ...matrices,
    );
    kernels.transformGradient(
      ...addressesOf(output, first),
      ...([images, output.padded, lanes, output.height, output.width] as const),
      ...([down, across, gradients, output.pitch, bias, scratch] as const),
    );
    for (let position = 0; position < positions; position++)
      product(
        true,
        [input.channels, output.padded, tiles],
        [inputs + position * input.pitch, input.padded],
        [gradients + position * output.pitch, output.padded],
        [at + position * sums.pitch, output.padded],
        first === from ? 0 : 1,
      );
  }
}

function finishKernel({ kernels }: Context, call: KernelGradient, part: Part, memory: Float32Array): void {
  const { tiling, sums, kernelGradient, biasGradient } = call;
  const { input, output } = tiling;
  const [first, end] = range(input.channels, part);
  const scratch = tiling.scratch + part[0] * tiling.scratchBytes;
  kernels.transformKernelGradient(
    ...([sums.at, sums.pitch, part[1], sums.partBytes, first, end] as const),
    ...([input.channels, output.channels, output.padded, kernelGradient, scratch] as const),
  );
  if (part[0] > 0 || biasGradient === null || sums.bias === null) return;
  for (let channel = 0; channel < output.channels; channel++) {
    let sum = 0;
    for (let each = 0; each < part[1]; each++)
      sum += memory[(sums.at + each * sums.partBytes + sums.bias) / 4 + channel] as number;
    memory[biasGradient / 4 + channel] = sum;
  }
}

function pool({ kernels }: Context, { kind, planes, lanes, height, width, whole, pooled, places }: Pool, part: Part): void {
  const [first, end] = range(planes, part);
  if (kind === 'max pool') kernels.maxPool(whole, first, end, lanes, height, width, pooled, places);
  else kernels.maxPoolGradient(pooled, places, first, end, lanes, height, width, whole);
}

/** Performs a part of a call. `memory`: the whole of it. */
export function perform(context: Context, call: Call, part: Part, memory: Float32Array): void {
  if (call.kind === 'kernel transform') transformKernel(context, call, part);
  else if (call.kind === 'convolution') convolve(context, call, part);
  else if (call.kind === 'kernel sums') sumKernel(context, call, part, memory);
  else if (call.kind === 'kernel gradient') finishKernel(context, call, part, memory);
  else pool(context, call, part);
}
