/**
 * `npm run soak:commands`: calls all commands two thousand times with damaged runs, networks, models, data, studies and odd values of
 * options, and two hundred times as processes under limits of the system. Each must end with one line that says why, or with a result;
 * else the soak ends with 1. Writes results/commands.md. `--calls 5000` for more, `--limited 0` for no processes, `--first 5000` to start
 * at another call.
 */
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../src/util/version.ts';
import { callOnce, callUnderLimit, generatorNames, openSubject, type Ending } from '../test/support/commands-fuzz.ts';

const report = join('results', 'commands.md');
/** Calls between two lines of progress. */
const portion = 100;
/** Last lines in the report. */
const listed = 25;

const say = (text: string): void => void writeSync(2, `${text}\n`);

function numberOf(option: string, otherwise: number): number {
  const at = process.argv.indexOf(option);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
}

/** A line without paths and numbers. */
const general = (line: string): string =>
  line
    .replaceAll(/\/\S*\/([\w.]+)/g, '$1')
    .replaceAll(/"[^"]*"/g, '…')
    .replaceAll(/\d+/g, '#')
    .slice(0, 160);

const [calls, limited, first] = [numberOf('--calls', 2000), numberOf('--limited', 200), numberOf('--first', 0)];
const subject = await openSubject();
const counts = new Map<string, number>();
const lines = new Map<string, number>();
const failures: string[] = [];
const count = (of: Map<string, number>, key: string): void => void of.set(key, (of.get(key) ?? 0) + 1);

function note(kind: string, round: number, { what, words, code, problem, last }: Ending): void {
  count(counts, `${kind}/${problem === null ? (code === 0 ? 'done' : 'refused') : 'wrong'}`);
  if (code !== 0) count(lines, general(last));
  if (problem === null) return;
  failures.push(`round ${round}: ${what}: ${words.join(' ').slice(0, 200)}: ${problem.split('\n')[0]}`);
  say(`round ${round}: ${what}: ${words.join(' ').slice(0, 500)}: ${problem}`);
}

for (let round = first; round < first + calls; round++) {
  const ending = await callOnce(subject, round);
  note(ending.kind, round, ending);
  if ((round + 1 - first) % portion === 0) say(`${round + 1 - first} of ${calls}: ${failures.length} wrong`);
}
const underLimits = 'a process under a limit of the system';
for (let round = first; round < first + limited; round++) note(underLimits, round, callUnderLimit(subject, round));

const verdicts = ['done', 'refused', 'wrong'] as const;
const most = [...lines].toSorted(([, a], [, b]) => b - a).slice(0, listed);
mkdirSync('results', { recursive: true });
writeFileSync(
  report,
  [
    '# Damaged input of all commands',
    '',
    'Commands called with generated damage. Each must end with a result, or with a line that says why: never with a stack trace. Refused:',
    'also what was interrupted after some seconds, and processes in which Node itself could not begin.',
    '',
    `- command: \`npm run soak:commands\`; ${calls} calls and ${limited} processes, ${failures.length === 0 ? 'none wrong' : `**${failures.length} wrong**`}`,
    `- versions: Instar ${version}, Node ${process.versions.node}`,
    ...failures.map((what) => `- wrong: ${what}`),
    '',
    '| what | result | refused | wrong |',
    '| --- | ---: | ---: | ---: |',
    ...[...generatorNames, underLimits].map(
      (kind) => `| ${kind} | ${verdicts.map((verdict) => counts.get(`${kind}/${verdict}`) ?? 0).join(' | ')} |`,
    ),
    '',
    '| times | last line |',
    '| ---: | --- |',
    ...most.map(([text, times]) => `| ${times} | ${text.replaceAll('|', '\\|')} |`),
    '',
  ].join('\n'),
);
process.exit(failures.length > 0 ? 1 : 0);
