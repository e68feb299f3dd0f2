/** Training loss of every network over the epochs of the search, to be looked into: zoomed by dragging, read under the cursor. */
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { searchedCandidates } from '../../../report/figures/validation.ts';
import { startOf, type RunDetails } from '../../../report/run-details.ts';
import { formatLoss } from '../../../util/words.ts';

/** A column an epoch, a row a line; null where it has none. */
function columnsOf(subject: RunDetails): {
  readonly names: readonly string[];
  readonly won: readonly boolean[];
  readonly data: uPlot.AlignedData;
} {
  const lines = searchedCandidates(subject).filter(({ epochs }) => epochs.length > 0);
  const last = Math.max(0, ...lines.map((line) => startOf(subject, line.parent) + (line.epochs.at(-1)?.epoch ?? 0)));
  const x = Array.from({ length: last }, (_none, index) => index + 1);
  const rows = lines.map((line) => {
    const row: (number | null)[] = x.map(() => null);
    const start = startOf(subject, line.parent);
    for (const { epoch, loss } of line.epochs) row[start + epoch - 1] = loss;
    return row;
  });
  return { names: lines.map(({ id }) => id), won: lines.map(({ id }) => subject.winners.has(id)), data: [x, ...rows] };
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Pixels below what is seen: by the time that it is scrolled to, it is drawn. */
const ahead = '600px';

export function LossCurves({ subject }: { readonly subject: RunDetails }) {
  const place = useRef<HTMLDivElement>(null);
  const [isNear, come] = useState(false);
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
          { ...axis, label: 'epochs along the winner’s line', labelSize: 22 },
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
    // Hundreds of curves take a second, and stand far below what is read first.
    const watch = new IntersectionObserver(
      (seen) => {
        if (seen.some(({ isIntersecting }) => isIntersecting)) come(true);
      },
      { rootMargin: ahead },
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
        <strong>Training loss.</strong> Each network, mean over an epoch’s augmented minibatches; the winners’ line thick. Drag
        over a part to look into it, click twice for the whole.
      </figcaption>
      <div ref={place} class="chart" role="img" aria-label="Training loss of each network over the epochs of the search" />
    </figure>
  );
}
