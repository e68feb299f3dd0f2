/**
 * `npm run soak:onnx`: the fixtures' models, damaged ten thousand times, each imported, and each evaluated. What import does not
 * refuse is computed and compared with ONNX Runtime; `evaluate` hands the damaged file itself to ONNX Runtime, in a process of
 * its own. It goes on as long as each ends in a network or in one line, and writes what it found to results/onnx.md.
 * `--files 20000` for more, `--first 5000` to begin elsewhere.
 */
import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../src/util/version.ts';
import { anyEngine } from '../test/support/machine.ts';
import { fixture, fixtureNames } from '../test/support/onnx-fixtures.ts';
import { fuzzImport, sampleOf, type Outcome, type Sample } from '../test/support/onnx-damage.ts';
import { fuzzEvaluate } from '../test/support/onnx-damage-run.ts';

const report = join('results', 'onnx.md');
/** Files between two lines of progress. */
const portion = 1000;
/** Complaints that are listed. */
const listed = 25;

const say = (text: string): void => void writeSync(2, `${text}\n`);

/** What is done with each damaged file. To add one, add its row. */
const targets: Readonly<Record<string, (samples: readonly Sample[], first: number, count: number) => Promise<Outcome>>> = {
  import: async (samples, first, count) => fuzzImport(await anyEngine(), samples, first, count),
  evaluate: fuzzEvaluate,
};

function together(a: Outcome, b: Outcome): Outcome {
  const complaints = new Map(a.complaints);
  for (const [text, count] of b.complaints) complaints.set(text, (complaints.get(text) ?? 0) + count);
  return {
    files: a.files + b.files,
    networks: a.networks + b.networks,
    compared: a.compared + b.compared,
    unclear: [...a.unclear, ...b.unclear],
    complaints,
    slowest: a.slowest.milliseconds > b.slowest.milliseconds ? a.slowest : b.slowest,
    grown: a.grown + b.grown,
  };
}

function section(name: string, { files, networks, compared, unclear, complaints, slowest, grown }: Outcome): string[] {
  const most = [...complaints].toSorted(([, a], [, b]) => b - a).slice(0, listed);
  return [
    `## ${name}`,
    '',
    `- ${files} files; ${networks} gave a network's numbers, ${compared} of those were compared, ${unclear.length} of them unclear; the others were refused with ${complaints.size} kinds of lines`,
    `- slowest ${slowest.milliseconds.toFixed(0)} ms (${slowest.what}); the process grew by ${Math.round(grown / 2 ** 20)} MiB at most`,
    ...unclear.map((what) => `- unclear: ${what}`),
    '',
    '| refused | because |',
    '| ---: | --- |',
    ...most.map(([text, count]) => `| ${count} | ${text.replaceAll('|', '\\|')} |`),
    '',
  ];
}

function numberOf(option: string, otherwise: number): number {
  const at = process.argv.indexOf(option);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
}

const [files, first] = [numberOf('--files', 10_000), numberOf('--first', 0)];
const samples = fixtureNames.map((name) => sampleOf(`${name}.onnx`, readFileSync(fixture(name))));
const sections: string[] = [];
for (const [name, fuzz] of Object.entries(targets)) {
  let outcome: Outcome | undefined;
  for (let at = first; at < first + files; at += portion) {
    const next = await fuzz(samples, at, Math.min(portion, first + files - at));
    outcome = outcome === undefined ? next : together(outcome, next);
    say(
      `${name}: ${outcome.files} of ${files}: ${outcome.networks} networks, slowest ${outcome.slowest.milliseconds.toFixed(0)} ms`,
    );
  }
  if (outcome !== undefined) sections.push(...section(name, outcome));
}
mkdirSync('results', { recursive: true });
writeFileSync(
  report,
  `${[
    '# Damaged models',
    '',
    `Valid models of \`test/fixtures/onnx\`, damaged: every other one in its bytes, the others in what they say. Each must end in a`,
    'network, whose logits ONNX Runtime agrees with on what was written anew, or in one line. Unclear are networks whose damaged',
    'numbers overflow or cancel.',
    '',
    `- command: \`npm run soak:onnx\`; Instar ${version}, Node ${process.versions.node}`,
    '',
    ...sections,
  ].join('\n')}`,
);
