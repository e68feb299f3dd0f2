/**
 * `npm run soak:commands`: calls all commands two thousand times with damaged runs, networks, models, data, studies and odd values of
 * options, and two hundred times as processes under limits of the system. Each must end with one line that says why, or with a result;
 * else the soak ends with 1. Writes results/commands.md. `--calls 5000` for more, `--limited 0` for no processes, `--first 5000` to start
 * at another call.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../src/util/version.ts';
import { callOnce, callUnderLimit, generatorNames, openSubject, type Ending } from '../test/support/commands-fuzz.ts';
import { count, general, mostFrequent, numberOf, say } from './soaking.ts';

const report = join('results', 'commands.md');
/** Calls between two lines of progress. */
const portion = 100;

const [calls, limited, first] = [numberOf('--calls', 2000), numberOf('--limited', 200), numberOf('--first', 0)];
const subject = await openSubject();
const counts = new Map<string, number>();
const lines = new Map<string, number>();
const failures: string[] = [];

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
    ...mostFrequent(lines),
    '',
  ].join('\n'),
);
process.exit(failures.length > 0 ? 1 : 0);
