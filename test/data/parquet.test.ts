/** Parquet files beside what the library `datasets` writes (`forms.test.ts`). */
import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { readDataset } from '../../src/data/read.ts';
import { UserError } from '../../src/util/user-error.ts';
import { newFolder, nowhere, png, put, userError } from './places.ts';

type Columns = Parameters<typeof parquetWriteBuffer>[0]['columnData'];

const written = (columnData: Columns, codec?: 'UNCOMPRESSED'): Uint8Array =>
  new Uint8Array(parquetWriteBuffer({ columnData, ...(codec === undefined ? {} : { codec }) }));

const images = (count: number): Promise<Uint8Array[]> =>
  Promise.all(Array.from({ length: count }, async (_none, at) => new Uint8Array(await png(`p${at}`))));

async function read(t: TestContext, bytes: Uint8Array, labelColumn?: string, name = 'x.parquet') {
  const root = await newFolder(t);
  await put(join(root, name), bytes);
  const options = { cacheFolder: join(root, 'cache'), environment: {}, labels: { column: labelColumn } };
  return readDataset(join(root, name), options, nowhere);
}

const labels = (count: number, names: readonly string[]): string[] =>
  Array.from({ length: count }, (_none, at) => names[at % names.length] ?? '');

test('a plain column of bytes, and labels that are words or numbers', async (t) => {
  const data = await images(12);
  const image = { name: 'picture', data, type: 'BYTE_ARRAY' } as const;
  const words = await read(t, written([image, { name: 'breed', data: labels(12, ['cat', 'dog']), type: 'STRING' }]));
  assert.deepEqual(words.dataset.classes, ['cat', 'dog']);
  const numbers = await read(t, written([image, { name: 'label', data: labels(12, ['3', '7']).map(Number), type: 'INT32' }]));
  assert.deepEqual(numbers.dataset.classes, ['3', '7']);
});

test('which column has the labels can be said, and must be where two may', async (t) => {
  const columns: Columns = [
    { name: 'image', data: await images(12), type: 'BYTE_ARRAY' },
    { name: 'fine_label', data: labels(12, ['a', 'b', 'c']), type: 'STRING' },
    { name: 'coarse_label', data: labels(12, ['x', 'y']), type: 'STRING' },
  ];
  await assert.rejects(
    read(t, written(columns)),
    userError(/fine_label, coarse_label may all be labels: say which with --label-column/),
  );
  assert.deepEqual((await read(t, written(columns), 'coarse_label')).dataset.classes, ['x', 'y']);
  assert.deepEqual((await read(t, written(columns), '2')).dataset.classes, ['a', 'b', 'c']);
});

test('Parquet files without images or labels are refused in a line', async (t) => {
  const image = { name: 'image', data: await images(4), type: 'BYTE_ARRAY' } as const;
  const label = { name: 'label', data: labels(4, ['a', 'b']), type: 'STRING' } as const;
  await assert.rejects(read(t, written([label])), userError(/x\.parquet: no column of images; its columns are label$/));
  await assert.rejects(read(t, written([image])), userError(/x\.parquet: no column of labels beside that of images$/));
  await assert.rejects(
    read(t, new TextEncoder().encode('no parquet at all')),
    userError(/x\.parquet: cannot be read as Parquet: /),
  );
  await assert.rejects(read(t, new Uint8Array()), userError(/x\.parquet: cannot be read as Parquet: /));
});

test('damaged Parquet files are refused in a line', async (t) => {
  const columns: Columns = [
    { name: 'image', data: await images(6), type: 'BYTE_ARRAY' },
    { name: 'label', data: labels(6, ['a', 'b']), type: 'STRING' },
  ];
  const good = written(columns);
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (at, by, cut) => {
      const bytes = cut ? good.slice(0, at) : good.slice();
      if (!cut) bytes[at] = (bytes[at] as number) ^ by;
      try {
        await read(t, bytes);
      } catch (error) {
        assert.ok(error instanceof UserError, String(error));
        assert.ok(!error.message.includes('\n'));
      }
    }),
    { numRuns: 60 },
  );
});
