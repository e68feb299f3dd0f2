/**
 * §3.2.4: second's channels behind those of first, where first was. Whoever read first reads the new channels with zeros:
 * its weights become [old | 0].
 */
import type { EditOf } from './edit.ts';
import { shapeIn, widthsOf } from './graph.ts';
import { describePair, merged, pairsOf } from './merge.ts';
import { anyWidth, type Operator } from './operator.ts';
import { spread, widen } from './width.ts';

export const mergeConcat: Operator<EditOf<'merge-concat'>> = {
  candidates: (network) => pairsOf(network, () => true).map((pair) => ({ kind: 'merge-concat', ...pair })),
  plan(network, pair) {
    const result = merged(network, pair, { kind: 'concat' });
    if (typeof result === 'string') return result;
    const { before, merge, companion } = result;
    const widths = widthsOf(before)
      .set(companion, shapeIn(before, pair.second).channels)
      .set(merge, shapeIn(before, pair.first).channels);
    const growth = spread({ network: result.network, widths, joined: merge }, new Map());
    return typeof growth === 'string' ? growth : { network: widen(result.network, growth), growth, sources: {}, identities: [] };
  },
  keepsWidth: anyWidth,
  describe: (edit) => `stack ${describePair(edit)}`,
};
