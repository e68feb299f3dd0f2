/** The rooms of `src`: who may import whom, who may touch the world outside, and how long a file may be. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** A room imports only itself and the rooms before it. */
const rooms =
  'util network deploy formats morphism program engine data training search options execution run inference study report web library cli'.split(
    ' ',
  );

/** What reaches outside, and the only places that may: rooms, or single files. */
const effects: readonly { readonly name: string; readonly pattern: RegExp; readonly allowed: readonly string[] }[] = [
  {
    name: 'process',
    pattern: /(?<![.\w])process\b(?!\s*:)|['"]node:process['"]/,
    allowed: ['execution/', 'run/', 'web/', 'library/', 'cli/'],
  },
  { name: 'console', pattern: /(?<![.\w])console\s*\./, allowed: ['run/', 'web/', 'cli/'] },
  {
    name: 'the clock',
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/,
    allowed: ['execution/', 'run/', 'web/', 'library/', 'cli/'],
  },
  // Control groups count too.
  {
    name: 'the size of the machine',
    pattern: /\b(?:availableParallelism|availableMemory|constrainedMemory|freemem|totalmem|cpus)\(/,
    allowed: ['execution/resources.ts'],
  },
  { name: 'Math.random', pattern: /\bMath\.random\b/, allowed: [] },
];

/**
 * What opens files. The files of a run are opened by `util/run-files.ts` alone, so these rooms do not open any, except in files that
 * open something else.
 */
const opening = /\b(?:readFile|writeFile|appendFile|copyFile|open|createReadStream|createWriteStream|truncate|cp)(?:Sync)?\b/;
const ofRuns = ['run/', 'inference/', 'study/', 'report/', 'web/', 'library/', 'cli/', 'training/', 'execution/queue/'];
const opensOthers: Readonly<Record<string, string>> = {
  'web/app.ts': 'the built page',
  'web/client/vite.config.ts': 'the built page',
  'cli/ui.ts': 'a temporary page that leads a browser to the dashboard',
  'report/collect-study.ts': 'the file of a study that a person named',
  'execution/queue/address.ts': 'the file of a password',
};
/** What follows links, for files that a person named. */
const following: readonly string[] = ['run/record/best.ts'];

const longest = 400;

/** Text by path below `src`, with forward slashes. */
type Sources = ReadonlyMap<string, string>;

const commentOrString = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g;
const isComment = (token: string): boolean => token.startsWith('/*') || token.startsWith('//');
const withoutComments = (text: string): string => text.replace(commentOrString, (token) => (isComment(token) ? '' : token));
/** Module names stay, for `node:process`; other strings go. */
const code = (text: string): string =>
  text.replace(commentOrString, (token) => (isComment(token) ? '' : /^['"]node:/.test(token) ? token : "''"));

/** The modules that a file names, however it does: import, export … from, import(), types too. */
function importsOf(text: string): string[] {
  const pattern = /\b(?:from|import)\s*\(?\s*['"]([^'"\n]+)['"]/g;
  return [...withoutComments(text).matchAll(pattern)].map((match) => match[1] ?? '');
}

const roomOf = (path: string): string => path.split('/')[0] ?? '';
const isIndex = (path: string): boolean => path === 'index.ts';

function wrongDirections(sources: Sources): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sources) {
    if (!isIndex(path) && !rooms.includes(roomOf(path))) wrong.push(`${path} is in no room`);
    if (isIndex(path)) continue;
    for (const name of importsOf(text)) {
      if (!name.startsWith('.') || name.endsWith('.css')) continue;
      const target = posix.join(posix.dirname(path), name);
      if (!sources.has(target)) wrong.push(`${path} imports ${name}, which is no file of src`);
      else if (isIndex(target) || rooms.indexOf(roomOf(target)) > rooms.indexOf(roomOf(path)))
        wrong.push(`${path} imports ${target}`);
    }
  }
  return wrong;
}

function cycles(sources: Sources): string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    else if (!finished.has(path)) {
      for (const name of importsOf(sources.get(path) ?? ''))
        if (name.startsWith('.')) visit(posix.join(posix.dirname(path), name), [...trail, path]);
      finished.add(path);
    }
  };
  for (const path of sources.keys()) visit(path, []);
  return found;
}

const forbiddenEffects = (sources: Sources): string[] =>
  [...sources].flatMap(([path, text]) =>
    effects
      .filter(({ pattern, allowed }) => pattern.test(code(text)) && !allowed.some((place) => path.startsWith(place)))
      .map(({ name }) => `${path} uses ${name}`),
  );

/** The names that a file imports from these modules. */
const importedFrom = (text: string, module: RegExp): string =>
  [...withoutComments(text).matchAll(/\bimport\s*(?!type\b)([^;'"]*?)\s*from\s*['"]([^'"]+)['"]/g)]
    .filter((match) => module.test(match[2] ?? ''))
    .map((match) => match[1] ?? '')
    .join();

const openers = (sources: Sources): string[] =>
  [...sources]
    .filter(([path]) => ofRuns.some((room) => path.startsWith(room)))
    .flatMap(([path, text]) => {
      const names = importedFrom(text, /^node:fs(?:\/promises)?$/);
      const opens = (opening.test(names) || /\*/.test(names)) && opensOthers[path] === undefined;
      const follows = /\breadBytes\b/.test(importedFrom(text, /util\/files\.ts$/)) && !following.includes(path);
      return [...(opens ? [`${path} opens files`] : []), ...(follows ? [`${path} follows links`] : [])];
    });

const tooLong = (sources: Sources): string[] =>
  [...sources]
    .map(([path, text]) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > longest)
    .map(({ path, lines }) => `${path} has ${lines} lines`);

const root = fileURLToPath(new URL('../../src', import.meta.url));
const sources: Sources = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => [path.replaceAll('\\', '/'), readFileSync(`${root}/${path}`, 'utf8')]),
);

test('a room imports only itself and the rooms before it', () => {
  assert.ok(sources.size > 20, 'the sources are found');
  assert.deepEqual(wrongDirections(sources), []);
});

test('no two files import each other, however far around', () => assert.deepEqual(cycles(sources), []));

test('only the outer rooms touch process, console and the clock; nothing draws numbers of its own', () =>
  assert.deepEqual(forbiddenEffects(sources), []));

test('files of a run are opened in one place, without following links', () => assert.deepEqual(openers(sources), []));

test(`no file is longer than ${longest} lines`, () => assert.deepEqual(tooLong(sources), []));

test('these rules see what breaks them', () => {
  const broken: Sources = new Map([
    ['util/a.ts', `import { b } from '../network/b.ts';\n// import x from '../cli/main.ts'\n`],
    ['network/b.ts', `import type { A } from '../util/a.ts';\nexport const text = 'console.log';\nconst t = Date.now();\n`],
    ['engine/c.ts', `export * from './c2.ts';\nconst { env } = process;\n`],
    ['engine/c2.ts', `import './c3.ts';\nimport { env } from 'node:process';\nconst r = Math.random();`],
    ['engine/c3.ts', `const c = await import('./c.ts');\nconst child = message.process;\n`],
    ['search/d.ts', `import {\n  a,\n} from '../run/e.ts';\nimport { f } from '../index.ts';\nimport './missing.ts';`],
    ['run/e.ts', `export const a = 1; console.log(process.pid, Date.now());`],
    ['run/machine.ts', `const most = process.availableMemory() / availableParallelism();`],
    ['elsewhere/f.ts', '\n'.repeat(longest + 1)],
    ['index.ts', `export * from './run/e.ts';`],
  ]);
  assert.deepEqual(wrongDirections(broken), [
    'util/a.ts imports network/b.ts',
    'search/d.ts imports run/e.ts',
    'search/d.ts imports index.ts',
    'search/d.ts imports ./missing.ts, which is no file of src',
    'elsewhere/f.ts is in no room',
  ]);
  assert.deepEqual(cycles(broken), [
    'util/a.ts → network/b.ts → util/a.ts',
    'engine/c.ts → engine/c2.ts → engine/c3.ts → engine/c.ts',
  ]);
  assert.deepEqual(forbiddenEffects(broken), [
    'network/b.ts uses the clock',
    'engine/c.ts uses process',
    'engine/c2.ts uses process',
    'engine/c2.ts uses Math.random',
    'run/machine.ts uses the size of the machine',
  ]);
  const reading: Sources = new Map([
    ['run/a.ts', `import { existsSync } from 'node:fs';\nimport { readBytes } from '../util/files.ts';`],
    ['web/b.ts', `import {\n  existsSync,\n  openSync,\n} from 'node:fs';`],
    ['cli/c.ts', `import * as fs from 'node:fs/promises';`],
    ['data/d.ts', `import { readFileSync } from 'node:fs';`],
  ]);
  assert.deepEqual(openers(reading), ['run/a.ts follows links', 'web/b.ts opens files', 'cli/c.ts opens files']);
  assert.deepEqual(tooLong(broken), [`elsewhere/f.ts has ${longest + 1} lines`]);
});
