/**
 * What is done with several runs: notes that a person keeps, reports and archives that are given away. Over HTTP, with texts and folders
 * that are hostile, and runs that go while they are read.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import tar from 'tar-stream';
import { readRun } from '../../src/run/record/read.ts';
import { lockRun } from '../../src/run/record/lock.ts';
import { folderOf } from '../../src/run/record/folder.ts';
import type { Listing, RunRow } from '../../src/web/api.ts';
import { notesFile, notesForm, readNotes, writeNotes } from '../../src/web/notes.ts';
import type { Ui } from '../../src/web/server.ts';
import { UserError } from '../../src/util/user-error.ts';
import { finishedRun, until } from '../support/runs.ts';
import { serveHere } from './dashboard.ts';
import { listingOf, newFolder, small, writeRun } from './folders.ts';

/** The files of an archive, by their names. */
async function unpacked(bytes: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const extract = tar.extract();
  extract.end(bytes);
  const files = new Map<string, Buffer>();
  for await (const entry of extract) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    files.set(entry.header.name, Buffer.concat(parts));
  }
  return files;
}

test('any notes that are kept are read again, and nothing else of the run is touched', async () => {
  const root = join(newFolder(), 'run');
  writeRun(root);
  const kept = listingOf(root);
  const texts = fc.record({ tags: fc.array(fc.string({ unit: 'binary' })), note: fc.string({ unit: 'binary' }) });
  await fc.assert(
    fc.asyncProperty(texts, async (given) => {
      const parsed = notesForm.safeParse(given);
      fc.pre(parsed.success);
      await writeNotes(root, parsed.data);
      const { tags, note, problem } = readNotes(root);
      assert.deepEqual([tags, note, problem], [[...new Set(parsed.data.tags)], given.note, null]);
      assert.ok(tags.every((tag) => !/[\p{Cc},]/u.test(tag)));
    }),
    { numRuns: 50 },
  );
  rmSync(notesFile(root));
  assert.equal(listingOf(root), kept);
});

test('notes that are no notes are said, and harm nothing', async () => {
  const folder = newFolder();
  const root = join(folder, 'run');
  writeRun(root);
  const outside = join(folder, 'outside.json');
  const whole = '{"tags":["own"],"note":"outside"}';
  writeFileSync(outside, whole);
  const file = notesFile(root);
  for (const [put, said] of [
    [() => writeFileSync(file, '{'), /notes\.json: no notes of a run/],
    [() => writeFileSync(file, '{"tags":[1],"note":""}'), /no notes of a run/],
    [() => writeFileSync(file, '{"tags":[],"note":"","more":1}'), /no notes of a run/],
    [() => writeFileSync(file, '{"tags":[],"note":"\\u001b[2J"}'), /no notes of a run/],
    [() => writeFileSync(file, `{"tags":[],"note":"${'x'.repeat(1 << 20)}"}`), /too large/],
    [() => symlinkSync(outside, file), /is a link, which is not followed/],
    [() => mkdirSync(file), /is a folder/],
  ] as const) {
    put();
    assert.match(readNotes(root).problem ?? '', said);
    assert.equal(readNotes(root).problem?.includes('\n'), false);
    // They are replaced, but a folder is not.
    if (String(said).includes('folder')) await assert.rejects(writeNotes(root, { tags: [], note: '' }), UserError);
    else {
      await writeNotes(root, { tags: ['new'], note: '' });
      assert.deepEqual(readNotes(root), { tags: ['new'], note: '', problem: null });
    }
    rmSync(file, { recursive: true });
  }
  assert.equal(readFileSync(outside, 'utf8'), whole);
  readRun(root);
  await assert.rejects(writeNotes(join(folder, 'gone'), { tags: [], note: '' }), UserError);
  assert.ok(!existsSync(join(folder, 'gone')));
});

describe('over HTTP', () => {
  let ui: Ui;
  const folder = newFolder();
  const at = (name: string): string => join(folder, name);

  before(async () => {
    renameSync(await finishedRun(), at('real'));
    for (const [seed, name] of ['one', 'two', 'ünï <b>'].entries()) writeRun(at(name), { ...small, seed });
    ui = await serveHere(folder);
  });
  after(() => ui.close());

  const send = (path: string, body?: unknown, init: RequestInit = {}): Promise<Response> => {
    const origin = `http://127.0.0.1:${ui.port}`;
    return fetch(`${origin}/api/${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { Origin: origin, 'Instar-Token': ui.token },
      ...init,
    });
  };
  const row = async (id: string): Promise<RunRow> =>
    ((await (await send('list')).json()) as Listing).runs.find((each) => each.id === id) ?? assert.fail(id);
  const notesOf = (id: string, notes: unknown): Promise<Response> => send(`run/notes?run=${encodeURIComponent(id)}`, notes);
  const filesOf = async (...runs: readonly string[]): Promise<ReadonlyMap<string, Buffer>> => {
    const answer = await send(`export?${runs.map((run) => `run=${encodeURIComponent(run)}`).join('&')}`);
    assert.equal(answer.status, 200);
    return unpacked(Buffer.from(await answer.arrayBuffer()));
  };

  test('notes are kept, listed and replaced; the journal stays as it was', async () => {
    const journal = readFileSync(folderOf(at('one')).journal);
    const notes = { tags: ['good', 'for the paper', 'good'], note: 'a line\n<script>alert(1)</script>\tanother' };
    assert.equal((await notesOf('one', notes)).status, 200);
    assert.deepEqual((await row('one')).notes, { ...notes, tags: ['good', 'for the paper'], problem: null });
    await notesOf('one', { tags: [], note: 'x'.repeat(3000) });
    assert.equal((await row('one')).notes.note.length, 3000);
    assert.deepEqual(readFileSync(folderOf(at('one')).journal), journal);
    assert.deepEqual(
      readdirSync(at('one')).filter((name) => name.startsWith('.')),
      [],
      'nothing half written is left',
    );
    // Many at once: one of them is kept, whole.
    await Promise.all(Array.from({ length: 12 }, (_none, n) => notesOf('one', { tags: [`t${n}`], note: String(n).repeat(500) })));
    const { tags, note, problem } = (await row('one')).notes;
    assert.equal(problem, null);
    assert.equal(note, (tags[0] as string).slice(1).repeat(500));
  });

  test('notes that are too long, or no text of a person, are refused and change nothing', async () => {
    const kept = { tags: ['kept'], note: 'kept' };
    await notesOf('two', kept);
    for (const [wrong, status] of [
      [{ tags: [], note: 'x'.repeat(3001) }, 400],
      [{ tags: [], note: 'x'.repeat(17 << 10) }, 413],
      [{ tags: ['x'.repeat(41)], note: '' }, 400],
      [{ tags: Array.from({ length: 21 }, (_none, n) => `t${n}`), note: '' }, 400],
      [{ tags: ['a,b'], note: '' }, 400],
      [{ tags: [' '], note: '' }, 400],
      [{ tags: ['a\u001b[31m'], note: '' }, 400],
      [{ tags: ['a\u202eb'], note: '' }, 400],
      [{ tags: [], note: 'a\u0000b' }, 400],
      [{ tags: [], note: '', path: '/etc/passwd' }, 400],
      [{ note: '' }, 400],
      [[], 400],
    ] as const)
      assert.equal((await notesOf('two', wrong)).status, status, JSON.stringify(wrong).slice(0, 60));
    assert.deepEqual((await row('two')).notes, { ...kept, problem: null });
    for (const id of ['none', '..', '../two', '']) assert.equal((await notesOf(id, kept)).status, 404, id);
    const stranger = { 'Content-Type': 'application/json', Origin: `http://127.0.0.1:${ui.port}` };
    assert.equal((await send('run/notes?run=two', {}, { headers: stranger })).status, 401);
  });

  test('the list says the settings in which runs differ, and no others', async () => {
    const { settings, gains } = await row('two');
    assert.ok(settings !== null && 'data.classes' in settings && !('step.eta' in settings && 'cycle' in settings));
    assert.equal(settings['data.classes'], readRun(at('two')).config.data.classes.length);
    for (const { children, sum, squares, winners } of Object.values(gains)) {
      assert.ok(children > 0 && winners <= children);
      assert.ok(squares >= sum ** 2 / children - 1e-12);
    }
  });

  test('a report to share is one page of all runs that loads nothing', async () => {
    const answer = await send('report?run=real&run=two');
    assert.equal(answer.headers.get('content-disposition'), 'attachment; filename="report.html"');
    const page = await answer.text();
    assert.match(page, /^<!doctype html>[\s\S]*real[\s\S]*two/i);
    assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//);
    assert.equal((await send('report')).status, 400);
    assert.equal((await send('report?study=none')).status, 404);
    assert.equal((await send(`report?${Array.from({ length: 201 }, (_n, n) => `run=r${n}`).join('&')}`)).status, 400);
  });

  test('an archive has the verified network and the report of each run, and says what is missing', async () => {
    const files = await filesOf('real', 'ünï <b>');
    assert.deepEqual([...files.keys()], ['real/best.onnx', 'real/report.html', 'ünï _b_/report.html', 'missing.txt']);
    assert.deepEqual(files.get('real/best.onnx'), readFileSync(folderOf(at('real')).bestModel));
    assert.match(files.get('real/report.html')?.toString() ?? '', /^<!doctype html>/i);
    assert.match(files.get('missing.txt')?.toString() ?? '', /^ünï <b>: best\.onnx: no best\.onnx/);
    // Another file under that name, and a link that leads out, are not given away.
    const model = folderOf(at('two')).bestModel;
    for (const [put, said] of [
      [() => symlinkSync('/etc/passwd', model), /two: best\.onnx: .*is a link/],
      [() => mkdirSync(model), /two: best\.onnx: .*is a folder/],
    ] as const) {
      put();
      const told = await filesOf('two');
      assert.deepEqual([...told.keys()], ['two/report.html', 'missing.txt']);
      assert.match(told.get('missing.txt')?.toString() ?? '', said);
      rmSync(model, { recursive: true });
    }
    const real = folderOf(at('real')).bestModel;
    const own = readFileSync(real);
    writeFileSync(real, Buffer.concat([own, Buffer.from('x')]));
    assert.match((await filesOf('real')).get('missing.txt')?.toString() ?? '', /real: best\.onnx: .*its hash is another/);
    writeFileSync(real, own);
    assert.equal((await send('export')).status, 400);
    assert.equal((await send('export?run=../real')).status, 404);
    assert.equal((await send('export?run=real', undefined, { method: 'HEAD' })).status, 200);
  });

  test('runs that go while an archive is made are said to be missing; who leaves midway harms nobody', async () => {
    const names = ['a', 'b', 'c'];
    for (const name of names) writeRun(at(name));
    const answer = await send(`export?run=real&${names.map((name) => `run=${name}`).join('&')}`);
    for (const name of names) rmSync(at(name), { recursive: true });
    const files = await unpacked(Buffer.from(await answer.arrayBuffer()));
    const missing = files.get('missing.txt')?.toString() ?? '';
    assert.ok(files.has('real/best.onnx') && /^b: report\.html: /m.test(missing) && /^c: report\.html: /m.test(missing), missing);

    for (const path of ['export?run=real&run=two', 'report?run=real&run=two']) {
      const leaving = new AbortController();
      const left = send(path, undefined, { signal: leaving.signal }).then((each) => each.arrayBuffer());
      setTimeout(() => leaving.abort(), 100);
      await left.catch(() => undefined);
    }
    assert.match(await (await send('report?run=two')).text(), /<\/html>\s*$/);
  });

  test('a run in progress is not deleted, whatever is asked', async () => {
    const release = lockRun(folderOf(at('two')).lock);
    try {
      assert.equal((await notesOf('two', { tags: ['in progress'], note: '' })).status, 200);
      assert.equal((await send('run/delete?run=two', { name: 'two', sure: true })).status, 409);
      assert.ok(existsSync(folderOf(at('two')).journal));
    } finally {
      release();
    }
    await until('nobody holds it', 10, async () => (await row('two')).state === 'finished');
    assert.equal((await send('run/delete?run=two', { name: 'two', sure: true })).status, 200);
    assert.ok(!existsSync(at('two')), 'with its notes');
  });
});
