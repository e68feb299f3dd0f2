/**
 * `npm run soak:damage`: damages the files of a finished and of an interrupted run ten thousand times, and reads them by what commands
 * and dashboard read with. Each damage must give an error of one line that names the file, or the same state; else the soak ends with
 * 1. Writes results/damage.md. `--rounds 20000` for more, `--first 5000` to start at another one.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { search } from '../src/run/driving/open.ts';
import { version } from '../src/util/version.ts';
import { damageKinds, damageOnce, subjectOf, type Damaged, type Verdict } from '../test/support/damage.ts';
import { finishedRun, newFolder, tiny } from '../test/support/runs.ts';
import { count, general, mostFrequent, numberOf, say } from './soaking.ts';

const report = join('results', 'damage.md');
/** Rounds between two lines of progress. */
const portion = 1000;

async function interruptedRun(): Promise<string> {
  const run = newFolder();
  const controller = new AbortController();
  for await (const { type } of search({ ...tiny, run, signal: controller.signal })) if (type === 'rung') controller.abort();
  return run;
}

const [rounds, first] = [numberOf('--rounds', 10_000), numberOf('--first', 0)];
const subjects = [subjectOf(await finishedRun()), subjectOf(await interruptedRun())];
const counts = new Map<string, number>();
const messages = new Map<string, number>();
const failures: string[] = [];

for (let round = first; round < first + rounds; round++) {
  const subject = subjects[(round >> 4) % subjects.length] as (typeof subjects)[number];
  const { file, kind, what, verdict, message }: Damaged = await damageOnce(subject, round);
  for (const key of [file, kind, 'all']) count(counts, `${key}/${verdict}`);
  if (verdict === 'refused') count(messages, general(message));
  if (verdict === 'wrong') {
    failures.push(`round ${round}: ${what}: ${message.split('\n')[0]}`);
    say(`round ${round}: ${what}: ${message}`);
  }
  const done = round - first + 1;
  if (done % portion === 0) say(`${done} of ${rounds}: ${counts.get('all/refused') ?? 0} refused, ${failures.length} wrong`);
}

const verdicts: readonly Verdict[] = ['refused', 'same', 'cut', 'wrong'];
const table = (title: string, keys: readonly string[]): string[] => [
  `| ${title} | refused | same state | an earlier state | wrong |`,
  '| --- | ---: | ---: | ---: | ---: |',
  ...keys.map((key) => `| ${key} | ${verdicts.map((verdict) => counts.get(`${key}/${verdict}`) ?? 0).join(' | ')} |`),
  '',
];
mkdirSync('results', { recursive: true });
writeFileSync(
  report,
  [
    '# Damaged runs',
    '',
    'The files of a finished and of an interrupted run, damaged one at a time, then read as commands and dashboard read them. Each',
    'damage must give an error of one line that names the file, or the same state as without it; a refused run is refused by `resume`,',
    'too, which removes nothing. A journal that is only cut off at its end is an earlier state of the run: a kill leaves the same, and',
    '`resume` goes on from there.',
    '',
    `- command: \`npm run soak:damage\`; ${rounds} rounds, ${failures.length === 0 ? 'none wrong' : `**${failures.length} wrong**`}`,
    `- versions: Instar ${version}, Node ${process.versions.node}`,
    ...failures.map((what) => `- wrong: ${what}`),
    '',
    ...table('file', ['journal.jsonl', 'config.json', 'best.onnx', 'best.safetensors', 'best.json', 'all']),
    ...table('damage', damageKinds),
    '| refused | because |',
    '| ---: | --- |',
    ...mostFrequent(messages),
    '',
  ].join('\n'),
);
if (failures.length > 0) process.exitCode = 1;
