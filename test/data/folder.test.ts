import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, readdir, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { allBytes } from '../../src/data/images.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { readDataset, type ReadOptions } from '../../src/data/read.ts';
import { readImage } from '../../src/data/image.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { splitDataset } from '../../src/data/split.ts';
import { newFolder, noise, nowhere, png, put, putAll, userError } from './places.ts';

const read = async (folder: string, options: Partial<ReadOptions> = {}): Promise<Dataset> => {
  const all: ReadOptions = { cacheFolder: join(folder, '..', 'cache'), environment: {}, ...options };
  return (await readDataset(folder, all, nowhere)).dataset;
};

/** So many PNGs in a sub-folder for each of these classes. */
async function photos(folder: string, classes: readonly string[], count: number, channels: 1 | 3 = 3): Promise<void> {
  for (const name of classes)
    for (let index = 0; index < count; index++)
      await put(join(folder, name, `${index}.png`), await png(`${name} ${index}`, 8, 8, channels));
}

const countsOf = (labels: Uint16Array): number[] => [0, 1, 2, 3, 4].map((label) => labels.filter((own) => own === label).length);

test('five classes of twenty photos: 15 % are held out of each, then 10 % validate', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['e', 'd', 'c', 'b', 'a'], 20);
  const dataset = await read(folder);
  assert.equal(dataset.name, 'photos');
  assert.deepEqual(dataset.classes, ['a', 'b', 'c', 'd', 'e']);
  assert.deepEqual(dataset.shape, { channels: 3, height: 8, width: 8 });
  assert.equal(dataset.flip, true);
  assert.deepEqual(countsOf(dataset.test.labels), [3, 3, 3, 3, 3]);
  assert.deepEqual(countsOf(dataset.train.labels), [17, 17, 17, 17, 17]);
  const { train, validation } = splitDataset(dataset, { validation: 0.1 });
  assert.deepEqual([train.length, validation.length], [75, 10]);
});

test('neither names nor the order of files change the data; a changed pixel does', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  await photos(folder, ['a', 'b'], 10);
  const before = await read(folder);
  for (let index = 0; index < 10; index++)
    await rename(join(folder, 'a', `${index}.png`), join(folder, 'a', `${(index * 7) % 10} again.PNG`));
  await mkdir(join(folder, 'b', 'deeper'));
  await rename(join(folder, 'b', '3.png'), join(folder, 'b', 'deeper', 'z.png'));
  const after = await read(folder);
  assert.equal(after.hash, before.hash);
  await put(join(folder, 'b', '4.png'), await png('another'));
  assert.notEqual((await read(folder)).hash, before.hash);
});

test('equal images stay on one side', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['a', 'b'], 10);
  for (let index = 0; index < 10; index++) await put(join(folder, 'a', `copy ${index}.png`), await png(`a ${index}`));
  const { train, test: held } = await read(folder);
  const size = 8 * 8 * 3;
  const images = (all: Uint8Array): string[] =>
    Array.from({ length: all.length / size }, (_, at) => Buffer.from(all.subarray(at * size, at * size + size)).toString('hex'));
  const seen = new Set(images(allBytes(train.images)));
  assert.ok(images(allBytes(held.images)).every((image) => !seen.has(image)));
  assert.ok(held.labels.length > 1);
});

test('train/ and test/ are taken as they are; other folders beside them are said', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(join(folder, 'train'), ['a', 'b'], 4);
  await photos(join(folder, 'test'), ['a', 'b'], 2);
  await photos(join(folder, 'more'), ['a', 'b'], 2);
  await put(join(folder, 'train', 'a', '.hidden.png'), 'not read');
  await put(join(folder, 'train', 'a', 'notes.txt'), 'not read');
  await put(join(folder, '.git', 'x.png'), 'not read');
  const events: DataEvent[] = [];
  const dataset = await read(folder, { progress: (event) => events.push(event) });
  assert.equal(dataset.train.labels.length, 8);
  assert.equal(dataset.test.labels.length, 4);
  const notes = events.flatMap((event) => (event.kind === 'note' ? [event.message] : []));
  assert.deepEqual(notes, [
    `${folder}: only train/ and test/ are read, not more/`,
    `${folder}: 1 file is ignored, not being an image, such as ${join(folder, 'train', 'a', 'notes.txt')}`,
  ]);
  assert.deepEqual(events.at(-1), { kind: 'decode', done: 12, total: 12 });
});

test('train/ alone has 15 % held out', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(join(folder, 'train'), ['a', 'b'], 20);
  const dataset = await read(folder);
  assert.deepEqual([dataset.train.labels.length, dataset.test.labels.length], [34, 6]);
});

test('a class may be called train', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['car', 'train', 'plane'], 4);
  assert.deepEqual((await read(folder)).classes, ['car', 'plane', 'train']);
});

test('grey if all images are grey, whatever they are stored as', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  await photos(folder, ['a', 'b'], 3, 1);
  const grey = await png('grey', 8, 8, 1);
  await put(join(folder, 'a', 'colour file.png'), await sharp(grey).toColourspace('srgb').png({ palette: false }).toBuffer());
  const dataset = await read(folder);
  assert.deepEqual(dataset.shape, { channels: 1, height: 8, width: 8 });
  const pixels = noise(64, 'grey');
  const size = 64;
  const rows = Array.from({ length: dataset.train.labels.length + dataset.test.labels.length }, (_, at) => {
    const { images } = at < dataset.train.labels.length ? dataset.train : dataset.test;
    const place = at < dataset.train.labels.length ? at : at - dataset.train.labels.length;
    return Buffer.from(images.subarray(place * size, place * size + size)).equals(pixels);
  });
  assert.equal(rows.filter(Boolean).length, 1);
  await put(join(folder, 'b', 'colour.png'), await png('colour'));
  assert.equal((await read(folder)).shape.channels, 3);
});

test('sizes: the median of the shorter sides, at most 64, or what one asks for', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  for (const [index, [width, height]] of [
    [10, 40],
    [30, 12],
    [20, 20],
    [90, 14],
    [11, 11],
  ].entries()) {
    await put(join(folder, 'a', `${index}.png`), await png(`a ${index}`, width, height));
    await put(join(folder, 'b', `${index}.png`), await png(`b ${index}`, width, height));
  }
  assert.deepEqual((await read(folder)).shape, { channels: 3, height: 12, width: 12 });
  assert.deepEqual((await read(folder, { imageSize: 5 })).shape, { channels: 3, height: 5, width: 5 });
  const large = join(folder, '..', 'large');
  for (const name of ['a', 'b'])
    for (const index of [0, 1]) await put(join(large, name, `${index}.png`), await png(`${name}${index}`, 100, 70));
  assert.deepEqual((await read(large)).shape, { channels: 3, height: 64, width: 64 });
});

const shape = { channels: 3, height: 8, width: 8 };

/** A picture of 8 × 8: red at the top left, green at the top right, blue at the bottom left, white at the bottom right. */
const quarters = Uint8Array.from({ length: 192 }, (_, at) => {
  const [pixel, channel] = [Math.floor(at / 3), at % 3];
  const [bottom, right] = [Math.floor(pixel / 8) >= 4, pixel % 8 >= 4];
  return (bottom ? (right ? [255, 255, 255] : [0, 0, 255]) : right ? [0, 255, 0] : [255, 0, 0])[channel] as number;
});
const raw = { width: 8, height: 8, channels: 3 } as const;

/** Which channels lead in each quarter. */
const cornersOf = (pixels: Uint8Array): string =>
  [9, 14, 49, 54]
    .map((place) => {
      const colour = [0, 1, 2].map((channel) => pixels[channel * 64 + place] as number);
      return colour.map((value) => (value > Math.max(...colour) - 10 ? 1 : 0)).join('');
    })
    .join(' ');

test('every EXIF orientation is undone', async (t) => {
  const root = await newFolder(t);
  // What the camera stored, for each way that it was held: EXIF 2.32, tag 0x0112.
  const stored: readonly ((image: Sharp) => Sharp)[] = [
    (image) => image,
    (image) => image.flop(),
    (image) => image.rotate(180),
    (image) => image.flip(),
    (image) => image.flip().rotate(90),
    (image) => image.rotate(270),
    (image) => image.flop().rotate(90),
    (image) => image.rotate(90),
  ];
  for (const [index, turn] of stored.entries()) {
    const turned = await turn(sharp(quarters, { raw })).png().toBuffer();
    const path = join(root, `${index + 1}.jpg`);
    const image = sharp(turned).withMetadata({ orientation: index + 1 });
    await put(path, await image.jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer());
    assert.equal(cornersOf(await readImage(path, shape)), '100 010 001 111', `orientation ${index + 1}`);
  }
});

test('PNG, JPEG and WebP, alpha on white, 16 bits, palettes, CMYK', async (t) => {
  const root = await newFolder(t);
  const source = (): Sharp => sharp(quarters, { raw });
  const exact = Array.from({ length: 192 }, (_, at) => quarters[(at % 64) * 3 + Math.floor(at / 64)]);
  const files: Record<string, [Buffer, boolean]> = {
    'plain.png': [await source().png().toBuffer(), true],
    'palette.png': [await source().png({ palette: true }).toBuffer(), true],
    'deep.png': [await source().toColourspace('rgb16').png().toBuffer(), true],
    'lossless.webp': [await source().webp({ lossless: true }).toBuffer(), true],
    'lossy.webp': [await source().webp({ quality: 100 }).toBuffer(), false],
    'photo.jpeg': [await source().jpeg({ quality: 100 }).toBuffer(), false],
    'cmyk.jpg': [await source().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer(), false],
    'named wrongly.png': [await source().jpeg({ quality: 100 }).toBuffer(), false],
  };
  for (const [name, [bytes, isExact]] of Object.entries(files)) {
    await put(join(root, name), bytes);
    const pixels = await readImage(join(root, name), shape);
    if (isExact) assert.deepEqual([...pixels], exact, name);
    assert.equal(cornersOf(pixels), '100 010 001 111', name);
  }
  const half = Buffer.from(Array.from({ length: 256 }, (_, at) => (at % 4 === 3 ? 128 : 200)));
  await put(
    join(root, 'alpha.png'),
    await sharp(half, { raw: { ...raw, channels: 4 } })
      .png()
      .toBuffer(),
  );
  const pixels = await readImage(join(root, 'alpha.png'), shape);
  assert.ok(
    pixels.every((value) => Math.abs(value - 227) <= 1),
    String(pixels[0]),
  );
});

test('other shapes are resized to cover and cut to the centre', async (t) => {
  const path = join(await newFolder(t), 'wide.png');
  // Red, a square of green in the middle, blue.
  const [width, height] = [48, 16];
  const wide = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
    const x = Math.floor(at / 3) % width;
    return at % 3 === (x < 16 ? 0 : x < 32 ? 1 : 2) ? 255 : 0;
  });
  await put(
    path,
    await sharp(wide, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer(),
  );
  const pixels = await readImage(path, shape);
  const inner = [...Array(64).keys()].filter((place) => place % 8 > 0 && place % 8 < 7);
  for (const place of inner) assert.ok((pixels[64 + place] as number) > 240 && (pixels[place] as number) < 16);
  const grey = await readImage(path, { channels: 1, height: 4, width: 4 });
  assert.equal(grey.length, 16);
  assert.equal(grey[5], 150); // 0.587 · 255
});

test('images that cannot be read are named', async (t) => {
  const root = await newFolder(t);
  const large = await png('large', 200, 200);
  const photo = await sharp(noise(120000, 'x'), { raw: { width: 200, height: 200, channels: 3 } })
    .jpeg()
    .toBuffer();
  const webp = await sharp(photo).webp().toBuffer();
  const header = Buffer.from(large.subarray(0, 64));
  header.writeUInt32BE(60000, 16);
  header.writeUInt32BE(60000, 20);
  const files: readonly [string, Uint8Array | string, RegExp][] = [
    ['cut.png', large.subarray(0, large.length >> 1), /: damaged or cut short \(/],
    ['cut.jpg', photo.subarray(0, photo.length >> 1), /: damaged or cut short \(/],
    ['cut.webp', webp.subarray(0, webp.length >> 1), /: damaged or cut short \(/],
    ['noise.png', noise(1000, 'n'), /: not an image \(PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM\)$/],
    ['empty.png', '', /: an empty file$/],
    ['drawing.png', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', /: not an image \([^)]*\)$/],
    ['huge.png', header, /: more than 268402689 pixels, too many to decode$/],
  ];
  for (const [name, bytes, message] of files) {
    const folder = join(root, name.replace('.', ' '));
    await photos(folder, ['a', 'b'], 2);
    await put(join(folder, 'b', name), bytes);
    for (const size of [{}, { imageSize: 8 }])
      await assert.rejects(
        read(folder, { cacheFolder: join(root, 'cache'), ...size }),
        (error) => userError(message)(error) && userError(new RegExp(`${folder}/b/${name}`))(error),
      );
  }
  // All of them at once, so that nobody mends one a reading.
  const folder = join(root, 'several');
  await photos(folder, ['a', 'b'], 2);
  for (const [name, bytes] of files) await put(join(folder, 'b', name), bytes);
  for (let more = 0; more < 6; more++) await put(join(folder, 'a', `empty ${more}.png`), '');
  const several = new RegExp(
    `^${folder}: 13 of 17 images cannot be read \\(more than a tenth\\): ${folder}/a/empty 0.png: an empty file; [^]*; and 3 more$`,
  );
  await assert.rejects(read(folder, { cacheFolder: join(root, 'cache'), imageSize: 8 }), userError(several));
  assert.ok(!(await readdir(root)).includes('cache'), 'nothing is written');
});

test('a class is one, whichever way a Mac and others write its name', async (t) => {
  const folder = join(await newFolder(t), 'accents');
  await photos(join(folder, 'train'), ['cafe\u0301', 'tea'], 2);
  await photos(join(folder, 'test'), ['caf\u00e9', 'tea'], 1);
  const dataset = await read(folder, { cacheFolder: join(folder, '..', 'cache') });
  assert.deepEqual([dataset.train.labels.length, dataset.test.labels.length], [4, 2]);
});

const wrong: readonly [string, (folder: string) => Promise<void>, RegExp][] = [
  ['nothing in it', async (folder) => void (await mkdir(folder)), /photos: no sub-folders with images in it$/],
  [
    'images without classes',
    async (folder) => put(join(folder, 'x.png'), await png(0)),
    /photos: holds 1 image and no folders of classes: put the images of each class into a folder of its own, or, if this is one class, give the folder that it lies in, \S+$/,
  ],
  ['one class', (folder) => photos(folder, ['a'], 3), /photos: only one class \(a\); at least two are needed$/],
  [
    'an empty class',
    async (folder) => {
      await photos(folder, ['a', 'b'], 2);
      await put(join(folder, 'c', 'x.txt'), 'BM');
    },
    /photos\/c: a class without images \(but 1 other file, such as .*x\.txt\)$/,
  ],
  [
    'an unknown class in test',
    async (folder) => {
      await photos(join(folder, 'train'), ['a', 'b'], 1);
      await photos(join(folder, 'test'), ['a', 'b', 'c'], 1);
    },
    /photos\/test\/c: a class that .*photos\/train does not have$/,
  ],
  [
    'a class that is not tested',
    async (folder) => {
      await photos(join(folder, 'train'), ['a', 'b'], 1);
      await photos(join(folder, 'test'), ['a'], 1);
    },
    /photos\/test: has no sub-folder of the class b$/,
  ],
  [
    'an empty test',
    async (folder) => {
      await photos(join(folder, 'train'), ['a', 'b'], 1);
      await mkdir(join(folder, 'test'));
    },
    /photos\/test: no test images: no sub-folders with images$/,
  ],
  [
    'nothing to hold out',
    (folder) => photos(folder, ['a', 'b'], 1),
    /photos: no test images: no class has two different images$/,
  ],
  [
    'a loop of folders',
    async (folder) => {
      await photos(folder, ['a', 'b'], 2);
      await symlink('..', join(folder, 'a', 'loop'));
    },
    /photos\/a\/loop: a link to a folder that contains it$/,
  ],
  [
    'a link to itself',
    async (folder) => {
      await photos(folder, ['a', 'b'], 2);
      await symlink('x.png', join(folder, 'a', 'x.png'));
    },
    /photos\/a\/x\.png: is a link that leads back to itself$/,
  ],
  [
    'a link to nothing',
    async (folder) => {
      await photos(folder, ['a', 'b'], 2);
      await symlink('gone.png', join(folder, 'a', 'x.png'));
    },
    /photos\/a\/x\.png: a link that leads nowhere$/,
  ],
];
for (const [what, make, message] of wrong)
  test(`refused, and nothing written: ${what}`, async (t) => {
    const root = await newFolder(t);
    await make(join(root, 'photos'));
    await assert.rejects(read(join(root, 'photos')), userError(message));
    assert.deepEqual(await readdir(root), ['photos']);
  });

test('links to folders and files are followed', async (t) => {
  const root = await newFolder(t);
  await photos(join(root, 'elsewhere'), ['a'], 4);
  await photos(join(root, 'photos'), ['b'], 4);
  await symlink(join(root, 'elsewhere', 'a'), join(root, 'photos', 'a'));
  assert.deepEqual((await read(join(root, 'photos'))).classes, ['a', 'b']);
});

test('reading can be stopped', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await putAll(folder, { 'a/1.png': await png(1), 'a/2.png': await png(2), 'b/3.png': await png(3), 'b/4.png': await png(4) });
  const stop = new AbortController();
  stop.abort(new Error('stopped'));
  await assert.rejects(read(folder, { signal: stop.signal }), /^Error: stopped$/);
});
