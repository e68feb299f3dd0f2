/**
 * §3.2.2: a convolution, the pointwise of a separable one too, gets two or four times as many output channels: the old
 * ones as they are, the new ones as initialised and read by zeros. What must grow along (at an Add, say) grows along.
 */
import type { EditOf } from './edit.ts';
import { survey, widthsOf } from './graph.ts';
import { growthAt, type Operator } from './operator.ts';
import { spread, widen } from './width.ts';

const factors = [2, 4] as const;

export const alterChannels: Operator<EditOf<'alter-channels'>> = {
  candidates: (network) =>
    network.nodes
      .filter(({ layer }) => layer.kind === 'convolution')
      .flatMap(({ id }) => factors.map((factor) => ({ kind: 'alter-channels' as const, node: id, factor }))),
  plan(network, { node: id, factor }) {
    const graph = survey(network);
    const layer = graph.nodes.get(id)?.layer;
    if (layer === undefined) return `there is no node ${id}`;
    if (layer.kind !== 'convolution') return `node ${id} (${layer.kind}) is no convolution`;
    const added = layer.channels * (factor - 1);
    const growth = spread({ network, widths: widthsOf(graph) }, new Map([[id, [[layer.channels, added]]]]));
    return typeof growth === 'string' ? growth : { network: widen(network, growth), growth, sources: {}, identities: [] };
  },
  keepsWidth: (plan, maxChannels) =>
    plan.network.nodes.every(
      ({ id, layer }) => layer.kind !== 'convolution' || growthAt(plan, id).length === 0 || layer.channels <= maxChannels,
    ),
  describe: ({ node, factor }) => `widen ${node} ×${factor}`,
};
