/** Damage in the files of a run is found: an error names the file and the place, or nothing has changed. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { collectRun } from '../../src/report/collect.ts';
import { resume, search } from '../../src/run/driving/open.ts';
import { readBest, readNamed, unfittingFiles } from '../../src/run/record/best.ts';
import { linkOf } from '../../src/run/record/chain.ts';
import { folderOf } from '../../src/run/record/folder.ts';
import { readRun } from '../../src/run/record/read.ts';
import { sha256 } from '../../src/util/hash.ts';
import { random } from '../../src/util/random.ts';
import { UserError } from '../../src/util/user-error.ts';
import { openFeed } from '../../src/web/feed.ts';
import { modelOf } from '../../src/web/networks.ts';
import { damageOnce, subjectOf } from '../support/damage.ts';
import { collect, finishedRun, newFolder, tiny, winnerOf } from '../support/runs.ts';

const finished = await finishedRun();
const interrupted = newFolder();
const controller = new AbortController();
for await (const { type } of search({ ...tiny, run: interrupted, signal: controller.signal }))
  if (type === 'rung') controller.abort();

function copyOf(run: string): string {
  const copy = newFolder();
  cpSync(run, copy, { recursive: true });
  return copy;
}

/** The run as an earlier version wrote it: no line has a hash, and no event names those of files. */
function oldRun(run: string): string {
  const copy = copyOf(run);
  const { journal } = folderOf(copy);
  const contents = readFileSync(journal, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => linkOf(line).content);
  const entries = contents.filter((line) => !line.includes('"type":"best"'));
  writeFileSync(journal, entries.map((line, n) => `${line.replace(/"n":\d+/, `"n":${n}`)}\n`).join(''));
  return copy;
}

const rejection = async (act: () => unknown): Promise<string> => {
  try {
    await act();
  } catch (error) {
    assert.ok(error instanceof UserError, `a UserError, not ${(error as Error).stack}`);
    assert.ok(!error.message.includes('\n'), error.message);
    return error.message;
  }
  return assert.fail('nothing was refused');
};

await test('300 damages of journals, configurations and files of best networks', async () => {
  const subjects = [subjectOf(copyOf(finished)), subjectOf(copyOf(interrupted))] as const;
  const counts = new Map<string, number>();
  for (let round = 0; round < 300; round++) {
    const { what, verdict, message } = await damageOnce(subjects[(round >> 4) % 2] as (typeof subjects)[0], round);
    assert.notEqual(verdict, 'wrong', `round ${round}: ${what}: ${message}`);
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  assert.ok((counts.get('refused') ?? 0) > 200, `${[...counts].join()}`);
  for (const { folder, read } of subjects) assert.deepEqual(readRun(folder.root).state, read.state);
});

await test('each line of a journal has a hash; a bit of any of them is found, with its line', async () => {
  const run = copyOf(finished);
  const { journal } = folderOf(run);
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  for (const [index, line] of lines.entries()) {
    assert.notEqual(linkOf(line).hash, null);
    for (const [from, to] of [
      [/"t":\d/, '"t":9'],
      [/"hash":"../, '"hash":"zz'],
      [/,"hash":"[0-9a-f]*"/, ''],
    ] as const) {
      writeFileSync(
        journal,
        lines
          .with(index, line.replace(from, to))
          .map((each) => `${each}\n`)
          .join(''),
      );
      if (line.replace(from, to) === line || (index === 0 && to === '')) continue;
      const message = await rejection(() => readRun(run));
      assert.ok(message.includes(`${journal}:${index + 1}: `), message);
    }
  }
});

await test('a configuration that was changed is found, and its journal is not touched', async () => {
  const run = copyOf(interrupted);
  const { config, journal } = folderOf(run);
  const [text, before] = [readFileSync(config, 'utf8'), readFileSync(journal)];
  writeFileSync(config, text.replace('"seed": 1', '"seed": 2'));
  for (const act of [() => collect(resume(run)), () => readRun(run), () => openFeed(run).advance()])
    assert.match(await rejection(act), /journal\.jsonl:1: .*config\.json/);
  assert.deepEqual(readFileSync(journal), before);
  // Its text may be laid out otherwise.
  writeFileSync(config, JSON.stringify(JSON.parse(text)));
  await collect(resume(run));
  assert.equal(winnerOf(run), winnerOf(finished));
});

await test('a journal of zeros, one that was emptied, and one that is gone: refused, and no checkpoint is removed', async () => {
  for (const damage of ['zeros', 'zeros at the end', 'empty', 'gone'] as const) {
    const run = copyOf(interrupted);
    const { journal, checkpoints } = folderOf(run);
    const bytes = readFileSync(journal);
    const there = readdirSync(checkpoints);
    if (damage === 'gone') rmSync(journal);
    else {
      const zeros = Buffer.alloc(damage === 'empty' ? 0 : bytes.length);
      writeFileSync(journal, damage === 'zeros at the end' ? Buffer.concat([bytes, zeros]) : zeros);
    }
    for (const act of [() => collect(resume(run)), () => readRun(run), () => openFeed(run).advance()])
      assert.match(
        await rejection(act),
        damage.startsWith('zeros') ? /journal\.jsonl:\d+: zeros/ : /journal\.jsonl: .*lost/,
        damage,
      );
    assert.deepEqual(readdirSync(checkpoints), there, damage);
  }
});

await test('the hashes of the files of the best network are in the journal before the files are', async () => {
  const run = newFolder();
  const folder = folderOf(run);
  let seen = 0;
  for await (const item of search({ ...tiny, run })) {
    if (item.type === 'progress' || !existsSync(folder.bestNetwork)) continue;
    const { best } = readRun(run).state;
    for (const [kind, path] of [
      ['model', folder.bestModel],
      ['tensors', folder.best],
      ['network', folder.bestNetwork],
    ] as const)
      assert.equal(best?.[kind], sha256(readFileSync(path)), item.type);
    seen++;
  }
  assert.ok(seen > 10);
});

await test('a changed file of the best network is refused by whatever reads it', async () => {
  const run = copyOf(finished);
  const { best, bestModel, bestNetwork } = folderOf(run);
  await readBest(run);
  for (const path of [best, bestModel, bestNetwork]) {
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.with(bytes.length - 9, (bytes.at(-9) ?? 0) ^ 1));
    assert.match(await rejection(() => readNamed(path)), /is damaged/);
    if (path === best) {
      assert.match(await rejection(() => readBest(run)), /best\.safetensors: .* is damaged/);
      assert.match(await rejection(() => readBest(best)), /best\.safetensors: .* is damaged/);
      assert.match(await rejection(() => collect(search({ ...tiny, from: run, run: newFolder() }))), /best\.safetensors/);
      const { mistakes } = await collectRun(run, process.env);
      assert.match(mistakes.kind === 'absent' ? mistakes.reason : '', /best\.safetensors: .* is damaged/);
    }
    if (path === bestModel) {
      assert.match(await rejection(() => collect(search({ ...tiny, from: bestModel, run: newFolder() }))), /best\.onnx/);
      const feed = openFeed(run);
      feed.advance();
      assert.match(await rejection(() => modelOf(feed, 'final')), /best\.onnx: .* is damaged/);
    }
    writeFileSync(path, bytes);
  }
});

await test('the run of an earlier version is read, resumed and shown, and goes on without hashes', async () => {
  const run = oldRun(interrupted);
  const { journal } = folderOf(run);
  assert.equal(readRun(run).replay.chain, null);
  await readBest(run);
  await collect(resume(run));
  assert.equal(winnerOf(run), winnerOf(finished));
  assert.ok(
    readFileSync(journal, 'utf8')
      .split('\n')
      .slice(0, -1)
      .every((line) => linkOf(line).hash === null),
  );
  openFeed(run).advance();
  // From its resume on it names the hashes of files.
  const { best } = folderOf(run);
  const bytes = readFileSync(best);
  writeFileSync(best, bytes.with(bytes.length - 9, (bytes.at(-9) ?? 0) ^ 1));
  assert.match(await rejection(() => readBest(run)), /is damaged/);
  // A hash among lines without is no event.
  const lines = readFileSync(journal, 'utf8').split('\n');
  writeFileSync(journal, lines.with(3, lines[3]?.replace(/\}$/, ',"hash":"0123456789abcdef"}') ?? '').join('\n'));
  assert.match(await rejection(() => readRun(run)), /:4: .*hash/);
});

await test('a damaged journal without hashes is never a stack trace', () => {
  const run = oldRun(finished);
  const { journal } = folderOf(run);
  const whole = readFileSync(journal);
  const lines = whole.toString('utf8').split('\n').slice(0, -1);
  const isRefused = (act: () => unknown): boolean => {
    try {
      act();
      return false;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      assert.match(error.message, /journal\.jsonl:\d+: [^\n]*$/);
      return true;
    }
  };
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const stream = random('without hashes', round);
    const at = stream.integer(lines.length - 1);
    // Another line in its place, under its number, so that only the replay can find it.
    const other = (lines[stream.integer(lines.length)] as string).replace(/"n":\d+/, `"n":${at}`);
    writeFileSync(
      journal,
      lines
        .with(at, other)
        .map((line) => `${line}\n`)
        .join(''),
    );
    const answers = [() => readRun(run), () => openFeed(run).advance()].map(isRefused);
    assert.equal(answers[0], answers[1]);
    if (answers[0] === true) refused++;
  }
  assert.ok(refused > 30, `${refused}`);
  writeFileSync(journal, whole);
  assert.ok(readRun(run).state.search.finished);
  assert.ok(existsSync(join(run, 'best.onnx')));
});

await test('a finished run whose files of the best network were lost, damaged or replaced gets them again', async () => {
  const whole = folderOf(finished);
  const spoil = (run: string): void => {
    const folder = folderOf(run);
    rmSync(folder.bestModel);
    writeFileSync(folder.best, Buffer.alloc(100));
    rmSync(folder.bestNetwork);
    symlinkSync('/nonexistent', folder.bestNetwork);
  };
  const same = join(newFolder(), basename(finished));
  cpSync(finished, same, { recursive: true });
  spoil(same);
  assert.deepEqual(await unfittingFiles(same, readRun(same).state), ['best.onnx', 'best.safetensors', 'best.json']);
  await collect(resume(same));
  for (const name of ['bestModel', 'best', 'bestNetwork', 'journal'] as const)
    assert.ok(readFileSync(folderOf(same)[name]).equals(readFileSync(whole[name])), name);
  // The files name their run: in a folder of another name they are others, which the journal is told.
  const moved = copyOf(finished);
  spoil(moved);
  await collect(resume(moved));
  assert.deepEqual(await unfittingFiles(moved, readRun(moved).state), []);
  assert.equal((await readBest(moved)).about.run, basename(moved));
  // Without the weights they cannot be made.
  rmSync(folderOf(moved).bestModel);
  for (const name of readdirSync(folderOf(moved).checkpoints)) rmSync(join(folderOf(moved).checkpoints, name));
  assert.match(await rejection(() => collect(resume(moved))), /checkpoints/);
});
