/** What helps to find one's way: help, version, list of runs, suggestions, shell completion. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { listLines } from '../../src/cli/list.ts';
import { commandOptions } from '../../src/options/commands.ts';
import { flagOf } from '../../src/options/option.ts';
import { search } from '../../src/run/driving/open.ts';
import { version } from '../../src/util/version.ts';
import { collect, newFolder, quadrantFolder, tiny } from '../support/runs.ts';
import { pretend } from './fixtures.ts';

/** What a command line prints. */
async function said(...parameters: string[]): Promise<{ code: number; out: string; err: string }> {
  const { io, out, err } = pretend();
  const code = await runCommandLine(parameters, io);
  return { code, out: out(), err: err() };
}

test('version in every usual form', async () => {
  for (const word of ['version', '-v', '-V', '--version'])
    assert.deepEqual(await said(word), { code: 0, out: `${version}\n`, err: '' });
});

test('help of the program and of each command, in both forms', async () => {
  assert.deepEqual(await said('help'), await said('--help'));
  for (const name of Object.keys(commandOptions)) {
    const help = await said('help', name);
    assert.equal(help.code, 0, help.err);
    assert.match(help.out, new RegExp(`^Usage: instar ${name}`));
    assert.deepEqual(help, await said(name, '--help'));
  }
  assert.deepEqual(await said('help', 'serch'), {
    code: 2,
    out: '',
    err: 'instar: there is no command serch; did you mean search?\n',
  });
});

test('names that are nearly right are suggested', async () => {
  for (const [name, meant] of [
    ['minst', 'mnist'],
    ['MNIST', 'mnist'],
    ['cifar-10', 'cifar10'],
    ['fashion_mnist', 'fashion-mnist'],
  ] as const) {
    const { code, err } = await said('search', name, '--engine', 'reference');
    assert.equal(code, 2);
    assert.match(err, new RegExp(`; did you mean ${meant}\\?\n$`));
  }
  assert.doesNotMatch((await said('search', './photos', '--engine', 'reference')).err, /did you mean/);
});

test('the end of a setting names those that end so', async () => {
  const { err } = await said('search', 'x', '--set', 'rate=1');
  assert.match(err, /^instar: --set rate=1: there is no setting rate; did you mean [\w.]+\.rate, [\w., ]+ or [\w.]+\.rate\?\n$/);
  assert.match((await said('search', 'x', '--set', 'cutout=1')).err, /did you mean augmentation\.cutout\?/);
});

test('list: a line for each run, the latest first; a folder that is not there is not made', async () => {
  const runs = newFolder();
  mkdirSync(runs);
  assert.deepEqual(await said('list', runs), { code: 0, out: '', err: `${runs}: no runs\n` });
  await collect(
    search({ ...tiny, dataset: quadrantFolder, settings: { ...tiny.settings, limits: { steps: 0 } }, run: join(runs, 'first') }),
  );
  mkdirSync(join(runs, 'damaged'));
  writeFileSync(join(runs, 'damaged', 'config.json'), '{');
  const { code, out } = await said('list', runs);
  assert.equal(code, 0);
  const lines = out.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^run +state +accuracy +parameters +method +last change, UTC$/);
  assert.equal(lines.length, 3);
  assert.match(out, /^first +finished +[\d.]+ % test +[\d.]+ ?k? +\w+ +\d{4}-\d\d-\d\d \d\d:\d\d$/m);
  assert.match(out, /^damaged +damaged +– /m);
  assert.equal((JSON.parse((await said('list', runs, '--json')).out) as unknown[]).length, 2);
  assert.deepEqual(listLines([]).length, 1);
  assert.deepEqual(await said('list', 'no-such'), { code: 2, out: '', err: 'instar: no-such: does not exist\n' });
});

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

/** What bash offers for the last word. */
function offered(script: string, words: readonly string[]): readonly string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const text = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _instar; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', text], { encoding: 'utf8', cwd: mkdtempSync(join(tmpdir(), 'instar-cli-')) })
    .split('\n')
    .filter((word) => word !== '');
}

test('completion in bash: commands, options, values, data', { skip: !has('bash') }, async () => {
  const { out: script } = await said('completion', 'bash');
  assert.deepEqual(offered(script, ['instar', 'se']), ['search', 'settings']);
  assert.deepEqual(offered(script, ['instar', 'search', '--max-p']), ['--max-params']);
  assert.deepEqual(offered(script, ['instar', 'search', 'mnist', '--method', 'sh']), ['shrink', 'sh', 'shr', 'shrsep']);
  assert.deepEqual(offered(script, ['instar', 'evaluate', 'run', 'fa']), ['fashion-mnist']);
  assert.deepEqual(offered(script, ['instar', 'search', '--set', 'step.et']), ['step.eta=']);
  assert.deepEqual(offered(script, ['instar', 'help', 'comp']), ['completion']);
  assert.deepEqual(offered(script, ['instar', 'search', '--budget', '']), []);
});

test('completion has every option of every command, and each script can be read by its shell', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await said('completion', shell);
    assert.equal(code, 0);
    for (const rows of Object.values(commandOptions))
      for (const key of Object.keys(rows)) {
        const flag = flagOf(key);
        assert.ok(out.includes(shell === 'fish' ? `-l ${flag.slice(2)} ` : flag), `${flag} in ${shell}`);
      }
    if (has(shell)) execFileSync(shell, ['-n'], { input: out });
  }
  assert.match(
    (await said('completion', 'tcsh')).err,
    /^instar: there is no completion for tcsh; there is one for bash, zsh, fish\n$/,
  );
});
