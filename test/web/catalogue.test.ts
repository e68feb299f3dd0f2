/** The list of a folder as it is, whatever stands in it, and what may be done to its runs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { folderOf } from '../../src/run/record/folder.ts';
import { lockRun } from '../../src/run/record/lock.ts';
import { readRun } from '../../src/run/record/read.ts';
import { openCatalogue, type Catalogue } from '../../src/web/catalogue.ts';
import type { Ui } from '../../src/web/server.ts';
import { place, quadrantFolder, until } from '../support/runs.ts';
import { serveHere } from './dashboard.ts';
import { newFolder, small, writeRun } from './folders.ts';

const open = (folder: string): Catalogue =>
  openCatalogue(folder, { now: Date.now, isStarted: () => false, isWatched: () => false });
const states = (catalogue: Catalogue): string =>
  catalogue
    .list()
    .runs.map(({ id, state }) => `${id}: ${state}`)
    .toSorted()
    .join('\n');

test('whatever stands in a folder, the runs in it are listed', () => {
  const folder = newFolder();
  const names = ['plain', 'with spaces', 'ünï 漢 😀', `quo"te'`, '<script>alert(1)', '--run', 'a%2fb', '__proto__'];
  for (const name of names) writeRun(join(folder, name));
  mkdirSync(join(folder, 'empty'));
  mkdirSync(join(folder, '.hidden'));
  writeFileSync(join(folder, 'a file'), 'x');
  symlinkSync('itself', join(folder, 'itself'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  symlinkSync('plain', join(folder, 'linked'));
  mkdirSync(join(folder, 'failed'));
  writeFileSync(join(folder, 'failed', 'log.txt'), 'first\ninstar: no such data\n');
  for (const name of ['bad config', 'config folder', 'bad journal', 'journal folder', 'journal pipe', 'no journal']) {
    writeRun(join(folder, name));
    const { config, journal } = folderOf(join(folder, name));
    rmSync(name.includes('config') ? config : journal);
    if (name === 'bad config') writeFileSync(config, '{"format":1}');
    if (name === 'config folder') mkdirSync(config);
    if (name === 'bad journal') writeFileSync(journal, 'x\n');
    if (name === 'journal folder') mkdirSync(journal);
    if (name === 'journal pipe') execFileSync('mkfifo', [journal]);
  }
  const catalogue = open(folder);
  const expected = [
    ...[...names, 'linked'].map((name) => `${name}: finished`),
    ...['bad config', 'config folder', 'bad journal', 'journal folder', 'journal pipe'].map((name) => `${name}: damaged`),
    'failed: not begun',
    'no journal: not finished',
  ];
  assert.equal(states(catalogue), expected.toSorted().join('\n'));
  const row = (id: string) => catalogue.list().runs.find((each) => each.id === id) ?? assert.fail(id);
  assert.equal(row('failed').problem, 'instar: no such data');
  assert.match(row('bad journal').problem ?? '', /:1: not a line of JSON/);
  assert.equal(row('plain').events, readRun(join(folder, 'plain')).state.events);
  for (const name of names) assert.equal(catalogue.run(name)?.root, join(folder, name));
  for (const name of ['empty', '.hidden', 'a file', '..', 'plain/..', '']) assert.equal(catalogue.run(name), null);
});

test('runs appear, grow, change hands and disappear', () => {
  const folder = newFolder();
  const catalogue = open(folder);
  assert.equal(states(catalogue), '');
  const root = join(folder, 'one');
  const lines = writeRun(root);
  const { journal, lock } = folderOf(root);
  writeFileSync(journal, `${lines.slice(0, 5).join('\n')}\n`);
  const row = () => catalogue.list().runs[0] ?? assert.fail('no row');
  assert.deepEqual([row().state, row().events], ['not finished', 5]);
  const release = lockRun(lock);
  assert.equal(row().state, 'running', 'without a word in the journal');
  const at = { n: 5, t: 16, at: '2026-01-02T03:00:00.000Z' };
  appendFileSync(journal, `${JSON.stringify({ ...at, type: 'interrupted' })}\n`);
  assert.deepEqual([row().state, row().events], ['running', 6]);
  release();
  assert.equal(row().state, 'interrupted', 'what its last event says, though it was listed while the process was there');
  writeFileSync(journal, `${lines.join('\n')}\n`);
  assert.deepEqual([row().state, row().events], ['finished', lines.length]);
  renameSync(root, join(folder, 'two'));
  assert.equal(states(catalogue), 'two: finished');
  assert.equal(catalogue.run('one'), null);
  rmSync(join(folder, 'two'), { recursive: true });
  assert.equal(catalogue.run('two'), null);
  assert.equal(states(catalogue), '');
});

test('a run and a study as the folder itself, and a study in it', () => {
  const folder = newFolder();
  const study = join(folder, 'study');
  mkdirSync(study);
  writeFileSync(
    join(study, 'study.yaml'),
    `title: Quadrants\ndataset: ${quadrantFolder}\npreset: quick\nmethods: [shr, random]\n`,
  );
  writeRun(join(study, 'vanilla'));
  writeRun(join(study, 'shr-1'), { ...small, seed: 1 });
  mkdirSync(join(folder, 'broken'));
  writeFileSync(join(folder, 'broken', 'study.yaml'), 'title: [\n');
  const { runs, studies } = open(folder).list();
  assert.deepEqual(runs.map(({ id, study: of }) => `${id} ${of}`).toSorted(), ['study/shr-1 study', 'study/vanilla study']);
  const whole = studies.find(({ id }) => id === 'study');
  assert.deepEqual([whole?.title, whole?.finished, whole?.problem], ['Quadrants', 1, null]);
  assert.match(studies.find(({ id }) => id === 'broken')?.problem ?? '', /study\.yaml/);
  assert.deepEqual(
    open(study)
      .list()
      .studies.map(({ id }) => id),
    ['study'],
  );
  assert.equal(states(open(join(study, 'vanilla'))), 'vanilla: finished');
});

const form = {
  data: 'quadrants',
  preset: 'quick',
  method: 'shr',
  seed: 3,
  engine: 'auto',
  workers: 1,
  baseline: false,
  steps: 1,
};

function asker(ui: Ui): (path: string, body?: unknown) => Promise<{ status: number; said: Record<string, unknown> }> {
  const origin = `http://127.0.0.1:${ui.port}`;
  return async (path, body) => {
    const response = await fetch(`${origin}/api/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Origin: origin, 'Instar-Token': ui.token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, said: (await response.json()) as Record<string, unknown> };
  };
}

async function served(t: TestContext, folder: string): Promise<{ ui: Ui; ask: ReturnType<typeof asker> }> {
  const ui = await serveHere(folder, place);
  t.after(() => ui.close());
  return { ui, ask: asker(ui) };
}

test('a search is begun, outlives its server, is stopped once, resumed, renamed and deleted', async (t) => {
  const folder = newFolder();
  const first = await serveHere(folder, place);
  assert.deepEqual(await asker(first)('search', { ...form, name: 'one', steps: 3 }), { status: 201, said: { id: 'one' } });
  assert.equal((await asker(first)('search', { ...form, name: 'one' })).status, 409);
  const root = join(folder, 'one');
  await until('an epoch', 60, () => existsSync(folderOf(root).config) && readRun(root).state.search.candidates.has('vanilla'));
  await first.close();
  const { ask } = await served(t, folder);
  const { ask: askAnother } = await served(t, folder);
  const stateOf = async (id: string): Promise<unknown> =>
    ((await ask('list')).said['runs'] as { id: string; state: string }[]).find((each) => each.id === id)?.state;
  assert.equal(await stateOf('one'), 'running');
  for (const [path, body] of [
    ['run/resume?run=one', {}],
    ['run/rename?run=one', { name: 'two' }],
    ['run/delete?run=one', { name: 'one', sure: true }],
  ] as const)
    for (const each of [ask, askAnother]) assert.equal((await each(path, body)).status, 409, path);
  for (let turn = 0; turn < 5; turn++) assert.ok([200, 409].includes((await ask('run/stop?run=one', {})).status));
  // What the page offers once it shows the event works, though the process that wrote it is still ending.
  await until('it says that it was interrupted', 30, () => readRun(root).state.interrupted);
  assert.deepEqual(await ask('run/resume?run=one', {}), { status: 200, said: {} });
  assert.equal((await ask('run/resume?run=one', {})).status, 409);
  assert.equal((await ask('run/stop?run=one', {})).status, 200);
  await until('it has ended', 60, async () => (await stateOf('one')) === 'interrupted');
  await until('nothing is left to stop', 30, async () => (await ask('run/stop?run=one', {})).status === 409);
  assert.deepEqual(await ask('run/resume?run=one', {}), { status: 200, said: {} });
  await until('finished', 120, () => readRun(root).state.search.finished);
  assert.deepEqual(await ask('run/rename?run=one', { name: 'zwei é' }), { status: 200, said: { id: 'zwei é' } });
  mkdirSync(join(folder, 'there'));
  const id = encodeURIComponent('zwei é');
  for (const name of ['there', 'é'.repeat(80) + 'x', '𠀀'.repeat(80)])
    assert.ok([400, 409].includes((await ask(`run/rename?run=${id}`, { name })).status), name);
  assert.equal((await ask(`run/delete?run=${id}`, { name: 'one', sure: true })).status, 400);
  assert.equal((await ask(`run/delete?run=${id}`, { name: 'zwei é', sure: true })).status, 200);
  assert.ok(!existsSync(join(folder, 'zwei é')));
});

test('folders that are no runs are neither listed nor deleted', async (t) => {
  const folder = newFolder();
  const foreign = join(folder, 'foreign');
  mkdirSync(join(foreign, 'precious'), { recursive: true });
  writeFileSync(join(foreign, 'log.txt'), 'a log of something else\n');
  const model = join(folder, 'model');
  mkdirSync(model);
  writeFileSync(join(model, 'config.json'), '{ "architectures": ["Else"] }');
  const begun = join(folder, 'begun');
  mkdirSync(begun);
  writeFileSync(join(begun, 'log.txt'), 'instar: it did not begin\n');
  const { ask } = await served(t, folder);
  const listed = ((await ask('list')).said['runs'] as { id: string }[]).map(({ id }) => id);
  assert.deepEqual(listed.toSorted(), ['begun', 'model']);
  assert.equal((await ask('run/delete?run=foreign', { name: 'foreign', sure: true })).status, 404);
  assert.equal((await ask('run/delete?run=model', { name: 'model', sure: true })).status, 409);
  assert.ok(existsSync(join(foreign, 'precious')) && existsSync(join(model, 'config.json')));
  assert.equal((await ask('run/delete?run=begun', { name: 'begun', sure: true })).status, 200);
  assert.ok(!existsSync(begun));
});

test('a search that cannot begin says why; the folder that is served stays', async (t) => {
  const folder = newFolder();
  const { ask } = await served(t, folder);
  assert.equal((await ask('search', { ...form, name: 'bad', maxParams: '1' })).status, 201);
  const row = async (): Promise<Record<string, unknown>> =>
    ((await ask('list')).said['runs'] as Record<string, unknown>[])[0] ?? {};
  for (let turn = 0; turn < 200 && (await row())['state'] === 'starting'; turn++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await row())['state'], 'not begun');
  assert.match(String((await row())['problem']), /^instar: /);
  assert.equal((await ask('run/resume?run=bad', {})).status, 409);
  const linked = join(folder, 'linked');
  const elsewhere = join(newFolder(), 'run');
  writeRun(elsewhere);
  symlinkSync(elsewhere, linked);
  assert.equal((await ask('run/delete?run=linked', { name: 'linked', sure: true })).status, 409);
  const { ask: askItself } = await served(t, elsewhere);
  for (const [path, body] of [
    ['run/rename?run=run', { name: 'x' }],
    ['run/delete?run=run', { name: 'run', sure: true }],
  ] as const)
    assert.equal((await askItself(path, body)).status, 409, path);
  assert.ok(existsSync(elsewhere));
  const choices = (await ask('choices')).said['data'] as { id: string }[];
  assert.ok(choices.some((each) => each.id === 'quadrants'));
});
