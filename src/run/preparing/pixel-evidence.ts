/**
 * How a network's pixels are scaled, where nothing in its file says it: judged by labelled images, else by what its first layer gives.
 * Pure.
 */
import { bytesOf, type Part } from '../../data/dataset.ts';
import type { NamedScaling, Scaling } from '../../data/pixel-scales.ts';
import { consumersOf, isGrouped, type Network, type Node, type NodeId, type Shape } from '../../network/network.ts';
import { parameterName, type ParameterRole } from '../../network/parameters.ts';
import type { Tensors } from '../../network/tensor.ts';
import { formatPercent } from '../../util/words.ts';

/** What a scaling leads to on labelled images. */
export interface Tried {
  readonly scaling: NamedScaling;
  readonly accuracy: number;
  /** Mean cross-entropy. */
  readonly loss: number;
}

/** An accuracy up to this share of the way from chance to 1, or twice chance where that is less, is near chance. */
const nearShare = 0.1;

export function isNearChance(accuracy: number, classes: number): boolean {
  const chance = 1 / classes;
  return accuracy <= Math.min(2 * chance, chance + nearShare * (1 - chance));
}

/** The most accurate; of those within a standard error of it, the one of the lowest loss. */
export function mostAccurate(tried: readonly Tried[], images: number): Tried | null {
  const best = Math.max(...tried.map(({ accuracy }) => accuracy));
  const error = Math.sqrt((best * (1 - best)) / images);
  const near = tried.filter(({ accuracy }) => accuracy >= best - error).toSorted((a, b) => a.loss - b.loss);
  return near[0] ?? null;
}

/** A normal distribution a channel. */
interface Moments {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

/** What reads the image: a convolution, or nothing before a batch normalisation. */
interface FirstLayer {
  /** (out, in·k·k); null: the image itself. */
  readonly kernel: Float32Array | null;
  readonly bias: Float32Array | null;
  readonly side: number;
  /** The running statistics of the batch normalisation behind it; null where there is none. */
  readonly expected: Moments | null;
}

/** The only reader of a node, beyond layers that only pad. */
function readerOf(network: Network, id: NodeId): Node | null {
  const readers = consumersOf(network).get(id) ?? [];
  const [only] = readers;
  if (only === undefined || readers.length > 1) return null;
  return only.layer.kind === 'pad' ? readerOf(network, only.id) : only;
}

function firstLayerOf(network: Network, tensors: Tensors): FirstLayer | null {
  const of = (node: Node, role: ParameterRole): Float32Array | null => tensors[parameterName(node.id, role)]?.data ?? null;
  const expectedOf = (node: Node | null): Moments | null => {
    if (node?.layer.kind !== 'batch-normalization') return null;
    const [mean, variance] = [of(node, 'mean'), of(node, 'variance')];
    return mean === null || variance === null ? null : { mean, variance };
  };
  const image = network.nodes[0];
  const first = image === undefined ? null : readerOf(network, image.id);
  if (first === null) return null;
  if (first.layer.kind === 'batch-normalization') return { kernel: null, bias: null, side: 1, expected: expectedOf(first) };
  if (first.layer.kind !== 'convolution' || isGrouped(first.layer)) return null;
  const [kernel, side] = [of(first, 'kernel'), first.layer.kernel];
  return kernel === null ? null : { kernel, bias: of(first, 'bias'), side, expected: expectedOf(readerOf(network, first.id)) };
}

/** Images that are looked at, windows of each, and numbers of a window, at most. */
const mostImages = 64;
const windowsAnImage = 25;
const mostNumbers = 1024;

/** Mean and covariance of the windows of pixels/255 inside the images, channel-major; null where there are none. */
function windowMoments(part: Part, shape: Shape, side: number): { mean: Float64Array; covariance: Float64Array } | null {
  const { channels, height, width } = shape;
  const [rows, columns, size] = [height - side, width - side, channels * side * side];
  if (rows < 0 || columns < 0 || size > mostNumbers || part.labels.length === 0) return null;
  const [mean, covariance, window] = [new Float64Array(size), new Float64Array(size * size), new Float64Array(size)];
  const images = Math.min(mostImages, part.labels.length);
  const grid = Math.round(Math.sqrt(windowsAnImage));
  let count = 0;
  for (let index = 0; index < images; index++) {
    const at = Math.floor((index * part.labels.length) / images) * bytesOf(shape);
    const pixels = part.images.subarray(at, at + bytesOf(shape));
    for (let place = 0; place < grid * grid; place++) {
      const top = Math.round((rows * Math.floor(place / grid)) / (grid - 1));
      const left = Math.round((columns * (place % grid)) / (grid - 1));
      for (let to = 0; to < size; to++) {
        const [channel, y, x] = [Math.floor(to / side / side), Math.floor(to / side) % side, to % side];
        window[to] = (pixels[(channel * height + top + y) * width + left + x] as number) / 255;
      }
      count++;
      for (let i = 0; i < size; i++) {
        const value = window[i] as number;
        (mean[i] as number) += value;
        for (let j = 0; j <= i; j++) (covariance[i * size + j] as number) += value * (window[j] as number);
      }
    }
  }
  for (let i = 0; i < size; i++) (mean[i] as number) /= count;
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      const value = (covariance[i * size + j] as number) / count - (mean[i] as number) * (mean[j] as number);
      covariance[i * size + j] = covariance[j * size + i] = value;
    }
  return { mean, covariance };
}

/** Of a channel: variances below count as this. */
const leastVariance = 1e-10;

/** KL(N(mean, variance) ‖ N(expected)), in nats. */
function divergence(mean: number, variance: number, expectedMean: number, expectedVariance: number): number {
  const [of, from] = [Math.max(leastVariance, variance), Math.max(leastVariance, expectedVariance)];
  return 0.5 * ((of + (mean - expectedMean) ** 2) / from - 1 - Math.log(of / from));
}

const medianOf = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Infinity;

export interface Likeness {
  /** For each scaling: how far what the first layer gives is from what is expected, in nats; the median over channels. */
  readonly distances: readonly number[];
  /** Whether that is what its batch normalisation saw in training; else it is a normal distribution of mean 0 and variance 1. */
  readonly known: boolean;
}

/** How well each scaling fits the beginning of a network; null where that cannot be said. */
export function likenessOf(
  { network, tensors }: { readonly network: Network; readonly tensors: Tensors },
  scalings: readonly Scaling[],
  part: Part,
  shape: Shape,
): Likeness | null {
  const first = firstLayerOf(network, tensors);
  if (first === null) return null;
  const { kernel, bias, side, expected } = first;
  const windows = windowMoments(part, shape, side);
  if (windows === null) return null;
  const [size, area] = [shape.channels * side * side, side * side];
  const outputs = kernel === null ? shape.channels : kernel.length / size;
  const distances = scalings.map(({ mean, std }) => {
    const found: number[] = [];
    const weights = new Float64Array(size);
    for (let output = 0; output < outputs; output++) {
      let centre = bias?.[output] ?? 0;
      for (let i = 0; i < size; i++) {
        const channel = Math.floor(i / area);
        const weight = kernel === null ? Number(i === output) : (kernel[output * size + i] as number);
        weights[i] = weight / (std[channel] as number);
        centre += (weights[i] as number) * ((windows.mean[i] as number) - (mean[channel] as number));
      }
      let variance = 0;
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++)
          variance += (weights[i] as number) * (weights[j] as number) * (windows.covariance[i * size + j] as number);
      found.push(divergence(centre, variance, expected?.mean[output] ?? 0, expected?.variance[output] ?? 1));
    }
    return medianOf(found);
  });
  return { distances, known: expected !== null };
}

/** A choice, and why in words that go on after it. */
export interface Chosen {
  readonly scaling: NamedScaling;
  readonly why: string;
}

const shares = (tried: readonly Tried[]): string =>
  tried.map(({ scaling, accuracy }) => `${scaling.name} ${formatPercent(accuracy)}`).join(', ');

/** Nats by which another scaling must be more like what is usual, where what the first layer expects is not known. */
const clearly = 0.5;

/** The most likely one; null where none is more so than the usual one, which is the first. */
function likeliest({ distances, known }: Likeness): number | null {
  const [usual = Infinity] = distances;
  const least = Math.min(...distances);
  return known || usual - least > clearly ? distances.indexOf(least) : null;
}

/** By what is known. `tried`: on so many labelled images; empty where there are none. `scalings`: the usual one first. */
export function chooseScaling(
  scalings: readonly NamedScaling[],
  tried: readonly Tried[],
  images: number,
  classes: number,
  likeness: Likeness | null,
): Chosen {
  const best = images === 0 ? null : mostAccurate(tried, images);
  const others = tried.filter((one) => one !== best);
  if (best !== null && !isNearChance(best.accuracy, classes))
    return {
      scaling: best.scaling,
      why: `with which ${formatPercent(best.accuracy)} of ${images} images are right (${shares(others)})`,
    };
  const chance = best === null ? '' : `; by no scaling more of ${images} images are right than by chance`;
  const like = scalings[likeness === null ? -1 : (likeliest(likeness) ?? -1)];
  if (like !== undefined && likeness !== null)
    return {
      scaling: like,
      why: likeness.known
        ? `with which its first layer gives what its first batch normalisation saw in training${chance}`
        : `with which its first layer gives numbers of about the usual size${chance}; this may be wrong`,
    };
  if (best !== null) return { scaling: best.scaling, why: `which gives the lowest loss${chance}; this may be wrong` };
  return { scaling: scalings[0] as NamedScaling, why: 'which is usual; this may be wrong' };
}
