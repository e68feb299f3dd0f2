/** The listing of the data folder: what is in it, and nothing outside of it. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from '../../src/util/user-error.ts';
import { choicesOf } from '../../src/web/choices.ts';
import { listFolder, placeIn } from '../../src/web/data-folder.ts';
import { newFolder } from './folders.ts';

const top = newFolder();
const data = join(top, 'data');
for (const folder of ['animals/train/cat', 'animals/train/dog', 'animals/.hidden', '__MACOSX', 'dätä'])
  mkdirSync(join(data, folder), { recursive: true });
for (const file of [
  'animals/train/cat/1.JPG',
  'animals/train/cat/2.png',
  'animals/train/cat/notes.txt',
  'animals/labels.csv',
  'packed.zip',
  '.secret',
  'lone.png',
])
  writeFileSync(join(data, file), '');
mkdirSync(join(top, 'outside', 'cat'), { recursive: true });
writeFileSync(join(top, 'outside', 'secret.csv'), '');
mkdirSync(join(top, 'data-beside'));
symlinkSync('../outside', join(data, 'out'));
symlinkSync('../../outside', join(data, 'animals', 'out'));
symlinkSync(join(top, 'data-beside'), join(data, 'beside'));
symlinkSync('/etc/passwd', join(data, 'passwd.csv'));
symlinkSync('animals/train', join(data, 'inner'));
symlinkSync('nowhere', join(data, 'broken'));
symlinkSync('loop', join(data, 'loop'));

test('folders are listed with what is in them; hidden ones and links that lead out are not', async () => {
  assert.deepEqual(await listFolder(data, ''), {
    path: '',
    folders: [
      { name: 'animals', folders: 1, images: 0 },
      { name: 'dätä', folders: 0, images: 0 },
      { name: 'inner', folders: 2, images: 0 },
    ],
    files: ['packed.zip'],
    images: 1,
    more: 0,
  });
  assert.deepEqual(await listFolder(data, '/animals//train/'.slice(1)), {
    path: 'animals/train',
    folders: [
      { name: 'cat', folders: 0, images: 2 },
      { name: 'dog', folders: 0, images: 0 },
    ],
    files: [],
    images: 0,
    more: 0,
  });
  assert.deepEqual((await listFolder(data, 'animals')).files, ['labels.csv']);
});

test('what leads out is refused in one line, wherever a path is taken', async () => {
  const { optionsFor } = await choicesOf(data, []);
  for (const path of [
    '..',
    '../outside',
    'animals/../../outside',
    'animals/..',
    '/etc',
    `${data}/animals`,
    '//etc',
    'out',
    'out/cat',
    'out/secret.csv',
    'animals/out',
    'inner/../../outside',
    'beside',
    'passwd.csv',
    'broken',
    'loop',
    'nothing',
    'animals/.hidden',
    '.secret',
    'animals\0',
    'packed.zip/x',
    'x'.repeat(5000),
  ])
    for (const ask of [() => listFolder(data, path), () => placeIn(data, path), () => optionsFor(`in:${path}`)])
      await assert.rejects(ask(), (error) => error instanceof UserError && !error.message.includes('\n'), path);
  await assert.rejects(listFolder(data, 'packed.zip'), UserError);
  assert.deepEqual(await optionsFor('in:animals/train'), [join(data, 'animals', 'train')]);
  assert.deepEqual(await optionsFor('in:inner'), [join(data, 'inner')]);
});

test('no text is a path that leads out', async () => {
  const names = fc.constantFrom(
    '..',
    '.',
    '',
    'animals',
    'train',
    'inner',
    'out',
    'outside',
    'data',
    '...',
    '%2e%2e',
    '..\\',
    '~',
    'beside',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(names, { maxLength: 6 }), async (parts) => {
      const place = await placeIn(data, parts.join('/')).catch((error: unknown) => {
        assert.ok(error instanceof UserError, String(error));
        return data;
      });
      assert.ok(place === data || place.startsWith(`${data}/`), place);
      assert.doesNotMatch(place.slice(data.length), /\.\.(\/|$)|out/);
    }),
  );
});
