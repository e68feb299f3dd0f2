/** A run's folder whose files are links, pipes or sockets: no command follows a link or waits, and each names the file. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { collectRun } from '../../src/report/collect.ts';
import { exportNetwork } from '../../src/run/driving/export.ts';
import { resume, search } from '../../src/run/driving/open.ts';
import { readBest, readNamed } from '../../src/run/record/best.ts';
import { folderOf } from '../../src/run/record/folder.ts';
import { readRun } from '../../src/run/record/read.ts';
import { hasOwnFolder, openRunFile, openRunHandle, readRunBytes, readRunText } from '../../src/util/run-files.ts';
import { UserError } from '../../src/util/user-error.ts';
import { listingOf } from '../web/folders.ts';
import { collect, finishedRun, newFolder, place, tiny, winnerOf } from '../support/runs.ts';

const finished = await finishedRun();

/** A search that was interrupted in its first step. */
const interrupted = newFolder();
const controller = new AbortController();
for await (const { type } of search({ ...tiny, run: interrupted, signal: controller.signal }))
  if (type === 'step') controller.abort();

/** What stands in place of a file of the run, outside of it: its content, so that following the link would work. */
const outside = newFolder();
mkdirSync(outside);

function linked(run: string, name: string): string {
  const copy = newFolder();
  cpSync(run, copy, { recursive: true });
  const [path, target] = [join(copy, name), join(outside, name)];
  rmSync(target, { recursive: true, force: true });
  if (existsSync(path)) renameSync(path, target);
  else writeFileSync(target, 'of somebody else\n');
  symlinkSync(target, path);
  return copy;
}

type Act = (run: string) => Promise<unknown>;

const commands: Readonly<Record<string, Act>> = {
  resume: (run) => collect(resume(run)),
  search: (run) => collect(search({ ...tiny, run })),
  show: async (run) => readRun(run),
  report: async (run) => {
    const { mistakes } = await collectRun(run, process.env);
    if (mistakes.kind === 'absent') throw new UserError(mistakes.reason);
  },
  export: (run) => exportNetwork(run, join(place, 'exported.onnx')),
  predict: (run) => readBest(run),
  'predict by the file': (run) => readBest(folderOf(run).best),
  'evaluate the model': (run) => readNamed(folderOf(run).bestModel),
  'start from it': (run) => collect(search({ ...tiny, from: run, run: newFolder() })),
  'take over its start network': (run) => collect(search({ ...tiny, vanilla: run, run: newFolder() })),
};
const all = Object.keys(commands);

/** What opens each file; the other commands are not tried. */
const openedBy: Readonly<Record<string, readonly string[]>> = {
  'config.json': all.filter((name) => name !== 'search'),
  'journal.jsonl': all.filter((name) => name !== 'search'),
  lock: ['resume'],
  checkpoints: ['resume', 'export', 'take over its start network'],
  'best.onnx': ['evaluate the model'],
  'best.safetensors': ['report', 'predict', 'predict by the file', 'start from it'],
};

const says =
  (path: string, what: RegExp) =>
  (error: Error): true => {
    assert.ok(error instanceof UserError, `a UserError, not ${error.stack}`);
    assert.ok(!error.message.includes('\n') && error.message.includes(path), `${path} in: ${error.message}`);
    assert.match(error.message, what);
    return true;
  };

await test('a link is not followed: an error names it, and what it leads to stays as it was', async () => {
  for (const [name, names] of Object.entries(openedBy))
    for (const command of names) {
      const run = linked(command === 'resume' ? interrupted : finished, name);
      const before = listingOf(outside);
      await assert.rejects((commands[command] as Act)(run), says(join(run, name), /link/), `${command}, ${name}`);
      assert.equal(listingOf(outside), before, `${command}, ${name}`);
    }
});

await test('a search in a folder of links replaces them, or refuses, and writes nothing through them', async () => {
  for (const name of ['lock', 'checkpoints', 'config.json']) {
    const run = newFolder();
    mkdirSync(run);
    const target = join(outside, name);
    rmSync(target, { recursive: true, force: true });
    if (name === 'checkpoints') mkdirSync(target);
    else writeFileSync(target, 'of somebody else\n');
    symlinkSync(target, join(run, name));
    const before = listingOf(outside);
    await assert.rejects(collect(search({ ...tiny, run })), (error: Error) => error instanceof UserError, name);
    assert.equal(listingOf(outside), before, name);
  }
  const run = newFolder();
  mkdirSync(run);
  const names = ['journal.jsonl', 'best.onnx', 'best.safetensors', 'best.json', 'live.json', 'live.json.part'];
  for (const name of names) {
    writeFileSync(join(outside, name), 'of somebody else\n');
    symlinkSync(join(outside, name), join(run, name));
  }
  const before = listingOf(outside);
  await collect(search({ ...tiny, run }));
  assert.equal(winnerOf(run), winnerOf(finished));
  assert.equal(listingOf(outside), before);
});

await test('a torn last line behind a link is not cut off', async () => {
  const run = linked(interrupted, 'journal.jsonl');
  const target = join(outside, 'journal.jsonl');
  writeFileSync(target, `${readFileSync(target, 'utf8')}{"n":`);
  const before = readFileSync(target);
  await assert.rejects(collect(resume(run)), says(folderOf(run).journal, /link/));
  await assert.rejects(exportNetwork(run, join(place, 'exported.onnx')), says(folderOf(run).journal, /link/));
  assert.deepEqual(readFileSync(target), before);
});

await test('a folder of a run that is itself a link is read and resumed', async () => {
  const real = newFolder();
  cpSync(interrupted, real, { recursive: true });
  const run = newFolder();
  symlinkSync(real, run);
  await collect(resume(run));
  assert.equal(winnerOf(run), winnerOf(finished));
});

await test('pipes, sockets and folders in place of files are refused at once', async () => {
  for (const [kind, make] of [
    ['a pipe', (path: string) => void execFileSync('mkfifo', [path])],
    ['a folder', (path: string) => void mkdirSync(path)],
  ] as const)
    for (const name of ['config.json', 'journal.jsonl', 'lock', 'best.onnx', 'best.safetensors'])
      for (const command of openedBy[name] ?? []) {
        if (command.includes('start')) continue; // Reads it as `predict` does.
        const run = newFolder();
        cpSync(command === 'resume' ? interrupted : finished, run, { recursive: true });
        rmSync(join(run, name), { force: true });
        make(join(run, name));
        // A folder in place of best.safetensors that a person names is taken for a run.
        const named = kind === 'a folder' && command === 'predict by the file' ? run : join(run, name);
        await assert.rejects(
          (commands[command] as Act)(run),
          says(named, /not a file|folder|holds no run/),
          `${command}, ${kind} ${name}`,
        );
      }
});

await test('whatever is no regular file is refused, for each way to open it', async () => {
  const folder = newFolder();
  mkdirSync(folder);
  const file = join(folder, 'file');
  writeFileSync(file, 'text');
  const odd: Record<string, string> = { device: '/dev/null', folder, link: join(folder, 'link'), broken: join(folder, 'broken') };
  symlinkSync(file, join(folder, 'link'));
  symlinkSync(join(folder, 'nowhere'), join(folder, 'broken'));
  execFileSync('mkfifo', [(odd['pipe'] = join(folder, 'pipe'))]);
  const socket = createServer();
  await new Promise<void>((resolve) => socket.listen((odd['socket'] = join(folder, 'socket')), resolve));
  for (const [kind, path] of Object.entries(odd)) {
    for (const access of ['read', 'append', 'change', 'replace'] as const) {
      assert.throws(() => openRunFile(path, access), says(path, /link|folder|not a file/), `${kind}, ${access}`);
      await assert.rejects(openRunHandle(path, access), says(path, /link|folder|not a file/), `${kind}, ${access}`);
    }
    assert.throws(() => readRunText(path), says(path, /./), kind);
    await assert.rejects(readRunBytes(path), says(path, /./), kind);
    if (kind !== 'folder') assert.throws(() => hasOwnFolder(path), says(path, /link|not a folder/), kind);
  }
  socket.close();
  assert.equal(readFileSync(file, 'utf8'), 'text');
  assert.ok(!existsSync(join(folder, 'nowhere')));
  assert.equal(readRunText(file).toString(), 'text');
  assert.throws(() => readRunText(join(folder, 'none')), says(join(folder, 'none'), /does not exist/));
  assert.equal(hasOwnFolder(join(folder, 'none')), false);
});
