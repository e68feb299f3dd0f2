/**
 * The laptop preset on CIFAR-10 over several seeds, each with its baseline: the vanilla network trained for as many epochs as the
 * winner's lineage.
 *
 *   npm run bench:laptop -- --data DIR [--seeds 3] [--runs runs]
 *
 * Each seed has its own run folder and is resumed if an earlier call was stopped. Finished results are kept in results/laptop.json, so
 * that seeds can be computed on several machines.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resume, search } from '../src/run/driving/open.ts';
import { readRun } from '../src/run/record/read.ts';
import { presets } from '../src/search/settings.ts';
import { candidateOf } from '../src/search/state.ts';
import { must } from '../src/util/assert.ts';
import { formatDuration } from '../src/util/duration.ts';
import { plural } from '../src/util/words.ts';
import { deviation, mean } from './measure.ts';

interface Outcome {
  readonly winner: number;
  readonly baseline: number;
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Seconds in which the run was active. */
  readonly seconds: number;
  readonly machine: string;
}

const { values } = parseArgs({
  options: { data: { type: 'string' }, seeds: { type: 'string', default: '3' }, runs: { type: 'string', default: 'runs' } },
});

/** The preset to which the kept outcomes belong. They are discarded if it has changed. */
const of = JSON.stringify(presets.laptop);
const file = 'results/laptop.json';
const kept = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { of: string; seeds: Record<string, Outcome> })
  : { of, seeds: {} };
const outcomes: Record<string, Outcome> = kept.of === of ? kept.seeds : {};

function outcomeOf(run: string): Outcome {
  const { state, config } = readRun(run);
  const { parameters, multiplyAdds } = candidateOf(state.search, 'final');
  const test = (candidate: 'final' | 'baseline'): number =>
    must(state.search.tests.get(candidate), `test of ${candidate}`).measured.accuracy;
  const machine = `${cpus()[0]?.model ?? 'unknown'} (${config.engine.instructionSet}), ${plural(config.workers, 'worker')}`;
  return { winner: test('final'), baseline: test('baseline'), parameters, multiplyAdds, seconds: state.seconds, machine };
}

const percent = (accuracy: number): string => (100 * accuracy).toFixed(1);
const spread = (accuracies: readonly number[]): string =>
  accuracies.length < 2 ? percent(mean(accuracies)) : `${percent(mean(accuracies))} ± ${percent(deviation(accuracies))}`;

function report(): string {
  const rows = Object.entries(outcomes).map(
    ([seed, { winner, baseline, parameters, multiplyAdds, seconds, machine }]) =>
      `| ${seed} | ${percent(winner)} % | ${percent(baseline)} % | ${(1e-3 * parameters).toFixed(0)} k | ${(1e-6 * multiplyAdds).toFixed(1)} M | ${formatDuration(seconds)} | ${machine} |`,
  );
  const all = Object.values(outcomes);
  const [winners, baselines] = [all.map(({ winner }) => winner), all.map(({ baseline }) => baseline)];
  const ahead = all.map(({ winner, baseline }) => winner - baseline);
  return `# The laptop preset on CIFAR-10

\`npm run bench:laptop -- --data DIR\`, which is \`instar search cifar10 --preset laptop --method shr --baseline --seed N\`. Test
accuracy of the winner, and of the vanilla network trained for as many epochs as the winner's lineage (search and final training).

| seed | winner | baseline | parameters | multiply-adds | work, both | machine |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
| mean ± std, n = ${all.length} | ${spread(winners)} % | ${spread(baselines)} % | | | | |

The winner is ahead by ${spread(ahead)} points.
`;
}

for (let seed = 1; seed <= Number(values.seeds); seed++) {
  if (outcomes[seed] !== undefined) continue;
  const run = join(values.runs, `laptop-${seed}`);
  const settings = { seed, method: 'shr', baseline: true } as const;
  const data = values.data === undefined ? {} : { dataFolder: values.data };
  const events = existsSync(join(run, 'config.json'))
    ? resume(run)
    : search({ dataset: 'cifar10', preset: 'laptop', settings, run, ...data });
  for await (const event of events)
    if (event.type === 'selected' || event.type === 'test') console.log(`seed ${seed}: ${JSON.stringify(event)}`);
  outcomes[seed] = outcomeOf(run);
  mkdirSync('results', { recursive: true });
  writeFileSync(file, `${JSON.stringify({ of, seeds: outcomes }, null, 1)}\n`);
  writeFileSync('results/laptop.md', report());
}
console.log(report());
