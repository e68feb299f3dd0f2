/** Several runs laid over one another, as they go on. */
import '../compare/compare.css';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { formatDuration } from '../../../util/duration.ts';
import { formatCount, formatLoss, formatWhole } from '../../../util/words.ts';
import { Chart } from '../compare/chart.tsx';
import { curvesOf, type Curve, type Curves } from '../compare/lines.ts';
import { mostRuns } from '../compare/most.ts';
import { SideBySide } from '../compare/table.tsx';
import { Link, StateMark } from '../parts.tsx';
import { openRuns } from '../run-store.ts';

const none: Curve = { x: [], y: [] };

interface Under {
  readonly where: string;
  readonly values: readonly string[];
}

const percent = (value: number): string => `${value.toFixed(1)} %`;

/** Seconds. */
const timeTicks = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800];

const charts = [
  {
    of: 'byEpochs',
    title: 'Validation accuracy, %',
    along: 'epochs of the winner’s line',
    formatX: String,
    formatY: String,
    say: percent,
    points: false,
  },
  {
    of: 'byTime',
    title: 'Validation accuracy over time, %',
    along: 'active time',
    formatX: formatDuration,
    formatY: String,
    say: percent,
    points: false,
  },
  {
    of: 'loss',
    title: 'Learning loss',
    along: 'epochs of the winner’s line',
    formatX: String,
    formatY: String,
    say: formatLoss,
    points: false,
  },
  {
    of: 'bySize',
    title: 'Validation accuracy by size, %',
    along: 'parameters of the winners of the steps',
    formatX: formatCount,
    formatY: String,
    say: percent,
    points: true,
  },
] as const satisfies readonly {
  readonly of: keyof Omit<Curves, 'subject'>;
  readonly title: string;
  readonly along: string;
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  readonly say: (y: number) => string;
  readonly points: boolean;
}[];

function Compared({ ids }: { readonly ids: readonly string[] }) {
  const followed = useMemo(() => openRuns(ids), []);
  useEffect(() => () => followed.close(), [followed]);
  const hidden = useSignal<ReadonlySet<string>>(new Set());
  const under = useSignal<Under | null>(null);

  const runs = followed.runs.map(({ id, status: { value: status } }) => ({
    id,
    status,
    curves: status.kind === 'run' ? curvesOf(status.run) : null,
  }));
  const shown = runs.map(({ id }) => !hidden.value.has(id));
  const toggle = (id: string): void => {
    const next = new Set(hidden.peek());
    if (!next.delete(id)) next.add(id);
    hidden.value = next;
  };
  return (
    <>
      <ul class="legend-bar" aria-label="Legend: each shows or hides its curves">
        {runs.map(({ id, status }, at) => (
          <li key={id}>
            <button type="button" aria-pressed={shown[at] === true} onClick={() => toggle(id)}>
              <svg class={`key-line key-line-${at + 1}`} viewBox="0 0 26 8" width="26" height="8" aria-hidden="true">
                <line x1="1" x2="25" y1="4" y2="4" />
              </svg>
              {id}
            </button>
            {status.kind === 'run' ? <StateMark state={status.run.condition} /> : null}
            {status.kind === 'loading' ? <span class="quiet">is read …</span> : null}
            {status.kind === 'failed' ? <span class="bad">{status.message}</span> : null}
            {status.kind === 'run' && status.problem !== null ? <span class="bad">{status.problem}</span> : null}
            {status.kind === 'run' ? <span class="under">{under.value?.values[at] ?? ''}</span> : null}
          </li>
        ))}
      </ul>
      <p class="note under-where" role="status">
        {under.value?.where ?? 'Point at a curve, or focus one and use the arrow keys: the values stand beside the names above.'}
      </p>
      <div class="overlays">
        {charts.map(({ of, title, along, formatX, formatY, say, points }) => (
          <Chart
            key={of}
            title={title}
            along={along}
            formatX={formatX}
            {...(of === 'byTime' ? { incrementsX: timeTicks } : {})}
            formatY={formatY}
            points={points}
            curves={runs.map(({ curves }) => curves?.[of] ?? none)}
            shown={shown}
            onCursor={(at) => {
              under.value =
                at === null
                  ? null
                  : {
                      where: `${title} at ${of === 'byTime' ? formatDuration(at.x) : formatWhole(at.x)}${of === 'byTime' ? '' : of === 'bySize' ? ' parameters' : ' epochs'}`,
                      values: at.values.map((value) => (value === null ? '–' : say(value))),
                    };
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
        <p>Select runs in the list by their boxes; a bar appears that compares them.</p>
      ) : ids.length > mostRuns ? (
        <p class="bad">
          {ids.length} runs were asked for: at most {mostRuns} can be told apart on one page. Select fewer in the list.
        </p>
      ) : (
        <Compared ids={ids} />
      )}
    </main>
  );
}
