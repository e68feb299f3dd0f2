/** Folders that are decoded piece by piece: the same data as before, only what is needed, within bounds of memory and disk. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, truncateSync, writeSync } from 'node:fs';
import { mkdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { clean } from '../../src/data/augmentation/augmentation.ts';
import { createBatcher } from '../../src/data/batches.ts';
import { readTable } from '../../src/data/csv.ts';
import { fingerprintOf, loadDataset } from '../../src/data/cache.ts';
import { allBytes, derived, imagesIn, joined, openFile, piecesOf } from '../../src/data/images.ts';
import type { Layout } from '../../src/data/layout.ts';
import { limitMemory } from '../../src/data/memory-limit.ts';
import { readDataset, type ReadOptions } from '../../src/data/read.ts';
import { usualReading } from '../../src/data/reading.ts';
import { checkDisk, openRecords } from '../../src/data/records.ts';
import { timed } from '../../src/data/remaining.ts';
import { findSource } from '../../src/data/resolve.ts';
import { sampleLayout } from '../../src/data/sample.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { splitDataset } from '../../src/data/split.ts';
import { cifarFiles, idx, idxFiles, newFolder, noise, nowhere, png, put, putAll, quiet, userError } from './places.ts';

async function photos(folder: string, classes: readonly string[], count: number, channels: 1 | 3 = 3): Promise<void> {
  for (const name of classes)
    for (let index = 0; index < count; index++)
      await put(join(folder, name, `${index}.png`), await png(`${name} ${index}`, 8, 8, channels));
}

const read = (folder: string, options: Partial<ReadOptions> = {}) =>
  readDataset(folder, { cacheFolder: join(folder, '..', 'cache'), environment: {}, ...options }, nowhere);

/** A grey image of 16 bits, of which the brightest value is given. */
const deep = (brightest: number, side = 8): Promise<Buffer> =>
  sharp(
    Uint16Array.from({ length: side * side }, (_none, at) => brightest - (at % 64)),
    { raw: { width: side, height: side, channels: 1 } },
  )
    .toColourspace('grey16')
    .png()
    .toBuffer();

/** Hashes that these had when all images were decoded in memory. */
const hashes: Readonly<Record<string, readonly [make: (folder: string) => Promise<void>, hash: string]>> = {
  colour: [(folder) => photos(folder, ['a', 'b', 'c'], 20), '153c4fb1e85082d8628d2c2951d5752a6454dcea4778769d3ecd528c584cf0a9'],
  grey: [(folder) => photos(folder, ['a', 'b'], 12, 1), '1341b653eb123b3d0a8900f86db5c9242dedd8bf9a7c5b54b286e50897f9b1f8'],
  'all parts': [
    async (folder) => {
      await photos(join(folder, 'train'), ['a', 'b'], 10);
      await photos(join(folder, 'val'), ['a', 'b'], 4);
      await photos(join(folder, 'test'), ['a', 'b'], 3);
    },
    'c122be52a2cc6a0701bbb319ea38137c05326a471b424e675cf1e635a0670303',
  ],
  'a validation part that shares images': [
    async (folder) => {
      await photos(join(folder, 'train'), ['a', 'b'], 10);
      await photos(join(folder, 'val'), ['a', 'b'], 4);
    },
    '770213384f0da68789e7001efcc078324dad98d12833e0f3ff704b4aca78d233',
  ],
  'equal images': [
    async (folder) => {
      await photos(folder, ['a', 'b'], 10);
      for (let index = 0; index < 10; index++) await put(join(folder, 'a', `copy ${index}.png`), await png(`a ${index}`));
    },
    '14b753064c3924cf1e8b24eff52ae3beff96168406e7a9ba8383c94dfd380844',
  ],
  '12 of 16 bits beside 8': [
    async (folder) => {
      for (const name of ['a', 'b']) {
        for (let at = 0; at < 6; at++) await put(join(folder, name, `${at}.png`), await deep(3900 - at * 3 - name.charCodeAt(0)));
        await put(join(folder, name, 'x.png'), await png(name));
      }
    },
    'a87a83650bc9af5fc783aec8283f0d2a04d2e0cf33c86f265cf840b1717afb74',
  ],
  IDX: [(folder) => putAll(folder, idxFiles()), '37b3d0ef08b204f28f854209db6d98d4b49bf17aff44911adffb6ccc7993e8da'],
  CIFAR: [(folder) => putAll(folder, cifarFiles()), '454aae3b2c1617dfae3e2b280f8ea078b0af0d1d088b55d7df9157517309b762'],
};
/** Names that those folders had, where a name decides what they are. */
const folderNames: Readonly<Record<string, string>> = { IDX: 'idx', CIFAR: 'cifar' };
for (const [what, [make, hash]] of Object.entries(hashes))
  test(`the hash is that of before: ${what}`, async (t) => {
    const folder = join(await newFolder(t), folderNames[what] ?? 'photos');
    await make(folder);
    const { dataset, path } = await read(folder);
    assert.equal(dataset.hash, hash);
    assert.equal((await loadDataset(path, hash, 0)).hash, hash);
    assert.deepEqual(
      readdirSync(join(folder, '..', 'cache')).filter((name) => name.endsWith('.part')),
      [],
    );
  });

const sampled = (images: number, validation = 0.1) => ({ reading: { ...usualReading, sample: { images, validation } } });

test('of a folder of which few images train, those are decoded that train, validate and test', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['a', 'b', 'c', 'd'], 60);
  const events: DataEvent[] = [];
  const progress = (event: DataEvent): void => void events.push(event);
  const { dataset, reading, sampledFrom } = await read(folder, { ...sampled(20, 0.1), progress });
  // 9 of each class are held out; of the other 51 five validate.
  assert.deepEqual(
    [dataset.train.labels.length, dataset.validationImages, dataset.test.labels.length, sampledFrom],
    [20 + 20, 20, 36, 204],
  );
  const decoded = events.flatMap((event) => (event.kind === 'decode' ? [event.total] : []));
  assert.deepEqual([...new Set(decoded)], [76]);
  assert.match(
    events.map((event) => (event.kind === 'note' ? event.message : '')).join(),
    /a sample of its 240 images is decoded: 20 training images, 20 that validate and 36 that test/,
  );
  assert.deepEqual(reading?.sample, { images: 20, validation: 0.1 });
  const split = splitDataset(dataset, { validation: 0.1, images: 20 });
  assert.deepEqual([split.train.length, split.validation.length], [20, 20]);
  for (const part of [dataset.train, dataset.test])
    for (const label of [0, 1, 2, 3]) assert.equal(part.labels.filter((each) => each === label).length, part.labels.length / 4);
  // Elsewhere, without the cache, it is the same sample; without one, or where it would spare nothing, all are decoded.
  const other = join(await newFolder(t), 'photos');
  await photos(other, ['a', 'b', 'c', 'd'], 60);
  assert.equal((await read(other, sampled(20))).dataset.hash, dataset.hash);
  const [all, asMany] = [await read(other), await read(other, sampled(184))];
  assert.notEqual(all.dataset.hash, dataset.hash);
  assert.equal(asMany.dataset.hash, all.dataset.hash);
  assert.equal(asMany.reading?.sample, undefined);
});

const layoutOf = (counts: readonly number[], more: Partial<Layout> = {}): Layout => ({
  classes: counts.map(String),
  train: counts.flatMap((count, label) =>
    Array.from({ length: count }, (_none, at) => ({ path: `/${label}/${at}`, size: 1, changed: 1, label })),
  ),
  validation: undefined,
  test: undefined,
  notes: [],
  ...more,
});

test('samples: a smaller one is part of a larger one, the test images are the same, classes keep their shares', () => {
  const layout = layoutOf([30_000, 10_000, 4]);
  const of = (images: number) => {
    const found = sampleLayout(layout, { images, validation: 0.1 });
    assert.ok(found);
    const paths = (files: Layout['test'] = []): Set<string> => new Set(files.map(({ path }) => path));
    return { ...found, paths: { train: paths(found.train), validation: paths(found.validation), test: paths(found.test) } };
  };
  const [small, large] = [of(100), of(8000)];
  for (const part of ['train', 'validation', 'test'] as const)
    for (const path of small.paths[part]) assert.ok(large.paths[part].has(path), `${part} ${path}`);
  assert.deepEqual(small.paths.test, large.paths.test);
  for (const path of large.paths.test) assert.ok(!large.paths.train.has(path) && !large.paths.validation.has(path));
  const shares = [0, 1, 2].map((label) => large.train.filter((file) => file.label === label).length);
  assert.ok(Math.abs((shares[0] as number) - 3 * (shares[1] as number)) < 5 && (shares[2] as number) >= 1, shares.join());
  assert.equal(large.validation?.length, 2000);
});

test('samples: a part that validates or tests is sampled where it is large', () => {
  const part = (prefix: string, counts: readonly number[]): Layout['train'] =>
    layoutOf(counts).train.map((file) => ({ ...file, path: `/${prefix}${file.path}` }));
  const layout = layoutOf([5000, 5000], { validation: part('val', [4000, 4000]), test: part('test', [9000, 9000]) });
  const found = sampleLayout(layout, { images: 50, validation: 0.1 });
  assert.deepEqual([found?.train.length, found?.validation?.length, found?.test?.length], [50, 2000, 10_000]);
  assert.ok(found?.validation?.every(({ path }) => path.startsWith('/val')));
  assert.equal(found?.isHeldOut, false);
  assert.equal(sampleLayout(layout, { images: 10_000, validation: 0.1 }), undefined);
});

test('test images of a sample whose content is also trained on are left out', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  for (const name of ['a', 'b'])
    for (let index = 0; index < 60; index++) await put(join(folder, name, `${index}.png`), await png(`${name} ${index % 20}`));
  const { dataset } = await read(folder, sampled(10));
  const size = 8 * 8 * 3;
  const images = (all: Uint8Array): string[] =>
    Array.from({ length: all.length / size }, (_none, at) =>
      Buffer.from(all.subarray(at * size, (at + 1) * size)).toString('hex'),
    );
  const learnt = new Set(images(allBytes(dataset.train.images)));
  assert.ok(dataset.test.labels.length > 0 && dataset.test.labels.length < 18);
  assert.ok(images(allBytes(dataset.test.images)).every((image) => !learnt.has(image)));
});

test('images that are read from the file give the batches of those in memory', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['a', 'b'], 12);
  const { dataset, path } = await read(folder);
  const onDisk = await loadDataset(path, dataset.hash, 0);
  assert.ok(dataset.train.images instanceof Uint8Array && !(onDisk.train.images instanceof Uint8Array));
  const batch = (from: typeof dataset) => {
    const images = new Float32Array(8 * 192);
    const labels = new Float32Array(16);
    createBatcher(from, clean(true), 8).fillClean(from.train, Uint32Array.of(3, 0, 19, 7), 0, images, labels);
    return { images, labels };
  };
  assert.deepEqual(batch(onDisk), batch(dataset));
});

test('a file of more than 4 GiB is read beyond them', async (t) => {
  const path = join(await newFolder(t), 'large');
  const beyond = 2 ** 32 + 12_345;
  const file = openSync(path, 'w');
  writeSync(file, noise(300, 'far'), 0, 300, beyond);
  truncateSync(path, beyond + 300);
  const images = imagesIn(openFile(path), 45, beyond + 300 - 45);
  assert.equal(images.length, beyond + 255);
  assert.deepEqual(images.subarray(beyond - 45, beyond - 45 + 300), noise(300, 'far'));
  assert.throws(() => images.subarray(beyond + 250, beyond + 300), userError(/large: ends before it should$/));
});

/** An empty hole of so many bytes, with others behind it. */
function sparse(path: string, length: number, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'a');
  truncateSync(path, length);
  closeSync(file);
  const written = openSync(path, 'r+');
  writeSync(written, bytes, 0, bytes.length, at);
  closeSync(written);
}

test('IDX files of more than 4 GiB are read where they are needed, not into memory', async (t) => {
  const folder = await newFolder(t);
  const [count, side] = [4200, 1024];
  const labels = Uint8Array.from({ length: count }, (_none, at) => at % 3);
  await putAll(folder, {
    ...idxFiles(),
    'train-images-idx3-ubyte': idx(0x803, [count, side, side], new Uint8Array()),
    'train-labels-idx1-ubyte': idx(0x801, [count], labels),
    't10k-images-idx3-ubyte': idx(0x803, [2, side, side], noise(2 * side * side, 'test')),
  });
  const size = side * side;
  const last = noise(size, 'last');
  sparse(join(folder, 'train-images-idx3-ubyte'), 16 + count * size, 16 + (count - 1) * size, last);
  const cacheFolder = join(folder, 'cache');
  const source = await findSource(folder, { cacheFolder, environment: {} }, nowhere, quiet);
  let most = 0;
  const before = process.memoryUsage().rss;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
  const decoded = await source
    .decode({ ...quiet, scratch: join(cacheFolder, 'x.images'), memory: Infinity })
    .finally(() => clearInterval(watch));
  assert.equal(decoded.train.images.length, count * size);
  assert.deepEqual(decoded.train.images.subarray((count - 1) * size, count * size), last);
  assert.deepEqual(decoded.train.labels, Uint16Array.from(labels));
  const mean = last.reduce((sum, value) => sum + value, 0) / (count * size) / 255;
  assert.ok(Math.abs((decoded.mean[0] as number) - mean) < 1e-12);
  assert.ok(most > 0 && most - before < 2 ** 29, `${(most - before) / 2 ** 20} MiB`);
});

test('packed IDX files that memory should not hold are unpacked into a file, with the same content', async (t) => {
  const folder = await newFolder(t);
  const [count, side] = [300, 1024];
  const images = new Uint8Array(count * side * side);
  for (let at = 0; at < count; at++) images.fill(at % 251, at * side * side, (at + 1) * side * side);
  await putAll(folder, {
    'train-labels-idx1-ubyte': idx(
      0x801,
      [count],
      Uint8Array.from({ length: count }, (_none, at) => at % 3),
    ),
    't10k-labels-idx1-ubyte': idx(0x801, [2], Uint8Array.of(2, 0)),
    'train-images-idx3-ubyte.gz': gzipSync(idx(0x803, [count, side, side], images), { level: 1 }),
    't10k-images-idx3-ubyte.gz': gzipSync(idx(0x803, [2, side, side], noise(2 * side * side, 'test'))),
  });
  const scratch = join(folder, 'cache', 'x.images');
  const source = await findSource(folder, { cacheFolder: join(folder, 'cache'), environment: {} }, nowhere, quiet);
  const { train, test: tested } = await source.decode({ ...quiet, scratch, memory: Infinity });
  assert.ok(existsSync(scratch));
  assert.equal(train.images.length, images.length);
  for (const at of [0, 1, 177, count - 1])
    assert.ok(
      Buffer.compare(
        train.images.subarray(at * side * side, (at + 1) * side * side),
        images.subarray(at * side * side, (at + 1) * side * side),
      ) === 0,
    );
  assert.deepEqual(allBytes(tested.images), noise(2 * side * side, 'test'));
});

test('a file that is too large for what it is named is one line, and is not read', async (t) => {
  const folder = await newFolder(t);
  await photos(join(folder, 'photos'), ['a', 'b'], 12);
  const large = join(folder, 'photos', 'a', 'film.png');
  sparse(large, 2 ** 32 + 100, 0, await png('film', 8, 8));
  const { leftOut } = await read(join(folder, 'photos'));
  assert.deepEqual(
    leftOut.map(({ path, reason }) => [path, reason]),
    [[large, '4.0 GiB, more than an image may have']],
  );
  const table = join(folder, 'labels.csv');
  sparse(table, 2 ** 32 + 100, 0, new TextEncoder().encode('file,label\n1.png,a\n'));
  await assert.rejects(readTable(table), userError(/labels\.csv: 4294967396 bytes are too many for a table of labels$/));
  const binaries = join(folder, 'cifar');
  await putAll(binaries, cifarFiles());
  sparse(join(binaries, 'data_batch_2.bin'), 2 ** 32 + 100, 0, Uint8Array.of(1));
  await assert.rejects(read(binaries), userError(/data_batch_2\.bin has 4294967396 bytes, more than can be$/));
});

test('images that are computed, joined and gone through piece by piece', () => {
  const twice = derived(3_000_000, 6, (first, count, to) => {
    for (let at = 0; at < count; at++) to.fill((first + at) % 251, at * 6, (at + 1) * 6);
  });
  const all = joined(twice, Uint8Array.of(7, 7, 7, 7, 7, 7));
  assert.deepEqual(
    all.subarray(2_999_999 * 6, 3_000_001 * 6),
    Uint8Array.from([...Array.from({ length: 6 }, () => 2_999_999 % 251), 7, 7, 7, 7, 7, 7]),
  );
  let [pieces, bytes] = [0, 0];
  for (const piece of piecesOf(all, 6)) {
    assert.ok(piece.length % 6 === 0 && piece.length <= 2 ** 23);
    pieces++;
    bytes += piece.length;
  }
  assert.deepEqual([pieces, bytes], [3, 18_000_006]);
  assert.throws(() => twice.subarray(1, 7), /whole images/);
});

test('decoding that was interrupted goes on where it was, and ends with the same data', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  await photos(folder, ['a', 'b'], 200);
  const stop = new AbortController();
  const progress = (event: DataEvent): void => {
    if (event.kind === 'decode' && event.done >= 200) stop.abort(new Error('stopped'));
  };
  await assert.rejects(read(folder, { imageSize: 8, progress, signal: stop.signal }), /^Error: stopped$/);
  const source = await findSource(folder, { cacheFolder: join(root, 'cache'), environment: {}, imageSize: 8 }, nowhere, quiet);
  const scratch = join(root, 'cache', 'decoding', `${fingerprintOf(source)}.images`);
  const records = openRecords(scratch, 400, 192);
  const found = Array.from({ length: 400 }, (_none, at) => records.found(at) !== undefined).filter(Boolean).length;
  assert.ok(found >= 200 && found < 400, `${found}`);
  // What is there is taken, where it is whole: a changed image is seen, half an image is not.
  const other = await png('other');
  const decoded = await sharp(other).raw().toBuffer();
  const planar = Uint8Array.from({ length: 192 }, (_none, at) => decoded[(at % 64) * 3 + Math.floor(at / 64)] as number);
  records.write(0, planar, true);
  records.write(1, planar, false);
  const [again, plain] = [
    await read(folder, { imageSize: 8 }),
    await read(folder, { imageSize: 8, cacheFolder: join(root, 'anew') }),
  ];
  assert.notEqual(again.dataset.hash, plain.dataset.hash);
  assert.ok(!existsSync(scratch));
  await put(join(folder, 'a', '0.png'), other);
  assert.equal((await read(folder, { imageSize: 8, cacheFolder: join(root, 'third') })).dataset.hash, again.dataset.hash);
});

test('what an interrupted process left is removed when nothing has changed it for a day', async (t) => {
  const root = await newFolder(t);
  const folder = join(root, 'photos');
  await photos(folder, ['a', 'b'], 4);
  const left = [
    'cache/decoding/old.images',
    'cache/.old.part',
    'cache/decoding/new.images',
    'cache/.new.part',
    'cache/old.safetensors',
  ];
  for (const name of left) await put(join(root, name), 'pixels');
  const now = Date.now();
  for (const name of left) if (name.includes('old')) await utimes(join(root, name), 1, now / 1000 - 25 * 3600);
  await read(folder, { machine: { now: () => now, memory: 1e9 } });
  assert.deepEqual(
    left.map((name) => existsSync(join(root, name))),
    [false, false, true, true, true],
  );
});

test('decoders share memory; a large image waits for its turn, and one that never fits is left out', async () => {
  const limit = limitMemory(1000);
  let [taken, most] = [0, 0];
  const order: number[] = [];
  const work = (bytes: number): Promise<void> =>
    limit.within(bytes, 'x', async () => {
      order.push(bytes);
      taken += bytes;
      most = Math.max(most, taken);
      await new Promise((resolve) => setTimeout(resolve, 5));
      taken -= bytes;
    });
  await Promise.all([200, 200, 600, 200, 100].map(work));
  // The one of 600 is more than decoders share, and runs alone, before those that came later.
  assert.deepEqual([most, order], [600, [200, 200, 600, 200, 100]]);
  await assert.rejects(work(901), userError(/^x: decoding it takes about 901 B of memory, and 1000 B are free$/));
  const failing = limit.within(500, 'x', () => Promise.reject(new Error('damaged')));
  await assert.rejects(failing, /damaged/);
  await work(500);
});

test('an image of few bytes and many pixels is left out where memory is short', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['a', 'b'], 12);
  await put(join(folder, 'a', 'bomb.png'), await deep(4000, 2000));
  const machine = (memory: number) => ({ now: () => 0, memory });
  const found = await read(folder, { imageSize: 8, machine: machine(20e6) });
  const reasons = found.leftOut.map(({ reason }) => reason);
  assert.match(reasons.join(), /^decoding it takes about 2[34][.\d]* MiB of memory, and 19[.\d]* MiB are free$/);
  const cacheFolder = join(folder, '..', 'other');
  assert.deepEqual((await read(folder, { imageSize: 8, machine: machine(30e6), cacheFolder })).leftOut, []);
});

test('the memory of decoding does not grow with the images', { timeout: 280_000 }, async (t) => {
  const folder = join(await newFolder(t), 'photos');
  const image = await png('one', 8, 8);
  for (const name of ['a', 'b'])
    for (let at = 0; at < 800; at++) await put(join(folder, name, `${at}.png`), at < 4 ? await png(`${name} ${at}`) : image);
  // Of 315 MB of pixels, which are not held.
  const script = `
    const { readDataset } = await import(${JSON.stringify(new URL('../../src/data/read.js', import.meta.url).href)});
    const { readFileSync } = await import('node:fs');
    const most = () => Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
    await readDataset(${JSON.stringify(folder)} , { cacheFolder: ${JSON.stringify(join(folder, '..', 'warm'))}, environment: {}, imageSize: 8 });
    const before = most();
    const { dataset } = await readDataset(${JSON.stringify(folder)}, { cacheFolder: ${JSON.stringify(join(folder, '..', 'cache'))}, environment: {}, imageSize: 256 });
    console.log(JSON.stringify({ grown: most() - before, bytes: dataset.train.images.length + dataset.test.images.length }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  const { grown, bytes } = JSON.parse(stdout) as { grown: number; bytes: number };
  assert.equal(bytes, 1600 * 256 * 256 * 3);
  assert.ok(grown < 120, `${grown} MiB more`);
});

test('a disk without room is said before anything is decoded', async (t) => {
  const root = await newFolder(t);
  const path = join(root, 'cache', 'decoding', 'x.images');
  await checkDisk(path, 10, 3072, 'photos');
  await assert.rejects(
    checkDisk(path, 1e9, 2 ** 24, 'photos: 1000000000 images of 2364 × 2364'),
    userError(
      /^photos: 1000000000 images of 2364 × 2364 need [\d.]+ GiB of disk in \S+decoding, and [\d.]+ GiB are free: give a smaller/,
    ),
  );
});

test('the time that is left follows from the speed of the last minute', () => {
  const seen: (number | undefined)[] = [];
  let now = 0;
  const tell = timed(
    (event) => seen.push(event.kind === 'decode' ? event.left : -1),
    () => now,
  );
  for (const [seconds, done] of [
    [0, 0],
    [1, 100],
    [5, 500],
    [50, 5000],
    [100, 7500],
    [110, 8000],
    [150, 10_000],
  ] as const) {
    now = 1000 * seconds;
    tell({ kind: 'decode', done, total: 10_000 });
  }
  assert.deepEqual(seen, [undefined, undefined, 95, 50, 50, 40, 0]);
});

test('the fingerprint of a source is that of the JSON of all its files', async (t) => {
  const folder = join(await newFolder(t), 'photos');
  await photos(folder, ['a', 'b'], 3);
  await mkdir(join(folder, '..', 'cache'), { recursive: true });
  await read(folder);
  const [note] = readdirSync(join(folder, '..', 'cache', 'sources'));
  const source = await findSource(folder, { cacheFolder: '', environment: {} }, nowhere, quiet);
  assert.equal(note, `${fingerprintOf(source)}.json`);
  const { canonicalJson } = await import('../../src/util/json.ts');
  const { sha256 } = await import('../../src/util/hash.ts');
  const files = source.files.map(({ path, size, changed }) => [path, size, changed]);
  assert.equal(fingerprintOf(source), sha256(canonicalJson({ version: 1, options: source.options, files })));
  assert.ok((await readFile(join(folder, '..', 'cache', 'sources', note ?? ''), 'utf8')).includes('hash'));
});
