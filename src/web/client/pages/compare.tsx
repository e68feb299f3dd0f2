/** Several runs compared: their curves overlaid, their results and settings side by side. */
import '../compare/compare.css';
import { useSignal } from '@preact/signals';
import { formatDuration } from '../../../util/duration.ts';
import { formatCount, formatLoss, formatWhole } from '../../../util/words.ts';
import { Chart, type ChartOptions } from '../compare/chart.tsx';
import { curvesOf, mostRuns, type Curve, type Curves } from '../compare/curves.ts';
import { SideBySide } from '../compare/table.tsx';
import { Link, StateMark, useRuns } from '../parts.tsx';
import type { RunStatus } from '../run-store.ts';

const emptyCurve: Curve = { x: [], y: [] };

const percent = (value: number): string => `${value.toFixed(1)} %`;

/** Seconds. */
const timeTicks = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800];

const epochAxis = {
  xLabel: 'epochs of the winner’s lineage',
  formatX: String,
  describeX: (x: number): string => `${formatWhole(x)} epochs`,
};

const charts: readonly (Omit<ChartOptions, 'curves' | 'shown' | 'onCursor'> & {
  readonly of: keyof Omit<Curves, 'subject'>;
  readonly describeX: (x: number) => string;
  readonly describeY: (y: number) => string;
})[] = [
  { of: 'byEpochs', title: 'Validation accuracy, %', ...epochAxis, describeY: percent },
  {
    of: 'byTime',
    title: 'Validation accuracy over time, %',
    xLabel: 'active time',
    formatX: formatDuration,
    describeX: formatDuration,
    describeY: percent,
    incrementsX: timeTicks,
  },
  { of: 'loss', title: 'Training loss', ...epochAxis, describeY: formatLoss },
  {
    of: 'bySize',
    title: 'Validation accuracy by size, %',
    xLabel: 'parameters of the winners of the steps',
    formatX: formatCount,
    describeX: (x) => `${formatWhole(x)} parameters`,
    describeY: percent,
    points: true,
  },
];

interface LegendItemProps {
  readonly id: string;
  readonly index: number;
  readonly status: RunStatus;
  readonly isShown: boolean;
  /** At the cursor. */
  readonly value: string;
  onToggle(): void;
}

function LegendItem({ id, index, status, isShown, value, onToggle }: LegendItemProps) {
  return (
    <li>
      <button type="button" aria-pressed={isShown} onClick={onToggle}>
        <svg class={`key-line key-line-${index + 1}`} viewBox="0 0 26 8" width="26" height="8" aria-hidden="true">
          <line x1="1" x2="25" y1="4" y2="4" />
        </svg>
        {id}
      </button>
      {status.kind === 'loading' ? <span class="quiet">loading …</span> : null}
      {status.kind === 'failed' ? <span class="bad">{status.message}</span> : null}
      {status.kind === 'run' ? (
        <>
          <StateMark state={status.run.condition} />
          {status.problem === null ? null : <span class="bad">{status.problem}</span>}
          <span class="at-cursor">{value}</span>
        </>
      ) : null}
    </li>
  );
}

function Comparison({ ids }: { readonly ids: readonly string[] }) {
  const hidden = useSignal<ReadonlySet<string>>(new Set());
  const cursor = useSignal<{ readonly where: string; readonly values: readonly string[] } | null>(null);
  const runs = useRuns(ids).map(({ id, status: { value: status } }) => ({
    id,
    status,
    curves: status.kind === 'run' ? curvesOf(status.run) : null,
  }));
  const shown = ids.map((id) => !hidden.value.has(id));
  const toggle = (id: string): void => {
    const next = new Set(hidden.peek());
    if (!next.delete(id)) next.add(id);
    hidden.value = next;
  };
  return (
    <>
      <ul class="legend-bar" aria-label="Legend: press a run to show or hide its curves">
        {runs.map(({ id, status }, index) => (
          <LegendItem
            key={id}
            id={id}
            index={index}
            status={status}
            isShown={shown[index] === true}
            value={cursor.value?.values[index] ?? ''}
            onToggle={() => toggle(id)}
          />
        ))}
      </ul>
      <p class="note cursor-words" role="status">
        {cursor.value?.where ?? 'Point at a chart, or focus it and use the arrow keys, to see the values beside the names above.'}
      </p>
      <div class="overlays">
        {charts.map(({ of, describeX, describeY, ...options }) => (
          <Chart
            key={of}
            {...options}
            curves={runs.map(({ curves }) => curves?.[of] ?? emptyCurve)}
            shown={shown}
            onCursor={(at) => {
              const values = at?.values.map((value) => (value === null ? '–' : describeY(value))) ?? [];
              cursor.value = at === null ? null : { where: `${options.title} at ${describeX(at.x)}`, values };
            }}
          />
        ))}
      </div>
      <h2>Side by side</h2>
      <SideBySide runs={runs.map(({ id, curves }) => ({ id, subject: curves?.subject ?? null }))} />
    </>
  );
}

export function ComparePage({ runs }: { readonly runs: readonly string[] }) {
  const ids = [...new Set(runs)];
  return (
    <main id="main" class="compare">
      <p class="quiet">
        <Link to={{ page: 'list' }}>All runs</Link>
      </p>
      <h1>{ids.length === 0 ? 'Compare runs' : `${ids.length} runs compared`}</h1>
      {ids.length === 0 ? (
        <p>Select runs by their checkboxes in the list.</p>
      ) : ids.length > mostRuns ? (
        <p class="bad">
          {ids.length} runs are selected; at most {mostRuns} can be compared. Select fewer in the list.
        </p>
      ) : (
        <Comparison ids={ids} />
      )}
    </main>
  );
}
