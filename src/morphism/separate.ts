/**
 * Replaces a convolution by a depthwise and a pointwise one, §3.2.6, that are nearest to it by least squares of the kernel. An approximate
 * morphism: exact where each input channel has one filter, up to a factor.
 */
import { freeze, isFrozen, isGrouped, nextId, type Layer, type LayerOf } from '../network/network.ts';
import { parameterName } from '../network/parameters.ts';
import { must } from '../util/assert.ts';
import type { EditOf } from './edit.ts';
import { normalizationsBehind, shapeIn, survey, type Survey } from './graph.ts';
import { anyWidth, lossy, type Operator } from './operator.ts';

/** The convolution, or why it cannot be separated. */
function separable(graph: Survey, id: number): LayerOf<'convolution'> | string {
  const node = graph.nodes.get(id);
  if (node === undefined) return `there is no node ${id}`;
  const { layer } = node;
  if (layer.kind !== 'convolution') return `node ${id} (${layer.kind}) is no convolution`;
  if (isFrozen(layer)) return `node ${id} (convolution) is frozen`;
  if (isGrouped(layer)) return `node ${id} (convolution) has groups`;
  const read = shapeIn(graph, must(node.inputs[0], 'input')).channels;
  const pixels = layer.kernel ** 2;
  return pixels * read + read * layer.channels < pixels * read * layer.channels
    ? layer
    : `node ${id} (convolution) would not get smaller`;
}

export const separate: Operator<EditOf<'separate'>> = {
  fidelity: lossy,
  candidates(network) {
    const graph = survey(network);
    return network.nodes
      .filter(({ id }) => typeof separable(graph, id) !== 'string')
      .map(({ id }) => ({ kind: 'separate', node: id }));
  },
  rewrite(network, { node: id }) {
    const layer = separable(survey(network), id);
    if (typeof layer === 'string') return layer;
    const { kernel, stride, padding, dilation, channels, bias } = layer;
    const depthwise = nextId(network);
    const window = { kernel, stride, padding, ...(dilation === undefined ? {} : { dilation }) };
    const pointwise: Layer = { kind: 'convolution', channels, kernel: 1, stride: 1, padding: 0, bias };
    const nodes = network.nodes.flatMap((node) =>
      node.id === id
        ? [
            { id: depthwise, layer: { kind: 'depthwise' as const, bias: false, ...window }, inputs: node.inputs },
            { ...node, layer: pointwise, inputs: [depthwise] },
          ]
        : [node],
    );
    const separated = freeze(nodes, nextId(network));
    const from = parameterName(id, 'kernel');
    return {
      network: separated,
      widths: new Map(),
      sources: {
        [parameterName(depthwise, 'kernel')]: { kind: 'depthwise-factor', from },
        [from]: { kind: 'pointwise-factor', from },
      },
      identities: [],
      shifted: normalizationsBehind(separated, [id]),
    };
  },
  keepsWidth: anyWidth,
  short: () => 'separate',
  describe: ({ node }) => `separate ${node}`,
};
