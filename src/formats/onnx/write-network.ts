/**
 * Exports a trained network as an ONNX model with raw pixels as input, and logits and probabilities as outputs. It includes the
 * normalisation; a batch normalisation that is a convolution's only reader is folded into it.
 *
 *     images, uint8 (N, H, W, C) ─ Cast ─ Transpose ─ Mul ─ Add ─▶ network ─▶ logits (N, classes) ─ Softmax ─▶ probabilities
 *
 * With several views the network reads them as one batch of V·N, and the logits are their weighted mean.
 */
import {
  ask,
  consumersOf,
  groupsOf,
  lowestNumber,
  inputShapeOf,
  outputOf,
  type LayerTable,
  type Network,
  type Node,
  type NodeId,
  type Shape,
  type DilatedWindow,
} from '../../network/network.ts';
import { parameterName, type ParameterRole } from '../../network/parameters.ts';
import { shapesOf } from '../../network/shapes.ts';
import type { Tensors } from '../../network/tensor.ts';
import type { View } from '../../network/views.ts';
import { must } from '../../util/assert.ts';
import { activationNode, graphBuilder, modelOf, padZero, windowAttributes, type GraphBuilder } from './build.ts';
import { dataType, type ModelProto } from './proto.ts';

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

type Parameter = (role: ParameterRole) => Float32Array;

interface Context {
  readonly graph: GraphBuilder;
  readonly node: Node;
  /** Names in the graph. */
  readonly inputs: readonly string[];
  readonly inputShape: Shape;
  readonly shape: Shape;
  readonly parameter: Parameter;
  /** The batch normalisation folded into this convolution; null for none. */
  readonly folded: Affine | null;
}

/** y = scale·x + shift for each channel, in f64. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** A batch normalisation with running statistics: scale = γ/√(variance + ε), shift = β − mean·scale. */
function affineOf(parameter: Parameter, epsilon: number): Affine {
  const [mean, variance, beta] = [parameter('mean'), parameter('variance'), parameter('shift')];
  const scale = Float64Array.from(parameter('scale'), (gamma, c) => gamma / Math.sqrt((variance[c] as number) + epsilon));
  return { scale, shift: Float64Array.from(beta, (value, c) => value - (mean[c] as number) * (scale[c] as number)) };
}

const first = ({ inputs }: Context): string => must(inputs[0], 'input');

/** With a folded batch normalisation: W′ = scale·W, b′ = scale·b + shift. */
function convolve(layer: DilatedWindow & { readonly bias: boolean }, groups: number, c: Context): string {
  const { channels } = c.shape;
  const { folded } = c;
  const kernel = c.parameter('kernel');
  const size = kernel.length / channels;
  const weights = kernel.map((value, i) => value * (folded?.scale[Math.floor(i / size)] ?? 1));
  const shape = [channels, c.inputShape.channels / groups, layer.kernel, layer.kernel];
  const inputs = [first(c), c.graph.floats(`${c.node.id}/kernel`, shape, weights)];
  if (layer.bias || folded !== null) {
    const bias = layer.bias ? c.parameter('bias') : new Float32Array(channels);
    const moved = bias.map((value, o) =>
      folded === null ? value : value * (folded.scale[o] as number) + (folded.shift[o] as number),
    );
    inputs.push(c.graph.floats(`${c.node.id}/bias`, [channels], moved));
  }
  return c.graph.node('Conv', inputs, { ...windowAttributes(layer), group: groups });
}

const lowerings: LayerTable<[context: Context], string> = {
  image: (_layer, c) => first(c),
  convolution: (layer, c) => convolve(layer, groupsOf(layer), c),
  depthwise: (layer, c) => convolve(layer, c.shape.channels, c),
  'batch-normalization'({ epsilon }, c) {
    const numbers = (['scale', 'shift', 'mean', 'variance'] as const).map((role) =>
      c.graph.floats(`${c.node.id}/${role}`, [c.shape.channels], c.parameter(role)),
    );
    return c.graph.node('BatchNormalization', [first(c), ...numbers], { epsilon: { float: epsilon } });
  },
  'layer-normalization'({ epsilon }, c) {
    const [scale, shift] = (['scale', 'shift'] as const).map((role) =>
      c.graph.floats(`${c.node.id}/${role}`, [c.shape.channels], c.parameter(role)),
    ) as [string, string];
    const last = c.graph.node('Transpose', [first(c)], { perm: [0, 2, 3, 1] });
    const attributes = { axis: -1, epsilon: { float: epsilon } };
    return c.graph.node('Transpose', [c.graph.node('LayerNormalization', [last, scale, shift], attributes)], {
      perm: [0, 3, 1, 2],
    });
  },
  'response-normalization': ({ size, alpha, beta, bias }, c) =>
    c.graph.node('LRN', [first(c)], { size, alpha: { float: alpha }, beta: { float: beta }, bias: { float: bias } }),
  relu: (_layer, c) => c.graph.node('Relu', [first(c)]),
  activation: (layer, c) => activationNode(c.graph, layer.function, first(c)),
  'max-pool': (layer, c) => c.graph.node('MaxPool', [first(c)], windowAttributes(layer)),
  'average-pool': (layer, c) =>
    c.graph.node('AveragePool', [first(c)], { ...windowAttributes(layer), count_include_pad: layer.counted ? 1 : 0 }),
  pad: ({ top, left, bottom, right, value }, c) =>
    c.graph.node('Pad', [
      first(c),
      c.graph.integers('pads', [0, 0, top, left, 0, 0, bottom, right]),
      c.graph.floats('padding', [], [value === 'zero' ? padZero : lowestNumber]),
    ]),
  'global-average-pool': (_layer, c) => c.graph.node('GlobalAveragePool', [first(c)]),
  dense({ features }, c) {
    const { channels, height, width } = c.inputShape;
    const kernel = c.graph.floats(`${c.node.id}/kernel`, [features, channels * height * width], c.parameter('kernel'));
    const bias = c.graph.floats(`${c.node.id}/bias`, [features], c.parameter('bias'));
    const rows = c.graph.node('Flatten', [first(c)], { axis: 1 });
    const product = c.graph.node('Gemm', [rows, kernel, bias], { transB: 1 });
    return c.graph.node('Reshape', [product, c.graph.integers('image shape', [-1, features, 1, 1])]);
  },
  select: ({ take }, c) => c.graph.node('Gather', [first(c), c.graph.integers('channels', take)], { axis: 1 }),
  add: (_layer, c) => c.inputs.slice(1).reduce((sum, input) => c.graph.node('Add', [sum, input]), first(c)),
  product: (_layer, c) => c.graph.node('Mul', c.inputs),
  convex(_layer, c) {
    const mix = c.parameter('mix')[0] as number;
    const parts = [mix, 1 - mix].map((share, i) =>
      c.graph.node('Mul', [must(c.inputs[i], 'input'), c.graph.floats(`${c.node.id}/share`, [1], [share])]),
    );
    return c.graph.node('Add', parts);
  },
  concat: (_layer, c) => c.graph.node('Concat', c.inputs, { axis: 1 }),
};

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

/** The batch normalisation that is folded into each convolution: its only reader. */
function foldings(network: Network): ReadonlyMap<NodeId, Node> {
  const consumers = consumersOf(network);
  const result = new Map<NodeId, Node>();
  for (const { id, layer } of network.nodes) {
    const [reader, ...others] = consumers.get(id) ?? [];
    const convolves = layer.kind === 'convolution' || layer.kind === 'depthwise';
    if (convolves && reader?.layer.kind === 'batch-normalization' && others.length === 0) result.set(id, reader);
  }
  return result;
}

/** `tensors`: a checkpoint's; optimizer state is ignored. The same inputs give the same bytes. */
export function deployedModel(network: Network, tensors: Tensors, deployment: Deployment): ModelProto {
  const graph = graphBuilder();
  const shapes = shapesOf(network);
  const image = inputShapeOf(network);
  const parameterOf =
    ({ id }: Node): Parameter =>
    (role) =>
      must(tensors[parameterName(id, role)], parameterName(id, role)).data;

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

  const folded = foldings(network);
  const names = new Map<NodeId, string>();
  for (const normalization of folded.values()) names.set(normalization.id, '');
  for (const node of network.nodes) {
    const inputId = node.inputs[0];
    if (names.get(node.id) === '') {
      names.set(node.id, must(names.get(must(inputId, 'input')), 'folded convolution'));
      continue;
    }
    const into = folded.get(node.id);
    const name = ask(lowerings, node.layer, {
      graph,
      node,
      inputs: inputId === undefined ? [read] : node.inputs.map((id) => must(names.get(id), `value of node ${id}`)),
      inputShape: inputId === undefined ? image : must(shapes.get(inputId), 'shape'),
      shape: must(shapes.get(node.id), 'shape'),
      parameter: parameterOf(node),
      folded: into?.layer.kind === 'batch-normalization' ? affineOf(parameterOf(into), into.layer.epsilon) : null,
    });
    names.set(node.id, name);
  }
  const output = outputOf(network);
  const classes = must(shapes.get(output.id), 'shape').channels;
  const rows = [must(names.get(output.id), 'logits')];
  const logits =
    views.length > 1
      ? meanLogits(graph, graph.node('Flatten', rows, { axis: 1 }), views, classes)
      : graph.node('Flatten', rows, { axis: 1 }, logitsName);
  graph.node('Softmax', [logits], { axis: 1 }, probabilitiesName);
  const { height, width, channels } = image;
  return modelOf(
    graph.graph(
      'network',
      [{ name: inputName, elementType: dataType.uint8, shape: ['N', height, width, channels] }],
      [logitsName, probabilitiesName].map((name) => ({ name, elementType: dataType.float, shape: ['N', classes] })),
    ),
    deployment.producerVersion,
    deployment.metadata,
  );
}
