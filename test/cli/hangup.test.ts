/** SIGHUP: what ends with its terminal, and what goes on after it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { endsWithTerminal } from '../../src/cli/io.ts';
import { readRun } from '../../src/run/record/read.ts';
import { main, makePhotos, newFolder, start, tiny, until } from './fixtures.ts';

const statusWith = (ignored: string): string => `Name:\tnode\nSigBlk:\t0000000000000000\nSigIgn:\t${ignored}\nSigCgt:\t0\n`;
const [ignoring, not] = [statusWith('0000000001001001'), statusWith('0000000001001000')];

test('a signal that was ignored at the start stays ignored, and without a terminal there is none to end with', () => {
  assert.equal(endsWithTerminal(true, [not, not]), true);
  assert.equal(endsWithTerminal(true, [null, null]), true);
  assert.equal(endsWithTerminal(true, [not, ignoring]), false);
  assert.equal(endsWithTerminal(true, [ignoring, null]), false);
  assert.equal(endsWithTerminal(false, [not, not]), false);
});

let folder = '';
const linux = { skip: process.platform !== 'linux' };
before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 20);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const search = (run: string): string[] => ['search', 'photos', ...tiny, '--run', run, '--json'];

/** Process numbers of the children of a process. */
const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid);
      } catch {
        return false;
      }
    })
    .map(Number);

test('a search whose output is no terminal goes on after SIGHUP, and so do its workers', linux, async () => {
  const program = start(search('piped'), folder);
  await until(() => program.out().includes('"type":"epoch"'));
  const pid = program.process.pid ?? assert.fail('no process');
  const workers = childrenOf(pid);
  assert.ok(workers.length > 0);
  for (const each of [pid, ...workers]) process.kill(each, 'SIGHUP');
  const { code, err } = await program.ended;
  assert.equal(code, 0, err);
  const { replay, state } = readRun(join(folder, 'piped'));
  assert.ok(state.search.finished);
  assert.deepEqual(
    replay.entries.filter(({ type }) => type === 'failed' || type === 'interrupted'),
    [],
  );
});

const hasTerminals = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

/** A search on a terminal of its own, begun by a line of a shell that prints its process number. */
async function onTerminal(run: string, line: string): Promise<boolean> {
  const words = [process.execPath, main, ...search(run)].join(' ');
  const shell = spawn('script', ['-qefc', line.replaceAll('PROGRAM', words), '/dev/null'], {
    cwd: folder,
    env: { ...process.env, SHELL: '/bin/sh', INSTAR_CACHE: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const ended = new Promise((resolve) => shell.on('close', resolve));
  await until(() => out.includes('"type":"epoch"'));
  process.kill(Number(/pid (\d+)/.exec(out)?.[1]), 'SIGHUP');
  await ended;
  return readRun(join(folder, run)).state.search.finished;
}

test("on a terminal SIGHUP ends a search in order, after trap '' HUP it does not", { skip: !hasTerminals }, async () => {
  assert.equal(await onTerminal('hung-up', 'echo pid $$; exec PROGRAM'), false);
  assert.equal(readRun(join(folder, 'hung-up')).state.interrupted, true);
  assert.equal(await onTerminal('trapped', "trap '' HUP; PROGRAM & echo pid $!; wait $!"), true);
});
