/**
 * Every command of every page, by the parser of the program itself: options, their values, the number of arguments; scripts of npm and
 * files that are run must exist, and each block must be what bash can read. `test/site/walk.test.ts` runs those of the first pages.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { collect, readerOf } from '../../site/collect.ts';
import { processIo } from '../../src/cli/io.ts';
import { commandOptions, type CommandName } from '../../src/options/commands.ts';
import { createProgram, givenTo } from '../../src/cli/program.ts';
import { parseQueue } from '../../src/execution/queue/address.ts';
import type { Options } from '../../src/options/option.ts';
import { commandsOf } from './shell.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const { pages } = collect(readerOf(root), 'README.md');

/** What a reader fills in: `RUN`, `+TIME`, `…`. */
const isTemplate = (word: string): boolean => /^\+?[A-Z]+$/.test(word) || word.includes('…');

/** What is wrong with the words behind `instar`, without running them. */
async function wrongCall(words: readonly string[]): Promise<readonly string[]> {
  const program = createProgram(processIo, () => undefined);
  const [first = ''] = words;
  // `instar study` in a sentence names the command.
  if (words.length === 1 && !['--help', '--version'].includes(first))
    return first in commandOptions || isTemplate(first) ? [] : [`there is no command ${first}`];
  for (const command of program.commands)
    command.action(() => {
      if (words.some(isTemplate)) return;
      const values = givenTo(command, commandOptions[command.name() as CommandName] as Options);
      const { queue } = values;
      if (typeof queue === 'string') parseQueue(queue);
    });
  try {
    await program.parseAsync(
      words.map((word) => word.replace('<64 hexadecimal digits>', '0'.repeat(64))),
      { from: 'user' },
    );
    return [];
  } catch (error) {
    const { message, code } = error as Error & { readonly code?: string };
    const isHelp = code === 'commander.helpDisplayed' || code === 'commander.version';
    return isHelp || (words.some(isTemplate) && code === 'commander.missingArgument') ? [] : [message];
  }
}

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const npmCommands = ['ci', 'install', 'pack', 'start', 'test'];

function wrongNpm([command = '', name = '', ...rest]: readonly string[]): readonly string[] | Promise<readonly string[]> {
  if (command === 'run') return name in scripts ? [] : [`there is no script ${name}`];
  if (!npmCommands.includes(command)) return [`npm ${command}?`];
  return command === 'start' && name === '--' ? wrongCall(['search', 'mnist', ...rest]) : [];
}

/** A file of the repository; what is built of a source stands in dist. */
const wrongFile = (path: string): readonly string[] =>
  /^(?:examples|bench|test|dist)\//.test(path) &&
  !existsSync(join(root, path)) &&
  !existsSync(join(root, path.replace(/^dist\//, '').replace(/\.js$/, '.ts')))
    ? [`${path} is not there`]
    : [];

type Check = (words: readonly string[]) => readonly string[] | Promise<readonly string[]>;
const fine: Check = () => [];
const files: Check = (words) => words.flatMap(wrongFile);

/** How the words behind a program are checked; a program that is not here is an error. */
const checks: Readonly<Record<string, Check>> = {
  instar: wrongCall,
  npx: ([program, ...words]) => (program === 'instar' ? wrongCall(words) : program === 'oxfmt' ? [] : [`npx ${program}?`]),
  npm: wrongNpm,
  node: files,
  python3: files,
  cp: (words) => files(words.slice(0, -1)),
  install: files,
  sbatch: files,
  ...Object.fromEntries(
    [
      'apt-get',
      'brew',
      'cd',
      'chmod',
      'docker',
      'echo',
      'export',
      'git',
      'journalctl',
      'kubectl',
      'mkdir',
      'pip',
      'scancel',
      'set',
      'sips',
      'ssh',
    ]
      .concat([
        'systemctl',
        'umask',
        'useradd',
        'head',
        'base64',
        '.',
        'heif-convert',
        'source',
        'du',
        'kill',
        'sha256sum',
        'grep',
        'wc',
        // The program of docs/devices.md is compiled and run by another test.
        'gcc',
        'convert',
        './classify',
      ])
      .map((name) => [name, fine]),
  ),
};

async function wrongLine(line: string): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const command of commandsOf(line)) {
    const words = command.filter((word, at) => !(at === 0 && word === 'sudo'));
    const start = words.findIndex((word) => !/^[A-Z_]+=/.test(word) && word !== 'nohup');
    if (start < 0) continue;
    const [program = '', ...rest] = words.slice(start);
    const check = checks[program];
    wrong.push(...(check === undefined ? [`what is ${program}?`] : await check(rest)).map((each) => `${line}: ${each}`));
  }
  return wrong;
}

const blocks = [...pages].flatMap(([path, { code }]) =>
  code.filter(({ language }) => language === 'sh').map(({ text }) => ({ path, text })),
);

test('every command in a block of the pages is one', async () => {
  const lines = blocks.flatMap(({ path, text }) => text.split('\n').map((line) => ({ path, line })));
  assert.ok(lines.length > 80);
  const wrong: string[] = [];
  for (const { path, line } of lines) wrong.push(...(await wrongLine(line)).map((each) => `${path}: ${each}`));
  assert.deepEqual(wrong, []);
});

test('every command in a sentence is one', async () => {
  const wrong: string[] = [];
  let count = 0;
  for (const [path, { inlineCode }] of pages)
    for (const text of inlineCode.filter((each) =>
      /^(?:npx )?(?:instar [a-z-]|npm (?:run|start|ci|test|install|pack))/.test(each),
    )) {
      count++;
      wrong.push(...(await wrongLine(text.replaceAll('\n', ' '))).map((each) => `${path}: ${each}`));
    }
  assert.ok(count > 60);
  assert.deepEqual(wrong, []);
});

test('bash can read every block', () => {
  for (const { path, text } of blocks) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
    assert.equal(status, 0, `${path}: ${stderr}`);
  }
});

test('the line of packages is that of the tests', () => {
  const packages = /apt-get install -y ('\S+' \S+)/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? '?';
  assert.ok(readFileSync(join(root, '.ci/run'), 'utf8').includes(packages), packages);
});

test('these rules see what breaks them', async () => {
  const wrong = async (line: string): Promise<string> => (await wrongLine(line)).join('; ').replace(`${line}: `, '');
  assert.match(await wrong('instar serch ./photos'), /unknown command 'serch'/);
  assert.match(await wrong('cd x && npx instar search ./photos --budgte 3m'), /unknown option '--budgte'/);
  assert.match(await wrong('instar search ./photos --budget soon  # comment'), /--budget soon: must be a time/);
  assert.match(await wrong('instar search --seed 5'), /missing required argument 'dataset'/);
  assert.match(await wrong('instar worker --queue http://x --store file:/y'), /give redis/);
  assert.match(await wrong('npm run gone'), /there is no script gone/);
  assert.match(await wrong('python3 examples/python/gone.py x'), /is not there/);
  assert.match(await wrong('frobnicate x'), /what is frobnicate/);
  assert.match(await wrong('npm start -- --sede 5'), /unknown option '--sede'/);
  assert.equal(await wrong('instar search ./photos --set operators=\'{"widen":1}\' > log 2>&1 &'), '');
  assert.deepEqual(commandsOf(`sudo a 'b c'"d" && e <f >g # h`), [['sudo', 'a', 'b cd'], ['e']]);
});
