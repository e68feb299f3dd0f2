/** The output shape of each layer. For an impossible combination the result is a sentence with the reason. */
import {
  ask,
  groupsOf,
  marginsOf,
  outputOf,
  reachOf,
  type LayerTable,
  type Margins,
  type Network,
  type NodeId,
  type Shape,
  type DilatedWindow,
} from './network.ts';

const same = (a: Shape, b: Shape): boolean => a.channels === b.channels && a.height === b.height && a.width === b.width;

export const formatShape = (shape: Shape): string => `${shape.channels}×${shape.height}×${shape.width}`;

function window(input: Shape, channels: number, layer: DilatedWindow & { readonly margins?: Margins }): Shape | string {
  const { kernel, stride, dilation = 1 } = layer;
  const { top, left, bottom, right } = marginsOf(layer);
  const extent = (size: number): number => Math.floor((size - reachOf(layer)) / stride) + 1;
  const [height, width] = [extent(input.height + top + bottom), extent(input.width + left + right)];
  return height >= 1 && width >= 1
    ? { channels, height, width }
    : `a ${kernel}×${kernel} window${dilation === 1 ? '' : ` dilated by ${dilation}`} does not fit into ${formatShape(input)}`;
}

/** Whether padding is as wide as a window, or the last windows have no pixel of the image. */
const missesImage = (input: Shape, { height, width }: Shape, { kernel, stride }: DilatedWindow, margins: Margins): boolean =>
  Object.values(margins).some((margin) => margin >= kernel) ||
  (height - 1) * stride - margins.top >= input.height ||
  (width - 1) * stride - margins.left >= input.width;

const one = (inputs: readonly Shape[], then: (input: Shape) => Shape | string): Shape | string =>
  inputs.length === 1 && inputs[0] !== undefined ? then(inputs[0]) : `takes one input, not ${inputs.length}`;

const alike = (inputs: readonly Shape[], exactly?: number): Shape | string => {
  const [first, ...others] = inputs;
  if (first === undefined || others.length === 0 || (exactly !== undefined && inputs.length !== exactly))
    return `takes ${exactly ?? 'two or more'} inputs, not ${inputs.length}`;
  return others.every((other) => same(first, other))
    ? first
    : `takes inputs of one shape, not ${inputs.map(formatShape).join(' and ')}`;
};

const shapes: LayerTable<[inputs: readonly Shape[]], Shape | string> = {
  image: (layer, inputs) => (inputs.length === 0 ? layer.shape : 'takes no input'),
  convolution: (layer, inputs) =>
    one(inputs, (input) =>
      input.channels % groupsOf(layer) === 0 && layer.channels % groupsOf(layer) === 0
        ? window(input, layer.channels, layer)
        : `has ${groupsOf(layer)} groups for ${input.channels} and ${layer.channels} channels`,
    ),
  depthwise: (layer, inputs) => one(inputs, (input) => window(input, input.channels, layer)),
  'batch-normalization': (_layer, inputs) => one(inputs, (input) => input),
  'layer-normalization': (_layer, inputs) => one(inputs, (input) => input),
  'response-normalization': ({ size }, inputs) =>
    size % 2 === 1 ? one(inputs, (input) => input) : `reads ${size} channels around each, which is not odd`,
  relu: (_layer, inputs) => one(inputs, (input) => input),
  activation: (_layer, inputs) => one(inputs, (input) => input),
  'max-pool': (layer, inputs) =>
    layer.padding * 2 > layer.kernel
      ? 'pads by more than half its window'
      : one(inputs, (input) => window(input, input.channels, layer)),
  'average-pool': (layer, inputs) =>
    one(inputs, (input) => {
      if (layer.padding * 2 > layer.kernel) return 'pads by more than half its window';
      if (layer.margins === undefined) return window(input, input.channels, layer);
      const pooled = window(input, input.channels, layer);
      return layer.padding !== 0 || (typeof pooled !== 'string' && missesImage(input, pooled, layer, layer.margins))
        ? 'pads by more than its window'
        : pooled;
    }),
  pad: ({ top, left, bottom, right }, inputs) =>
    one(inputs, ({ channels, height, width }) => ({
      channels,
      height: height + top + bottom,
      width: width + left + right,
    })),
  'global-average-pool': (_layer, inputs) => one(inputs, (input) => ({ channels: input.channels, height: 1, width: 1 })),
  dense: (layer, inputs) => one(inputs, () => ({ channels: layer.features, height: 1, width: 1 })),
  select: ({ take }, inputs) =>
    one(inputs, (input) => {
      if (new Set(take).size !== take.length || take.length === 0) return 'takes a channel twice, or none';
      const beyond = take.find((channel) => channel >= input.channels);
      return beyond === undefined ? { ...input, channels: take.length } : `takes channel ${beyond} of ${formatShape(input)}`;
    }),
  add: (_layer, inputs) => alike(inputs),
  product(_layer, inputs) {
    const [first, second] = inputs;
    const isGate = first !== undefined && second?.channels === first.channels && second.height === 1 && second.width === 1;
    return isGate && inputs.length === 2 ? first : alike(inputs, 2);
  },
  convex: (_layer, inputs) => alike(inputs, 2),
  concat(_layer, inputs) {
    const [first, ...others] = inputs;
    if (first === undefined || others.length === 0) return `takes two or more inputs, not ${inputs.length}`;
    if (!others.every((other) => other.height === first.height && other.width === first.width))
      return `takes inputs of one height and width, not ${inputs.map(formatShape).join(' and ')}`;
    return { ...first, channels: inputs.reduce((sum, input) => sum + input.channels, 0) };
  },
};

/** The output shape of each node, or a sentence with the first node whose shape is impossible and the reason. */
export function inferShapes(network: Network): ReadonlyMap<NodeId, Shape> | string {
  const result = new Map<NodeId, Shape>();
  for (const node of network.nodes) {
    const inputs: Shape[] = [];
    for (const id of node.inputs) {
      const input = result.get(id);
      if (input === undefined) return `node ${node.id} (${node.layer.kind}) reads node ${id}, which does not come before it`;
      inputs.push(input);
    }
    const shape = ask(shapes, node.layer, inputs);
    if (typeof shape === 'string') return `node ${node.id} (${node.layer.kind}) ${shape}`;
    if (result.has(node.id)) return `two nodes have the id ${node.id}`;
    result.set(node.id, shape);
  }
  return result;
}

/** As `inferShapes`, for a network that was checked. */
export function shapesOf(network: Network): ReadonlyMap<NodeId, Shape> {
  const result = inferShapes(network);
  if (typeof result === 'string') throw new Error(`bug: ${result}`);
  return result;
}

/** The number of logits of a network that was checked. */
export const classCount = (network: Network): number => (shapesOf(network).get(outputOf(network).id) as Shape).channels;
