/**
 * A network's forward pass in f64 with simple loops, against which tests compare. It shares no code with an engine. Only for tiny
 * networks.
 */
import { must } from '../../src/util/assert.ts';
import {
  ask,
  lowestNumber,
  type LayerTable,
  type Network,
  type NodeId,
  outputOf,
  type Shape,
} from '../../src/network/network.ts';
import { rowOf } from '../../src/network/activations.ts';
import { parameterName, type ParameterRole } from '../../src/network/parameters.ts';
import { shapesOf } from '../../src/network/shapes.ts';
import type { Tensors } from '../../src/network/tensor.ts';

/** `training` normalises by the statistics of the batch, `evaluation` by the running ones. */
export type Mode = 'training' | 'evaluation';

/** (N, C, H, W). */
export interface Values {
  readonly batch: number;
  readonly shape: Shape;
  readonly data: Float64Array;
}

interface Context {
  readonly inputs: readonly Values[];
  readonly shape: Shape;
  readonly mode: Mode;
  readonly parameter: (role: ParameterRole) => Float32Array;
}

const at = (array: Float32Array | Float64Array, index: number): number => must(array[index], `number ${index}`);

/** A tensor whose numbers are a function of image, channel, row and column. */
function make(
  batch: number,
  shape: Shape,
  value: (image: number, channel: number, row: number, column: number) => number,
): Values {
  const data = new Float64Array(batch * shape.channels * shape.height * shape.width);
  let index = 0;
  for (let image = 0; image < batch; image++)
    for (let channel = 0; channel < shape.channels; channel++)
      for (let row = 0; row < shape.height; row++)
        for (let column = 0; column < shape.width; column++) data[index++] = value(image, channel, row, column);
  return { batch, shape, data };
}

const read = ({ shape, data }: Values, image: number, channel: number, row: number, column: number): number =>
  at(data, ((image * shape.channels + channel) * shape.height + row) * shape.width + column);

const only = ({ inputs }: Context): Values => must(inputs[0], 'input');

const elementwise = (context: Context, value: (...numbers: number[]) => number): Values => ({
  ...only(context),
  data: only(context).data.map((_, index) => value(...context.inputs.map(({ data }) => at(data, index)))),
});

/** The pixels of a window that lie inside the image, with their positions in the window. */
function* windowOf(
  input: Shape,
  layer: { kernel: number; stride: number; padding: number; dilation?: number; margins?: { top: number; left: number } },
  row: number,
  column: number,
) {
  const { dilation = 1, margins: before = { top: layer.padding, left: layer.padding } } = layer;
  for (let y = 0; y < layer.kernel; y++)
    for (let x = 0; x < layer.kernel; x++) {
      const [top, left] = [row * layer.stride + y * dilation - before.top, column * layer.stride + x * dilation - before.left];
      if (top >= 0 && top < input.height && left >= 0 && left < input.width) yield { place: y * layer.kernel + x, top, left };
    }
}

/** Mean and biased variance of each channel, over (N, H, W). */
export function statisticsOf(values: Values): { readonly mean: Float64Array; readonly variance: Float64Array } {
  const { batch, shape } = values;
  const [mean, variance] = [new Float64Array(shape.channels), new Float64Array(shape.channels)];
  const count = batch * shape.height * shape.width;
  make(batch, shape, (n, c, y, x) => (mean[c] = at(mean, c) + read(values, n, c, y, x) / count));
  make(batch, shape, (n, c, y, x) => (variance[c] = at(variance, c) + (read(values, n, c, y, x) - at(mean, c)) ** 2 / count));
  return { mean, variance };
}

const forwardOf: LayerTable<[Context], Values> = {
  image: (_layer, context) => only(context),
  convolution(layer, context) {
    const [input, kernel] = [only(context), context.parameter('kernel')];
    const { groups = 1 } = layer;
    const own = input.shape.channels / groups;
    const area = layer.kernel ** 2;
    return make(input.batch, context.shape, (n, c, row, column) => {
      const first = Math.floor((c * groups) / layer.channels) * own;
      let sum = layer.bias ? at(context.parameter('bias'), c) : 0;
      for (const { place, top, left } of windowOf(input.shape, layer, row, column))
        for (let from = 0; from < own; from++)
          sum += at(kernel, (c * own + from) * area + place) * read(input, n, first + from, top, left);
      return sum;
    });
  },
  depthwise(layer, context) {
    const [input, kernel] = [only(context), context.parameter('kernel')];
    return make(input.batch, context.shape, (n, c, row, column) => {
      let sum = layer.bias ? at(context.parameter('bias'), c) : 0;
      for (const { place, top, left } of windowOf(input.shape, layer, row, column))
        sum += at(kernel, c * layer.kernel ** 2 + place) * read(input, n, c, top, left);
      return sum;
    });
  },
  'batch-normalization'(layer, context) {
    const input = only(context);
    const { mean, variance } =
      context.mode === 'training'
        ? statisticsOf(input)
        : { mean: context.parameter('mean'), variance: context.parameter('variance') };
    const [scale, shift] = [context.parameter('scale'), context.parameter('shift')];
    return make(
      input.batch,
      context.shape,
      (n, c, y, x) =>
        (at(scale, c) * (read(input, n, c, y, x) - at(mean, c))) / Math.sqrt(at(variance, c) + layer.epsilon) + at(shift, c),
    );
  },
  'layer-normalization'(layer, context) {
    const input = only(context);
    const { channels } = input.shape;
    const [scale, shift] = [context.parameter('scale'), context.parameter('shift')];
    return make(input.batch, context.shape, (n, c, y, x) => {
      const pixel = Array.from({ length: channels }, (_none, channel) => read(input, n, channel, y, x));
      const mean = pixel.reduce((sum, value) => sum + value, 0) / channels;
      const variance = pixel.reduce((sum, value) => sum + (value - mean) ** 2, 0) / channels;
      return (at(scale, c) * (read(input, n, c, y, x) - mean)) / Math.sqrt(variance + layer.epsilon) + at(shift, c);
    });
  },
  'response-normalization'({ size, alpha, beta, bias }, context) {
    const input = only(context);
    return make(input.batch, context.shape, (n, c, y, x) => {
      let squares = 0;
      for (let channel = 0; channel < input.shape.channels; channel++)
        if (Math.abs(channel - c) <= (size - 1) / 2) squares += read(input, n, channel, y, x) ** 2;
      return read(input, n, c, y, x) / (bias + (alpha / size) * squares) ** beta;
    });
  },
  relu: (_layer, context) => elementwise(context, (value) => Math.max(0, value)),
  activation: (layer, context) => elementwise(context, (value) => rowOf(layer.function).value(value)),
  'average-pool'(layer, context) {
    const input = only(context);
    return make(input.batch, context.shape, (n, c, row, column) => {
      const values = Array.from(windowOf(input.shape, layer, row, column), ({ top, left }) => read(input, n, c, top, left));
      return values.reduce((sum, value) => sum + value, 0) / (layer.counted ? layer.kernel ** 2 : values.length);
    });
  },
  pad(layer, context) {
    const input = only(context);
    const { height, width } = input.shape;
    return make(input.batch, context.shape, (n, c, row, column) => {
      const [y, x] = [row - layer.top, column - layer.left];
      if (y >= 0 && y < height && x >= 0 && x < width) return read(input, n, c, y, x);
      return layer.value === 'zero' ? 0 : lowestNumber;
    });
  },
  product(_layer, context) {
    const [first, second] = context.inputs as readonly [Values, Values];
    const isGate = second.shape.height === 1 && second.shape.width === 1;
    return make(
      first.batch,
      context.shape,
      (n, c, y, x) => read(first, n, c, y, x) * (isGate ? read(second, n, c, 0, 0) : read(second, n, c, y, x)),
    );
  },
  'max-pool'(layer, context) {
    const input = only(context);
    return make(input.batch, context.shape, (n, c, row, column) =>
      Math.max(...Array.from(windowOf(input.shape, layer, row, column), ({ top, left }) => read(input, n, c, top, left))),
    );
  },
  'global-average-pool'(_layer, context) {
    const input = only(context);
    const size = input.shape.height * input.shape.width;
    return make(input.batch, context.shape, (n, c) => {
      const start = (n * input.shape.channels + c) * size;
      return input.data.subarray(start, start + size).reduce((sum, value) => sum + value, 0) / size;
    });
  },
  dense(layer, context) {
    const [input, kernel, bias] = [only(context), context.parameter('kernel'), context.parameter('bias')];
    const size = kernel.length / layer.features;
    return make(input.batch, context.shape, (n, feature) =>
      kernel
        .subarray(feature * size, (feature + 1) * size)
        .reduce((sum, weight, index) => sum + weight * at(input.data, n * size + index), at(bias, feature)),
    );
  },
  select: ({ take }, context) =>
    make(only(context).batch, context.shape, (n, c, y, x) => read(only(context), n, at(Float64Array.from(take), c), y, x)),
  add: (_layer, context) => elementwise(context, (...terms) => terms.reduce((sum, term) => sum + term, 0)),
  convex(_layer, context) {
    const mix = at(context.parameter('mix'), 0);
    return elementwise(context, (...[first, second]) => mix * must(first, 'first') + (1 - mix) * must(second, 'second'));
  },
  concat(_layer, context) {
    const channels = context.inputs.flatMap((input) =>
      Array.from({ length: input.shape.channels }, (_, channel) => ({ input, channel })),
    );
    return make(only(context).batch, context.shape, (n, c, y, x) => {
      const { input, channel } = must(channels[c], 'channel');
      return read(input, n, channel, y, x);
    });
  },
};

/** The outputs of all nodes for a batch of images. */
export function forward(network: Network, tensors: Tensors, images: Values, mode: Mode): ReadonlyMap<NodeId, Values> {
  const shapes = shapesOf(network);
  const results = new Map<NodeId, Values>();
  for (const node of network.nodes) {
    const inputs = node.inputs.map((id) => must(results.get(id), `result of node ${id}`));
    const parameter = (role: ParameterRole): Float32Array =>
      must(tensors[parameterName(node.id, role)], parameterName(node.id, role)).data;
    const shape = must(shapes.get(node.id), 'shape');
    results.set(
      node.id,
      ask(forwardOf, node.layer, { inputs: node.layer.kind === 'image' ? [images] : inputs, shape, mode, parameter }),
    );
  }
  return results;
}

/** (N, classes). */
export const logitsOf = (network: Network, tensors: Tensors, images: Values, mode: Mode): Float64Array =>
  must(forward(network, tensors, images, mode).get(outputOf(network).id), 'logits').data;
