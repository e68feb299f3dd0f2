/**
 * Experiments: arms × seeds, paired by seed, at equal work.
 *
 *   npm run lab -- NAME [--data DIR] [--dataset DIR] [--image-size 64] [--seeds 1,2,3] [--arms a,b] [--work 3T] [--precision f32] [--folder runs/lab] [--final]
 *
 * Each arm and seed is a run on one thread in its own folder, which is resumed where an earlier call was ended; each result is a line of
 * FOLDER/NAME.jsonl; calls with other seeds or arms may run beside this one. Tuning looks at validation images that no training saw.
 * `--final` trains on all images and looks at the test set instead: for claims, on seeds that no tuning used.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { precisions } from '../src/program/precision.ts';
import { count } from '../src/options/kinds.ts';
import { resume, search } from '../src/run/driving/open.ts';
import { readRun } from '../src/run/record/read.ts';
import { mergeSettings, presets, type Settings, type SettingsOverride } from '../src/search/settings.ts';
import { bestCandidate } from '../src/search/ranking.ts';
import { candidateOf } from '../src/search/state.ts';
import { meanInterval, summaryOf } from '../src/study/samples.ts';
import { signFlipProbability } from '../src/study/statistics.ts';
import { must } from '../src/util/assert.ts';
import { sha256 } from '../src/util/hash.ts';
import { canonicalJson } from '../src/util/json.ts';
import { experiments, type Experiment } from './experiments.ts';

interface Result {
  readonly arm: string;
  readonly seed: number;
  /** 0 to 1, on `part`. */
  readonly accuracy: number;
  readonly loss: number;
  readonly part: 'validation' | 'test';
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly seconds: number;
  readonly machine: string;
  /** Of all settings and the data. */
  readonly of: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    dataset: { type: 'string' },
    'image-size': { type: 'string' },
    seeds: { type: 'string' },
    arms: { type: 'string' },
    work: { type: 'string' },
    folder: { type: 'string', default: 'runs/lab' },
    final: { type: 'boolean', default: false },
    precision: { type: 'string', default: 'auto' },
  },
});
const [name = ''] = positionals;
const experiment: Experiment | undefined = experiments[name];
if (experiment === undefined) {
  const all = Object.entries(experiments).map(([each, { title }]) => `  ${each.padEnd(14)} ${title}`);
  process.stderr.write(`npm run lab -- NAME, of:\n${all.join('\n')}\n`);
  process.exit(2);
}
const work = values.work === undefined ? experiment.work : count.read(values.work);
if (typeof work === 'object' && 'wrong' in work) {
  process.stderr.write(`--work ${work.wrong}\n`);
  process.exit(2);
}
const arms = Object.entries(experiment.arms).filter(([arm]) => values.arms === undefined || values.arms.split(',').includes(arm));
const seeds = values.seeds?.split(',').map(Number) ?? experiment.seeds;
const dataset = values.dataset ?? experiment.dataset;
const imageSize = values['image-size'] === undefined ? experiment.imageSize : Number(values['image-size']);
const precision = must(
  (['auto', ...precisions] as const).find((each) => each === values.precision),
  'auto, f32 or bf16 behind --precision',
);
const part = values.final ? 'test' : 'validation';
mkdirSync(values.folder, { recursive: true });
const file = join(values.folder, `${name}.jsonl`);

const workOf = typeof work === 'number' ? work : work.value;

/** What a run has in place of the preset's settings. */
const settingsOf = (arm: SettingsOverride, seed: number): SettingsOverride => {
  const base = { ...experiment.base, work: workOf, seed, validatesFinal: !values.final };
  return mergeSettings(base as Settings, arm);
};

const known: Result[] = existsSync(file)
  ? readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Result)
  : [];

async function resultOf(arm: string, seed: number, settings: SettingsOverride, of: string): Promise<Result> {
  const folder = join(values.folder, `${name}-${arm}-${seed}-${of}`);
  const where = {
    ...(values.data === undefined ? {} : { dataFolder: values.data }),
    ...(imageSize === undefined ? {} : { imageSize }),
  };
  const run = existsSync(join(folder, 'journal.jsonl'))
    ? resume(folder)
    : search({ dataset, preset: 'auto', settings, run: folder, workers: 1, precision, ...where });
  for await (const item of run)
    if (item.type === 'epoch' && item.validation !== null)
      process.stderr.write(`\r${arm} ${seed}: ${item.line} ${(100 * item.validation.accuracy).toFixed(1)} %   `);
  const { state, config } = readRun(folder);
  const best = candidateOf(state.search, must(bestCandidate(state.search), 'best network'));
  const measured =
    part === 'test'
      ? state.search.tests.get(best.id)?.measured
      : best.epochs.findLast(({ validation }) => validation)?.validation;
  const { accuracy, loss } = must(measured ?? undefined, `${part} accuracy`);
  const machine = `${cpus()[0]?.model ?? 'unknown'} (${config.engine.instructionSet})`;
  const { parameters, multiplyAdds } = best;
  return { arm, seed, accuracy, loss, part, parameters, multiplyAdds, seconds: state.seconds, machine, of };
}

const percent = (value: number): string => (100 * value).toFixed(2);

function table(results: readonly Result[]): string {
  const first = must(arms[0], 'arm')[0];
  const rows = arms.flatMap(([arm]) => {
    const own = results.filter((each) => each.arm === arm);
    const summary = summaryOf(own.map(({ accuracy }) => accuracy));
    if (summary === null) return [];
    const pairs = own.flatMap(({ seed, accuracy }) => {
      const other = results.find((each) => each.arm === first && each.seed === seed);
      return other === undefined || arm === first ? [] : [accuracy - other.accuracy];
    });
    const paired = summaryOf(pairs);
    const interval = paired === null ? null : meanInterval(paired);
    const p = signFlipProbability(pairs);
    const against =
      paired === null
        ? '| | |'
        : `| ${percent(paired.mean)}${interval === null ? '' : ` (${interval.map(percent).join(' to ')})`} | ${p === null ? '' : p.toFixed(3)} |`;
    const size = own.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0) / own.length;
    return [
      `| ${arm} | ${summary.count} | ${percent(summary.mean)} ± ${percent(summary.deviation ?? 0)} ${against} ${(size / 1e6).toFixed(1)} M |`,
    ];
  });
  return [
    `${must(experiment, 'experiment').title}; ${part} accuracy, %, work ${(workOf / 1e12).toFixed(1)} T.`,
    '',
    `| arm | n | mean ± std | against ${first} (95 %) | p, sign flips | multiply-adds |`,
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const found: Result[] = [];
for (const seed of seeds)
  for (const [arm, override] of arms) {
    const settings = settingsOf(override, seed);
    const of = sha256(
      new TextEncoder().encode(canonicalJson([presets.auto, settings, dataset, ...(precision === 'auto' ? [] : [precision])])),
    ).slice(0, 8);
    const before = known.find((each) => each.arm === arm && each.seed === seed && each.of === of);
    const result = before ?? (await resultOf(arm, seed, settings, of));
    if (before === undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
    found.push(result);
    process.stderr.write(`\r${arm} ${seed}: ${percent(result.accuracy)} %, ${Math.round(result.seconds)} s        \n`);
  }
console.log(table(found));
