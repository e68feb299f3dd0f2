/** Tables with an image a row. */
import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Dataset } from '../../src/data/dataset.ts';
import { readDataset } from '../../src/data/read.ts';
import { zipOf } from './packed.ts';
import { newFolder, noise, nowhere, putAll, userError } from './places.ts';

interface Row {
  readonly label: string;
  readonly pixels: Uint8Array;
}

const rows = (count: number, pixels: number, name: string): Row[] =>
  Array.from({ length: count }, (_none, at) => ({ label: String(at % 3), pixels: noise(pixels, `${name} ${at}`) }));

const lines = (all: readonly Row[], separator = ','): string[] =>
  all.map(({ label, pixels }) => [label, ...pixels].join(separator));
const header = (pixels: number): string => ['label', ...Array.from({ length: pixels }, (_none, at) => `pixel${at}`)].join(',');

async function read(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>, path: string) {
  const root = await newFolder(t);
  await putAll(root, files);
  const notes: string[] = [];
  const { dataset } = await readDataset(
    join(root, path),
    {
      cacheFolder: join(root, 'cache'),
      environment: {},
      progress: (event) => void (event.kind === 'note' && notes.push(event.message)),
    },
    nowhere,
  );
  return { dataset, notes };
}

/** The images as PNGs in folders of classes. */
async function folders(all: readonly Row[], side: number, channels: 1 | 3): Promise<Record<string, Uint8Array>> {
  const area = side * side;
  const files: Record<string, Uint8Array> = {};
  for (const [at, { label, pixels }] of all.entries()) {
    const interleaved = Uint8Array.from(
      pixels,
      (_byte, to) => pixels[(to % channels) * area + Math.floor(to / channels)] as number,
    );
    files[`data/${label}/${at}.png`] = await sharp(interleaved, { raw: { width: side, height: side, channels } })
      .png()
      .toBuffer();
  }
  return files;
}

test('grey and colour rows are the same data as a folder of such images', async (t) => {
  for (const [side, channels] of [
    [6, 1],
    [5, 3],
  ] as const) {
    const all = rows(30, channels * side * side, `c${channels}`);
    const expected = (await read(t, await folders(all, side, channels), 'data')).dataset;
    assert.deepEqual(expected.shape, { channels, height: side, width: side });
    const headed = [header(channels * side * side), ...lines(all)].join('\n');
    const last = all.map(({ label, pixels }) => [...pixels, `class ${label}`].join(';')).join('\r\n');
    const zipped = zipOf({ 'numbers.csv': new TextEncoder().encode(headed) });
    const forms: readonly [string, Record<string, string | Uint8Array>, string][] = [
      ['with a header', { 'numbers.csv': headed }, 'numbers.csv'],
      ['without', { 'numbers.csv': `${lines(all).join('\n')}\n` }, 'numbers.csv'],
      ['in a folder', { 'd/numbers.csv': headed }, 'd'],
      ['in a zip', { 'numbers.zip': zipped }, 'numbers.zip'],
    ];
    const found: Dataset[] = [];
    for (const [what, files, path] of forms) {
      const { dataset, notes } = await read(t, files, path);
      assert.equal(dataset.hash, expected.hash, what);
      const words = channels === 1 ? `${side} × ${side}, grey` : 'colour, taken as planes: all of red, of green, of blue';
      assert.ok(
        notes.some((note) => note.includes(words)),
        notes.join(),
      );
      found.push(dataset);
    }
    assert.equal(found[0]?.name, 'numbers');
    const { dataset } = await read(t, { 'n.csv': last }, 'n.csv');
    assert.deepEqual(dataset.classes, ['class 0', 'class 1', 'class 2'], 'labels that are words, in the last column');
    assert.deepEqual(dataset.train.images, expected.train.images);
  }
});

test('train and test tables, given as a folder or by the first', async (t) => {
  const files = {
    'd/mnist_train.csv': [header(36), ...lines(rows(30, 36, 'train'))].join('\n'),
    'd/mnist_test.csv': [header(36), ...lines(rows(6, 36, 'test'))].join('\n'),
  };
  for (const path of ['d', 'd/mnist_train.csv']) {
    const { dataset } = await read(t, files, path);
    assert.deepEqual([dataset.train.labels.length, dataset.test.labels.length], [30, 6], path);
  }
  const alone = await read(
    t,
    {
      ...files,
      'd/mnist_test.csv': lines(rows(6, 36, 'test'))
        .map((line) => line.slice(2))
        .join('\n'),
    },
    'd',
  );
  assert.equal(
    alone.dataset.train.labels.length + alone.dataset.test.labels.length,
    30,
    'a test part without labels is not used',
  );
});

test('what is wrong in a table of pixels is said with its row', async (t) => {
  const good = lines(rows(12, 36, 'x'));
  const changed = (at: number, change: (line: string) => string): string =>
    good.map((line, row) => (row === at ? change(line) : line)).join('\n');
  const cases: readonly [string, RegExp][] = [
    [changed(4, (line) => `${line},7`), /x\.csv, row 5: 38 columns, not 37$/],
    [changed(4, (line) => line.replace(/,\d+$/, ',256')), /x\.csv, row 5, column 37: 256 is no pixel: 0 to 255 are$/],
    [changed(4, (line) => line.replace(/,\d+$/, ',')), /row 5, column 37: nothing is no pixel/],
    [changed(4, (line) => line.replace(/,\d+$/, ',0.5')), /row 5, column 37: 0\.5 is no pixel/],
    [changed(4, (line) => line.replace(/^\d+/, '')), /row 5: no label$/],
  ];
  for (const [content, message] of cases) await assert.rejects(read(t, { 'x.csv': content }, 'x.csv'), userError(message));
});
