/** A run's events to its watchers: each once and in order, however often they are cut off, and what becomes of the run. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { folderOf } from '../../src/run/record/folder.ts';
import { liveFile, readLive, type Live } from '../../src/run/display/live.ts';
import { isLocked, lockRun } from '../../src/run/record/lock.ts';
import { openFeed, type Feed } from '../../src/web/feed.ts';
import { openWatch } from '../../src/web/stream.ts';
import { longer, newFolder as newRun, startProcess, until } from '../support/runs.ts';
import { random } from '../../src/util/random.ts';
import { serveHere } from './dashboard.ts';
import { watch, type Watcher } from './events.ts';
import { newFolder, small, writeRun } from './folders.ts';

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const upTo = (count: number): number[] => Array.from({ length: count }, (_none, at) => at);

async function served(
  t: TestContext,
): Promise<{ folder: string; root: string; journal: string; lines: readonly string[]; port: number }> {
  const folder = newFolder();
  const root = join(folder, 'run');
  const lines = writeRun(root);
  const ui = await serveHere(folder);
  t.after(() => ui.close());
  return { folder, root, journal: folderOf(root).journal, lines, port: ui.port };
}

test('cut off again and again, by itself and by servers that end: every event once and in order', async (t) => {
  const folder = newFolder();
  const root = join(folder, 'run');
  const lines = writeRun(root);
  const { journal } = folderOf(root);
  writeFileSync(journal, '');
  let ui = await serveHere(folder);
  t.after(() => ui.close());
  const draw = random('cuts');
  const numbers: number[] = [];
  let id: string | null = null;
  let resets = 0;
  for (let at = 0; at < lines.length;) {
    const watcher: Watcher = watch(ui.port, 'run', id);
    const to = Math.min(lines.length, at + 1 + draw.integer(5));
    appendFileSync(journal, text(lines.slice(at, to)));
    await until(`event ${to - 1}`, 5, () => numbers.length + watcher.numbers().length >= to);
    numbers.push(...watcher.numbers());
    resets += watcher.heard.filter(({ event }) => event === 'reset').length;
    id = watcher.lastId;
    watcher.cut();
    at = to;
    if (draw.integer(3) === 0) {
      await ui.close();
      ui = await serveHere(folder);
    }
  }
  assert.deepEqual(numbers, upTo(lines.length));
  assert.ok(resets <= 2, `${resets} resets: at the beginning alone`);
});

test('a name of an event that is none of this journal: from the start', async (t) => {
  const { port, lines } = await served(t);
  for (const id of ['', 'x', '3', '3-', '3-AAAAAAAAAAAAAAAAAAAAAA', '999999-x', '-1-x', '__proto__-x']) {
    const watcher = watch(port, 'run', id);
    await until(`all for ${id}`, 5, () => watcher.numbers().length === lines.length);
    assert.equal(watcher.heard[0]?.event, 'reset');
    watcher.cut();
  }
});

test('a run that is replaced, damaged, mended, and gone', async (t) => {
  const { port, root, journal, lines } = await served(t);
  const watcher = watch(port, 'run');
  t.after(() => watcher.cut());
  await until('all', 5, () => watcher.numbers().length === lines.length);
  assert.equal(watcher.last('problem'), null);
  const resets = (): number => watcher.heard.filter(({ event }) => event === 'reset').length;
  const next = join(newFolder(), 'run');
  const others = writeRun(next, { ...small, seed: 7 });
  renameSync(root, `${root}-old`);
  await until('it is gone', 5, () => /not there/.test(String(watcher.last('problem'))));
  renameSync(next, root);
  await until('another run', 5, () => resets() === 2 && watcher.numbers().length === others.length);
  assert.deepEqual(watcher.numbers(), upTo(others.length));
  await until('no problem', 5, () => watcher.last('problem') === null);
  appendFileSync(journal, 'no event\n');
  await until('damage', 5, () => /not a line of JSON/.test(String(watcher.last('problem'))));
  writeFileSync(journal, text(others.slice(0, 4)));
  await until('mended', 5, () => watcher.last('problem') === null && watcher.numbers().length === 4);
  assert.deepEqual(watcher.numbers(), upTo(4));
});

test('many watchers share one look, and those who leave are not kept', async () => {
  const root = join(newFolder(), 'run');
  writeRun(root);
  let looks = 0;
  const real = openFeed(root);
  const feed: Feed = {
    ...real,
    config: real.config,
    get generation() {
      return real.generation;
    },
    get lines() {
      return real.lines;
    },
    get state() {
      return real.state;
    },
    get begun() {
      return real.begun;
    },
    advance() {
      looks++;
      return real.advance();
    },
  };
  const all = openWatch();
  let woken = 0;
  const joined = upTo(20).map(() => all.join(feed, () => woken++));
  assert.equal(looks, 1);
  await until('looks', 5, () => looks >= 3);
  assert.ok(looks <= 5);
  appendFileSync(folderOf(root).journal, '{\n');
  await until('all are woken', 5, () => woken >= 20);
  for (const { leave } of joined) {
    assert.ok(all.isWatched(feed));
    leave();
  }
  assert.ok(!all.isWatched(feed));
  const after = looks;
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(looks, after, 'nobody watches, nobody looks');
  all.close();
});

test('a search in another process: watched live, then killed: it is said, and what it told last is not shown as progress', async (t) => {
  const root = newRun();
  // Epochs that are over at once would tell nothing in between.
  const slow = { widths: [16, 32], step: { children: 4, mutations: 3, epochs: 1200 } };
  const running = startProcess('search', root, { ...longer, settings: { ...longer.settings, ...slow } });
  t.after(() => running.child.kill('SIGKILL'));
  const { live, lock } = folderOf(root);
  await until('it runs', 30, () => existsSync(live));
  const ui = await serveHere(root);
  t.after(() => ui.close());
  const id = root.split('/').at(-1) as string;
  const watcher = watch(ui.port, id);
  await until(
    'it is seen to run',
    10,
    () => (watcher.last('condition') as { condition: string } | null)?.condition === 'running',
  );
  await until('progress', 20, () => watcher.last('live') !== null);
  assert.ok(isLocked(lock));
  running.child.kill('SIGKILL');
  await running.ended;
  if (!existsSync(live)) writeFileSync(live, JSON.stringify({ t: 1, progress: [] }));
  await until('it is said', 6, () => (watcher.last('condition') as { condition: string }).condition === 'not finished');
  await until('no progress', 6, () => watcher.last('live') === null);
  assert.ok(!isLocked(lock));
  const another = watch(ui.port, id);
  await until('as to who comes later', 6, () => another.last('condition') !== null);
  assert.equal(another.last('live'), null);
  watcher.cut();
  another.cut();
});

test('what is told of tasks: at most once a second, gone with the run, never an earlier run’s', async () => {
  const path = join(newFolder(), 'live.json');
  writeFileSync(path, '{"t":5,"progress":[]}');
  let now = 0;
  const file = liveFile(path, () => now);
  assert.equal(readLive(path), null, 'what a run that was killed has left');
  const progress = (line: string, loss = 1) =>
    ({ type: 'progress', task: `${line}/r0`, line, done: 1, count: 2, loss, peak: 3 }) as const;
  const written = (): string => (readLive(path)?.progress ?? []).map(({ line, loss }) => `${line} ${loss}`).join();
  file.tell(progress('a'), 1);
  await until('written', 5, () => written() === 'a 1');
  file.tell(progress('b'), 2);
  now = 999;
  file.tell(progress('a', 2), 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(written(), 'a 1', 'not within a second');
  now = 1001;
  file.tell(progress('c', Number.NaN), 3);
  await until('written again, but for what is no number', 5, () => written() === 'a 2,b 1');
  file.ended('a');
  now = 3000;
  file.tell(progress('b', 4), 4);
  await until('without what has ended', 5, () => written() === 'b 4');
  for (const bad of ['', '{', 'null', '{"t":1}', '{"t":"1","progress":[]}']) {
    writeFileSync(path, bad);
    assert.equal(readLive(path), null, bad);
  }
  await file.close();
  file.look(9);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(!existsSync(path));
});

test('what is told of workers on other machines, also where all jobs wait and no task says anything', async () => {
  const path = join(newFolder(), 'live.json');
  let now = 0;
  const nobody: Live['elsewhere'] = { waiting: 2, queued: 5, workers: [], others: ['far:7'] };
  let elsewhere: Live['elsewhere'] = nobody;
  const file = liveFile(
    path,
    () => now,
    () => elsewhere,
  );
  file.look(4);
  await until('written', 5, () => readLive(path) !== null);
  assert.deepEqual(readLive(path), { t: 4, progress: [], elsewhere: nobody });
  elsewhere = { waiting: 1, queued: 1, workers: [{ task: 'a/r0', worker: 'far:7', engine: 'onednn 3' }], others: [] };
  now = 999;
  file.look(5);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(readLive(path)?.t, 4, 'not within a second');
  now = 1000;
  file.look(6);
  await until('written again', 5, () => readLive(path)?.t === 6);
  assert.deepEqual(readLive(path)?.elsewhere, elsewhere);
  await file.close();
});

test('whether a run is locked is seen without taking part', () => {
  const path = join(newFolder(), 'lock');
  assert.ok(!isLocked(path), 'no such file');
  for (let turn = 0; turn < 3; turn++) {
    const release = lockRun(path);
    assert.ok(isLocked(path));
    assert.throws(() => lockRun(path), /in use by another process/);
    release();
    assert.ok(!isLocked(path));
  }
  rmSync(path);
});

test('several runs through one stream: each whole, in order and once, though it is cut off; one that is replaced begins anew', async (t) => {
  const folder = newFolder();
  const names = ['one', 'two', 'three'];
  const roots = names.map((name) => join(folder, name));
  const lines = roots.map((root, at) => writeRun(root, { ...small, seed: at }));
  const journals = roots.map((root) => folderOf(root).journal);
  for (const journal of journals) writeFileSync(journal, '');
  let ui = await serveHere(folder);
  t.after(() => ui.close());
  const numbers = names.map((): number[] => []);
  const draw = random('cuts of several');
  const sent = names.map(() => 0);
  let id: string | null = null;
  while (sent.some((count, at) => count < (lines[at] as readonly string[]).length)) {
    const watcher: Watcher = watch(ui.port, names, id);
    // One of them goes on, the others are silent.
    const at = draw.integer(names.length);
    const own = lines[at] as readonly string[];
    const from = sent[at] as number;
    sent[at] = Math.min(own.length, from + 3 + draw.integer(9));
    appendFileSync(journals[at] as string, text(own.slice(from, sent[at])));
    const all = (): boolean => numbers.every((had, each) => had.length + watcher.numbers(each).length >= (sent[each] as number));
    await until(`what ${names[at]} has`, 5, all);
    for (const [each, had] of numbers.entries()) had.push(...watcher.numbers(each));
    id = watcher.lastId;
    watcher.cut();
    if (draw.integer(3) === 0) {
      await ui.close();
      ui = await serveHere(folder);
    }
  }
  for (const at of names.keys()) assert.deepEqual(numbers[at], upTo((lines[at] as readonly string[]).length));
  const watcher = watch(ui.port, names, id);
  await until('all of them', 5, () => names.every((_name, at) => watcher.last(`${at} condition`) !== null));
  assert.deepEqual(
    names.map((_name, at) => watcher.numbers(at)),
    [[], [], []],
    'nothing twice',
  );
  // The condition stands behind the entries of the new one too: it says that all is there.
  const others = writeRun(join(folder, 'other'), { ...small, seed: 9 });
  renameSync(roots[1] as string, `${roots[1]}-gone`);
  renameSync(join(folder, 'other'), roots[1] as string);
  await until('the other run', 5, () => watcher.numbers(1).length === others.length);
  await until('its condition', 5, () => watcher.heard.at(-1)?.event !== '1 entries');
  const events = watcher.heard.map(({ event }) => event).filter((event) => /^1 (entries|condition|reset)/.test(event));
  assert.deepEqual(events.slice(-3), ['1 reset', '1 entries', '1 condition']);
  assert.deepEqual(watcher.numbers(0), []);
  watcher.cut();
  const answer = await fetch(`http://127.0.0.1:${ui.port}/api/run/events?run=one&run=none`);
  assert.equal(answer.status, 404);
});
