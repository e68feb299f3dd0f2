/** The figure of docs/cluster.md: speed-ups over the number of workers, and what each worker does during one step of halving. */
import { label, path, plotArea, type Point } from '../src/report/chart.ts';
import { wideWidth, type Figure } from '../src/report/figure.ts';
import { coordinate, html, type Markup } from '../src/report/markup.ts';
import type { SimulatedStep } from './simulated-search.ts';

export interface Curve {
  readonly name: string;
  readonly className: string;
  /** x: workers; y: speed-up. */
  readonly points: readonly Point[];
}

const height = 320;
const half = wideWidth / 2;

function speedups(title: string, curves: readonly Curve[]): Markup {
  const most = Math.max(...curves.flatMap(({ points }) => points.map(({ y }) => y)));
  const workers = curves[0]?.points.map(({ x }) => x) ?? [];
  const last = Math.log2(workers.at(-1) ?? 2);
  const area = plotArea(
    half,
    height,
    { domain: [0, last], title: 'workers', ticks: last, format: (value) => String(2 ** value) },
    { domain: [0, Math.ceil(most + 0.5)], title: 'times as fast as one worker', ticks: 8, format: String },
    { right: 104, top: 44 },
  );
  const ends = curves.map(({ points }) => area.y(points.at(-1)?.y ?? 0));
  const lines = curves.map(({ name, className, points }, index) => {
    const drawn = points.map(({ x, y }) => ({ x: Math.log2(x), y }));
    return html`${path(area, drawn, `line ${className}`)}${label(area.right + 6, (ends[index] ?? 0) + 4, 'small', name)}`;
  });
  const ideal = workers.filter((count) => count <= most + 0.5).map((count) => ({ x: Math.log2(count), y: count }));
  return html`${area.axes}${label(area.left - 34, 14, 'strong', title)}${path(area, ideal, 'line dotted')}${lines}`;
}

const rowHeight = 22;

/** What each worker does over the time of a step, one row per worker. */
function lanes(title: string, { jobs, seconds }: SimulatedStep, workers: number): Markup {
  const total = workers * rowHeight;
  const area = plotArea(
    wideWidth,
    total + 84,
    { domain: [0, seconds / 3600], title: 'hours', ticks: 12, format: String },
    { domain: [0, 1], title: '', ticks: 0, format: String },
    { left: 76, right: 20, top: 40, bottom: 44 },
  );
  const rows = Array.from({ length: workers }, (_none, worker) =>
    label(area.left - 8, area.top + (worker + 0.65) * rowHeight, 'small end quiet', `worker ${worker + 1}`),
  );
  const bars = jobs.map(({ task, line: candidate, core, from, to }) => {
    const [x, end] = [area.x(from / 3600), area.x(to / 3600)];
    const y = area.top + core * rowHeight + 3;
    const rung = Number(task.split('/')[1]);
    const name = candidate.replace(/^s\d+c/, '');
    return html`<rect
        class="arm arm-${1 + (rung % 4)}"
        x="${coordinate(x)}"
        y="${coordinate(y)}"
        width="${coordinate(Math.max(1, end - x))}"
        height="${rowHeight - 6}"
        ><title>${`child ${name}, rung ${rung + 1}: ${((to - from) / 3600).toFixed(1)} h`}</title></rect
      >${end - x > 18 ? label((x + end) / 2, y + 12, 'small middle halo', name) : null}`;
  });
  return html`${area.axes}${label(6, 14, 'strong', title)}${rows}${bars}`;
}

export function clusterFigure(
  methods: readonly Curve[],
  children: readonly Curve[],
  step: SimulatedStep,
  workers: number,
): Figure {
  const content = html`${speedups('The paper’s step: eight children', methods)}<g transform="translate(${half} 0)"
      >${speedups('More children, SHR and NASH', children)}</g
    ><g transform="translate(0 ${height + 12})"
      >${lanes(`A step of SHR on ${workers} workers: what each does, children by number`, step, workers)}</g
    >`;
  const words = methods.map(({ name, points }) => `${name} ${points.at(-1)?.y.toFixed(1)}`).join(', ');
  return {
    name: 'cluster',
    title: 'What more workers buy',
    alternative: `Speed-up of a step over the number of workers, by simulation with measured job times. With 64 workers: ${words}.`,
    caption: '',
    narrow: { width: wideWidth, height: height + 12 + workers * rowHeight + 84, content },
  };
}
