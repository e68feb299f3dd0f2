/** `instar study` as a process: what it writes and says, stopped and gone on with, and reported by `instar report`. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readRun } from '../../src/run/record/read.ts';
import { instar, makePhotos, newFolder, start, until } from './fixtures.ts';

let folder = '';

const file = (methods: string, epochs = 12): string => `title: Photos & methods
dataset: photos
preset: quick
engine: reference
repetitions: 2
settings:
  widths: [4, 6]
  batch: 16
  augmentation: { cutout: 0, mixup: 0 }
  vanilla: { epochs: 2 }
  step: { children: 4, mutations: 2, epochs: ${epochs} }
  limits: { steps: 1 }
  final: { epochs: 2 }
methods: [${methods}]
`;

before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 20);
  writeFileSync(join(folder, 'compared.yaml'), file('shr, random'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const read = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');
const root = 'runs/compared';

test('stopped by Ctrl-C it says how to go on; gone on with, it ends with tables, figures and a report', async () => {
  const program = start(['study', 'compared.yaml', '--jobs', '2'], folder);
  const journal = join(folder, root, 'shr-1', 'journal.jsonl');
  await until(() => existsSync(journal) && readFileSync(journal, 'utf8').includes('"type":"step"'));
  program.process.kill('SIGINT');
  const stopped = await program.ended;
  assert.equal(stopped.code, 130, stopped.err);
  assert.match(stopped.err, /0 of 4 runs finished: 'instar study compared\.yaml' resumes\n$/);
  assert.ok(!readRun(join(folder, root, 'shr-1')).state.search.finished);

  const ended = await instar(['study', 'compared.yaml', '--jobs', '2'], folder);
  assert.equal(ended.code, 0, ended.err);
  assert.match(ended.err, /shr-1 resumed\n/);
  assert.match(ended.err, /random-2 finished: test [\d.]+ %\n/);
  assert.match(ended.out, /With 2 repetitions the spread is hardly known/);
  assert.match(read(root, 'tables.md'), /^# Photos \\& methods\n/);
  assert.deepEqual(
    ['table-2.csv', 'table-2.md', 'table-2.tex', 'table-3.tex'].filter((name) => !existsSync(join(folder, root, 'tables', name))),
    [],
  );
  assert.ok(readdirSync(join(folder, root, 'figures')).includes('accuracies.svg'));
  assert.match(read(root, 'report.html'), /<h1>Photos &amp; methods<\/h1>/);
  assert.equal(read(root, 'study.yaml'), read('compared.yaml'));
  assert.match(read(root, 'configurations.yaml'), /^all:\n[^]*\nruns:\n {2}vanilla:\n[^]*\n {2}shr-1:\n/);
});

test('instar report makes the page of a study again; wherever it is, it leads to the reports of the runs', async () => {
  assert.equal((await instar(['report', `${root}/shr-1`], folder)).code, 0);
  const { code, out, err } = await instar(['report', root, '--out', 'page.html', '--figures', 'pictures'], folder);
  assert.equal(code, 0, err);
  assert.match(out, /^page\.html: [\d.]+ KiB\npictures: \d+ figures\n$/);
  assert.match(read('page.html'), /All 4 runs have finished/);
  assert.match(read('page.html'), /href="\.\/runs\/compared\/shr-1\/report\.html"/);
});

test('runs that another file left in the folder are named', async () => {
  writeFileSync(join(folder, 'fewer.yaml'), file('shr'));
  cpSync(join(folder, root), join(folder, 'runs', 'fewer'), { recursive: true });
  const { code, out, err } = await instar(['study', 'fewer.yaml'], folder);
  assert.equal(code, 0, err);
  assert.match(err, /not in this file, so not in the tables: random-1, random-2\n/);
  assert.doesNotMatch(out, /random growth/);
});

test('other settings in the same folder: one line, and what is there stays', async () => {
  writeFileSync(join(folder, 'changed.yaml'), file('shr, random', 24));
  const kept = read(root, 'study.yaml');
  const { code, out, err } = await instar(['study', 'changed.yaml', '--folder', root], folder);
  assert.deepEqual([code, out], [2, '']);
  assert.equal(
    err,
    `instar: ${root}/shr-1 was started with step.epochs 12, the file says 24: give the study another folder (--folder)\n`,
  );
  assert.equal(read(root, 'study.yaml'), kept);
});

test('mistakes end with one line, exit 2, and nothing written', async () => {
  writeFileSync(join(folder, 'wrong.yaml'), file('shr, randm'));
  const wrong = await instar(['study', 'wrong.yaml'], folder);
  assert.deepEqual([wrong.code, wrong.out], [2, '']);
  assert.match(
    wrong.err,
    /^instar: wrong\.yaml:14:16: methods\.1 must be one of grow, tune, shrink, nash, sh, shr, shrsep, asha, random, vanilla\n$/,
  );
  assert.ok(!existsSync(join(folder, 'runs', 'wrong')));
  writeFileSync(join(folder, 'right.yaml'), file('shr'));
  const onFile = await instar(['study', 'right.yaml', '--folder', 'wrong.yaml'], folder);
  assert.deepEqual([onFile.code, onFile.out], [2, '']);
  assert.match(onFile.err, /^instar: wrong\.yaml cannot be made: EEXIST: [^\n]*\n$/m);
  const missing = await instar(['study', 'nothing.yaml'], folder);
  assert.deepEqual([missing.code, missing.out], [2, '']);
  assert.match(missing.err, /^instar: nothing\.yaml cannot be read: /);
});
