/**
 * “Where to add” of ARCHITECTURE.md holds: a method, an optimizer, an operator, an option and a figure, each one file or one row, are
 * added to a copy of `src`. The copy compiles, and whoever reads the tables has them.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'instar-where-to-add-'));
after(() => rmSync(copy, { recursive: true, force: true }));

/** New files, whole. */
const files: Readonly<Record<string, string>> = {
  'search/methods/dummy.ts': `import type { Method } from './method.ts';
import { nash } from './nash.ts';

export const dummy: Method = { ...nash, label: 'DUMMY', summary: 'does what NASH does', selection: 'dummy selection' };
`,
  'program/optimizers/dummy.ts': `import { product } from '../expression.ts';
import type { Optimizer } from './optimizer.ts';

export const dummy: Optimizer = {
  states: [],
  update: (gradient) => ({ assignments: [], direction: product(2, gradient) }),
};
`,
  'morphism/dummy.ts': `import { insertConvolution } from './insert-convolution.ts';
import type { EditOf } from './edit.ts';
import type { Operator } from './operator.ts';

export const dummy: Operator<EditOf<'dummy'>> = {
  ...insertConvolution,
  candidates: (network) => insertConvolution.candidates(network).map(({ after, kernel }) => ({ kind: 'dummy', after, kernel })),
  rewrite: (network, edit) => insertConvolution.rewrite(network, { ...edit, kind: 'insert-convolution' }),
  short: () => 'dummy',
  describe: ({ after }) => \`dummy after \${after}\`,
};
`,
  'report/figures/dummy.ts': `import type { Figure } from '../figure.ts';
import { html } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';

export const dummyFigure = ({ name }: RunDetails): Figure => ({
  name: 'dummy',
  title: 'A dummy',
  alternative: name,
  caption: '',
  narrow: { width: 10, height: 10, content: html\`<rect />\` },
});
`,
};

/** Rows: the text behind which each goes, in which file. */
const rows: readonly (readonly [file: string, behind: string, row: string])[] = [
  ['search/methods/table.ts', "import { asha } from './asha.ts';", "import { dummy } from './dummy.ts';"],
  ['search/methods/table.ts', 'const table = {', ' dummy,'],
  ['program/optimizers/table.ts', "import { nesterov } from './nesterov.ts';", "import { dummy } from './dummy.ts';"],
  ['program/optimizers/table.ts', 'export const optimizers = {', ' dummy,'],
  ['morphism/edit.ts', "z.discriminatedUnion('kind', [", "z.strictObject({ kind: z.literal('dummy'), after: id, kernel }),"],
  ['morphism/operators.ts', "import { dropBlock } from './drop-block.ts';", "import { dummy } from './dummy.ts';"],
  ['morphism/operators.ts', "  'drop-block': dropBlock,", ' dummy,'],
  [
    'options/table.ts',
    'export const planOptions = {',
    " dummyRate: { kind: number, settings: ['final.rate'], help: 'a dummy' },",
  ],
  [
    'report/figures.ts',
    "import { classesFigure } from './figures/classes.ts';",
    "import { dummyFigure } from './figures/dummy.ts';",
  ],
  ['report/figures.ts', 'export const figuresOf = (run: RunDetails) => ({', ' dummy: dummyFigure(run),'],
];

function addAll(): void {
  cpSync(join(root, 'src'), join(copy, 'src'), { recursive: true });
  for (const name of ['package.json', 'tsconfig.json']) cpSync(join(root, name), join(copy, name));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(copy, 'src', name), text);
  for (const [name, behind, row] of rows) {
    const path = join(copy, 'src', name);
    const text = readFileSync(path, 'utf8');
    assert.equal(text.split(behind).length, 2, `${name} has one ${behind}`);
    writeFileSync(path, text.replace(behind, `${behind}\n${row}`));
  }
}

const imported = async (name: string): Promise<Record<string, unknown>> =>
  (await import(pathToFileURL(join(copy, 'dist', 'src', name)).href)) as Record<string, unknown>;

test('a method, an optimizer, an operator, an option and a figure are one file or one row each', async () => {
  addAll();
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  for (const project of ['tsconfig.json', 'src/web/client/tsconfig.json'])
    try {
      execFileSync(tsc, ['-p', join(copy, project)], { cwd: copy, encoding: 'utf8' });
    } catch (error) {
      assert.fail((error as { stdout: string }).stdout);
    }
  const help = execFileSync(process.execPath, [join(copy, 'dist/src/cli/main.js'), 'search', '--help'], { encoding: 'utf8' });
  assert.match(help, /dummy\s+does what NASH does/, 'the method');
  assert.match(help, /--dummy-rate <x>\s+a dummy/, 'the option');

  const { optimizerNames } = await imported('program/optimizers/table.js');
  assert.ok((optimizerNames as string[]).includes('dummy'), 'the optimizer');
  const { figuresOf, listFigures } = await imported('report/figures.js');
  assert.ok(typeof figuresOf === 'function' && typeof listFigures === 'function');
  const { searchForm } = (await imported('web/api.js')) as { searchForm: { safeParse(form: object): { success: boolean } } };
  assert.ok(searchForm.safeParse({ data: 'mnist', dummyRate: '0.1' }).success, 'the option on the page');
  assert.ok(!searchForm.safeParse({ data: 'mnist', dummiRate: '0.1' }).success);

  // The method runs in the simulation, with children of the operator.
  const { presets } = (await imported('search/settings.js')) as { presets: { quick: object } };
  const { simulate, medianFirst } = await imported('search/simulation.js');
  const { sampleStep } = await imported('search/sampling.js');
  const counts = { shape: { channels: 1, height: 8, width: 8 }, classes: 3, train: 130, validation: 14 };
  const settings = { ...presets.quick, method: 'dummy', widths: [2, 3], batch: 10, operators: { dummy: 1 } };
  const context = { settings, counts, passesFor: () => 1, startStep: sampleStep };
  const model = { cost: () => ({ start: 0, minibatch: 1, epoch: 0 }), validation: medianFirst };
  const run = simulate as (options: object) => Iterable<{ event: { type: string; children?: { edits: { kind: string }[] }[] } }>;
  const events = [...run({ context, cores: { workers: 2, threads: 1 }, model })].map(({ event }) => event);
  assert.equal(events.at(-1)?.type, 'finished');
  const kinds = events.flatMap(({ children = [] }) => children.flatMap(({ edits }) => edits.map(({ kind }) => kind)));
  assert.ok(kinds.length > 0 && kinds.every((kind) => kind === 'dummy'), 'the operator');
});
