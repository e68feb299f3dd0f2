/** Journals read as they grow, are cut, rewritten, replaced, damaged and mended: always what stands there, never half a line. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Entry } from '../../src/run/record/events.ts';
import { folderOf } from '../../src/run/record/folder.ts';
import { Journal } from '../../src/run/record/journal.ts';
import { replay } from '../../src/run/record/replay.ts';
import { UserError } from '../../src/util/user-error.ts';
import { openFeed, type Feed } from '../../src/web/feed.ts';
import { newFolder, small, writeRun } from './folders.ts';

interface Place {
  readonly journal: string;
  readonly lines: readonly string[];
  readonly root: string;
}

/** A run whose journal is still empty. */
function begun(): Place & { readonly feed: Feed } {
  const root = join(newFolder(), 'run');
  const lines = writeRun(root);
  const { journal } = folderOf(root);
  rmSync(journal);
  return { root, journal, lines, feed: openFeed(root) };
}
const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const same = (feed: Feed, lines: readonly string[]): void => {
  assert.deepEqual(feed.lines, lines);
  assert.deepEqual(feed.state, replay(lines.map((line) => JSON.parse(line) as Entry)));
};

test('a journal that is not there yet, then comes in pieces of any length', () => {
  const { feed, journal, lines } = begun();
  assert.equal(feed.advance(), false);
  const bytes = Buffer.from(text(lines));
  let told = 0;
  for (let at = 0; at < bytes.length; at += 1 + (at % 97)) {
    appendFileSync(journal, bytes.subarray(at, at + 1 + (at % 97)));
    const before = feed.lines.length;
    assert.equal(feed.advance(), feed.lines.length > before);
    told += feed.lines.length - before;
  }
  assert.equal(told, lines.length);
  same(feed, lines);
  assert.equal(feed.advance(), false);
  assert.equal(feed.begun, Date.parse((JSON.parse(lines[0] as string) as Entry).at));
});

test('a state that was given stays as it was when the journal goes on', () => {
  const { feed, journal, lines } = begun();
  const half = Math.floor(lines.length / 2);
  writeFileSync(journal, text(lines.slice(0, half)));
  feed.advance();
  const before = feed.state;
  appendFileSync(journal, text(lines.slice(half)));
  feed.advance();
  assert.deepEqual(before, replay(lines.slice(0, half).map((line) => JSON.parse(line) as Entry)));
  same(feed, lines);
});

test('a torn last line is not believed, and what resume writes in its place is', () => {
  const { feed, journal, lines } = begun();
  const whole = text(lines.slice(0, 5));
  writeFileSync(journal, `${whole}{"n":5,"t":15,"at":"2026`);
  feed.advance();
  same(feed, lines.slice(0, 5));
  const { generation } = feed;
  const resumed = new Journal(journal, Buffer.byteLength(whole), null);
  assert.equal(feed.advance(), false);
  const entry = { n: 5, t: 15, at: '2026-01-02T03:00:00.000Z', type: 'resumed', cut: 24, mixed: false } as const;
  resumed.append(entry);
  resumed.close();
  assert.equal(feed.advance(), true);
  same(feed, [...lines.slice(0, 5), JSON.stringify(entry)]);
  assert.equal(feed.generation, generation, 'the same journal');
});

test('cut behind our back, and written otherwise: read from its start', () => {
  const { feed, journal, lines } = begun();
  writeFileSync(journal, text(lines.slice(0, 8)));
  feed.advance();
  const { generation } = feed;
  truncateSync(journal, Buffer.byteLength(text(lines.slice(0, 3))));
  assert.equal(feed.advance(), true);
  same(feed, lines.slice(0, 3));
  assert.notEqual(feed.generation, generation);
  // Cut and longer than before when it is looked at next.
  const other = lines.slice(0, 3).map((line) => line.replace('"t":', '"t":1'));
  writeFileSync(journal, text(other));
  appendFileSync(journal, text(lines.slice(3, 9)));
  feed.advance();
  same(feed, [...other, ...lines.slice(3, 9)]);
});

test('another run at the same place: its journal, and its configuration', () => {
  const { feed, root, journal, lines } = begun();
  writeFileSync(journal, text(lines));
  feed.advance();
  assert.equal(feed.config.settings.seed, 1);
  const next = join(newFolder(), 'run');
  const others = writeRun(next, { ...small, seed: 7 });
  renameSync(root, `${root}-old`);
  assert.throws(() => feed.advance(), /not there any more/);
  same(feed, lines);
  renameSync(next, root);
  assert.equal(feed.advance(), true);
  same(feed, others);
  assert.equal(feed.config.settings.seed, 7);
});

test('a damaged line is said at each look, until the journal is another', () => {
  const { feed, journal, lines } = begun();
  for (const [bad, said] of [
    ['{"n":4,', /:5: not a line of JSON/],
    ['null', /:5: /],
    ['{"n":4,"t":1,"at":"x","type":"nothing"}', /:5: /],
    [lines[5] as string, /:5: event 5 stands where 4 should/],
    [JSON.stringify({ n: 4, t: 1, at: 'x', type: 'run', format: 2, instar: '9' }), /:5: written by a newer Instar/],
    ['{"n":4,"t":1,"at":"x","type":"grown","line":"s9c9","certificate":{"evaluation":0,"training":0}}', /:5: /],
  ] as const) {
    writeFileSync(journal, text([...lines.slice(0, 4), bad]));
    for (let turn = 0; turn < 2; turn++)
      assert.throws(
        () => feed.advance(),
        (error: Error) => error instanceof UserError && said.test(error.message),
        bad,
      );
    writeFileSync(journal, text(lines));
    assert.equal(feed.advance(), true);
    same(feed, lines);
  }
});

test('lines longer than what is read at once, and letters of several bytes across its ends', () => {
  const { feed, journal, lines } = begun();
  const message = 'é漢😀'.repeat(300_000);
  const long = (n: number, said: string): string =>
    JSON.stringify({
      n,
      t: 1,
      at: '2026-01-02T03:00:00.000Z',
      type: 'failed',
      line: 'vanilla',
      task: 'vanilla',
      failure: 'crashed',
      message: said,
      retried: true,
    });
  const at = lines.findIndex((line) => (JSON.parse(line) as Entry).type === 'vanilla') + 1;
  const all = [...lines.slice(0, at), long(at, message), long(at + 1, `x${message}`), long(at + 2, 'short')];
  writeFileSync(journal, text(all));
  assert.ok(Buffer.byteLength(all[at] as string) > 2 << 20);
  feed.advance();
  same(feed, all);
});

test('what is no journal is an error and not a wait', () => {
  for (const make of [(path: string) => mkdirSync(path), (path: string) => execFileSync('mkfifo', [path])]) {
    const { feed, journal } = begun();
    make(journal);
    assert.throws(() => feed.advance(), UserError);
    assert.throws(() => feed.advance(), UserError);
  }
});
