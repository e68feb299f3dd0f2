/** One set of images in all forms: folders, tables, archives, Parquet files. They are the same data. */
import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { readDataset, type ReadOptions } from '../../src/data/read.ts';
import { gzipped, tarOf, zipOf } from './packed.ts';
import { newFolder, nowhere, png, putAll } from './places.ts';

type Files = Readonly<Record<string, Uint8Array>>;

/** Images of each class in `part`. */
async function imagesOf(part: string, count: number): Promise<{ readonly cat: Uint8Array[]; readonly dog: Uint8Array[] }> {
  const names = Array.from({ length: count }, (_none, at) => at);
  const of = (name: string): Promise<Uint8Array[]> => Promise.all(names.map((at) => png(`${part} ${name} ${at}`)));
  return { cat: await of('cat'), dog: await of('dog') };
}

const named = (files: Files, above: string): Files =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${above}${name}`, bytes]));

/** The data as folders of classes, and flat with a line for each image. */
async function made(part: string, count: number) {
  const images = await imagesOf(part, count);
  const folders: Record<string, Uint8Array> = {};
  const flat: Record<string, Uint8Array> = {};
  const rows: { file: string; label: string; bytes: Uint8Array }[] = [];
  for (const label of ['dog', 'cat'] as const)
    images[label].forEach((bytes, at) => {
      folders[`${label}/${at}.png`] = bytes;
      flat[`${label[0]}${at}.png`] = bytes;
      rows.push({ file: `${label[0]}${at}.png`, label, bytes });
    });
  return { folders, flat, rows };
}

const csv = (rows: readonly (readonly string[])[], separator = ',', end = '\n'): Uint8Array =>
  new TextEncoder().encode(rows.map((row) => row.join(separator)).join(end));

async function read(t: TestContext, files: Files, path: string, options: Partial<ReadOptions> = {}) {
  const root = await newFolder(t);
  await putAll(root, files);
  const notes: string[] = [];
  const cacheFolder = join(root, 'cache');
  const where: ReadOptions = {
    cacheFolder,
    environment: {},
    progress: (event) => void (event.kind === 'note' && notes.push(event.message.replaceAll(root, ''))),
    ...options,
  };
  const found = await readDataset(join(root, path), where, nowhere);
  const again = await readDataset(join(root, path), where, nowhere);
  assert.equal(again.dataset.hash, found.dataset.hash, 'from the cache');
  assert.deepEqual(await readdir(join(cacheFolder, 'unpacked')).catch(() => []), [], 'nothing unpacked is left');
  return { ...found, notes };
}

/** A Parquet file as the library `datasets` writes it. */
function parquet(rows: readonly { label: string; bytes: Uint8Array; file: string }[], names: readonly string[]): Uint8Array {
  const features = { image: { _type: 'Image' }, label: { names, _type: 'ClassLabel' } };
  return new Uint8Array(
    parquetWriteBuffer({
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
        { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
      ],
      columnData: [
        { name: 'image', data: rows.map(({ bytes, file }) => ({ bytes, path: file })) },
        { name: 'label', data: rows.map(({ label }) => BigInt(names.indexOf(label))) },
      ],
      rowGroupSize: 7,
      kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }],
    }),
  );
}

test('folders, tables, archives and Parquet files of the same images are the same data', async (t) => {
  const { folders, flat, rows } = await made('all', 12);
  const table = rows.map(({ file, label }) => [file, label]);
  const withHeader = [['file', 'breed'], ...table];
  const { dataset } = await read(t, named(folders, 'photos/'), 'photos');
  assert.equal(dataset.train.labels.length + dataset.test.labels.length, 24);
  const all = named(folders, 'photos/');
  const forms: readonly [what: string, files: Files, path: string, options?: Partial<ReadOptions>][] = [
    ['zip', { 'photos.zip': zipOf(all) }, 'photos.zip'],
    ['zip without a wrapper', { 'photos.zip': zipOf(folders) }, 'photos.zip'],
    ['tar', { 'photos.tar': await tarOf(all) }, 'photos.tar'],
    ['tar.gz', { 'photos.tar.gz': gzipped(await tarOf(all)) }, 'photos.tar.gz'],
    ['tgz', { 'photos.tgz': gzipped(await tarOf(folders)) }, 'photos.tgz'],
    ['zip of a Mac', { 'photos.zip': zipOf({ ...all, '__MACOSX/photos/cat/._0.png': Uint8Array.of(1) }) }, 'photos.zip'],
    ['table in the folder', { ...named(flat, 'photos/'), 'photos/labels.csv': csv(withHeader) }, 'photos'],
    ['table itself', { ...named(flat, 'photos/'), 'photos/labels.csv': csv(withHeader) }, 'photos/labels.csv'],
    ['images in a sub-folder', { ...named(flat, 'photos/images/'), 'photos/labels.csv': csv(withHeader) }, 'photos'],
    ['table beside the folder', { ...named(flat, 'photos/'), 'labels.csv': csv(withHeader) }, 'photos'],
    ['semicolons and CRLF', { ...named(flat, 'photos/'), 'photos/l.csv': csv(withHeader, ';', '\r\n') }, 'photos'],
    ['tabs, no header', { ...named(flat, 'photos/'), 'photos/l.tsv': csv(table, '\t') }, 'photos'],
    ['zip of a table', { 'photos.zip': zipOf({ ...named(flat, 'p/'), 'p/labels.csv': csv(withHeader) }) }, 'photos.zip'],
    ['a Parquet file', { 'photos.parquet': parquet(rows, ['cat', 'dog']) }, 'photos.parquet'],
    ['labels in another order', { 'p/data/a.parquet': parquet(rows, ['dog', 'bird', 'cat']) }, 'p'],
    [
      'shards',
      {
        'p/data/train-00000-of-00002.parquet': parquet(rows.slice(0, 9), ['cat', 'dog']),
        'p/data/train-00001-of-00002.parquet': parquet(rows.slice(9), ['cat', 'dog']),
      },
      'p',
    ],
  ];
  for (const [what, files, path, options] of forms) {
    const found = await read(t, files, path, options);
    assert.equal(found.dataset.hash, dataset.hash, what);
    if (path.startsWith('photos.')) assert.equal(found.dataset.name, 'photos', what);
  }
});

test('train, validation and test parts in all forms', async (t) => {
  const parts = { train: await made('train', 9), val: await made('val', 3), test: await made('test', 2) };
  const folders = Object.assign({}, ...Object.entries(parts).map(([part, each]) => named(each.folders, `${part}/`))) as Files;
  const flat = Object.assign({}, ...Object.entries(parts).map(([part, each]) => named(each.flat, `${part}/`))) as Files;
  const { dataset } = await read(t, named(folders, 'data/'), 'data');
  assert.equal(dataset.validationImages, 6);
  const rowsOf = (part: keyof typeof parts, extra: readonly string[] = []): string[][] =>
    parts[part].rows.map(({ file, label }) => [file.replace('.png', ''), label, ...extra]);
  const column = (['train', 'val', 'test'] as const).flatMap((part) => rowsOf(part, [part]));
  const tables = Object.fromEntries(
    (['train', 'val', 'test'] as const).map((part) => [`data/${part}.csv`, csv([['id', 'label'], ...rowsOf(part)])]),
  );
  const shards = Object.fromEntries(
    Object.entries({ train: 'train', val: 'validation', test: 'test' }).map(([part, name]) => [
      `data/${name}-00000-of-00001.parquet`,
      parquet(parts[part as 'val'].rows, ['cat', 'dog']),
    ]),
  );
  const forms: readonly [what: string, files: Files, path: string][] = [
    ['a column of parts', { ...named(flat, 'data/'), 'data/all.csv': csv([['id', 'label', 'split'], ...column]) }, 'data'],
    ['a table for each part', { ...named(flat, 'data/'), ...tables }, 'data'],
    ['the table of the training part', { ...named(flat, 'data/'), ...tables }, 'data/train.csv'],
    ['shards', shards, 'data'],
    [
      'a zip',
      { 'data.zip': zipOf({ ...flat, ...Object.fromEntries(Object.entries(tables).map(([n, b]) => [n.slice(5), b])) }) },
      'data.zip',
    ],
  ];
  for (const [what, files, path] of forms) assert.equal((await read(t, files, path)).dataset.hash, dataset.hash, what);
});

test('what was understood is said, also when the cache has the data', async (t) => {
  const { flat, rows } = await made('said', 12);
  const table = csv([['file', 'breed'], ...rows.map(({ file, label }) => [file, label])]);
  const inFolder = await read(t, { ...named(flat, 'photos/'), 'photos/labels.csv': table }, 'photos');
  assert.ok(inFolder.notes.includes('/photos: labels from labels.csv: column file, column breed'), inFolder.notes.join());
  const inZip = await read(
    t,
    { 'photos.zip': zipOf({ ...flat, 'labels.csv': table, 'more/x.png': await png('more') }) },
    'photos.zip',
  );
  const said = inZip.notes.filter((note) => !note.includes('unpacked'));
  assert.equal(said.length, 4);
  assert.deepEqual(said.slice(0, 2), said.slice(2));
  assert.match(said[1] ?? '', /^\/photos\.zip: 1 image without a row is not used, such as more\/x\.png$/);
  const inParquet = await read(t, { 'p.parquet': parquet(rows, ['cat', 'dog']) }, 'p.parquet');
  assert.match(inParquet.notes[0] ?? '', /images and labels from 1 Parquet file: column image, column label/);
});

test('files of rows that are missing are left out and listed; of too many the data is refused', async (t) => {
  const { flat, rows } = await made('left', 12);
  const table = (gone: number): Files => ({
    ...named(flat, 'photos/'),
    'photos/labels.csv': csv([
      ['file', 'label'],
      ...rows.map(({ file, label }) => [file, label]),
      ...Array.from({ length: gone }, (_none, at) => [`gone${at}.png`, 'cat']),
    ]),
  });
  const { leftOut } = await read(t, table(2), 'photos');
  assert.deepEqual(
    leftOut.map(({ path, reason }) => [path.split('/').at(-1), reason]),
    [
      ['gone0.png', 'does not exist'],
      ['gone1.png', 'does not exist'],
    ],
  );
  await assert.rejects(
    read(t, table(9), 'photos'),
    /9 of 33 images cannot be read \(more than a tenth\): .*gone0\.png: does not exist/,
  );
  await assert.rejects(read(t, table(1), 'photos', { reading: { version: 2, background: '#ffffff', strict: true } }), /--strict/);
});

test('an archive without its wrapper keeps the paths of damaged images', async (t) => {
  const { folders } = await made('damaged', 12);
  const files = { ...folders, 'cat/bad.png': new TextEncoder().encode('no image') };
  const { leftOut } = await read(t, { 'photos.zip': zipOf(files) }, 'photos.zip');
  assert.match(leftOut[0]?.path ?? '', /photos\.zip\/cat\/bad\.png$/);
});
