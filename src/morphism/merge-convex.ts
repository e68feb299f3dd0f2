/** §3.2.3: replaces `first` by λ·first + (1 − λ)·second, with λ = 1 at first. */
import { parameterName } from '../network/parameters.ts';
import type { EditOf } from './edit.ts';
import { shapeIn } from './graph.ts';
import { describePair, merged, pairsOf } from './merge.ts';
import { anyWidth, exact, type Operator } from './operator.ts';

export const mergeConvex: Operator<EditOf<'merge-convex'>> = {
  fidelity: exact,
  candidates: (network) =>
    pairsOf(network, (first, second) => first.channels === second.channels).map((pair) => ({ kind: 'merge-convex', ...pair })),
  rewrite(network, pair) {
    const result = merged(network, pair, { kind: 'convex' });
    if (typeof result === 'string') return result;
    const [first, second] = [shapeIn(result.before, pair.first), shapeIn(result.before, pair.second)];
    if (first.channels !== second.channels)
      return `node ${pair.first} has ${first.channels} channels and node ${pair.second} has ${second.channels}`;
    const mix = parameterName(result.merge, 'mix');
    return { network: result.network, widths: new Map(), sources: { [mix]: { kind: 'constant', value: 1 } }, identities: [] };
  },
  keepsWidth: anyWidth,
  short: () => 'convex',
  describe: (edit) => `mix ${describePair(edit)}`,
};
