/**
 * What the pages of the repository say of it: that files and names are there, that settings are the preset's, that scripts
 * exist. Whether a sentence is true, no test knows.
 *
 * In `docs/paper.md` a path in backticks may be followed by names in backticks, which the file must declare, and a test's path
 * must be followed by words in quotation marks, which must stand in a string of that file.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { presets } from '../src/search/settings.ts';
import { settingNames, valueOf } from '../src/search/setting-names.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const exists = (path: string): boolean => existsSync(join(root, path));

const folders = ['src', 'test', 'bench', 'packaging', 'examples', 'docs', 'results', 'studies'].filter(exists);
/** Files and folders of the repository, with forward slashes. */
const paths: readonly string[] = [
  ...readdirSync(root, { withFileTypes: true }).map(({ name }) => name),
  ...folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
      (path) => `${folder}/${path.replaceAll('\\', '/')}`,
    ),
  ),
];

/** Comments, and strings of every kind: one token each. */
const tokens = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
const isComment = (token: string): boolean => token.startsWith('/*') || token.startsWith('//');
/** What the strings of a source say. */
const stringsOf = (source: string): readonly string[] =>
  (source.match(tokens) ?? [])
    .filter((token) => !isComment(token))
    .map((token) => token.slice(1, -1).replaceAll(/\\(['"`])/g, '$1'));
const withoutComments = (source: string): string => source.replaceAll(tokens, (token) => (isComment(token) ? '' : token));

/** Whether a source declares a name: a constant, a function, a type, a method or a member. */
const declares = (source: string, name: string): boolean =>
  new RegExp(
    `(?:\\b(?:const|let|function\\*?|interface|type) |^\\s*(?:readonly )?)${name}\\b\\??\\s*[=:(<;]|\\btype ${name}\\b`,
    'm',
  ).test(withoutComments(source));

type Reader = (path: string) => string | null;
const readSource: Reader = (path) => (paths.includes(path) ? read(path) : null);

/** What a page names that is not there. */
function missingNames(page: string, source: Reader): string[] {
  const missing: string[] = [];
  const references = page.matchAll(/`((?:src|test|bench|examples)\/[\w./-]+)`((?:(?:,| and)? (?:`[A-Za-z]\w*`|"[^"\n]+"))*)/g);
  for (const [, path = '', names = ''] of references) {
    const text = source(path);
    if (text === null) {
      missing.push(`${path} is not there`);
      continue;
    }
    if (path.endsWith('.test.ts') && names === '') missing.push(`${path}: which test?`);
    for (const [, name = ''] of names.matchAll(/`(\w+)`/g))
      if (!declares(text, name)) missing.push(`${path} does not declare ${name}`);
    for (const [, words = ''] of names.matchAll(/"([^"]+)"/g))
      if (!stringsOf(text).some((each) => each.includes(words))) missing.push(`${path} has no test “${words}”`);
  }
  return missing;
}

/** `momentum = 0.9` against the preset, and settings that are not named. The memory limit comes from the machine. */
function wrongSettings(page: string): string[] {
  const said = [...page.matchAll(/`([a-z][\w.]*) = ([^`]+)`/g)].map(([, name = '', value = '']) => [name, value] as const);
  const isRight = (name: string, value: string): boolean =>
    settingNames.includes(name) && JSON.stringify(valueOf(presets.paper, name)) === value.replaceAll(' ', '');
  const wrong = said.filter(([name, value]) => !isRight(name, value));
  const unnamed = settingNames.filter((name) => name !== 'limits.memory' && !said.some(([each]) => each === name));
  return [...wrong.map(([name, value]) => `${name} is not ${value}`), ...unnamed.map((name) => `${name} is not named`)];
}

/** Paths and links that lead nowhere. `from`: the folder of the page. */
function deadPaths(page: string, from: string, known: readonly string[] = paths): string[] {
  const prose = page.replaceAll(/^```[\s\S]*?^```/gm, '');
  const links = [...prose.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^\w+:/.test(target));
  const dead = links.filter((target) => !known.includes(join(from, target).replaceAll('\\', '/').replace(/\/$/, '')));
  // What the build makes of a source stands in dist.
  const rooted = [...page.matchAll(/(?<![\w./-])(?:dist\/)?(?:src|test|bench|examples)\/[\w./*-]*\w\/?/g)]
    .map(([path]) => (path.startsWith('dist/') ? path.slice(5).replace(/\.js$/, '.ts') : path.replace(/\/$/, '')))
    // A reader's own model.
    .filter((path) => !path.endsWith('.onnx'));
  // A file named without the folders around it, such as `engine/open.ts`, or `access.ts`.
  const loose = [...page.matchAll(/`([\w.-]+(?:\/[\w.-]+)*\.(?:ts|mjs))`/g)].map(([, path = '']) => path);
  const isKnown = (path: string): boolean => known.some((each) => each === path || each.endsWith(`/${path}`));
  return [...new Set([...dead, ...rooted.filter((path) => !known.includes(path)), ...loose.filter((path) => !isKnown(path))])];
}

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'docs/measurements.md',
  'docs/paper.md',
  'docs/cluster.md',
  'docs/devices.md',
  'examples/cluster/README.md',
] as const;

test('docs/paper.md names files, constants, functions and tests that are there', () => {
  const page = read('docs/paper.md');
  assert.deepEqual(missingNames(page, readSource), []);
  assert.ok((page.match(/`src\/[^`]+` `/g) ?? []).length > 80 && (page.match(/`test\/[^`]+` "/g) ?? []).length > 100);
});

test('docs/cluster.md names tests that are there, and its tables are those that were measured', () => {
  const page = read('docs/cluster.md');
  assert.deepEqual(missingNames(page, readSource), []);
  const results = read('results/cluster-simulation.md') + read('results/traffic.md');
  const rows = (text: string): string[] => text.match(/^\|.*$/gm) ?? [];
  assert.ok(rows(page).length > 20);
  assert.deepEqual(
    rows(page).filter((row) => !rows(results).includes(row)),
    [],
  );
});

test('each setting in docs/paper.md is that of the preset `paper`, and none is missing', () =>
  assert.deepEqual(wrongSettings(read('docs/paper.md')), []));

for (const page of pages)
  test(`paths and links of ${page} lead somewhere`, () => assert.deepEqual(deadPaths(read(page), dirname(page)), []));

test('npm scripts that the pages name exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const page of pages)
    for (const [, name = ''] of read(page).matchAll(/npm run ([\w:-]+)/g)) assert.ok(name in scripts, `${page}: npm run ${name}`);
});

test('these rules see what breaks them', () => {
  const source = [
    '/** gone, and "a test that is gone". */',
    'export const kept = 1;',
    'interface Shape {\n  readonly width: number;\n  area(): number;\n}',
    "test('it\\'s a \"name\"', () => kept(gone.width));",
  ].join('\n');
  const reader: Reader = (path) => (path.startsWith('src/a') || path.startsWith('test/a') ? source : null);
  const page = [
    '`src/a.ts` `kept`, `width` and `area`; `src/a.ts`',
    '`src/a.ts` `gone`, `kep`; `src/b.ts` `kept`',
    '`test/a.test.ts` "it\'s a", "a test that is gone"; `test/a.test.ts`',
  ].join('\n');
  assert.deepEqual(missingNames(page, reader), [
    'src/a.ts does not declare gone',
    'src/a.ts does not declare kep',
    'src/b.ts is not there',
    'test/a.test.ts has no test “a test that is gone”',
    'test/a.test.ts: which test?',
  ]);
  assert.deepEqual(
    wrongSettings('`step.eta = 3` `step.gone = 3` `momentum = 0.9` `widths = [64, 128, 256]`').filter((line) =>
      /eta|gone|momentum|widths|seed/.test(line),
    ),
    ['step.eta is not 3', 'step.gone is not 3', 'seed is not named'],
  );
  const known = ['README.md', 'docs', 'docs/paper.md', 'src', 'src/engine', 'src/engine/open.ts', 'test/a.test.ts'];
  const dead =
    '[a](paper.md) [b](../README.md) [c](gone.md) `engine/open.ts` `gone.ts` src/engine/ src/gone.ts dist/test/a.test.js dist/test/b.js';
  assert.deepEqual(deadPaths(`${dead} [d](https://example.org/x)`, 'docs', known), [
    'gone.md',
    'src/gone.ts',
    'test/b.ts',
    'gone.ts',
  ]);
});
