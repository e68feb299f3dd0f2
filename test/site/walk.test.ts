/** The commands of the first pages, run as they stand there, on few photos; the time that a search takes is the only thing changed. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPage } from '../../site/markdown.ts';
import { instar, makePhotos, newFolder, tiny } from '../cli/fixtures.ts';
import { commandsOf } from './shell.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Not here: `plan` measures for half a minute, `ui` serves until it is ended; a model that says how its pixels are is told nothing else. */
const elsewhere = ['plan', 'ui', 'search fashion-mnist', 'evaluate model.onnx ./photos --pixels'];

const commands = ['README.md', 'docs/getting-started.md', 'docs/use-the-network.md']
  .flatMap((path) => readPage(readFileSync(join(root, path), 'utf8')).code)
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n').flatMap(commandsOf))
  .filter(([program, ...words]) => program === 'instar' && !words.includes('--from'))
  .map(([, ...words]) => words)
  .filter((words) => !elsewhere.some((each) => words.join(' ').startsWith(each)))
  .filter((words, at, all) => all.findIndex((each) => each.join(' ') === words.join(' ')) === at);

test('what the first pages do with photos of your own works as they say', async () => {
  const place = newFolder();
  await makePhotos(join(place, 'photos'), 12);
  cpSync(join(place, 'photos'), join(place, 'others'), { recursive: true });
  for (const name of ['photo.jpg', 'cat.jpg', 'dog.jpg']) cpSync(join(place, 'photos', 'amber', '0.png'), join(place, name));
  let run = '';
  const searched = new Set<string>();
  for (const words of commands) {
    const isSearch = words[0] === 'search';
    if (isSearch && run !== '') continue;
    if (words[1] === 'model.onnx') cpSync(join(place, run, 'best.onnx'), join(place, 'model.onnx'));
    const said = words.map((word) => word.replace('runs/NAME', run));
    const at = said.indexOf('--budget');
    const { code, out, err } = await instar(isSearch ? [...said.toSpliced(at, 2), ...tiny] : said, place);
    assert.equal(code, 0, `${words.join(' ')}: ${err}`);
    if (isSearch) run = `runs/${readdirSync(join(place, 'runs'))[0]}`;
    searched.add(words[0] ?? '');
    if (words[0] === 'predict') assert.match(out, /amber/);
  }
  assert.deepEqual([...searched].toSorted(), ['evaluate', 'export', 'list', 'predict', 'report', 'search', 'show']);
});
