/** A plan as a table that people read, in 80 columns. Pure. */
import type { Size } from '../run/costs.ts';
import type { Forecast, ForecastStep, PhaseName } from '../run/forecast.ts';
import type { PlanReport } from '../run/plan.ts';
import { describePlan } from '../run/words.ts';
import { formatDuration } from '../util/duration.ts';
import { formatCount, formatWhole, plural } from '../util/words.ts';
import { describeConfig } from '../run/lines.ts';
import { padLeft, padRight, wrap } from './text.ts';

const width = 80;

interface Row {
  readonly phase: string;
  readonly what: string;
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

function stepRow({ step, rungs, children, seconds, ends }: ForecastStep, until: number): Row {
  const ladder = rungs.map(({ size, epochs }) => `${size}×${epochs}`).join(' ');
  const what = `${ends ? '' : 'cut short; '}${ladder}; ${step === 1 ? '' : 'about '}${rangeOf(children)}`;
  return { phase: `step ${step}`, what, seconds, until };
}

/** Steps that have a row each; of more, the ones in the middle are one row. */
const mostRows = 6;

function stepRows(steps: readonly ForecastStep[], from: number): Row[] {
  let until = from;
  const rows = steps.map((step) => stepRow(step, (until += step.seconds)));
  if (rows.length <= mostRows) return rows;
  const [first, middle, last] = [rows.slice(0, mostRows - 2), rows.slice(mostRows - 2, -1), rows.slice(-1)];
  const seconds = middle.reduce((sum, row) => sum + row.seconds, 0);
  return [
    ...first,
    { phase: `${plural(middle.length, 'step')} more`, what: '', seconds, until: middle.at(-1)?.until ?? 0 },
    ...last,
  ];
}

const images = (count: number): string => `${formatWhole(count)} images`;

/** Rows of a phase: what is done in it. */
const rowsOf: { readonly [Name in PhaseName]: (report: PlanReport, phase: Forecast['phases'][number]) => Row[] } = {
  beginning: ({ plan }, { seconds, until }) => [
    { phase: 'beginning', what: plan === null ? 'reading the data' : 'reading the data, measuring', seconds, until },
  ],
  vanilla: ({ forecast: { vanilla }, images: { train } }, { seconds, until }) => [
    {
      phase: 'vanilla',
      what: `${plural(vanilla.epochs, 'epoch')} of ${images(train)}; ${formatCount(vanilla.size.multiplyAdds)}`,
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
            what: `${formatWhole(final.minibatches)} minibatches, ${epochsWord(final.epochs)} epochs; ${formatCount(final.size.multiplyAdds)}`,
            seconds,
            until,
          },
        ],
  test: ({ config }, { seconds, until }) => [{ phase: 'test', what: images(config.data.testImages), seconds, until }],
  baseline: ({ forecast: { baseline } }, { seconds, until }) =>
    baseline === null
      ? []
      : [
          {
            phase: 'baseline',
            what: `${formatWhole(baseline.minibatches)} minibatches; ${formatCount(baseline.size.multiplyAdds)}`,
            seconds,
            until,
          },
        ],
  export: (_report, { seconds, until }) => [{ phase: 'export', what: 'the file, verified', seconds, until }],
};

const stopWords: { readonly [Stop in Forecast['stop']]: string } = {
  steps: 'The search ends with its steps.',
  time: 'The search ends with its time.',
  limits: 'The search ends where the limits allow no further mutation.',
  open: 'The search has no end that is foretold: --steps, --budget or limits.seconds gives it one.',
};

const milliseconds = (seconds: number): string =>
  `${seconds < 0.01 ? (1000 * seconds).toFixed(1) : (1000 * seconds).toFixed(0)} ms`;

function measuredLines({ timings, measured, config }: PlanReport): string[] {
  const { beside, alone, operators, certificate, workers } = timings;
  const [first, ...children] = beside.minibatches;
  const batch = config.settings.batch;
  const side =
    workers === 1
      ? 'on one thread'
      : `on each of ${workers} workers, ${milliseconds(alone.minibatches[0]?.seconds ?? 0)} alone on all`;
  const operatorWords = operators.map(
    ({ operator, seconds }) => `${operator} ${seconds === null ? 'nowhere yet' : milliseconds(seconds)}`,
  );
  return [
    `Measured in ${formatDuration(measured.seconds - measured.reading)}. A minibatch of ${batch}: the first network ${milliseconds(first?.seconds ?? 0)} ${side}` +
      (children.length === 0
        ? '.'
        : `; children of ${children.map(({ size, seconds }) => `${formatCount(size.multiplyAdds)} ${milliseconds(seconds)}`).join(', ')}.`),
    `Operators applied to it: ${operatorWords.join(', ')}${certificate === null ? '' : `; a certificate ${milliseconds(certificate.seconds)}`}.`,
  ];
}

export function planLines(report: PlanReport): string[] {
  const { config, plan, forecast } = report;
  const rows = [
    ...forecast.phases.flatMap((phase) => rowsOf[phase.name](report, phase)),
    { phase: 'in all', what: `${formatWhole(forecast.minibatches)} minibatches`, seconds: forecast.seconds, until: null },
  ];
  const table = [
    ['phase', 'what; multiply-adds an image', 'takes', 'until'] as const,
    ...rows.map(
      ({ phase, what, seconds, until }) =>
        [phase, what, formatDuration(seconds), until === null ? '' : formatDuration(until)] as const,
    ),
  ];
  const widest = (column: 0 | 1 | 2 | 3): number => Math.max(...table.map((row) => row[column].length));
  const [phases, takes, untils] = [widest(0), widest(2), widest(3)];
  const room = Math.max(10, Math.min(widest(1), width - phases - takes - untils - 6));
  const lines = table.flatMap(([phase, what, seconds, until]) => {
    const [head = '', ...rest] = wrap(what, room);
    return [
      `${padRight(phase, phases)}  ${padRight(head, room)}  ${padLeft(seconds, takes)}  ${padLeft(until, untils)}`.trimEnd(),
      ...rest.map((line) => `${' '.repeat(phases)}  ${line}`),
    ];
  });
  const said = [
    ...describeConfig(config),
    ...(plan === null || config.budget === null ? [] : [describePlan(plan, config.budget, config)]),
  ];
  const notes = [
    ...(forecast.steps.length === 0
      ? []
      : [`${stopWords[forecast.stop]} Which child wins is not foretold: each next step starts from one of middle size.`]),
    ...measuredLines(report),
  ];
  return [...said.flatMap((line) => wrap(line, width)), '', ...lines, '', ...notes.flatMap((line) => wrap(line, width))];
}
