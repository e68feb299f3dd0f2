/** Small handmade models for tests, and comparisons of their import with ONNX Runtime. */
import { createBatcher } from '../../src/data/batches.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { graphBuilder, type GraphBuilder } from '../../src/formats/onnx/build.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { dataType, type GraphProto, type ModelProto } from '../../src/formats/onnx/proto.ts';
import { noFiles, type ExternalFiles } from '../../src/formats/onnx/read/external.ts';
import { openClassifier, type ImportedClassifier } from '../../src/formats/onnx/read/read.ts';
import { describeLayer } from '../../src/network/print.ts';
import type { Network, Shape } from '../../src/network/network.ts';
import { sizeOf } from '../../src/network/tensor.ts';
import { compare } from '../../src/training/compare.ts';
import type { LogitComparison } from '../../src/training/job.ts';
import { random } from '../../src/util/random.ts';

export interface Drawing extends GraphBuilder {
  /** An initializer of random numbers. */
  weights(...shape: number[]): string;
  /** Random positive numbers, for variances. */
  positive(count: number): string;
}

export interface HandmadeOptions {
  /** The input's extents without the batch. */
  readonly extents?: readonly (number | string)[];
  readonly type?: number;
  readonly opset?: number;
  readonly batch?: number | string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Changes the finished graph. */
  readonly change?: (graph: GraphProto) => GraphProto;
}

/** A model whose graph is built by `draw`, which takes the name of the image and returns that of the output. */
export function handmadeModel(draw: (g: Drawing, image: string) => string, options: HandmadeOptions = {}): ModelProto {
  const {
    extents = [2, 6, 6],
    type = dataType.float,
    opset = 17,
    batch = 'N',
    metadata = {},
    change = (graph) => graph,
  } = options;
  const g = graphBuilder();
  const stream = random('handmade model');
  const image = g.fresh('x');
  const drawing: Drawing = {
    ...g,
    weights: (...shape) =>
      g.floats(
        'w',
        shape,
        Array.from({ length: sizeOf(shape) }, () => 0.4 * stream.normal()),
      ),
    positive: (count) =>
      g.floats(
        'v',
        [count],
        Array.from({ length: count }, () => 0.3 + stream.float()),
      ),
  };
  const output = draw(drawing, image);
  const graph = g.graph(
    'handmade',
    [{ name: image, elementType: type, shape: [batch, ...extents] }],
    [{ name: output, elementType: dataType.float, shape: null }],
  );
  return {
    irVersion: 8,
    opsets: [{ domain: '', version: opset }],
    producer: 'test',
    producerVersion: '',
    graph: change(graph),
    metadata,
    functions: [],
  };
}

/** A global average pool and a dense layer with three outputs. */
export function headOf(g: Drawing, x: string, channels: number): string {
  const flat = g.node('Flatten', [g.node('GlobalAveragePool', [x])], { axis: 1 });
  return g.node('Gemm', [flat, g.weights(channels, 3), g.weights(3)]);
}

export interface Imported extends ImportedClassifier {
  readonly shape: Shape;
  readonly input: { readonly layout: 'NCHW' | 'NHWC'; readonly type: 'uint8' | 'float' };
}

export function importModel(model: ModelProto, open: Partial<Shape> = {}, files: ExternalFiles = noFiles('m.onnx')): Imported {
  const file = openClassifier(encodeModel(model), 'm.onnx', files);
  const { height, width } = file.image.size ?? { height: 6, width: 6 };
  const shape = { channels: file.image.channels ?? 2, height, width, ...open };
  return { ...file.read(shape), shape, input: file.image };
}

/** `conv 3×3 · relu · dense 3`. */
export const layersOf = ({ nodes }: Network): string =>
  nodes
    .slice(1)
    .map(({ layer }) => describeLayer(layer))
    .join(' · ');

/** Compares on images of noise. */
export function compareImported(engine: Engine, imported: Imported, images = 8): Promise<LogitComparison> {
  const { network, tensors, rewrite, normalisation, brightest, shape, input } = imported;
  const stream = random('noise');
  const { channels, height, width } = shape;
  const pixels = Uint8Array.from({ length: images * channels * height * width }, () => stream.integer(256));
  const part = { images: pixels, labels: new Uint16Array(images) };
  const own = { mean: Array.from({ length: channels }, () => 0.4), std: Array.from({ length: channels }, () => 0.3) };
  const dataset: Dataset = {
    name: 'noise',
    hash: '',
    classes: ['a', 'b'],
    shape,
    train: part,
    test: part,
    flip: false,
    ...own,
    ...normalisation,
  };
  const batcher = createBatcher(dataset, { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 }, 3);
  return compare(engine, { network, tensors, model: rewrite(), input: { ...input, brightest }, part, batcher, classes: 2 }, () =>
    Promise.resolve(),
  );
}
