/**
 * Checks a forecast: runs `plan`, then the search, and compares the time of each phase with the forecast.
 *
 *   npm run bench:plan -- --data DIR [--preset quick] [--budget 180] [--set limits.steps=1 …] [--dataset cifar10]
 *
 * Without a budget, steps and epochs limit the search. With one, the forecast also says how many steps and epochs fit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readTexts, settingsIn } from '../src/options/option.ts';
import { planOptions } from '../src/options/table.ts';
import type { Entry } from '../src/run/record/events.ts';
import type { PhaseName } from '../src/run/planning/forecast.ts';
import { search } from '../src/run/driving/open.ts';
import { plan } from '../src/run/planning/plan.ts';
import { presetNames } from '../src/search/settings.ts';
import { must } from '../src/util/assert.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    dataset: { type: 'string', default: 'cifar10' },
    preset: { type: 'string', default: 'quick' },
    budget: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
  },
});

const options = {
  dataset: values.dataset,
  preset: must(
    presetNames.find((name) => name === values.preset),
    'preset',
  ),
  settings: settingsIn(planOptions, readTexts(planOptions, { set: values.set })),
  ...(values.budget === undefined ? {} : { budget: Number(values.budget) }),
  ...(values.data === undefined ? {} : { dataFolder: values.data }),
};

/** When each phase of a run ended, and how many minibatches it trained. */
interface Ended {
  readonly until: Map<PhaseName, number>;
  readonly steps: number[];
  readonly minibatches: number;
}

function endsOf(entries: readonly Entry[]): Ended {
  const until = new Map<PhaseName, number>();
  const steps: number[] = [];
  const done = new Map<string, number>();
  for (const entry of entries) {
    const { t } = entry;
    switch (entry.type) {
      case 'task':
        if (entry.line === 'vanilla') until.set('beginning', t);
        if (entry.task === 'final/test') until.set('final', t);
        break;
      case 'epoch':
        done.set(entry.task, entry.done);
        if (entry.line === 'vanilla') until.set('vanilla', t);
        break;
      case 'selected':
        steps.push(t);
        break;
      case 'stop':
        if (entry.reason === 'time') steps.push(t);
        until.set('steps', t);
        break;
      case 'test':
        until.set(entry.line === 'baseline' ? 'baseline' : 'test', t);
        break;
      case 'finished':
        until.set('export', t);
        break;
      default:
        break;
    }
  }
  return { until, steps, minibatches: [...done.values()].reduce((sum, count) => sum + count, 0) };
}

const report = await plan(options);
const { forecast } = report;
const folder = mkdtempSync(join(tmpdir(), 'instar-plan-'));
const entries: Entry[] = [];
try {
  for await (const item of search({ ...options, run: join(folder, 'run') })) if (item.type !== 'progress') entries.push(item);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const ended = endsOf(entries);

const row = (name: string, said: number, was: number, digits = 1): void =>
  console.log(
    `${name.padEnd(14)} ${said.toFixed(digits).padStart(9)} ${was.toFixed(digits).padStart(9)} ${`${((100 * said) / was - 100).toFixed(0)} %`.padStart(7)}`,
  );
console.log(`instar plan took ${report.measured.seconds.toFixed(1)} s; plan of the budget: ${JSON.stringify(report.plan)}`);
const made = entries.find((entry) => entry.type === 'plan');
if (made !== undefined) console.log(`the search's own:${' '.repeat(24)}${JSON.stringify(made.plan)}`);
console.log(`${'seconds'.padEnd(14)} ${'forecast'.padStart(9)} ${'measured'.padStart(9)} ${'off'.padStart(7)}`);
let before = 0;
for (const { name, seconds } of forecast.phases) {
  const until = ended.until.get(name) ?? before;
  row(name, seconds, until - before);
  if (name === 'steps') {
    let from = before;
    for (const [index, step] of forecast.steps.entries()) {
      const to = ended.steps[index];
      if (to === undefined) continue;
      row(`  step ${step.step}`, step.seconds, to - from);
      from = to;
    }
    console.log(
      `  steps started  ${forecast.steps.length} forecast, ${entries.filter(({ type }) => type === 'step').length} made`,
    );
  }
  before = until;
}
row('total', forecast.seconds, entries.at(-1)?.t ?? 0);
row('minibatches', forecast.minibatches, ended.minibatches, 0);
