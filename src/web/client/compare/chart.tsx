/** Overlaid curves with a cursor that follows the pointer and the arrow keys. It knows curves, not runs. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { colour, plotAxis, usePlot } from '../plot.ts';
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

/** Of each curve, for readers who do not see the colours. */
const dashes: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [10, 3, 2, 3], [], [7, 4], [2, 3], [10, 3, 2, 3]];

/** The value of each curve at x, or the last one before it. */
const valuesAt = (curves: readonly Curve[], x: number): readonly (number | null)[] =>
  curves.map((each) => {
    const after = each.x.findIndex((one) => one > x);
    const at = after === -1 ? each.x.length - 1 : after - 1;
    return at < 0 || (after === -1 && (each.x.at(-1) ?? -1) < x) ? null : (each.y[at] ?? null);
  });

export function Chart({ title, xLabel, formatX, incrementsX, curves, shown, points = false, onCursor }: ChartOptions) {
  const cursor = useRef<number | null>(null);
  const data = useMemo(() => uPlot.join(curves.map(({ x, y }) => [[...x], [...y]])), curves);
  const onMove = useRef<(self: uPlot) => void>(() => undefined);
  onMove.current = ({ cursor: { idx }, data: [xs] }) => {
    const x = xs[idx ?? -1];
    cursor.current = x === undefined ? null : (idx ?? null);
    onCursor(x === undefined ? null : { x, values: valuesAt(curves, x) });
  };
  const { place, plot } = usePlot({
    key: String(curves.length),
    data,
    height: 240,
    options: () => ({
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false } },
      axes: [
        plotAxis(xLabel, {
          labelSize: 18,
          values: (_plot, values) => values.map(formatX),
          ...(incrementsX === undefined ? {} : { incrs: [...incrementsX] }),
        }),
        plotAxis('', { size: 56, labelSize: 0, values: (_plot, values) => values.map(String) }),
      ],
      series: [
        {},
        ...curves.map((_curve, at): uPlot.Series => ({
          stroke: colour(`run-${at + 1}`),
          width: 2,
          dash: [...(dashes[at] ?? [])],
          spanGaps: true,
          show: shown[at] ?? true,
          points: { show: points, size: 7, fill: colour(`run-${at + 1}`) },
        })),
      ],
      hooks: { setCursor: [(self) => onMove.current(self)] },
    }),
  });
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
        onBlur={() => onCursor(null)}
      />
    </figure>
  );
}
