/** All runs of a study with their results, folders and reports. */
import { describeBits } from '../../engine/bits.ts';
import { bitsOfRun } from '../../run/record/config.ts';
import { armLabel } from '../../study/labels.ts';
import type { Arm, StudyResult } from '../../study/result.ts';
import { formatDuration } from '../../util/duration.ts';
import { formatPercent, formatWhole, plural } from '../../util/words.ts';
import { html, type Content, type Markup } from '../markup.ts';
import { numbers, scrollingTable, texts } from '../sections/parts.ts';
import { runsOf, type StudyDetails } from './study.ts';

/** A relative URL, whatever the folders are called. */
export const addressOf = (path: string): string => `./${path.split('/').map(encodeURIComponent).join('/')}`;

/** `damaged`: the folder of a run that cannot be read. */
function rowsOf(study: StudyDetails, arm: Arm) {
  const runs = runsOf(study, arm);
  const damaged = study.damaged.filter((each) => each.arm === arm.name);
  const repetitions = [...arm.outcomes, ...runs, ...damaged].map(({ repetition }) => repetition);
  return [...new Set(repetitions)]
    .toSorted((a, b) => a - b)
    .map((repetition) => {
      const isOwn = (each: { readonly repetition: number }): boolean => each.repetition === repetition;
      const [outcome, run] = [arm.outcomes.find(isOwn) ?? null, runs.find(isOwn) ?? null];
      return { repetition, outcome, run, damaged: damaged.find(isOwn)?.folder ?? null };
    });
}

function cellsOf(arm: Arm, { repetition, outcome, run, damaged }: ReturnType<typeof rowsOf>[number]): readonly Content[] {
  const path = outcome?.run ?? run?.details.name ?? damaged ?? '';
  const percent = (share: number | null | undefined): string =>
    share === null || share === undefined ? '' : formatPercent(share);
  const seconds = outcome?.seconds ?? run?.details.state.seconds;
  return [
    html`${armLabel(arm)} ${repetition}`,
    damaged !== null ? 'cannot be read' : run === null ? 'finished' : run.details.condition,
    percent(outcome?.test),
    percent(outcome?.validation),
    outcome === null ? '' : formatWhole(outcome.parameters),
    run === null ? '' : formatWhole(Math.max(0, run.details.winners.size - 1)),
    outcome === null ? '' : formatWhole(outcome.epochs),
    seconds === undefined ? '' : formatDuration(seconds),
    run === null || run.report === null
      ? html`<code>${path}</code>`
      : html`<a href="${addressOf(run.report)}"><code>${path}</code></a>`,
  ];
}

const captionOf = ({ kind }: StudyResult): string =>
  kind === 'growth'
    ? 'Validation: clean images, before the final training. Epochs: of the winner’s lineage'
    : 'Validation: clean images, after the last epoch';

/** Engines and processors of the runs; with others, the same seed gives other bits. */
function computedBy({ runs }: StudyDetails): Markup | null {
  const all = runs.map(({ details }) => describeBits(bitsOfRun(details.config)));
  const kinds = [...new Set(all)].map((bits) => ({ bits, count: all.filter((each) => each === bits).length }));
  const [first] = kinds;
  if (first === undefined) return null;
  return kinds.length === 1
    ? html`<p>All runs used ${first.bits}.</p>`
    : html`<p>
        ${kinds.map(({ bits, count }) => `${bits}: ${plural(count, 'run')}`).join('; ')}. The same seed gives other bits on each.
      </p>`;
}

export function runsHtml(study: StudyDetails): Markup {
  const rows = study.result.arms.flatMap((arm) => rowsOf(study, arm).map((row) => cellsOf(arm, row)));
  if (rows.length === 0) return html`<p>No run has started.</p>`;
  const columns = [
    ...texts('run', 'state'),
    ...numbers('test', 'validation', 'parameters', 'steps', 'epochs', 'time'),
    ...texts('folder'),
  ];
  return html`${computedBy(study)}${scrollingTable('Runs', captionOf(study.result), columns, rows)}`;
}
