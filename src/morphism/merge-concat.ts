/**
 * §3.2.4: replaces `first` by a concatenation of `first` and `second`. The layers that read `first` get zero weights for the new
 * channels: [old | 0].
 */
import type { EditOf } from './edit.ts';
import { shapeIn, widthsOf } from './graph.ts';
import { describePair, merged, pairsOf } from './merge.ts';
import { anyWidth, exact, type Operator } from './operator.ts';
import { spread, withWidths } from './width.ts';

export const mergeConcat: Operator<EditOf<'merge-concat'>> = {
  fidelity: exact,
  candidates: (network) => pairsOf(network, () => true).map((pair) => ({ kind: 'merge-concat', ...pair })),
  rewrite(network, pair) {
    const result = merged(network, pair, { kind: 'concat' });
    if (typeof result === 'string') return result;
    const { before: graph, merge, companion } = result;
    const before = widthsOf(graph)
      .set(companion, shapeIn(graph, pair.second).channels)
      .set(merge, shapeIn(graph, pair.first).channels);
    const widths = spread({ network: result.network, widths: before, joined: merge }, new Map());
    return typeof widths === 'string'
      ? widths
      : { network: withWidths(result.network, widths), widths, sources: {}, identities: [] };
  },
  keepsWidth: anyWidth,
  short: () => 'concat',
  describe: (edit) => `stack ${describePair(edit)}`,
};
