/** The training loss of every candidate, and how often each operator was sampled, promoted and selected. */
import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import { shortEdits } from '../../../morphism/operators.ts';
import { searchedCandidates } from '../../../report/figures/validation.ts';
import { startOf, type RunDetails } from '../../../report/run-details.ts';
import { numbers, scrollingTable, texts } from '../../../report/sections/parts.ts';
import type { Candidate, Step } from '../../../search/state.ts';
import { formatLoss, formatPercent } from '../../../util/words.ts';
import { ReportMarkup } from '../parts.tsx';
import { colour, plotAxis, usePlot } from '../plot.ts';

/** A column per epoch, a row per candidate; null where a candidate has no such epoch. */
function columnsOf(subject: RunDetails) {
  const candidates = searchedCandidates(subject).filter(({ epochs }) => epochs.length > 0);
  const starts = candidates.map(({ parent }) => startOf(subject, parent));
  const last = Math.max(0, ...candidates.map(({ epochs }, index) => (starts[index] ?? 0) + (epochs.at(-1)?.epoch ?? 0)));
  const x = Array.from({ length: last }, (_none, index) => index + 1);
  const rows = candidates.map(({ epochs }, index) => {
    const row: (number | null)[] = x.map(() => null);
    for (const { epoch, loss } of epochs) row[(starts[index] ?? 0) + epoch - 1] = loss;
    return row;
  });
  const names = candidates.map(({ id }) => ({ id, won: subject.winners.has(id) }));
  return { names, data: [x, ...rows] satisfies uPlot.AlignedData };
}

/** Over the epochs of the search: drag to zoom, values under the cursor. */
export function LossCurves({ subject }: { readonly subject: RunDetails }) {
  const { names, data } = useMemo(() => columnsOf(subject), [subject]);
  const { place } = usePlot({
    key: names.map(({ id, won }) => `${id}${won ? '*' : ''}`).join(),
    data,
    height: 260,
    // Hundreds of curves take a second.
    lazy: true,
    keepsScales: true,
    options: () => ({
      scales: { x: { time: false } },
      axes: [plotAxis('epochs along the winner’s lineage'), plotAxis('training loss', { size: 56 })],
      legend: { show: names.length <= 12 },
      series: [
        { label: 'epoch' },
        ...names.map(({ id, won }): uPlot.Series => ({
          label: id,
          stroke: colour(won ? 'accent' : 'other'),
          width: won ? 2.4 : 1,
          points: { show: false },
          value: (_plot, value) => (value === null ? '–' : formatLoss(value)),
        })),
      ],
    }),
  });
  return (
    <figure>
      <figcaption>
        <strong>Training loss.</strong> Each network: mean over an epoch’s augmented minibatches; the winners are thick. Drag to
        zoom in, double-click to zoom out.
      </figcaption>
      <div ref={place} class="chart" role="img" aria-label="Training loss of each network over the epochs of the search" />
    </figure>
  );
}

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
    </section>
  );
}
