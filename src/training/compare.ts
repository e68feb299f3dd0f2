/**
 * Compares an imported network with its model: the logits of an engine and of ONNX Runtime on the same images. The runtime is a
 * native parser; the model that it reads here was written by this program.
 */
import type { Batcher } from '../data/batches.ts';
import { bytesOf, channelsLast, type Part } from '../data/dataset.ts';
import { derived } from '../data/images.ts';
import type { Normalisation } from '../formats/onnx/read/read.ts';
import type { Engine } from '../engine/engine.ts';
import { openRuntime } from '../engine/onnx/runtime.ts';
import { inputShapeOf, type Network, type Shape } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import { lower } from '../program/lower.ts';
import { assert, must } from '../util/assert.ts';
import type { LogitComparison } from './job.ts';
import { compareLogits } from './measure.ts';

/** How a model's input encodes images. */
export interface ModelInput {
  readonly layout: 'NCHW' | 'NHWC';
  readonly type: 'uint8' | 'float';
  /** The value of a pixel of 255; null if the input is normalised as the network's images are. */
  readonly brightest: 255 | 1 | null;
  /** Where it is known that the input is (pixel/255 − mean)/std, in place of `brightest`. */
  readonly fed?: Normalisation;
}

/** Images resampled by the nearest pixel; for comparing logits, not for accuracy. */
export function resampled({ images, labels }: Part, from: Shape, to: Shape): Part {
  if (from.height === to.height && from.width === to.width) return { images, labels };
  assert(from.channels === to.channels, () => `${from.channels} channels, not ${to.channels}`);
  const [area, row, size] = [from.height * from.width, from.width, bytesOf(from)];
  const write = (first: number, count: number, result: Uint8Array): void => {
    const pixels = images.subarray(first * size, (first + count) * size);
    let at = 0;
    for (let plane = 0; plane < pixels.length; plane += area)
      for (let y = 0; y < to.height; y++)
        for (let x = 0; x < to.width; x++) {
          const [fromY, fromX] = [Math.floor((y * from.height) / to.height), Math.floor((x * from.width) / to.width)];
          result[at++] = pixels[plane + fromY * row + fromX] as number;
        }
  };
  return { images: derived(labels.length, bytesOf(to), write), labels };
}

export interface Comparing {
  readonly network: Network;
  readonly tensors: Tensors;
  /** Written by this program: one input, one output. */
  readonly model: Uint8Array;
  readonly input: ModelInput;
  /** Pixels of the network's shape. */
  readonly part: Part;
  /** With the network's normalisation. */
  readonly batcher: Batcher;
  /** Classes of the batcher's dataset. */
  readonly classes: number;
}

/** The model's input, from pixels and the same pixels normalised. */
function feedOf({ input, network }: Comparing, pixels: Uint8Array, normalised: Float32Array): Float32Array | Uint8Array {
  const { layout, type, brightest, fed } = input;
  const shape = inputShapeOf(network);
  const area = shape.height * shape.width;
  const valueOf = (pixel: number, at: number): number => {
    if (fed === undefined) return (pixel / 255) * (brightest ?? 1);
    const channel = Math.floor(at / area) % shape.channels;
    return (pixel / 255 - (fed.mean[channel] as number)) / (fed.std[channel] as number);
  };
  const asIs = fed === undefined && brightest === null;
  const values = type === 'uint8' ? pixels : asIs ? normalised : Float32Array.from(pixels, valueOf);
  return layout === 'NCHW' ? values : channelsLast(values, shape);
}

/** Runs both over the images of the part, in batches of the batcher's size. */
export async function compare(engine: Engine, comparing: Comparing, breathe: () => Promise<void>): Promise<LogitComparison> {
  const { network, tensors, model, input, part, batcher, classes } = comparing;
  const runtime = await openRuntime('cpu', 1);
  const { batch } = batcher;
  const shape = inputShapeOf(network);
  const { channels, height, width } = shape;
  const extents = input.layout === 'NCHW' ? [channels, height, width] : [height, width, channels];
  const program = lower(network, batch, { kind: 'evaluation' });
  const session = await engine.compile(program, 'direct');
  const reference = await runtime.open(model);
  try {
    session.load(tensors);
    const all = Uint32Array.from(part.labels, (_label, index) => index);
    const labels = new Float32Array(batch * classes);
    let [largest, difference] = [0, 0];
    for (let first = 0; first < all.length; first += batch) {
      const images = session.input(program.images);
      const filled = batcher.fillClean(part, all, first, images, labels);
      await session.run();
      const own = session.output(must(program.logits, 'logits'));
      const size = bytesOf(shape);
      const feed = feedOf(
        comparing,
        part.images.subarray(first * size, (first + filled) * size),
        // A copy: ONNX Runtime refuses memory that threads share.
        images.slice(0, filled * size),
      );
      const dims = [filled, ...extents];
      const tensor =
        feed instanceof Uint8Array
          ? new runtime.library.Tensor('uint8', feed, dims)
          : new runtime.library.Tensor('float32', feed, dims);
      const given = await reference.run({ [must(reference.inputNames[0], 'input')]: tensor });
      const theirs = must(given[must(reference.outputNames[0], 'output')], 'output').data as Float32Array;
      const count = (own.length / batch) * filled;
      assert(theirs.length === count, () => `${count} logits, not ${theirs.length}`);
      const found = compareLogits(theirs, own.subarray(0, count));
      largest = Math.max(largest, found.largest);
      difference = Math.max(difference, found.difference);
      await breathe();
    }
    return { images: all.length, difference: largest === 0 ? difference : difference / largest };
  } finally {
    session.dispose();
    await reference.release();
  }
}
