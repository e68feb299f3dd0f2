/** How images of any proportions become squares: what is seen of them, their bytes, and what a folder asks for. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { allBytes } from '../../src/data/images.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { findFit, fits, padded, type Fit } from '../../src/data/fit.ts';
import { readImage, usualRendering } from '../../src/data/image.ts';
import { readDataset } from '../../src/data/read.ts';
import { givenReading, readingSchema, renderingIn, usualReading, type Reading } from '../../src/data/reading.ts';
import { findSource } from '../../src/data/resolve.ts';
import { newFolder, noise, nowhere, png, put, putSided, quiet } from './places.ts';

/** What is read of a folder, and the lines about it. */
async function read(folder: string, fit?: Fit, more: Partial<Reading> & { readonly imageSize?: number } = {}) {
  const { imageSize, ...reading } = more;
  const notes: string[] = [];
  const found = await readDataset(
    folder,
    {
      cacheFolder: join(folder, '..', 'cache'),
      environment: {},
      imageSize,
      reading: { ...usualReading, ...reading, fit },
      progress: (event) => void (event.kind === 'note' && notes.push(event.message)),
    },
    nowhere,
  );
  return { ...found, notes };
}

/** The share of the test images whose nearest training image, by bytes, has their class. */
function nearestRight({ train, test: { images, labels }, shape }: Dataset): number {
  const size = shape.channels * shape.height * shape.width;
  const [tested, others] = [allBytes(images), allBytes(train.images)];
  const distance = (image: number, other: number): number => {
    let sum = 0;
    for (let at = 0; at < size; at++) sum += ((tested[image * size + at] as number) - (others[other * size + at] as number)) ** 2;
    return sum;
  };
  let right = 0;
  labels.forEach((label, index) => {
    let [best, nearest] = [0, Infinity];
    train.labels.forEach((_label, other) => {
      const far = distance(index, other);
      if (far < nearest) [best, nearest] = [other, far];
    });
    if (train.labels[best] === label) right++;
  });
  return right / labels.length;
}

test('what distinguishes pictures of 80×30 at a side: cropping cuts it off, and nothing else does', async (t) => {
  const folder = join(await newFolder(t), 'wide');
  await putSided(folder, [80, 30], 24, 20);
  for (const fit of fits) {
    const { dataset, notes } = await read(folder, fit);
    assert.deepEqual([dataset.shape.height, notes], [30, []]);
    const right = nearestRight(dataset);
    if (fit === 'crop') assert.ok(right < 0.75, `${right}`);
    else assert.equal(right, 1, fit);
  }
  const found = await read(folder);
  assert.deepEqual(found.notes, [
    `${folder}: images are padded to squares: cutting them to their centre would lose 63 % of their pixels (--fit crop cuts them)`,
  ]);
  assert.equal(found.reading?.fit, 'pad');
  assert.equal(found.dataset.hash, (await read(folder, 'pad')).dataset.hash);
  const again = await read(folder);
  assert.deepEqual([again.notes, again.reading], [found.notes, found.reading], 'from the cache');
  await putSided(join(folder, '..', 'square'), [30, 30], 12, 10);
  for (const fit of [undefined, ...fits]) assert.equal(nearestRight((await read(join(folder, '..', 'square'), fit)).dataset), 1);
});

/** Of a picture, (H, W) values. */
type Rows = readonly (readonly number[])[];

const rowsOf = (height: number, width: number): Rows =>
  Array.from({ length: height }, (_none, y) => Array.from(noise(width, `row ${y} of ${width}`)));

const written = (rows: Rows) =>
  sharp(Uint8Array.from(rows.flat().flatMap((value) => [value, 255 - value, 9])), {
    raw: { width: rows[0]?.length ?? 0, height: rows.length, channels: 3 },
  });

/** Half as many values: Lanczos with three lobes, the edges repeated, rounded. */
function halved(values: readonly number[]): readonly number[] {
  const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  return Array.from({ length: values.length / 2 }, (_none, x) => {
    let [sum, total] = [0, 0];
    for (let at = 2 * x - 6; at <= 2 * x + 7; at++) {
      const distance = (at - 2 * x - 0.5) / 2;
      const weight = Math.abs(distance) < 3 ? sinc(distance) * sinc(distance / 3) : 0;
      sum += weight * (values[Math.min(values.length - 1, Math.max(0, at))] as number);
      total += weight;
    }
    return Math.min(255, Math.max(0, Math.round(sum / total)));
  });
}

const turned = (rows: Rows): Rows => (rows[0] ?? []).map((_none, x) => rows.map((row) => row[x] as number));
const repeated = <T>(items: readonly T[], before: number, after: number): readonly T[] => [
  ...Array<T>(before).fill(items[0] as T),
  ...items,
  ...Array<T>(after).fill(items.at(-1) as T),
];

for (const [name, fit, [height, width], side, expectedOf, tolerance] of [
  ['the middle is cut out', 'crop', [5, 12], 5, (rows) => rows.map((row) => row.slice(4, 9)), 0],
  ['above and below the edges are repeated', 'pad', [5, 8], 8, (rows) => repeated(rows, 1, 2), 0],
  ['left and right the edges are repeated', 'pad', [8, 3], 8, (rows) => rows.map((row) => repeated(row, 2, 3)), 0],
  ['it is made smaller before', 'pad', [8, 16], 8, (rows) => repeated(turned(turned(rows.map(halved)).map(halved)), 2, 2), 1],
  ['one direction alone is made smaller', 'stretch', [8, 16], 8, (rows) => rows.map(halved), 1],
  ['the other one', 'stretch', [16, 8], 8, (rows) => turned(turned(rows).map(halved)), 1],
  ['a square is the same', 'stretch', [8, 8], 8, (rows) => rows, 0],
] as const satisfies readonly (readonly [string, Fit, readonly [number, number], number, (rows: Rows) => Rows, number])[])
  test(`${fit}, ${height} × ${width} to ${side} × ${side}: ${name}`, async (t) => {
    const root = await newFolder(t);
    const rows = rowsOf(height, width);
    const expected = expectedOf(rows).flat();
    const shape = { channels: 3, height: side, width: side };
    await written(rows).png().toFile(join(root, 'plain.png'));
    // Lying on its side, and turned back by its orientation.
    await written(turned(rows).toReversed()).withMetadata({ orientation: 6 }).png().toFile(join(root, 'turned.png'));
    // 16 bits a channel, of which 10 are used, are scaled by a way of their own.
    const deep = Uint16Array.from(rows.flat(), (value) => Math.round((value * 1023) / 255));
    await sharp(deep, { raw: { width, height, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toFile(join(root, 'deep.png'));
    for (const [file, bits] of [
      ['plain.png', 16],
      ['turned.png', 16],
      ['deep.png', 10],
    ] as const) {
      const pixels = await readImage(join(root, file), shape, { ...usualRendering, bits, fit });
      expected.forEach((value, at) => {
        const found = pixels[at] as number;
        assert.ok(Math.abs(found - value) <= tolerance, `${file}: ${found} instead of ${value} at ${at}`);
      });
      assert.equal(pixels.length, 3 * side * side);
    }
  });

test('the background is there before an edge is repeated', async (t) => {
  const path = join(await newFolder(t), 'clear.png');
  await sharp(new Uint8Array(4 * 8 * 4), { raw: { width: 8, height: 4, channels: 4 } })
    .png()
    .toFile(path);
  const shape = { channels: 3, height: 8, width: 8 };
  const pixels = await readImage(path, shape, { background: '#102030', bits: 16, fit: 'pad' });
  assert.deepEqual([...new Set(pixels)], [16, 32, 48]);
});

test('no image is so long that nothing of it is left', () => {
  assert.deepEqual(padded({ height: 1, width: 5000 }, { height: 8, width: 8 }), { height: 1, width: 8, top: 3, left: 0 });
  assert.deepEqual(padded({ height: 5000, width: 1 }, { height: 8, width: 12 }), { height: 8, width: 1, top: 0, left: 5 });
  assert.deepEqual(padded({ height: 20, width: 20 }, { height: 12, width: 20 }), { height: 12, width: 12, top: 0, left: 4 });
});

test('images are padded from a twentieth of their pixels on', () => {
  const of = (...sides: readonly (readonly [number, number])[]) =>
    findFit(sides.map(([width, height]) => ({ width, height }))).fit;
  assert.equal(of([40, 38]), 'pad');
  assert.equal(of([38, 40]), 'pad');
  assert.equal(of([1000, 951]), 'crop');
  assert.equal(of([4000, 3000]), 'pad');
  for (let length = 1; length < 40; length++)
    assert.equal(of(...Array.from({ length }, () => [20, 19] as const)), 'pad', `${length} images`);
  // Each image counts alike, whatever its size.
  assert.equal(of([10, 9], [5000, 5000]), 'pad');
  assert.equal(of([10, 9], [5000, 5000], [50, 50]), 'crop');
});

test('a folder decides by its training images, and says what it cuts', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  const write = async (part: string, width: number, height: number, count = 3): Promise<void> => {
    for (const name of ['a', 'b'])
      for (let at = 0; at < count; at++)
        await put(join(folder, part, name, `${at}.png`), await png(`${part} ${name} ${at}`, width, height));
  };
  await write('train', 20, 20);
  await write('test', 80, 30);
  const square = await read(folder);
  assert.deepEqual([square.notes, square.reading?.fit], [[], 'crop']);
  await write('train', 40, 39);
  const nearly = await read(folder);
  assert.deepEqual(nearly.notes, [
    `${folder}: images are cut to their centre square, 2.5 % of their pixels (--fit pad keeps them)`,
  ]);
  assert.deepEqual([nearly.reading?.fit, nearly.dataset.hash], ['crop', (await read(folder, 'crop')).dataset.hash]);
  await write('train', 40, 38);
  assert.equal((await read(folder)).reading?.fit, 'pad');
  // Also where the size is given, and with an image that cannot be read.
  await put(join(folder, 'train', 'a', 'damaged.png'), (await png('damaged', 90, 9)).subarray(0, 40));
  for (let at = 0; at < 12; at++) await put(join(folder, 'test', 'a', `more ${at}.png`), await png(`more ${at}`));
  const sized = await read(folder, undefined, { imageSize: 10 });
  assert.deepEqual([sized.reading?.fit, sized.dataset.shape.width, sized.leftOut.length], ['pad', 10, 1]);
  await rm(join(folder, 'train', 'a', 'damaged.png'));
});

test('what was decoded before there was a choice is found in the cache where images are cropped', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  for (const name of ['a', 'b'])
    for (let at = 0; at < 3; at++) await put(join(folder, name, `${at}.png`), await png(`${name} ${at}`));
  const keyOf = async (reading: Reading) => {
    const where = { cacheFolder: folder, environment: {}, reading };
    const { options } = await findSource(folder, where, nowhere, quiet);
    return (options as { readonly reading: unknown }).reading;
  };
  const first = { version: 2, background: '#ffffff', bits: 16 };
  assert.deepEqual(await keyOf({ ...usualReading, bits: 16, fit: 'crop' }), first);
  assert.deepEqual(await keyOf({ ...usualReading, bits: 16, fit: 'pad' }), { ...first, fit: 'pad' });
  assert.deepEqual(await keyOf({ ...usualReading, bits: 16 }), { ...first, fit: null });
});

test('a configuration or a file that does not say it means cropping; what it says is taken where it is known', () => {
  assert.equal(givenReading(undefined).fit, 'crop');
  assert.equal(givenReading(readingSchema.parse({ version: 2, background: '#102030', strict: false, bits: 16 })).fit, 'crop');
  assert.equal(givenReading({ ...usualReading, fit: 'pad' }).fit, 'pad');
  const unsaid = { background: '#ffffff', fit: 'crop' };
  assert.deepEqual(renderingIn({}), unsaid);
  assert.deepEqual(renderingIn({ fit: 'contain', background: 'red', bits: '99' }), { ...unsaid, bits: undefined });
  assert.deepEqual(renderingIn({ fit: 'pad', background: '#102030', bits: '12' }), {
    fit: 'pad',
    background: '#102030',
    bits: 12,
  });
});
