/** A plan as rows, for the terminal and for the dashboard. Pure. */
import { methods } from '../../search/methods/table.ts';
import { headPasses } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
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
  readonly until: number;
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

/** A phase's name, what is done in it, and the network that is trained. */
type PhaseWords = readonly [phase: string, what: string, trained?: { readonly size: Size }];

/** Each phase in one row; steps have rows of their own. */
const wordsOf: { readonly [Name in Exclude<PhaseName, 'steps'>]: (report: PlanReport) => PhaseWords } = {
  beginning: ({ plan }) => ['beginning', plan === null ? 'reading the data' : 'reading the data, measuring'],
  vanilla: ({ forecast: { vanilla }, images: { train }, settings }) => [
    methods[settings.method].tunes ? 'head' : 'vanilla',
    methods[settings.method].tunes
      ? `features of ${formatWhole(headPasses)} × ${images(train)}`
      : settings.rounds === 1
        ? `${plural(vanilla.epochs, 'epoch')} of ${images(train)}`
        : `${plural(vanilla.epochs, 'round')}, ${settings.rounds} an epoch of ${images(train)}`,
    vanilla,
  ],
  final({ forecast }) {
    const final = must(forecast.final, 'final training');
    return ['final training', `${formatWhole(final.minibatches)} minibatches, ${epochsWord(final.epochs)} epochs`, final];
  },
  test: ({ config }) => ['test', images(config.data.testImages)],
  baseline({ forecast }) {
    const baseline = must(forecast.baseline, 'baseline');
    return ['baseline', `${formatWhole(baseline.minibatches)} minibatches`, baseline];
  },
  export: () => ['export', 'verification of the file'],
};

/** When the search ends, in a sentence. */
export const stopWords: { readonly [Stop in Forecast['stop']]: string } = {
  steps: 'The search ends at the step limit.',
  time: 'The search ends at the time limit.',
  limits: 'The search ends when no mutation fits the limits.',
  parent: 'The search ends when the parent was better than its children twice.',
  kept: 'The search ends when the network is within the limits.',
  open: 'The search has no limit of steps or time: set --steps, --budget or limits.seconds.',
};

/** The phases in order, steps one by one. */
export const planRows = (report: PlanReport): readonly PlanRow[] =>
  report.forecast.phases.flatMap(({ name, seconds, until }) => {
    if (name === 'steps') return stepRows(report.forecast.steps, until - seconds);
    const [phase, what, trained] = wordsOf[name](report);
    return [{ phase, what, size: trained === undefined ? '' : formatCount(trained.size.multiplyAdds), seconds, until }];
  });
