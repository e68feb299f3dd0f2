/** Overlaid curves with a cursor that follows the pointer and the arrow keys. It knows curves, not runs. */
import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import { useEffect, useRef } from 'preact/hooks';
import { colour } from '../parts.tsx';
import type { Curve } from './curves.ts';

export interface ChartOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly formatX: (x: number) => string;
  /** Possible distances of ticks, ascending. */
  readonly incrementsX?: readonly number[];
  readonly curves: readonly Curve[];
  /** Of each curve. */
  readonly shown: readonly boolean[];
  /** Whether points are marked. */
  readonly points?: boolean;
  /** Null where the cursor left. */
  onCursor(at: { readonly x: number; readonly values: readonly (number | null)[] } | null): void;
}

const height = 240;
/** Of each curve, for readers who do not see the colours. */
const dashes: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [10, 3, 2, 3], [], [7, 4], [2, 3], [10, 3, 2, 3]];

const joined = (curves: readonly Curve[]): uPlot.AlignedData =>
  curves.length === 0 ? [[]] : uPlot.join(curves.map(({ x, y }) => [[...x], [...y]]));

/** The value of each curve at x, or the last one before it. */
const valuesAt = (curves: readonly Curve[], x: number): readonly (number | null)[] =>
  curves.map((each) => {
    const after = each.x.findIndex((one) => one > x);
    const at = after === -1 ? each.x.length - 1 : after - 1;
    return at < 0 || (after === -1 && (each.x.at(-1) ?? -1) < x) ? null : (each.y[at] ?? null);
  });

export function Chart(options: ChartOptions) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(options);
  latest.current = options;
  const cursor = useRef<number | null>(null);
  const { title, xLabel, curves, shown } = options;

  useEffect(() => {
    const root = place.current;
    if (root === null) return;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const axis = (format: (value: number) => string, label: string): uPlot.Axis => ({
      label,
      labelSize: 18,
      labelFont: '12px system-ui, sans-serif',
      font: '12px system-ui, sans-serif',
      stroke: colour('muted'),
      grid: { stroke: colour('faint'), width: 1 },
      ticks: { stroke: colour('faint'), width: 1 },
      values: (_plot, values) => values.map(format),
    });
    const tell = (self: uPlot): void => {
      const { idx } = self.cursor;
      const x = idx === null || idx === undefined ? undefined : self.data[0][idx];
      cursor.current = x === undefined ? null : (idx as number);
      latest.current.onCursor(x === undefined ? null : { x, values: valuesAt(latest.current.curves, x) });
    };
    const draw = (): void => {
      plot.current?.destroy();
      const { formatX, incrementsX, points = false } = latest.current;
      plot.current = new uPlot(
        {
          width: root.clientWidth,
          height,
          legend: { show: false },
          cursor: { y: false, drag: { x: false, y: false } },
          scales: { x: { time: false } },
          axes: [
            { ...axis(formatX, xLabel), ...(incrementsX === undefined ? {} : { incrs: [...incrementsX] }) },
            { ...axis(String, ''), size: 56, labelSize: 0 },
          ],
          series: [
            {},
            ...latest.current.curves.map((_curve, at): uPlot.Series => ({
              stroke: colour(`run-${at + 1}`),
              width: 2,
              dash: [...(dashes[at] ?? [])],
              spanGaps: true,
              show: latest.current.shown[at] ?? true,
              points: { show: points, size: 7, fill: colour(`run-${at + 1}`) },
            })),
          ],
          hooks: { setCursor: [tell] },
        },
        joined(latest.current.curves),
        root,
      );
    };
    draw();
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: root.clientWidth, height }));
    observer.observe(root);
    dark.addEventListener('change', draw);
    return () => {
      observer.disconnect();
      dark.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [curves.length]);

  useEffect(() => plot.current?.setData(joined(curves)), curves);
  useEffect(() => {
    shown.forEach((show, at) => {
      if (plot.current?.series[at + 1]?.show !== show) plot.current?.setSeries(at + 1, { show });
    });
  }, [shown.join()]);

  const move = (event: KeyboardEvent): void => {
    const self = plot.current;
    const last = (self?.data[0].length ?? 0) - 1;
    if (self === null || last < 0) return;
    const now = cursor.current;
    const next: Readonly<Record<string, number>> = {
      ArrowLeft: Math.max(0, (now ?? last + 1) - 1),
      ArrowRight: Math.min(last, (now ?? -1) + 1),
      Home: 0,
      End: last,
    };
    const to = next[event.key];
    if (to === undefined) return;
    event.preventDefault();
    self.setCursor({ left: self.valToPos(self.data[0][to] as number, 'x'), top: 0 });
  };
  return (
    <figure class="overlay">
      <figcaption>
        <strong>{title}</strong>
      </figcaption>
      <div
        ref={place}
        class="plot"
        role="application"
        tabIndex={0}
        aria-label={`${title}, by ${xLabel}. Move the cursor with the arrow keys; the values are in the legend.`}
        onKeyDown={move}
        onBlur={() => options.onCursor(null)}
      />
    </figure>
  );
}
