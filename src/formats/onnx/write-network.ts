/**
 * Writes a deployed network as an ONNX model with raw pixels as input, and logits and probabilities as outputs. It includes the
 * normalisation. In bytes, each value is quantised where it is made (QuantizeLinear, DequantizeLinear).
 *
 *     images, uint8 (N, H, W, C) ─ Cast ─ Transpose ─ Mul ─ Add ─▶ network ─▶ logits (N, classes) ─ Softmax ─▶ probabilities
 *
 * With several views the network reads them as one batch of V·N, and the logits are their weighted mean.
 */
import { shapeOf, type Deployed } from '../../deploy/deployed.ts';
import { deploy } from '../../deploy/lower.ts';
import type { Quantised } from '../../deploy/quantise.ts';
import type { Network } from '../../network/network.ts';
import type { Tensors } from '../../network/tensor.ts';
import type { View } from '../../network/views.ts';
import { must } from '../../util/assert.ts';
import { graphBuilder, modelOf, type GraphBuilder } from './build.ts';
import { dataType, type ModelProto } from './proto.ts';
import { writeOperations } from './write-operations.ts';

export const inputName = 'images';
export const logitsName = 'logits';
export const probabilitiesName = 'probabilities';

export interface Deployment {
  /** For each channel: the network reads (pixel/255 − mean)/std. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly producerVersion: string;
  /** Default: the image alone. */
  readonly views?: readonly View[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** All views of images (N, C, H, W) as one batch, a view after the other. */
function viewed(graph: GraphBuilder, images: string, views: readonly View[]): string {
  const largest = Number.MAX_SAFE_INTEGER;
  const slice = (of: string, from: readonly number[], to: readonly number[], axes: readonly number[], step: number): string => {
    const numbers = [from, to, axes, axes.map(() => step)].map((values) => graph.integers('slice', values));
    return graph.node('Slice', [of, ...numbers]);
  };
  let around: string | undefined;
  const seen = views.map(({ mirrored, moved }) => {
    let view = images;
    if (moved !== 0) {
      around ??= graph.node('Pad', [images, graph.integers('around', [0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'reflect' });
      // The padded image has a pixel more on each side.
      const [from, to] = moved === 1 ? [0, -2] : [2, largest];
      view = slice(around, [from, from], [to, to], [2, 3], 1);
    }
    return mirrored ? slice(view, [-1], [-largest], [3], -1) : view;
  });
  return graph.node('Concat', seen, { axis: 0 });
}

/** The weighted mean of the logits (V·N, classes) of all views. */
function meanLogits(graph: GraphBuilder, logits: string, views: readonly View[], classes: number): string {
  const count = views.length;
  const apart = graph.node('Reshape', [logits, graph.integers('views', [count, -1, classes])]);
  const weights = graph.floats(
    'weights of views',
    [count, 1, 1],
    views.map(({ weight }) => weight),
  );
  const weighted = graph.node('Mul', [apart, weights]);
  return graph.node('ReduceSum', [weighted, graph.integers('axis of views', [0])], { keepdims: 0 }, logitsName);
}

export interface WriteOptions {
  /** The deployed network in bytes. Missing: f32. */
  readonly quantised?: Quantised | undefined;
  /** Whether each value is an output, too: behind the logits and the probabilities, in their order. */
  readonly values?: true;
}

/** The same inputs give the same bytes. */
export function writeDeployed(
  deployed: Deployed,
  deployment: Deployment,
  { quantised, values: isTapped }: WriteOptions = {},
): ModelProto {
  const graph = graphBuilder(quantised === undefined ? 'spoken' : 'brief');
  const { image } = deployed;
  const perChannel = (name: string, value: (mean: number, std: number) => number): string =>
    graph.floats(
      name,
      [1, image.channels, 1, 1],
      deployment.mean.map((mean, c) => value(mean, deployment.std[c] as number)),
    );
  const pixels = graph.node('Transpose', [graph.node('Cast', [inputName], { to: dataType.float })], { perm: [0, 3, 1, 2] });
  const scaled = graph.node('Mul', [pixels, perChannel('normalise scale', (_mean, std) => 1 / (255 * std))]);
  const normalised = graph.node('Add', [scaled, perChannel('normalise shift', (mean, std) => -mean / std)]);

  const { views = [] } = deployment;
  const read = views.length > 1 ? viewed(graph, normalised, views) : normalised;
  const written = writeOperations(graph, deployed, read, quantised ?? null);
  const { channels: classes } = shapeOf(deployed, deployed.output);
  const rows = [must(written[deployed.output], 'logits')];
  const logits =
    views.length > 1
      ? meanLogits(graph, graph.node('Flatten', rows, { axis: 1 }), views, classes)
      : graph.node('Flatten', rows, { axis: 1 }, logitsName);
  graph.node('Softmax', [logits], { axis: 1 }, probabilitiesName);
  const { height, width, channels } = image;
  const outputs = [logitsName, probabilitiesName].map((name) => ({ name, elementType: dataType.float, shape: ['N', classes] }));
  const taps = written.map((name, value) => {
    const shape = shapeOf(deployed, value);
    return { name, elementType: dataType.float, shape: ['N', shape.channels, shape.height, shape.width] };
  });
  return modelOf(
    graph.graph(
      'network',
      [{ name: inputName, elementType: dataType.uint8, shape: ['N', height, width, channels] }],
      isTapped === true ? [...outputs, ...taps] : outputs,
    ),
    deployment.producerVersion,
    deployment.metadata,
  );
}

/** `tensors`: a checkpoint's; optimizer state is ignored. The same inputs give the same bytes. */
export const deployedModel = (network: Network, tensors: Tensors, deployment: Deployment): ModelProto =>
  writeDeployed(deploy(network, tensors), deployment);
