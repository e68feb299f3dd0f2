/**
 * §3.2.2: a convolution, the pointwise of a separable one too, gets two or four times as many output channels: the old
 * ones as they are, the new ones as initialised and read by zeros. What must widen along (at an Add, say) widens along. A frozen
 * one keeps its width.
 */
import { isFrozen } from '../network/network.ts';
import type { EditOf } from './edit.ts';
import { exact, type Operator } from './operator.ts';
import { changeWidths } from './width.ts';

const factors = [2, 4] as const;

export const alterChannels: Operator<EditOf<'alter-channels'>> = {
  fidelity: exact,
  candidates: (network) =>
    network.nodes
      .filter(({ layer }) => layer.kind === 'convolution' && !isFrozen(layer))
      .flatMap(({ id }) => factors.map((factor) => ({ kind: 'alter-channels' as const, node: id, factor }))),
  rewrite(network, { node: id, factor }) {
    const layer = network.nodes.find((node) => node.id === id)?.layer;
    if (layer === undefined) return `there is no node ${id}`;
    if (layer.kind !== 'convolution') return `node ${id} (${layer.kind}) is no convolution`;
    const { channels } = layer;
    return changeWidths(network, new Map([[id, [{ kept: 0, length: channels }, { new: channels * (factor - 1) }]]]));
  },
  keepsWidth: ({ network, widths }, maxChannels) =>
    network.nodes.every(({ id, layer }) => layer.kind !== 'convolution' || !widths.has(id) || layer.channels <= maxChannels),
  short: ({ factor }) => `widen×${factor}`,
  describe: ({ node, factor }) => `widen ${node} ×${factor}`,
};
