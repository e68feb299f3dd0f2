/** Folders of images of all kinds, damaged ones among them: what is read, what is left out, and what is said. */
import { failure } from '../../src/data/image.ts';
import { RunError, UserError } from '../../src/util/user-error.ts';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { allBytes } from '../../src/data/images.ts';
import { decodeImage, readImage, usualRendering } from '../../src/data/image.ts';
import { readDataset, type ReadDataset, type ReadOptions } from '../../src/data/read.ts';
import { firstReading, usualReading } from '../../src/data/reading.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { newFolder, noise, nowhere, png, put, userError } from './places.ts';

/** Reads a folder; with what was said. */
async function read(folder: string, options: Partial<ReadOptions> = {}): Promise<ReadDataset & { readonly notes: string[] }> {
  const notes: string[] = [];
  const progress = (event: DataEvent): void => void (event.kind === 'note' && notes.push(event.message));
  const all: ReadOptions = { cacheFolder: join(folder, '..', 'cache'), environment: {}, progress, ...options };
  return { ...(await readDataset(folder, all, nowhere)), notes };
}

async function photos(folder: string, classes: readonly string[], count: number): Promise<void> {
  for (const name of classes)
    for (let index = 0; index < count; index++) await put(join(folder, name, `${index}.png`), await png(`${name} ${index}`));
}

const shape = { channels: 3, height: 8, width: 8 };
const raw = { width: 8, height: 8, channels: 3 } as const;
/** Red at the top left, green at the top right, blue at the bottom left, white at the bottom right. */
const quarters = Uint8Array.from({ length: 192 }, (_none, at) => {
  const [pixel, channel] = [Math.floor(at / 3), at % 3];
  const [bottom, right] = [Math.floor(pixel / 8) >= 4, pixel % 8 >= 4];
  return (bottom ? (right ? [255, 255, 255] : [0, 0, 255]) : right ? [0, 255, 0] : [255, 0, 0])[channel] as number;
});
const planar = Array.from({ length: 192 }, (_none, at) => quarters[(at % 64) * 3 + Math.floor(at / 64)] as number);

/** The picture as BMP of 24 bits, from the bottom. */
function bitmapOf(): Uint8Array {
  const bytes = new Uint8Array(54 + 192);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(10, 54, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, 8, true);
  view.setInt32(22, 8, true);
  view.setUint16(28, 24, true);
  for (let y = 0; y < 8; y++)
    for (let at = 0; at < 24; at++)
      bytes[54 + 24 * (7 - y) + at] = quarters[24 * y + 3 * Math.floor(at / 3) + 2 - (at % 3)] as number;
  return bytes;
}

const ppmOf = (): Uint8Array => Buffer.concat([Buffer.from('P6\n8 8\n255\n'), quarters]);
const heic = Buffer.from('000000186674797068656963000000006d69663168656963', 'hex');

/** One pixel of 32 bits, a floating-point number, as TIFF: entries of a tag, a kind, a count and a value. */
function floatTiff(): Uint8Array {
  const tags = [256, 257, 258, 259, 262, 273, 277, 278, 279, 339];
  const values = [1, 1, 32, 1, 1, 134, 1, 1, 4, 3];
  const bytes = new Uint8Array(138);
  const view = new DataView(bytes.buffer);
  bytes.set([0x49, 0x49, 42, 0, 8, 0, 0, 0, tags.length]);
  tags.forEach((tag, at) => {
    view.setUint16(10 + 12 * at, tag, true);
    view.setUint16(12 + 12 * at, 4, true);
    view.setUint32(14 + 12 * at, 1, true);
    view.setUint32(18 + 12 * at, values[at] as number, true);
  });
  view.setFloat32(134, 0.5, true);
  return bytes;
}

test('every kind is read, by its content, whatever its name ends with', async (t) => {
  const root = await newFolder(t);
  const source = (): Sharp => sharp(quarters, { raw });
  const files: Record<string, Uint8Array> = {
    'a.gif': await source().gif().toBuffer(),
    'a.tif': await source().tiff({ compression: 'lzw' }).toBuffer(),
    'a.avif': await source().avif({ lossless: true, chromaSubsampling: '4:4:4' }).toBuffer(),
    'a.bmp': bitmapOf(),
    'a.ppm': ppmOf(),
    'a.jfif': await source().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer(),
    'a.webp': await source().webp({ lossless: true }).toBuffer(),
  };
  for (const [name, bytes] of Object.entries(files))
    for (const end of ['', '.png', '.JPG', '.x', ' without']) {
      await put(join(root, `${name}${end}`), bytes);
      const pixels = await readImage(join(root, `${name}${end}`), shape);
      const far = pixels.reduce((most, value, at) => Math.max(most, Math.abs(value - (planar[at] as number))), 0);
      assert.ok(far <= (/jfif|avif/.test(name) ? 12 : 0), `${name}${end}: ${far}`);
    }
  const folder = join(root, 'photos');
  for (const [at, bytes] of Object.values(files).entries()) await put(join(folder, 'a', `${at}.dat`), bytes);
  await photos(folder, ['b'], 3);
  await put(join(folder, 'b', 'IMG_0001'), await png('no extension'));
  await put(join(folder, 'b', 'notes.txt'), 'P5 is no image');
  const { dataset, notes, leftOut } = await read(folder, { imageSize: 8 });
  assert.equal(dataset.train.labels.length + dataset.test.labels.length, 7 + 4);
  assert.deepEqual(leftOut, []);
  assert.deepEqual(notes, [`${folder}: 1 file is ignored, not being an image, such as ${join(folder, 'b', 'notes.txt')}`]);
});

test('of what moves, the first frame', async (t) => {
  const path = join(await newFolder(t), 'two.gif');
  const frames = Buffer.concat([quarters, Buffer.alloc(192)]);
  await put(
    path,
    await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
      .gif({ delay: [100, 100], loop: 0 })
      .toBuffer(),
  );
  assert.equal((await sharp(path).metadata()).pages, 2);
  assert.deepEqual([...(await readImage(path, shape))], planar);
});

test('a damaged image is left out, listed and said, also when the data comes from the cache', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  await photos(folder, ['a', 'b'], 15);
  const cut = (await png('cut', 200, 200)).subarray(0, 5000);
  await put(join(folder, 'a', 'cut.png'), cut);
  await put(join(folder, 'b', 'empty.jpg'), '');
  await put(join(folder, 'b', 'page.jpg'), '<html>not found</html>');
  const listed = [
    [join(folder, 'a', 'cut.png'), /^damaged or cut short \(/],
    [join(folder, 'b', 'empty.jpg'), /^an empty file$/],
    [join(folder, 'b', 'page.jpg'), /^not an image \(PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM\)$/],
  ] as const;
  for (const size of [8, undefined])
    for (const time of ['decoded', 'from the cache']) {
      const { dataset, leftOut, notes } = await read(folder, { imageSize: size });
      assert.equal(dataset.train.labels.length + dataset.test.labels.length, 30, time);
      for (const [path, reason] of listed) assert.match(leftOut.find((file) => file.path === path)?.reason ?? 'missing', reason);
      assert.equal(leftOut.length, 3);
      assert.equal(notes.length, 1);
      assert.match(notes[0] ?? '', /photos: 3 images left out that cannot be read: [^;]*; [^;]*; and 1 more$/);
    }
  // The rest is as without them.
  const { dataset } = await read(folder, { imageSize: 8 });
  for (const [path] of listed) await rm(path);
  assert.equal((await read(folder, { imageSize: 8 })).dataset.hash, dataset.hash);
});

test('--strict refuses one damaged image, decoded before or not', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['a', 'b'], 15);
  await put(join(folder, 'b', 'empty.jpg'), '');
  const reading = { ...usualReading, strict: true };
  const message = /photos: 1 of 31 images cannot be read \(as --strict asks, none is left out\): .*b\/empty\.jpg: an empty file$/;
  await assert.rejects(read(folder, { reading }), userError(message));
  await read(folder);
  await assert.rejects(read(folder, { reading }), userError(message));
});

test('more than a tenth is an error, and so is a class of which nothing is left', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  await photos(folder, ['a', 'b'], 9);
  await put(join(folder, 'a', 'x.jpg'), '');
  await put(join(folder, 'a', 'y.jpg'), '');
  assert.equal((await read(folder, { cacheFolder: join(root, '1') })).leftOut.length, 2, '2 of 20 is a tenth');
  await put(join(folder, 'a', 'z.jpg'), '');
  await assert.rejects(
    read(folder),
    userError(/photos: 3 of 21 images cannot be read \(more than a tenth\): .*x\.jpg: an empty file; /),
  );
  await rm(join(folder, 'a', 'z.jpg'));
  await rm(join(folder, 'a', 'y.jpg'));
  await put(join(folder, 'c', 'x.jpg'), '');
  await assert.rejects(read(folder), userError(/c\/x\.jpg: an empty file; no image of the class c can be read there$/));
});

test('what is not read is named with what to do', async (t) => {
  const root = await newFolder(t);
  const files: readonly [string, Uint8Array, RegExp][] = [
    ['a.heic', heic, /a HEIC photo; convert it first, with heif-convert or, on a Mac, with 'sips -s format jpeg'$/],
    ['a.jpg', heic, /a HEIC photo; convert it first/],
    ['a.nef', await sharp(quarters, { raw }).tiff().toBuffer(), /a camera's raw file; export it as JPEG or TIFF first$/],
    ['a.jxl', Uint8Array.of(0xff, 0x0a, 1, 2), /this format is not read; convert it to PNG first$/],
    ['float.tif', floatTiff(), /numbers of the kind float; save it with 8 or 16 bits a channel$/],
    ['a.svg.png', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), /not an image/],
    ['a.bmp', bitmapOf().subarray(0, 100), /cannot be decoded: it is cut short$/],
  ];
  for (const [name, bytes, message] of files) {
    await put(join(root, name), bytes);
    await assert.rejects(readImage(join(root, name), shape), userError(message), name);
  }
});

test('transparency lies on white, or on the colour that is given, which is data of its own', async (t) => {
  const root = await newFolder(t);
  const path = join(root, 'clear.png');
  const clear = Buffer.from(Array.from({ length: 256 }, (_none, at) => (at % 4 === 3 ? 128 : 200)));
  await put(
    path,
    await sharp(clear, { raw: { ...raw, channels: 4 } })
      .png()
      .toBuffer(),
  );
  const levels = async (background: string): Promise<number[]> => {
    const pixels = await readImage(path, shape, { background, bits: 16, fit: 'crop' });
    return [0, 64, 128].map((at) => pixels[at] as number);
  };
  const near = (actual: readonly number[], expected: readonly number[]): void =>
    assert.ok(
      actual.every((value, at) => Math.abs(value - (expected[at] as number)) <= 1),
      String(actual),
    );
  near(await levels('#ffffff'), [227, 227, 227]);
  near(await levels('#000000'), [100, 100, 100]);
  near(await levels('#ff0080'), [227, 100, 164]);
  near([(await readImage(path, shape))[0] as number], [227]);
  const folder = join(root, 'photos');
  await photos(folder, ['a', 'b'], 3);
  await put(join(folder, 'a', 'clear.png'), await sharp(path).png().toBuffer());
  const white = await read(folder);
  const black = await read(folder, { reading: { ...usualReading, background: '#000000' } });
  assert.notEqual(white.dataset.hash, black.dataset.hash);
  assert.equal((await read(folder)).dataset.hash, white.dataset.hash, 'the cache tells them apart');
  assert.deepEqual(white.reading, { version: 2, background: '#ffffff', strict: false, bits: 16, fit: 'crop' });
});

/** 16 bits a channel: values of a ramp, up to `most`. */
const deep = (most: number, channels: 1 | 3 = 1): Promise<Buffer> =>
  sharp(
    Uint16Array.from({ length: 64 * channels }, (_none, at) => Math.round((most * Math.floor(at / channels)) / 63)),
    {
      raw: { width: 8, height: 8, channels },
    },
  )
    .toColourspace(channels === 1 ? 'grey16' : 'rgb16')
    .png()
    .toBuffer();

test('images of 16 bits that use fewer are scaled, all of a folder alike, and that is said', async (t) => {
  const root = await newFolder(t);
  const ramp = Array.from({ length: 64 }, (_none, at) => Math.round((255 * at) / 63));
  for (const [most, bits] of [
    [1023, 10],
    [4095, 12],
    [65535, 16],
  ] as const)
    for (const channels of [1, 3] as const) {
      const path = join(root, `${most} ${channels}.png`);
      await put(path, await deep(most, channels));
      const grey = { ...shape, channels: 1 };
      assert.equal(await decodeImage({ path }, grey, { ...usualRendering, bits: null }), bits);
      const pixels = await readImage(path, grey, { ...usualRendering, bits });
      assert.ok(
        pixels.every((value, at) => Math.abs(value - (ramp[at] as number)) <= 1),
        `${most}: ${pixels.join()}`,
      );
    }
  const folder = join(root, 'scans');
  for (const name of ['a', 'b'])
    for (const [at, most] of [900, 3000, 4000].entries())
      await put(join(folder, name, `${at}.png`), await deep(most - at - name.charCodeAt(0)));
  for (const time of ['decoded', 'from the cache']) {
    const { dataset, notes, reading } = await read(folder);
    assert.equal(dataset.bits, 12, time);
    assert.deepEqual(notes, [`${folder}: images with 16 bits a channel use 12 of them and are scaled to that`]);
    assert.equal(reading?.bits, 12);
    const brightest = Math.max(...allBytes(dataset.train.images), ...allBytes(dataset.test.images));
    assert.ok(brightest > 235 && brightest < 250, `${brightest} of 3,900 of 4,095`);
  }
  // A run that was begun with 12 bits reads darker images as it read its own.
  await rm(join(folder, 'a', '2.png'));
  await rm(join(folder, 'b', '2.png'));
  await rm(join(folder, 'a', '1.png'));
  await rm(join(folder, 'b', '1.png'));
  for (const name of ['a', 'b']) await put(join(folder, name, 'other.png'), await deep(700 + name.charCodeAt(0)));
  const [own, same] = [await read(folder), await read(folder, { reading: { ...usualReading, bits: 12 } })];
  assert.deepEqual([own.dataset.bits, same.dataset.bits], [10, 12]);
  assert.ok(Math.max(...allBytes(same.dataset.train.images)) < 64);
});

test('names that are no UTF-8 are read, and shown with their bytes', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  await photos(folder, ['tea'], 4);
  const cafe = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9)]);
  await mkdir(cafe);
  for (const [at, name] of [Buffer.of(0xff), Buffer.from('plain'), Buffer.of(0x80, 0x81)].entries())
    await writeFile(Buffer.concat([cafe, Buffer.from('/'), name, Buffer.from('.png')]), await png(`cafe ${at}`));
  const { dataset } = await read(folder);
  assert.deepEqual(dataset.classes, ['caf\\xe9', 'tea']);
  assert.equal(dataset.train.labels.length + dataset.test.labels.length, 7);
  await writeFile(Buffer.concat([cafe, Buffer.from('/'), Buffer.of(0xfe), Buffer.from('.jpg')]), '');
  await photos(folder, ['tea'], 12);
  assert.deepEqual((await read(folder)).leftOut, [{ path: join(folder, 'caf\\xe9', '\\xfe.jpg'), reason: 'an empty file' }]);
});

test('a run that does not say how it read its images reads them as the first version did', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  await photos(join(folder, 'train'), ['a', 'b'], 6);
  await photos(join(folder, 'test'), ['a', 'b'], 2);
  const before = (await read(folder)).dataset;
  await photos(join(folder, 'val'), ['a', 'b'], 3);
  await put(join(folder, 'train', 'a', 'x.bmp'), bitmapOf());
  const { dataset, notes } = await read(folder, { reading: firstReading });
  assert.deepEqual([dataset.hash, notes], [before.hash, []]);
  const now = (await read(folder)).dataset;
  assert.equal(now.validationImages, 6);
  assert.equal(now.train.labels.length, 19);
});

test('links that lead nowhere are left out as damaged images are', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['a', 'b'], 12);
  await symlink('gone.png', join(folder, 'a', 'x.png'));
  await symlink('y.png', join(folder, 'a', 'y.png'));
  await symlink('gone.txt', join(folder, 'a', 'z.txt'));
  const { leftOut } = await read(folder);
  assert.deepEqual(
    leftOut.map(({ path, reason }) => [path.slice(folder.length), reason]),
    [
      ['/a/x.png', 'a link that leads nowhere'],
      ['/a/y.png', 'is a link that leads back to itself'],
    ],
  );
});

test('archives, single images and what a Mac adds are named, with what to do', async (t) => {
  const root = await newFolder(t);
  const zip = Buffer.concat([Buffer.from('PK\x03\x04'), noise(400, 'zip')]);
  await put(join(root, 'photos.zip'), zip);
  await put(join(root, 'cat.jpg'), await png('cat'));
  await put(join(root, '__MACOSX', 'cat', '._1.png'), 'x');
  await put(join(root, 'kaggle', 'train.zip'), zip);
  const messages: readonly [string, RegExp][] = [
    ['photos.zip', /photos\.zip: cannot be unpacked: damaged or cut short \(/],
    ['cat.jpg', /cat\.jpg: a single image: give the folder that has a folder of images for each class$/],
    ['__MACOSX', /__MACOSX: what a Mac adds to archives, without images: give the folder beside it$/],
    [
      'kaggle',
      /kaggle: no sub-folders with images in it \(.*kaggle\/train\.zip is an archive: unpack it, and give the folder that it makes\)$/,
    ],
  ];
  for (const [name, message] of messages) await assert.rejects(read(join(root, name)), userError(message));
});

test('a limit of the system is no fault of the image', () => {
  const error = failure(new Error('glib: Error creating thread: Resource temporarily unavailable'), 'a.png');
  assert.ok(error instanceof RunError && !/damaged/.test(error.message) && /ulimit -u/.test(error.message), error.message);
  assert.ok(failure(new Error('pngload: libspng read error'), 'a.png') instanceof UserError);
});
