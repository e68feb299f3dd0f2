/** A run's folder when something is wrong with it: one line that says what and where, and nothing is lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readChainedConfig, readConfig } from '../../src/run/record/config.ts';
import { folderOf } from '../../src/run/record/folder.ts';
import { format, Journal, readJournal } from '../../src/run/record/journal.ts';
import { lockRun } from '../../src/run/record/lock.ts';
import { resume, search } from '../../src/run/driving/open.ts';
import type { Entry } from '../../src/run/record/events.ts';
import { RunError, UserError } from '../../src/util/user-error.ts';
import {
  changeConfig,
  collect,
  finishedRun,
  newFolder,
  place,
  startProcess,
  tiny,
  until,
  winnerOf,
  workersOf,
} from '../support/runs.ts';

const saysIn =
  (kind: typeof UserError | typeof RunError, ...parts: readonly (string | RegExp)[]) =>
  (error: Error): true => {
    assert.ok(error instanceof kind, `a ${kind.name}, not ${error.stack}`);
    assert.ok(!error.message.includes('\n'), `one line: ${error.message}`);
    for (const part of parts)
      if (typeof part === 'string') assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
      else assert.match(error.message, part);
    return true;
  };

/** A search that was interrupted in its first step. */
async function interruptedRun(events = 9): Promise<string> {
  const run = newFolder();
  const controller = new AbortController();
  let told = 0;
  for await (const { type } of search({ ...tiny, run, signal: controller.signal }))
    if (type !== 'progress' && ++told === events) controller.abort();
  return run;
}

const finished = await finishedRun();
const undisturbed = winnerOf(finished);
const interrupted = await interruptedRun();

const copyOf = (run: string): string => {
  const copy = newFolder();
  cpSync(run, copy, { recursive: true });
  return copy;
};

/** A copy of the interrupted run with its journal's lines changed. */
function withLines(change: (lines: string[]) => string[]): string {
  const run = copyOf(interrupted);
  const { journal } = folderOf(run);
  writeFileSync(journal, change(readFileSync(journal, 'utf8').split('\n')).join('\n'));
  return run;
}

const edited = (line: string | undefined, fields: object): string => JSON.stringify({ ...JSON.parse(line ?? ''), ...fields });

await test('a torn last line is cut off, said, and does not change the winner', async () => {
  const run = copyOf(interrupted);
  const torn = '{"n":99,"t":1,"at":"20';
  appendFileSync(folderOf(run).journal, torn);
  const items = await collect(resume(run));
  const resumed = items.find((item) => item.type === 'resumed');
  assert.equal(resumed?.type === 'resumed' && resumed.cut, torn.length);
  assert.equal(winnerOf(run), undisturbed);
});

await test('killed between its last event and its tidying up: resume does what is left, and nothing else', async () => {
  const run = copyOf(finished);
  const { checkpoints, journal } = folderOf(run);
  // Somebody else's, in a folder that was there before the run.
  writeFileSync(join(checkpoints, 'epoch-7.safetensors'), '');
  mkdirSync(join(checkpoints, '.ipynb_checkpoints'));
  const [before, kept] = [readFileSync(journal), readdirSync(checkpoints).toSorted()];
  writeFileSync(join(checkpoints, `${'0'.repeat(64)}.safetensors`), 'of a child that was dropped');
  writeFileSync(join(checkpoints, `.${randomUUID()}.part`), 'of a writer that died');
  assert.deepEqual(await collect(resume(run)), []);
  assert.deepEqual([readFileSync(journal), readdirSync(checkpoints).toSorted()], [before, kept]);
});

await test('a journal torn at any byte of its last lines is read, and what is cut is a suffix', () => {
  const path = join(place, 'torn.jsonl');
  const bytes = readFileSync(folderOf(finished).journal);
  const { first } = readChainedConfig(folderOf(finished).config);
  const whole = readJournal(folderOf(finished).journal, first);
  for (let length = bytes.length; length > bytes.length - 700; length -= 7) {
    writeFileSync(path, bytes.subarray(0, length));
    const { entries, torn, length: kept } = readJournal(path, first);
    assert.equal(kept + torn, length);
    assert.deepEqual(entries, whole.entries.slice(0, entries.length));
    new Journal(path, kept, null).close();
    assert.equal(statSync(path).size, kept);
  }
});

await test('a journal with something wrong in its middle names the line', async () => {
  const where = (run: string, line: number): string => `${folderOf(run).journal}:${line}: `;
  const cases: readonly [string, (lines: string[]) => string[], number, RegExp][] = [
    ['garbage', (lines) => lines.with(4, 'garbage'), 5, /not a line of JSON/],
    ['a line lost', (lines) => lines.toSpliced(3, 1), 4, /event 4 stands where 3 should/],
    ['a line twice', (lines) => lines.toSpliced(3, 0, lines[3] ?? ''), 5, /event 3 stands where 4 should/],
    ['an unknown event', (lines) => lines.with(2, edited(lines[2], { type: 'dance' })), 3, /type|discriminator/i],
    ['a member too many', (lines) => lines.with(2, edited(lines[2], { more: 1 })), 3, /more/],
    ['a member of the wrong kind', (lines) => lines.with(2, edited(lines[2], { t: 'soon' })), 3, /number/],
    ['an empty line', (lines) => lines.toSpliced(2, 0, ''), 3, /not a line of JSON/],
    ['a newer format', (lines) => lines.with(0, edited(lines[0], { format: format + 1 })), 1, /newer Instar/],
  ];
  for (const [name, change, line, message] of cases) {
    const run = withLines(change);
    const before = readFileSync(folderOf(run).journal);
    await assert.rejects(collect(resume(run)), saysIn(UserError, where(run, line), message), name);
    assert.deepEqual(readFileSync(folderOf(run).journal), before, `${name}: the journal is as it was`);
  }
});

await test('the journal does not write what it could not read', () => {
  const path = join(place, 'guarded.jsonl');
  const journal = new Journal(path, 0, null);
  const entry = { n: 0, t: 0, at: '', type: 'grown', line: 's1c1', certificate: { evaluation: Number.NaN, training: 0 } };
  assert.throws(() => journal.append(entry as Entry), /bug: an event that does not fit the journal's schema/);
  journal.close();
  assert.equal(statSync(path).size, 0);
});

await test('data that is damaged in the cache is decoded again', async () => {
  const run = copyOf(interrupted);
  const { data } = readConfig(folderOf(run).config);
  const whole = readFileSync(data.path);
  writeFileSync(data.path, whole.subarray(0, -1));
  await collect(resume(run));
  assert.equal(winnerOf(run), undisturbed);
  assert.deepEqual(readFileSync(data.path), whole);
});

await test('a damaged or missing checkpoint is an error that names the file', async () => {
  for (const damage of ['a byte', 'cut', 'missing'] as const) {
    const run = copyOf(interrupted);
    const { checkpoints } = folderOf(run);
    const paths = readdirSync(checkpoints).map((name) => join(checkpoints, name));
    assert.ok(paths.length > 0);
    for (const path of paths) {
      const bytes = readFileSync(path);
      if (damage === 'missing') rmSync(path);
      else writeFileSync(path, damage === 'cut' ? bytes.subarray(0, -4) : bytes.with(bytes.length - 5, (bytes.at(-5) ?? 0) ^ 1));
    }
    await assert.rejects(collect(resume(run)), (error: Error) => {
      assert.ok(error instanceof UserError || error instanceof RunError, `${damage}: ${error.stack}`);
      assert.ok(
        paths.some((path) => error.message.includes(path)),
        error.message,
      );
      assert.match(error.message, damage === 'missing' ? /cannot be read/ : /damaged/);
      return true;
    });
    // Repaired, the run goes on and ends as it would have.
    if (damage === 'a byte') {
      for (const name of readdirSync(folderOf(interrupted).checkpoints))
        cpSync(join(folderOf(interrupted).checkpoints, name), join(checkpoints, name));
      await collect(resume(run));
      assert.equal(winnerOf(run), undisturbed);
    }
  }
});

await test('config.json: damaged, of a newer format, missing', async () => {
  const run = copyOf(finished);
  const { config } = folderOf(run);
  const text = readFileSync(config, 'utf8');
  const rejects = (content: string, ...parts: readonly (string | RegExp)[]): Promise<void> => {
    writeFileSync(config, content);
    return assert.rejects(collect(resume(run)), saysIn(UserError, config, ...parts));
  };
  assert.equal(readConfig(config).workers, 2);
  await rejects(text.slice(0, 100), 'cannot be read');
  await rejects('null', /expected object/);
  await rejects(text.replace('"format": 1', `"format": ${format + 1}`), /newer Instar \(format 2, this one reads 1\)/);
  await rejects(text.replace('"workers": 2', '"workers": 0'), /workers/);
  await rejects(text.replace('"workers": 2', '"workers": 2, "wings": 4'), /wings/);
  await rejects(text.replace('"method": "shr"', '"method": "luck"'), /settings.method/);
  rmSync(config);
  await assert.rejects(collect(resume(run)), saysIn(UserError, config, 'missing'));
  const empty = newFolder();
  await assert.rejects(collect(resume(empty)), saysIn(UserError, 'holds no run'));
  assert.ok(!existsSync(empty), 'nothing is written');
});

await test('another fingerprint is refused, unless mixed', async () => {
  const run = copyOf(interrupted);
  changeConfig(run, [/"version": "[^"]*"/g, '"version": "0.0.1"']);
  await assert.rejects(collect(resume(run)), saysIn(UserError, 'reference 0.0.1', '--mixed'));
  const items = await collect(resume(run, { mixed: true }));
  const resumed = items.find((item) => item.type === 'resumed');
  assert.equal(resumed?.type === 'resumed' && resumed.mixed, true);
  assert.equal(items.at(-1)?.type, 'finished');
});

await test('data that is no longer there is decoded again, and must be the same', async () => {
  const run = copyOf(interrupted);
  const { config } = folderOf(run);
  const { path } = readConfig(config).data;
  changeConfig(run, [path, join(place, 'gone.safetensors')]);
  const items = await collect(resume(run));
  assert.equal(items.at(-1)?.type, 'finished');
  assert.equal(winnerOf(run), undisturbed);
});

await test('a folder that holds a run, or is none, is refused before anything is written', async () => {
  await assert.rejects(collect(search({ ...tiny, run: finished })), saysIn(UserError, finished, 'already holds a run'));
  const file = join(place, 'file');
  writeFileSync(file, '');
  await assert.rejects(collect(search({ ...tiny, run: file })), saysIn(UserError, file));
  await assert.rejects(collect(search({ ...tiny, run: join(file, 'below') })), saysIn(UserError, join(file, 'below')));
  const fresh = newFolder();
  const wrong: readonly [object, RegExp][] = [
    [{ widths: Array.from({ length: 5 }, () => 2) }, /8×8 are too small for 5 blocks/],
    [{ batch: 1000 }, /batch of 1000/],
    [{ step: { epochs: 11 } }, /11 epochs a step are too few for 4 children in 3 rungs: use at least 12/],
    [{ limits: { parameters: 10 } }, /over the limit of 10 /],
    [{ limits: { memory: 2 ** 20 } }, /over the limit of 1 MiB/],
  ];
  for (const [settings, message] of wrong)
    await assert.rejects(
      collect(search({ ...tiny, settings: { ...tiny.settings, ...settings }, run: fresh })),
      saysIn(UserError, message),
    );
  assert.ok(!existsSync(fresh), 'nothing is written');
});

await test('one process a folder; a dead one does not keep its lock', async () => {
  const run = newFolder();
  const first = startProcess('search', run, tiny);
  for await (const { type } of first.events) if (type === 'epoch') break;
  first.child.kill('SIGSTOP'); // It keeps its lock, and does not end before it is asked for.
  await assert.rejects(collect(resume(run)), saysIn(UserError, 'in use by another process', String(first.child.pid)));
  first.child.kill('SIGKILL');
  await first.ended;
  await collect(resume(run));
  assert.equal(winnerOf(run), undisturbed);
  await until('no worker is left', 2, () => workersOf(run).length === 0);

  const path = join(newFolder(), 'lock');
  mkdirSync(join(path, '..'));
  const release = lockRun(path);
  assert.throws(() => lockRun(path), saysIn(UserError, path, String(process.pid)));
  release();
  lockRun(path)();
});
