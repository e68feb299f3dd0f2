/** A plan as rows, for the terminal and for the dashboard. Pure. */
import { formatCount, formatWhole, plural } from '../../util/words.ts';
import type { Size } from './costs.ts';
import type { Forecast, ForecastStep, PhaseName } from './forecast.ts';
import type { PlanReport } from './plan.ts';

/** One phase of a search, or a part of one. Times are seconds. */
export interface PlanRow {
  readonly phase: string;
  readonly what: string;
  /** Multiply-adds an image of what is trained; empty where that says nothing. */
  readonly size: string;
  readonly seconds: number;
  readonly until: number | null;
}

const rangeOf = (sizes: readonly Size[]): string => {
  const all = sizes.map(({ multiplyAdds }) => multiplyAdds);
  const [least, most] = [formatCount(Math.min(...all)), formatCount(Math.max(...all))];
  return least === most ? most : `${least} to ${most}`;
};

const epochsWord = (epochs: number): string =>
  epochs < 9.95 && epochs % 1 !== 0 ? epochs.toFixed(1) : String(Math.round(epochs));

function stepRow({ step, rungs, children, seconds, ends }: ForecastStep, until: number): PlanRow {
  const ladder = rungs.map(({ size, epochs }) => `${size}×${epochs}`).join(' ');
  const what = `${ends ? '' : 'cut short; '}${ladder}`;
  return { phase: `step ${step}`, what, size: `${step === 1 ? '' : 'about '}${rangeOf(children)}`, seconds, until };
}

/** Steps that have a row each; of more, the ones in the middle are one row. */
const mostRows = 6;

function stepRows(steps: readonly ForecastStep[], from: number): PlanRow[] {
  let until = from;
  const rows = steps.map((step) => stepRow(step, (until += step.seconds)));
  if (rows.length <= mostRows) return rows;
  const [first, middle, last] = [rows.slice(0, mostRows - 2), rows.slice(mostRows - 2, -1), rows.slice(-1)];
  const seconds = middle.reduce((sum, row) => sum + row.seconds, 0);
  return [
    ...first,
    { phase: `${plural(middle.length, 'step')} more`, what: '', size: '', seconds, until: middle.at(-1)?.until ?? 0 },
    ...last,
  ];
}

const images = (count: number): string => `${formatWhole(count)} images`;

/** Rows of a phase: what is done in it. */
const rowsOf: { readonly [Name in PhaseName]: (report: PlanReport, phase: Forecast['phases'][number]) => PlanRow[] } = {
  beginning: ({ plan }, { seconds, until }) => [
    { phase: 'beginning', what: plan === null ? 'reading the data' : 'reading the data, measuring', size: '', seconds, until },
  ],
  vanilla: ({ forecast: { vanilla }, images: { train } }, { seconds, until }) => [
    {
      phase: 'vanilla',
      what: `${plural(vanilla.epochs, 'epoch')} of ${images(train)}`,
      size: formatCount(vanilla.size.multiplyAdds),
      seconds,
      until,
    },
  ],
  steps: ({ forecast: { steps } }, { seconds, until }) => stepRows(steps, until - seconds),
  final: ({ forecast: { final } }, { seconds, until }) =>
    final === null
      ? []
      : [
          {
            phase: 'final training',
            what: `${formatWhole(final.minibatches)} minibatches, ${epochsWord(final.epochs)} epochs`,
            size: formatCount(final.size.multiplyAdds),
            seconds,
            until,
          },
        ],
  test: ({ config }, { seconds, until }) => [{ phase: 'test', what: images(config.data.testImages), size: '', seconds, until }],
  baseline: ({ forecast: { baseline } }, { seconds, until }) =>
    baseline === null
      ? []
      : [
          {
            phase: 'baseline',
            what: `${formatWhole(baseline.minibatches)} minibatches`,
            size: formatCount(baseline.size.multiplyAdds),
            seconds,
            until,
          },
        ],
  export: (_report, { seconds, until }) => [{ phase: 'export', what: 'verification of the file', size: '', seconds, until }],
};

/** When the search ends, in a sentence. */
export const stopWords: { readonly [Stop in Forecast['stop']]: string } = {
  steps: 'The search ends at the step limit.',
  time: 'The search ends at the time limit.',
  limits: 'The search ends when no mutation fits the limits.',
  open: 'The search has no limit of steps or time: set --steps, --budget or limits.seconds.',
};

/** The phases in order, steps one by one. */
export const planRows = (report: PlanReport): readonly PlanRow[] =>
  report.forecast.phases.flatMap((phase) => rowsOf[phase.name](report, phase));
