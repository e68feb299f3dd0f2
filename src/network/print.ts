/** Prints a network, one line per node: id, layer, inputs, output shape, number of parameters. */
import { rowOf } from './activations.ts';
import { parametersByNode } from './cost.ts';
import { ask, reachOf, type DilatedWindow, type LayerTable, type Margins, type Network } from './network.ts';
import { formatShape, shapesOf } from './shapes.ts';

const window = (layer: DilatedWindow, usualStride: number, usualPadding: number): string =>
  `${layer.kernel}×${layer.kernel}` +
  (layer.stride === usualStride ? '' : ` stride ${layer.stride}`) +
  (layer.padding === usualPadding ? '' : ` padding ${layer.padding}`) +
  (layer.dilation === undefined ? '' : ` dilation ${layer.dilation}`);

const sides = ({ top, left, bottom, right }: Margins): string => [top, left, bottom, right].join();

/** `0–57`, or `116 in another order`. */
function takenOf(take: readonly number[]): string {
  const [first = 0] = take;
  if (!take.every((channel, at) => channel === first + at)) return `${take.length} in another order`;
  return take.length === 1 ? String(first) : `${first}–${first + take.length - 1}`;
}

const words: LayerTable<[], string> = {
  image: () => 'image',
  convolution: (layer) =>
    `conv ${window(layer, 1, (reachOf(layer) - 1) / 2)}${layer.groups === undefined ? '' : ` in ${layer.groups} groups`}${layer.bias ? '' : ' no bias'}${layer.frozen === true ? ' frozen' : ''}`,
  depthwise: (layer) => `depthwise ${window(layer, 1, (reachOf(layer) - 1) / 2)}${layer.bias ? ' bias' : ''}`,
  'batch-normalization': () => 'batch norm',
  'layer-normalization': () => 'layer norm',
  'response-normalization': ({ size }) => `response norm ${size}`,
  relu: () => 'relu',
  activation: (layer) => rowOf(layer.function).words,
  'max-pool': (layer) => `max pool ${window(layer, layer.kernel, 0)}`,
  'average-pool': (layer) =>
    `average pool ${window(layer, layer.kernel, 0)}${layer.margins === undefined ? '' : ` padding ${sides(layer.margins)}`}` +
    (layer.counted || (layer.padding === 0 && layer.margins === undefined) ? '' : ' inside'),
  pad: (layer) => `pad ${sides(layer)}${layer.value === 'zero' ? '' : ' by the lowest'}`,
  'global-average-pool': () => 'global average pool',
  dense: (layer) => `dense ${layer.features}`,
  select: ({ take }) => `channels ${takenOf(take)}`,
  add: () => 'add',
  product: () => 'product',
  convex: () => 'convex',
  concat: () => 'concat',
};

/** Such as `conv 3×3`. */
export const describeLayer = (layer: Network['nodes'][number]['layer']): string => ask(words, layer);

/** One line per node: `7  conv 3×3  ← 5  128×16×16  73,856`. Inputs are printed only where they are not the node above. */
export function printNetwork(network: Network): string {
  const shapes = shapesOf(network);
  const parameters = parametersByNode(network);
  const rows = network.nodes.map((node, index) => {
    const above = network.nodes[index - 1]?.id;
    const reads =
      node.inputs.length === 0 || (node.inputs.length === 1 && node.inputs[0] === above) ? '' : `← ${node.inputs.join(', ')}`;
    const owned = parameters.get(node.id);
    const shape = shapes.get(node.id);
    return [
      String(node.id),
      describeLayer(node.layer),
      reads,
      shape === undefined ? '' : formatShape(shape),
      owned === undefined ? '' : owned.toLocaleString('en-US'),
    ];
  });
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 || column === 4 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
