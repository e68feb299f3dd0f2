/**
 * Writes `src/search/operator-prior.ts`: what operators gained in recorded runs.
 *
 *   npm run bench:prior -- RUNS… > src/search/operator-prior.ts
 *
 * RUNS: folders of runs, or folders that hold some. Means are shrunk as the learned choice shrinks its own: as if so many children had
 * gained nothing; those of places, as if they had gained what their operator did.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { operatorNames } from '../src/morphism/operators.ts';
import { readRun } from '../src/run/record/read.ts';
import { gainsByOperator, gainsOf, plus, type OperatorGains, type Sum } from '../src/search/gains.ts';
import { shrunk } from '../src/search/operator-choice.ts';

const isRun = (folder: string): boolean => existsSync(join(folder, 'journal.jsonl'));
const runs = process.argv
  .slice(2)
  .flatMap((folder) =>
    isRun(folder)
      ? [folder]
      : readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
          entry.isDirectory() && isRun(join(folder, entry.name)) ? [join(folder, entry.name)] : [],
        ),
  );
if (runs.length === 0) {
  process.stderr.write('npm run bench:prior -- RUNS…\n');
  process.exit(2);
}

const sums = new Map<string, { whole: Sum; places: Map<number, Sum> }>();
const data = new Map<string, number>();
let [children, squares, free] = [0, 0, 0];
for (const folder of runs) {
  const { config, state } = readRun(folder);
  const steps = gainsOf(state.search);
  if (steps.length === 0) continue;
  data.set(config.data.name, (data.get(config.data.name) ?? 0) + 1);
  for (const step of steps) {
    children += step.length;
    free += step.length - 1;
    squares += step.reduce((sum, { gain }) => sum + gain ** 2, 0);
  }
  for (const [operator, own] of gainsByOperator(state.search) as Iterable<[string, OperatorGains]>) {
    const before = sums.get(operator);
    const places = new Map(before?.places);
    for (const [place, sum] of own.places) places.set(place, plus(places.get(place), sum));
    sums.set(operator, { whole: plus(before?.whole, own), places });
  }
}

const digits = (value: number): string => value.toFixed(4);
const rows = operatorNames.flatMap((operator) => {
  const found = sums.get(operator);
  if (found === undefined) return [];
  const gain = shrunk(0, found.whole);
  const places = [...found.places].toSorted(([a], [b]) => a - b).map(([place, sum]) => `${place}: ${digits(shrunk(gain, sum))}`);
  const name = /^\w+$/.test(operator) ? operator : `'${operator}'`;
  return [
    `  // ${found.whole.weight.toFixed(1)} children.`,
    `  ${name}: { gain: ${digits(gain)}, places: { ${places.join(', ')} } },`,
  ];
});
const from = [...data].map(([name, count]) => `${count} of ${name}`).join(', ');
console.log(`/**
 * What operators gained in recorded runs: where the learned choice of mutations begins. Written by \`npm run bench:prior\`, from
 * ${children} children of ${runs.length} runs: ${from}.
 */
import type { OperatorName } from '../morphism/edit.ts';

export interface PriorGain {
  /** Of ln loss, over siblings of the same multiply-adds, shrunk to 0. */
  readonly gain: number;
  /** The same at each place, by how often the side of the image was halved before; shrunk to \`gain\`. */
  readonly places: Readonly<Record<number, number>>;
}

/** The standard deviation of the gains of siblings. */
export const deviation = ${digits(Math.sqrt(squares / free))};

export const priorGains: { readonly [Name in OperatorName]?: PriorGain } = {
${rows.join('\n')}
};`);
