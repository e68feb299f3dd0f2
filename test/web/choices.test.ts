/** What a page offers of the folder of data sets. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choicesOf } from '../../src/web/choices.ts';
import { zipOf } from '../data/packed.ts';
import { png, put, putAll } from '../data/places.ts';

test('folders, archives and tables of a data folder are offered, what is no dataset is not', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'instar-choices-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  process.env['INSTAR_CACHE'] = join(root, 'cache');
  const files = { 'cat/1.png': await png(1), 'dog/2.png': await png(2) };
  const data = join(root, 'data');
  await putAll(join(data, 'photos'), files);
  await put(join(data, 'packed.zip'), zipOf(files));
  await put(
    join(data, 'digits.csv'),
    ['0', '1'].map((label) => [label, ...Array.from({ length: 36 }, () => 7)].join()).join('\n'),
  );
  await put(join(data, 'other.csv'), 'a,b\n1,2\n');
  await put(join(data, 'cat.png'), files['cat/1.png']);
  await put(join(data, 'old.rar'), 'Rar!\x1a\x07');
  const found = (await choicesOf(data, [])).data.filter(({ where }) => where.startsWith(data));
  assert.deepEqual(found.map(({ name }) => name).toSorted(), ['digits.csv', 'packed.zip', 'photos']);
});

test('a large folder is offered without being read', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'instar-choices-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  process.env['INSTAR_CACHE'] = join(root, 'cache');
  const data = join(root, 'data');
  // No data sets, as would be found by looking.
  for (const [name, count] of Object.entries({ large: 5200, small: 30 }))
    for (let at = 0; at < count; at++) await put(join(data, name, `${at % 7}`, `${at}.txt`), '');
  await put(join(data, 'large.csv'), `a,b\n${'1,2\n'.repeat(2 ** 22)}`);
  const found = (await choicesOf(data, [])).data.filter(({ where }) => where.startsWith(data));
  assert.deepEqual(found.map(({ name }) => name).toSorted(), ['large', 'large.csv']);
});
