/** How often each operator was sampled, promoted and selected, what it gained, and what mutations were chosen by. */
import { useMemo } from 'preact/hooks';
import { shortEdits } from '../../../morphism/operators.ts';
import { operatorsFigure } from '../../../report/figures/operators.ts';
import type { RunDetails } from '../../../report/run-details.ts';
import { expectedTable } from '../../../report/sections/operators.ts';
import { numbers, scrollingTable, texts } from '../../../report/sections/parts.ts';
import type { Candidate, Step } from '../../../search/state.ts';
import { formatPercent } from '../../../util/words.ts';
import { ReportFigure, ReportMarkup } from '../parts.tsx';

interface Count {
  sampled: number;
  /** In children that have ended the first rung, and in those of them that entered the second. */
  compared: number;
  promoted: number;
  selected: number;
}

/** Whether a child has entered the second rung; null while the first has not ended for it. */
function isPromoted({ promotions, rungs: [first] }: Step, { id, epochs }: Candidate, epochsOfFirst: number): boolean | null {
  if (promotions.length > 0)
    return (epochs.at(-1)?.epoch ?? 0) < epochsOfFirst
      ? null
      : promotions.some(({ candidate, rung }) => candidate === id && rung > 0);
  return first === undefined ? null : first.survivors.includes(id);
}

/** By the operator's short name. A child counts once for each of its edits. */
function countOperators({ state, winners, rungs }: RunDetails): ReadonlyMap<string, Count> {
  const counts = new Map<string, Count>();
  for (const step of state.search.steps)
    for (const id of step.children) {
      const child = state.search.candidates.get(id);
      if (child === undefined) continue;
      const promoted = isPromoted(step, child, rungs[0]?.epochs ?? 0);
      for (const edit of child.edits) {
        const name = shortEdits([edit]);
        const count = counts.get(name) ?? { sampled: 0, compared: 0, promoted: 0, selected: 0 };
        counts.set(name, count);
        count.sampled++;
        if (promoted !== null) count.compared++;
        if (promoted === true) count.promoted++;
        if (winners.has(id) && step.winner === id) count.selected++;
      }
    }
  return counts;
}

export function Operators({ subject }: { readonly subject: RunDetails }) {
  const figure = useMemo(() => operatorsFigure(subject), [subject]);
  const expected = useMemo(() => expectedTable(subject), [subject]);
  const counts = [...countOperators(subject)].toSorted(([, a], [, b]) => b.sampled - a.sampled);
  if (counts.length === 0) return null;
  const rows = counts.map(([name, { sampled, compared, promoted, selected }]) => [
    name,
    sampled,
    promoted,
    compared === 0 ? '–' : formatPercent(promoted / compared),
    selected,
  ]);
  const columns = [...texts('operator'), ...numbers('sampled', 'promoted', 'share', 'in winners')];
  const caption =
    'Edits in all children, in children that were promoted to rung 2 (share: of those that ended rung 1), and in winners';
  return (
    <section aria-labelledby="operators-title">
      <h2 id="operators-title">Operators</h2>
      <ReportMarkup markup={scrollingTable('Operators', caption, columns, rows)} />
      <ReportFigure figure={figure} prefix="run" />
      {expected === null ? null : <ReportMarkup markup={expected} />}
    </section>
  );
}
