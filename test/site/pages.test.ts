/** The pages of the documentation: links, what is made of tables, and quotations of messages. Whether a sentence is true, no test knows. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { collect, folder, readerOf, type Reader } from '../../site/collect.ts';
import { navigation } from '../../site/navigation.ts';
import { referencePages } from '../../site/reference.ts';
import { settingWords } from '../../site/setting-words.ts';
import { settingNames } from '../../src/search/setting-names.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const { pages, problems } = collect(readerOf(root), 'README.md');

test('each link of the pages, and each anchor, leads somewhere', () => assert.deepEqual(problems, []));

test('README.md leads to every page, and the menu has every page of docs/', () => {
  const own = readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  const named = navigation.flatMap((group) => group.pages.map(([path]) => path));
  assert.deepEqual(
    own.filter((path) => !pages.has(path)),
    [],
  );
  assert.deepEqual(
    own.filter((path) => !named.includes(path)),
    [],
  );
  assert.deepEqual(
    named.filter((path) => !pages.has(path)),
    [],
  );
});

test('README.md is short', () => {
  assert.ok(read('README.md').split(/\s+/).length < 900);
});

test('the pages of commands and settings are what the tables give (npm run docs:reference)', () => {
  for (const [path, write] of Object.entries(referencePages)) assert.equal(read(path), write(), path);
  assert.deepEqual(
    Object.keys(settingWords).filter((name) => !settingNames.includes(name)),
    [],
  );
});

/** The strings of all sources, with what is inserted in them as `…`. */
const said = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => read(`src/${name}`))
  .join('\n')
  .replaceAll(/\\(['"`])/g, '$1');

/** Parts of a quoted message that no source says. */
const unsaid = (message: string, sources: string): readonly string[] =>
  message
    .split('…')
    .map((part) => part.trim())
    .filter((part) => part.length > 2 && !sources.includes(part));

test('each message of docs/troubleshooting.md is one that the program has', () => {
  const rows = read('docs/troubleshooting.md').match(/^\| `.*`/gm) ?? [];
  const messages = rows.map((row) => /^\| `([^`]*)`/.exec(row)?.[1] ?? '');
  assert.ok(messages.length > 50);
  // Said by the parser of the command line.
  const others = `${said}\nunknown option`;
  for (const message of messages) assert.deepEqual(unsaid(message, others), [], message);
  assert.deepEqual(unsaid('there is no setting … whatsoever', said), ['whatsoever']);
});

test('these rules see what breaks them', () => {
  const texts: Readonly<Record<string, string>> = {
    'README.md':
      '# A\n\n[b](docs/b.md#two-words) [c](docs/c.md) [d](docs) ![e](docs/e.png) [out](https://example.org/x)\n<img src="f.svg">',
    'docs/b.md':
      '# B\n\n## Two words\n\n[here](#two-words) [gone](#gone) [up](../README.md#a) `[not](a-link.md)`\n\n```\n[nor](this.md)\n```',
    'docs/e.png': '',
  };
  const reader: Reader = (path) => (path === 'docs' ? folder : (texts[path] ?? null));
  const found = collect(reader, 'README.md');
  assert.deepEqual(found.problems, [
    'README.md: docs/c.md leads nowhere',
    'README.md: docs is a folder, which a site cannot show: link a file in it',
    'README.md: f.svg leads nowhere',
    'docs/b.md: #gone: docs/b.md has no heading #gone',
  ]);
  assert.deepEqual(found.files, ['docs/e.png']);
});
