/** Training loss of every candidate over the epochs of the search: drag to zoom, values under the cursor. */
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { searchedCandidates } from '../../../report/figures/validation.ts';
import { startOf, type Subject } from '../../../report/subject.ts';
import { formatLoss } from '../../../util/words.ts';
import { colour } from '../parts.tsx';

/** A column per epoch, a row per candidate; null where a candidate has no such epoch. */
function columnsOf(subject: Subject): {
  readonly names: readonly string[];
  readonly won: readonly boolean[];
  readonly data: uPlot.AlignedData;
} {
  const candidates = searchedCandidates(subject).filter(({ epochs }) => epochs.length > 0);
  const starts = candidates.map(({ parent }) => startOf(subject, parent));
  const last = Math.max(0, ...candidates.map(({ epochs }, index) => (starts[index] ?? 0) + (epochs.at(-1)?.epoch ?? 0)));
  const x = Array.from({ length: last }, (_none, index) => index + 1);
  const rows = candidates.map(({ epochs }, index) => {
    const row: (number | null)[] = x.map(() => null);
    for (const { epoch, loss } of epochs) row[(starts[index] ?? 0) + epoch - 1] = loss;
    return row;
  });
  return {
    names: candidates.map(({ id }) => id),
    won: candidates.map(({ id }) => subject.winners.has(id)),
    data: [x, ...rows],
  };
}

/** The chart is drawn when it is so near to the visible part of the page: hundreds of curves take a second. */
const margin = '600px';

export function LossCurves({ subject }: { readonly subject: Subject }) {
  const place = useRef<HTMLDivElement>(null);
  const [isNear, setNear] = useState(false);
  const chart = useRef<{ readonly plot: uPlot; readonly names: string } | null>(null);
  useEffect(() => {
    const box = place.current;
    if (box === null || !isNear) return;
    const { names, won, data } = columnsOf(subject);
    if (names.length === 0) return;
    const key = names.map((name, index) => `${name}${won[index] === true ? '*' : ''}`).join();
    if (chart.current?.names === key) {
      chart.current.plot.setData(data, false);
      return;
    }
    chart.current?.plot.destroy();
    const [ink, faint, accent, other] = ['muted', 'faint', 'accent', 'other'].map(colour) as [string, string, string, string];
    const axis = { stroke: ink, grid: { stroke: faint, width: 1 }, ticks: { stroke: faint, width: 1 } };
    const plot = new uPlot(
      {
        width: Math.max(280, box.clientWidth),
        height: 260,
        scales: { x: { time: false } },
        axes: [
          { ...axis, label: 'epochs along the winner’s lineage', labelSize: 22 },
          { ...axis, label: 'training loss', size: 56, labelSize: 22 },
        ],
        legend: { show: names.length <= 12 },
        series: [
          { label: 'epoch' },
          ...names.map((name, index) => ({
            label: name,
            stroke: won[index] === true ? accent : other,
            width: won[index] === true ? 2.4 : 1,
            points: { show: false },
            value: (_plot: uPlot, value: number | null) => (value === null ? '–' : formatLoss(value)),
          })),
        ],
      },
      data,
      box,
    );
    chart.current = { plot, names: key };
  }, [subject, isNear]);
  useEffect(() => {
    const box = place.current;
    if (box === null) return undefined;
    const observer = new ResizeObserver(() => {
      chart.current?.plot.setSize({ width: Math.max(280, box.clientWidth), height: 260 });
    });
    observer.observe(box);
    const watch = new IntersectionObserver(
      (seen) => {
        if (seen.some(({ isIntersecting }) => isIntersecting)) setNear(true);
      },
      { rootMargin: margin },
    );
    watch.observe(box);
    return () => {
      watch.disconnect();
      observer.disconnect();
      chart.current?.plot.destroy();
    };
  }, []);
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
