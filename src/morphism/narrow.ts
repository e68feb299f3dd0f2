/**
 * A convolution gets 0.8, 0.65 or 0.5 times as many output channels, in whole groups of eight. The least useful ones go, by the numbers of the
 * network; what must be narrower along (at an Add, say) is. An approximate morphism (Elsken et al. 2019, §3.2); the statistics of
 * all batch normalisations behind it are measured again.
 */
import { isFrozen, isGrouped, type Network } from '../network/network.ts';
import type { Tensors } from '../network/tensor.ts';
import { must } from '../util/assert.ts';
import type { EditOf } from './edit.ts';
import { normalizationsBehind } from './graph.ts';
import { anyWidth, lossy, type Operator } from './operator.ts';
import { tiesOf, usefulnessOf } from './usefulness.ts';
import { changeWidths, keptRanges } from './width.ts';
import { group } from './widen.ts';

const factors = [0.8, 0.65, 0.5] as const;

/** How many channels fewer those factors leave, each number once; a group at least is kept. */
const fewerOf = (channels: number): readonly number[] => [
  ...new Set(
    factors
      .map((factor) => channels - Math.max(group, Math.floor((channels * factor) / group) * group))
      .filter((fewer) => fewer > 0),
  ),
];

/**
 * The channels that are dropped. Which network that makes must not depend on the numbers: so what goes with the last channels is counted by
 * where it stands in other tensors, and as much of each standing is dropped, the least useful first. A selection names the channels that it
 * takes: where one takes some of these the last channels go.
 */
function droppedOf(network: Network, node: number, channels: number, fewer: number, tensors?: Tensors): ReadonlySet<number> {
  const last = Array.from({ length: fewer }, (_none, index) => channels - fewer + index);
  if (tensors === undefined) return new Set(last);
  const ties = tiesOf(network);
  const own = new Set(Array.from({ length: channels }, (_none, channel) => ties.of(node, channel)));
  const isSelected = network.nodes.some(
    ({ id, layer }) => layer.kind === 'select' && layer.take.some((_taken, at) => own.has(ties.of(id, at))),
  );
  if (isSelected) return new Set(last);
  const standingOf = new Map(Array.from({ length: channels }, (_none, at) => [ties.of(node, at), ties.standing(node, at)]));
  const left = new Map<string, number>();
  for (const tied of new Set(last.map((channel) => ties.of(node, channel)))) {
    const standing = must(standingOf.get(tied), 'standing');
    left.set(standing, (left.get(standing) ?? 0) + 1);
  }
  const usefulness = usefulnessOf(network, tensors, ties, node);
  const order = [...usefulness.keys()].toSorted((a, b) => (usefulness[a] as number) - (usefulness[b] as number) || b - a);
  const dropped = new Set<number>();
  for (const tied of new Set(order.map((channel) => ties.of(node, channel)))) {
    const standing = must(standingOf.get(tied), 'standing');
    const open = left.get(standing) ?? 0;
    if (open > 0) dropped.add(tied);
    left.set(standing, open - 1);
  }
  return new Set(order.filter((channel) => dropped.has(ties.of(node, channel))));
}

export const narrow: Operator<EditOf<'narrow'>> = {
  fidelity: lossy,
  candidates: (network) =>
    network.nodes.flatMap(({ id, layer }) =>
      layer.kind === 'convolution' && !isFrozen(layer) && !isGrouped(layer)
        ? fewerOf(layer.channels).map((fewer) => ({ kind: 'narrow' as const, node: id, fewer }))
        : [],
    ),
  rewrite(network, { node: id, fewer }, tensors) {
    const layer = network.nodes.find((node) => node.id === id)?.layer;
    if (layer === undefined) return `there is no node ${id}`;
    if (layer.kind !== 'convolution') return `node ${id} (${layer.kind}) is no convolution`;
    if (isGrouped(layer)) return `node ${id} (convolution) has groups`;
    const { channels } = layer;
    if (fewer >= channels) return `node ${id} (convolution) has ${channels} channels, and would keep none`;
    const dropped = droppedOf(network, id, channels, fewer, tensors);
    const kept = keptRanges(Uint8Array.from({ length: channels }, (_none, channel) => (dropped.has(channel) ? 1 : 0)));
    const rewrite = changeWidths(network, new Map([[id, kept]]));
    if (typeof rewrite === 'string') return rewrite;
    return { ...rewrite, shifted: normalizationsBehind(rewrite.network, rewrite.widths.keys()) };
  },
  keepsWidth: anyWidth,
  short: ({ fewer }) => `narrow−${fewer}`,
  describe: ({ node, fewer }) => `narrow ${node} by ${fewer} channels`,
};
