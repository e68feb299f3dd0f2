/** Every run of a study: what came of it, where it lies, and its own report where there is one. */
import { describeBits } from '../../engine/bits.ts';
import { bitsOfRun } from '../../run/record/config.ts';
import { armLabel } from '../../study/labels.ts';
import type { Arm, Outcome, StudyResult } from '../../study/result.ts';
import { formatDuration } from '../../util/duration.ts';
import { formatPercent, formatWhole, plural } from '../../util/words.ts';
import { html, type Content, type Markup } from '../markup.ts';
import { scrolling, table } from '../sections/parts.ts';
import { runsOf, type ShownRun, type ShownStudy } from './study.ts';

/** An address below or beside the page, whatever its folders are called. */
export const addressOf = (path: string): string => `./${path.split('/').map(encodeURIComponent).join('/')}`;

interface Row {
  readonly repetition: number;
  readonly outcome: Outcome | null;
  readonly run: ShownRun | null;
  /** The folder of a run that cannot be read. */
  readonly damaged: string | null;
}

function rowsOf(study: ShownStudy, arm: Arm): readonly Row[] {
  const rows = new Map<number, Row>();
  for (const outcome of arm.outcomes)
    rows.set(outcome.repetition, { repetition: outcome.repetition, outcome, run: null, damaged: null });
  for (const run of runsOf(study, arm)) {
    const { repetition } = run;
    rows.set(repetition, { repetition, outcome: rows.get(repetition)?.outcome ?? null, run, damaged: null });
  }
  for (const { arm: name, repetition, folder } of study.damaged)
    if (name === arm.name) rows.set(repetition, { repetition, outcome: null, run: null, damaged: folder });
  return [...rows.values()].toSorted((a, b) => a.repetition - b.repetition);
}

function cellsOf(arm: Arm, { repetition, outcome, run, damaged }: Row): readonly Content[] {
  const path = outcome?.run ?? run?.subject.name ?? damaged ?? '';
  const percent = (share: number | null | undefined): string =>
    share === null || share === undefined ? '' : formatPercent(share);
  const seconds = outcome?.seconds ?? run?.subject.state.seconds;
  return [
    html`${armLabel(arm)} ${repetition}`,
    damaged !== null ? 'cannot be read' : run === null ? 'finished' : run.subject.condition,
    percent(outcome?.test),
    percent(outcome?.validation),
    outcome === null ? '' : formatWhole(outcome.parameters),
    run === null ? '' : formatWhole(Math.max(0, run.subject.winners.size - 1)),
    outcome === null ? '' : formatWhole(outcome.epochs),
    seconds === undefined ? '' : formatDuration(seconds),
    run === null || run.report === null
      ? html`<code>${path}</code>`
      : html`<a href="${addressOf(run.report)}"><code>${path}</code></a>`,
  ];
}

const numeric = true;

const captionOf = ({ kind }: StudyResult): string =>
  kind === 'growth'
    ? 'Validation is clean and was measured before the final training; epochs are of the winner’s line'
    : 'Validation is clean, after the last epoch';

/** With what the runs were begun: where that differs, the same seed gives other bits. */
function computedBy({ runs }: ShownStudy): Markup | null {
  const all = runs.map(({ subject }) => describeBits(bitsOfRun(subject.config)));
  const kinds = [...new Set(all)].map((bits) => ({ bits, count: all.filter((each) => each === bits).length }));
  const [first] = kinds;
  if (first === undefined) return null;
  return kinds.length === 1
    ? html`<p>All runs by ${first.bits}.</p>`
    : html`<p>
        By ${kinds.map(({ bits, count }) => `${bits}: ${plural(count, 'run')}`).join('; ')}. The same seed gives other bits by
        each.
      </p>`;
}

export function runsHtml(study: ShownStudy): Markup {
  const rows = study.result.arms.flatMap((arm) => rowsOf(study, arm).map((row) => cellsOf(arm, row)));
  if (rows.length === 0) return html`<p>No run has begun.</p>`;
  return html`${computedBy(study)}${scrolling(
    'Runs',
    table(
      captionOf(study.result),
      [
        { title: 'run' },
        { title: 'state' },
        { title: 'test', numeric },
        { title: 'validation', numeric },
        { title: 'parameters', numeric },
        { title: 'steps', numeric },
        { title: 'epochs', numeric },
        { title: 'time', numeric },
        { title: 'folder' },
      ],
      rows,
    ),
  )}`;
}
