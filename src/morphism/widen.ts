/**
 * §3.2.2 in smaller steps: a convolution gets 1.25, 1.5 or 2 times as many output channels, in whole groups of eight, which is what
 * processors compute at a time. The old channels are as they are, the new ones as initialised and read by zeros.
 */
import { alterChannels } from './alter-channels.ts';
import type { EditOf } from './edit.ts';
import type { Operator } from './operator.ts';
import { changeWidths } from './width.ts';
import { isFrozen } from '../network/network.ts';

const factors = [1.25, 1.5, 2] as const;
export const group = 8;

/** How many channels more those factors give, each number once. */
const moreOf = (channels: number): readonly number[] => [
  ...new Set(factors.map((factor) => Math.max(group, Math.ceil((channels * factor) / group) * group - channels))),
];

export const widen: Operator<EditOf<'widen'>> = {
  ...alterChannels,
  candidates: (network) =>
    network.nodes.flatMap(({ id, layer }) =>
      layer.kind === 'convolution' && !isFrozen(layer)
        ? moreOf(layer.channels).map((more) => ({ kind: 'widen' as const, node: id, more }))
        : [],
    ),
  rewrite(network, { node: id, more }) {
    const layer = network.nodes.find((node) => node.id === id)?.layer;
    if (layer === undefined) return `there is no node ${id}`;
    if (layer.kind !== 'convolution') return `node ${id} (${layer.kind}) is no convolution`;
    return changeWidths(network, new Map([[id, [{ kept: 0, length: layer.channels }, { new: more }]]]));
  },
  short: ({ more }) => `widen+${more}`,
  describe: ({ node, more }) => `widen ${node} by ${more} channels`,
};
