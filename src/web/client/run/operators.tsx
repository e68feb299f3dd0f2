/** The operators that were drawn, and how often the children that had them went on. */
import { shortEdits } from '../../../morphism/short.ts';
import type { RunDetails } from '../../../report/run-details.ts';
import { scrolling, table } from '../../../report/sections/parts.ts';
import { formatPercent } from '../../../util/words.ts';
import { Drawn } from '../drawn.tsx';

interface Count {
  drawn: number;
  /** Of those, in children whose first rung has ended, and of these in survivors of it. */
  tried: number;
  survived: number;
  won: number;
}

/** By the operator's short word; a child counts each of its edits. */
export function countOperators({ state, winners }: RunDetails): ReadonlyMap<string, Count> {
  const counts = new Map<string, Count>();
  for (const step of state.search.steps) {
    const first = step.rungs[0];
    for (const id of step.children) {
      const line = state.search.candidates.get(id);
      for (const edit of line?.edits ?? []) {
        const word = shortEdits([edit]);
        const count = counts.get(word) ?? { drawn: 0, tried: 0, survived: 0, won: 0 };
        counts.set(word, count);
        count.drawn++;
        if (first !== undefined) count.tried++;
        if (first?.survivors.includes(id) === true) count.survived++;
        if (winners.has(id) && step.winner === id) count.won++;
      }
    }
  }
  return counts;
}

export function Operators({ subject }: { readonly subject: RunDetails }) {
  const counts = [...countOperators(subject)].toSorted(([, a], [, b]) => b.drawn - a.drawn);
  if (counts.length === 0) return null;
  const rows = counts.map(([word, { drawn, tried, survived, won }]) => [
    word,
    drawn,
    survived,
    tried === 0 ? '–' : formatPercent(survived / tried),
    won,
  ]);
  const columns = [
    { title: 'operator' },
    { title: 'drawn', numeric: true },
    { title: 'went on', numeric: true },
    { title: 'share', numeric: true },
    { title: 'in winners', numeric: true },
  ];
  const caption = 'Drawn in children; in children that went on after the first rung; in winners of steps';
  return (
    <section aria-labelledby="operators-title">
      <h2 id="operators-title">Operators</h2>
      <Drawn markup={scrolling('Operators', table(caption, columns, rows))} />
    </section>
  );
}
