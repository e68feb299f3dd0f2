/** `instar plan`. */
import { plan as planRun, type PlanReport } from '../run/planning/plan.ts';
import { planRows, stopWords } from '../run/planning/plan-rows.ts';
import { trainedStartAdvice } from '../run/display/advice.ts';
import { describeConfig, describePasses, describePlan } from '../run/display/wording.ts';
import type { Config } from '../run/record/config.ts';
import { formatDuration } from '../util/duration.ts';
import { formatCount, formatWhole } from '../util/words.ts';
import { padLeft, padRight, wrap } from './text.ts';
import { interrupted, listenForInterrupts } from './interrupt.ts';
import { exitCodes, printJson, printLines, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';
import { openReporter } from './reporter.ts';
import { optionsFrom } from '../run/preparing/asked.ts';

/** Columns. */
const width = 80;

const milliseconds = (seconds: number): string =>
  `${seconds < 0.01 ? (1000 * seconds).toFixed(1) : (1000 * seconds).toFixed(0)} ms`;

function measuredLines({ timings, measured, config, passes }: PlanReport): string[] {
  const { beside, alone, operators, certificate, workers, threads } = timings;
  const [first, ...children] = beside.minibatches;
  const batch = config.settings.batch;
  const side =
    threads === 1
      ? workers === 1
        ? 'on one thread'
        : `on each of ${workers} workers`
      : `on each of ${workers} workers, ${milliseconds(alone.minibatches[0]?.seconds ?? 0)} alone on ${threads} threads`;
  const operatorWords = operators.map(
    ({ operator, seconds }) => `${operator} ${seconds === null ? 'not applicable' : milliseconds(seconds)}`,
  );
  return [
    ...(passes === 1 ? [] : [`The first network: ${describePasses(config.settings, passes)}.`]),
    `Measured in ${formatDuration(measured.seconds - measured.reading)}. A minibatch of ${batch}: the first network ${milliseconds(first?.seconds ?? 0)} ${side}` +
      (children.length === 0
        ? '.'
        : `; children of ${children.map(({ size, seconds }) => `${formatCount(size.multiplyAdds)} ${milliseconds(seconds)}`).join(', ')}.`),
    `Operators applied to it: ${operatorWords.join(', ')}${certificate === null ? '' : `; a certificate ${milliseconds(certificate.seconds)}`}.`,
  ];
}

/** The command stands in a line of its own, as it is. */
function startLines(config: Config): string[] {
  const advice = trainedStartAdvice(config);
  if (advice === null) return [];
  const { words, command, source } = advice;
  return [...wrap(`With so few photos ${words}:`, width), `  ${command}`, ...wrap(source, width)];
}

/** A plan as a table that people read, in 80 columns. */
function planLines(report: PlanReport): string[] {
  const { config, plan, forecast } = report;
  type Row = readonly [phase: string, what: string, takes: string, until: string];
  const table: Row[] = [
    ['phase', 'what; multiply-adds an image', 'takes', 'until'],
    ...planRows(report).map(({ phase, what, size, seconds, until }): Row => {
      return [phase, size === '' ? what : `${what}; ${size}`, formatDuration(seconds), formatDuration(until)];
    }),
    ['total', `${formatWhole(forecast.minibatches)} minibatches`, formatDuration(forecast.seconds), ''],
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
      : [`${stopWords[forecast.stop]} Each next step is assumed to start from a child of middle size.`]),
    ...measuredLines(report),
  ];
  return [
    ...said.flatMap((line) => wrap(line, width)),
    '',
    ...lines,
    '',
    ...notes.flatMap((line) => wrap(line, width)),
    ...startLines(config),
  ];
}

export async function planCommand(dataset: string, given: Given<'plan'>, io: Io): Promise<number> {
  const options = optionsFrom(dataset, given);
  const json = given.json === true;
  const reporter = openReporter(io, json);
  const interruption = listenForInterrupts(io);
  try {
    const report = await planRun({
      ...options,
      signal: interruption.signal,
      onData: (event) => reporter.data(event),
      onMeasuring: () => reporter.notice('measuring this machine for about 20 seconds'),
    });
    reporter.close();
    if (json) printJson(io.out, report);
    else printLines(io.out, planLines(report));
    return exitCodes.done;
  } catch (error) {
    if (error !== interrupted) throw error;
    return exitCodes.interrupted;
  } finally {
    reporter.close();
    interruption.stop();
  }
}
