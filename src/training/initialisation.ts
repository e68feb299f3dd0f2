/**
 * The tensors that a start network begins with. `identity` is that of "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (Jordan
 * 2024, arXiv 2404.00498, §3.1 and §3.2): trained 3×3 convolutions pass what they read, and a frozen one that reads the image
 * whitens its patches.
 */
import { bytesOf } from '../data/dataset.ts';
import { evenlySpaced } from '../data/split.ts';
import { isFrozen, type Network, type Node, type Shape } from '../network/network.ts';
import { initialTensors, parameterName } from '../network/parameters.ts';
import { filled, type Tensor, type Tensors } from '../network/tensor.ts';
import { must } from '../util/assert.ts';
import { eigenOf } from '../util/eigen.ts';
import { random, type KeyPart } from '../util/random.ts';
import type { Images } from './grow.ts';
import type { Initialisation } from './job.ts';

/** Images whose patches are measured, at most; and patches an image. */
const mostImages = 2000;
const mostPatches = 256;

/** Added to an eigenvalue, over the mean variance of a pixel: where that is 1, as of normalised images, the paper's 5e-4. */
const damping = 5e-4;

/** The size of the kernels that begin as the identity. */
const identityKernel = 3;

/**
 * Parameters and running statistics for a network. `uniform`: drawn from the streams of `key`. `identity`: as those, except that
 * - the first min(in, out) filters of each trained 3×3 convolution are the identity of their channel;
 * - a frozen convolution of the image has the whitening filters of the training images, and a bias of 0. Where no patch fits into
 *   an image, or all patches are one, it keeps what was drawn.
 */
export async function initialise(
  network: Network,
  key: readonly KeyPart[],
  initialisation: Initialisation,
  images: Images,
  breathe: () => Promise<void>,
): Promise<Tensors> {
  const tensors: Record<string, Tensor> = { ...initialTensors(network, random(...key)) };
  if (initialisation === 'uniform') return tensors;
  for (const node of network.nodes) {
    const { id, layer } = node;
    if (layer.kind !== 'convolution') continue;
    const name = parameterName(id, 'kernel');
    const kernel = must(tensors[name], name);
    if (!isFrozen(layer)) {
      if (layer.kernel === identityKernel) tensors[name] = withIdentity(kernel);
      continue;
    }
    if (!readsImage(network, node)) continue;
    const covariance = await patchCovariance(images, layer.kernel, breathe);
    const whitened = covariance === null ? null : withWhitening(kernel, covariance);
    if (whitened === null) continue;
    tensors[name] = whitened;
    const bias = parameterName(id, 'bias');
    if (layer.bias) tensors[bias] = filled([layer.channels], 0);
  }
  return tensors;
}

const readsImage = (network: Network, { inputs }: Node): boolean => inputs[0] === network.nodes[0]?.id;

/** A kernel (out, in, k, k) whose first filters pass one channel each. */
export function withIdentity({ shape, data }: Tensor): Tensor {
  const [outputs, inputs, height, width] = shape as [number, number, number, number];
  const size = height * width;
  const result = data.slice();
  for (let channel = 0; channel < Math.min(inputs, outputs); channel++) {
    const row = channel * inputs * size;
    result.fill(0, row, row + inputs * size);
    result[row + channel * size + (size - 1) / 2] = 1;
  }
  return { shape, data: result };
}

/**
 * A kernel (out, in, k, k) whose first filters are ±eigenvector/√(eigenvalue + ε) of a covariance (in·k·k, in·k·k): ⌊out/2⌋ of
 * the largest eigenvalues (all, where there are fewer), first with +, then with −; the other filters stay. Null where nothing
 * varies.
 */
export function withWhitening({ shape, data }: Tensor, covariance: Float64Array): Tensor | null {
  const [outputs = 0, ...rest] = shape;
  const size = rest.reduce((product, extent) => product * extent, 1);
  const { values, vectors } = eigenOf(covariance, size);
  const epsilon = (damping * values.reduce((sum, value) => sum + value, 0)) / size;
  if (!(epsilon > 0)) return null;
  const count = Math.min(Math.floor(outputs / 2), size);
  const result = data.slice();
  for (let filter = 0; filter < count; filter++) {
    // Rounding may leave a little less than nothing.
    const scale = 1 / Math.sqrt(Math.max(0, values[filter] as number) + epsilon);
    for (let at = 0; at < size; at++) {
      const weight = scale * (vectors[filter * size + at] as number);
      result[filter * size + at] = weight;
      result[(count + filter) * size + at] = -weight;
    }
  }
  return { shape, data: result };
}

/** The first pixel of each patch in a plane of an image, on a grid that leaves at most `mostPatches`. */
function patchPlaces({ height, width }: Shape, kernel: number): Int32Array {
  const [rows, columns] = [height - kernel + 1, width - kernel + 1];
  if (rows < 1 || columns < 1) return new Int32Array();
  const step = Math.ceil(Math.sqrt((rows * columns) / mostPatches));
  const along = (count: number): number[] => Array.from({ length: Math.ceil(count / step) }, (_none, index) => index * step);
  return Int32Array.from(along(rows).flatMap((top) => along(columns).map((left) => top * width + left)));
}

/**
 * The covariance (C·k·k, C·k·k) of the k×k patches of clean training images, as training sees them, without padding: at most
 * 2,000 images, evenly spaced. Null where no patch fits into an image.
 */
export async function patchCovariance(
  { dataset, batcher, batch, train }: Images,
  kernel: number,
  breathe: () => Promise<void>,
): Promise<Float64Array | null> {
  const { shape } = dataset;
  const places = patchPlaces(shape, kernel);
  if (places.length === 0) return null;
  const chosen = evenlySpaced(train, mostImages);
  const [pixels, area, size] = [bytesOf(shape), shape.height * shape.width, shape.channels * kernel ** 2];
  const values = new Float32Array(batch * pixels);
  const labels = new Float32Array(batch * dataset.classes.length);
  /** (C·k·k, patches of an image). */
  const columns = Array.from({ length: size }, () => new Float64Array(places.length));
  const sums = new Float64Array(size);
  const products = new Float64Array(size * size);
  for (let at = 0; at < chosen.length; at += batch) {
    const filledCount = batcher.fillClean(dataset.train, chosen, at, values, labels);
    for (let image = 0; image < filledCount; image++) {
      columns.forEach((column, index) => {
        const channel = Math.floor(index / kernel ** 2);
        const [y, x] = [Math.floor(index / kernel) % kernel, index % kernel];
        const start = image * pixels + channel * area + y * shape.width + x;
        for (let place = 0; place < column.length; place++) column[place] = values[start + (places[place] as number)] as number;
      });
      addProducts(columns, sums, products);
    }
    await breathe();
  }
  const count = chosen.length * places.length;
  for (let i = 0; i < size; i++)
    for (let j = i; j < size; j++) {
      const covariance =
        (products[i * size + j] as number) / count - ((sums[i] as number) / count) * ((sums[j] as number) / count);
      products[i * size + j] = products[j * size + i] = covariance;
    }
  return products;
}

/** Adds the sum of each column, and of the products of each pair, to the upper triangle. */
function addProducts(columns: readonly Float64Array[], sums: Float64Array, products: Float64Array): void {
  columns.forEach((a, i) => {
    (sums[i] as number) += a.reduce((sum, value) => sum + value, 0);
    for (let j = i; j < columns.length; j++) (products[i * columns.length + j] as number) += dot(a, columns[j] as Float64Array);
  });
}

/** Σ a·b, in four sums: one would wait for each addition before the next. */
function dot(a: Float64Array, b: Float64Array): number {
  const { length } = a;
  const whole = length - (length % 4);
  let [p, q, r, s] = [0, 0, 0, 0];
  for (let at = 0; at < whole; at += 4) {
    p += (a[at] as number) * (b[at] as number);
    q += (a[at + 1] as number) * (b[at + 1] as number);
    r += (a[at + 2] as number) * (b[at + 2] as number);
    s += (a[at + 3] as number) * (b[at + 3] as number);
  }
  for (let at = whole; at < length; at++) p += (a[at] as number) * (b[at] as number);
  return p + q + (r + s);
}
