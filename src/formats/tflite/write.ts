/**
 * A deployed network as a TensorFlow Lite file. It takes pixels and gives logits; the normalisation is inside.
 *
 *     f32:    images, float32 (1, H, W, C), 0 to 255 ─ MUL ─ ADD ─▶ network ─▶ logits, float32 (1, classes)
 *     bytes:  images, int8: pixel − 128 ─ DEPTHWISE_CONV_2D ─▶ network ─▶ logits, int8 with scale and zero
 *
 * Pixels in f32, since TensorFlow Lite for Microcontrollers has no CAST of uint8. Behind the model, as an associated file, are the names of
 * the classes, a line each.
 */
import { askOperation, shapeOf, type Deployed } from '../../deploy/deployed.ts';
import { pixelBytes, type Quantisation, type Quantised } from '../../deploy/quantise.ts';
import type { Shape } from '../../network/network.ts';
import { must } from '../../util/assert.ts';
import { withAssociated } from './associated.ts';
import { fileOf, graphBuilder, type GraphBuilder, type Value } from './graph.ts';
import { operationOperators } from './operations.ts';
import { fusedFunctions, paddings } from './schema.ts';

export interface LiteOptions {
  /** For each channel: the network reads (pixel/255 − mean)/std. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** A sentence on its origin. */
  readonly description: string;
  readonly classes: readonly string[];
  /** Texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether each value is an output, too, behind the logits. */
  readonly values?: true;
}

export interface LiteFile {
  readonly bytes: Uint8Array;
  readonly operators: number;
}

/** The associated file of the class names. */
export const labelsFile = 'labels.txt';

/** Pixels as bytes around zero: the real number is the pixel. */
export const pixelQuantisation: Quantisation = { scale: 1, zero: -128 };

const dimsOf = ({ channels, height, width }: Shape): readonly number[] => [1, height, width, channels];

/** As the file in ONNX computes it. */
function normalised(graph: GraphBuilder, images: Value, { mean, std }: LiteOptions): Value {
  const channels = [1, 1, 1, mean.length];
  const value = (name: string): Value => graph.value(name, 'float32', images.dims, null);
  const scale = graph.constant(
    'pixels/scale',
    channels,
    Float32Array.from(std, (deviation) => 1 / (255 * deviation)),
  );
  const shift = graph.constant(
    'pixels/shift',
    channels,
    Float32Array.from(std, (deviation, at) => -(mean[at] as number) / deviation),
  );
  const none = { fused: fusedFunctions.none };
  return graph.operator('add', [graph.operator('multiply', [images, scale], value('scaled'), none), shift], value('image'), none);
}

interface PixelLine {
  readonly weight: number;
  readonly scale: number;
  readonly bias: number;
}

/**
 * Integers of weight·pixel + bias, at a scale, that give the bytes of all 256 pixels of a channel: the largest weight of which all are
 * right, else of which most are.
 */
export function pixelLine(mean: number, std: number, image: Quantisation): PixelLine {
  const wanted = pixelBytes(mean, std, image);
  let best: PixelLine = { weight: 0, scale: 1, bias: 0 };
  let fewest = Infinity;
  for (let weight = 127; weight >= 64 && fewest > 0; weight--) {
    const scale = Math.fround(1 / (255 * std) / weight);
    const bias = Math.round(-mean / std / scale);
    const wrong = wanted.filter((byte, pixel) => {
      const steps = Math.floor(((weight * pixel + bias) * scale) / image.scale + 0.5) + image.zero;
      return Math.max(-128, Math.min(127, steps)) !== byte;
    }).length;
    if (wrong < fewest) [best, fewest] = [{ weight, scale, bias }, wrong];
  }
  return best;
}

function normalisedBytes(graph: GraphBuilder, images: Value, { mean, std }: LiteOptions, image: Quantisation): Value {
  const lines = mean.map((each, channel) => pixelLine(each, std[channel] as number, image));
  const scales = lines.map(({ scale }) => scale);
  const weights = graph.constant(
    'pixels/weights',
    [1, 1, 1, lines.length],
    Int8Array.from(lines, ({ weight }) => weight),
    {
      scales,
      axis: 3,
    },
  );
  const bias = graph.constant(
    'pixels/bias',
    [lines.length],
    Int32Array.from(lines, ({ bias: each }) => each),
    { scales, axis: 0 },
  );
  return graph.operator('depthwise', [images, weights, bias], graph.value('image', 'int8', images.dims, image), {
    padding: paddings.valid,
    strideWidth: 1,
    strideHeight: 1,
    depthMultiplier: 1,
    fused: fusedFunctions.none,
    dilationWidth: 1,
    dilationHeight: 1,
  });
}

/** `quantised`: null for f32. The same network and options give the same bytes. */
export function writeLite(deployed: Deployed, quantised: Quantised | null, options: LiteOptions): LiteFile {
  const graph = graphBuilder();
  const quantisationOf = (value: number): Quantisation | null => quantised && must(quantised.values[value], 'quantisation');
  const images = graph.value('images', quantised ? 'int8' : 'float32', dimsOf(deployed.image), quantised && pixelQuantisation);
  const read = quantisationOf(0);
  const values: Value[] = [read === null ? normalised(graph, images, options) : normalisedBytes(graph, images, options, read)];
  for (const step of deployed.steps)
    values.push(
      askOperation(operationOperators, step.operation, {
        graph,
        step,
        inputs: step.inputs.map((input) => must(values[input], 'value')),
        dims: dimsOf(step.shape),
        to: quantisationOf(step.output),
        filters: quantised?.filters.get(step.output) ?? null,
      }),
    );
  const output = must(values[deployed.output], 'logits');
  const { channels: classes } = shapeOf(deployed, deployed.output);
  const extents = [-1, classes];
  const logits = graph.operator(
    'reshape',
    [output, graph.constant('extents', [2], Int32Array.from(extents))],
    graph.value('logits', output.type, [1, classes], output.quantisation),
    { shape: extents },
  );
  const outputs = [logits, ...(options.values === true ? values : [])] as const;
  const model = fileOf(graph, images, outputs, options.description, options.metadata);
  const labels = options.classes.map((name) => `${name.replaceAll(/[\r\n]+/g, ' ')}\n`).join('');
  return { bytes: withAssociated(model, labelsFile, new TextEncoder().encode(labels)), operators: graph.count() };
}
