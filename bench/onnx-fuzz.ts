/**
 * `npm run soak:onnx`: damages the models of the fixtures and of random networks ten thousand times; imports and evaluates each
 * file. Files that import does not refuse are computed and compared with ONNX Runtime. `evaluate` gives the damaged file itself to
 * ONNX Runtime, in a separate process. Each file must give a result or a one-line error; else the soak stops. Writes
 * results/onnx.md. `--files 20000` for more files, `--first 5000` to start at another one.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../src/util/version.ts';
import { anyEngine } from '../test/support/machine.ts';
import { fixture, fixtureNames } from '../test/support/onnx-fixtures.ts';
import { fuzzImport, sampleOf, type Outcome, type Sample } from '../test/support/onnx-damage.ts';
import { fuzzEvaluate } from '../test/support/onnx-damage-run.ts';
import { randomSamples } from '../test/support/onnx-samples.ts';
import { mostFrequent, numberOf, say } from './soaking.ts';

const report = join('results', 'onnx.md');
/** Models of random networks. */
const randomCount = 120;
/** The number of files between two lines of progress. */
const portion = 1000;

/** The commands that are tested with each damaged file. To add one, add its row. */
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
  return [
    `## ${name}`,
    '',
    `- ${files} files; ${networks} gave logits, ${compared} of them were compared, ${unclear.length} were unclear; the others were refused with ${complaints.size} different errors`,
    `- slowest ${slowest.milliseconds.toFixed(0)} ms (${slowest.what}); the process grew by ${Math.round(grown / 2 ** 20)} MiB at most`,
    ...unclear.map((what) => `- unclear: ${what}`),
    '',
    '| refused | because |',
    '| ---: | --- |',
    ...mostFrequent(complaints),
    '',
  ];
}

const [files, first] = [numberOf('--files', 10_000), numberOf('--first', 0)];
const samples = [
  ...fixtureNames.map((name) => sampleOf(`${name}.onnx`, readFileSync(fixture(name)))),
  ...randomSamples(randomCount),
];
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
    `Valid models of \`test/fixtures/onnx\` and of ${randomCount} random networks over all layers, half of these written as other exporters`,
    'write them (`test/support/onnx-samples.ts`), damaged: half of the files by changed bytes, the others stay well-formed with changed content.',
    'Each must give a one-line error, or a network: written as ONNX again, it must give the same logits in ONNX Runtime. A network is',
    'unclear if its damaged numbers overflow or cancel.',
    '',
    `- command: \`npm run soak:onnx\`; Instar ${version}, Node ${process.versions.node}`,
    '',
    ...sections,
  ].join('\n')}`,
);
