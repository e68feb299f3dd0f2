import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdir, readFile, stat, truncate, utimes, writeFile, rm, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataset } from '../../src/data/cache.ts';
import { measurePixels } from '../../src/data/dataset.ts';
import { writeFailure, writeWhole } from '../../src/util/files.ts';
import { readDataset } from '../../src/data/read.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { encodeSafetensors } from '../../src/formats/safetensors.ts';
import { RunError, UserError } from '../../src/util/user-error.ts';
import { idxFiles, newFolder, nowhere, put, putAll, userError, noiseDataset } from './places.ts';

async function example(t: import('node:test').TestContext) {
  const root = await newFolder(t);
  const [folder, cacheFolder] = [join(root, 'data'), join(root, 'cache')];
  await putAll(folder, idxFiles());
  /** Reads, and says whether anything was decoded. */
  const read = async () => {
    const events: DataEvent[] = [];
    const progress = (event: DataEvent): void => void events.push(event);
    const result = await readDataset(folder, { cacheFolder, environment: {}, progress }, nowhere);
    return { ...result, decoded: events.some(({ kind }) => kind === 'decode') };
  };
  return { folder, cacheFolder, read };
}

test('a second reading takes what was decoded, and a worker loads it back', async (t) => {
  const { cacheFolder, read } = await example(t);
  const first = await read();
  assert.equal(first.path, join(cacheFolder, `${first.dataset.hash}.safetensors`));
  const second = await read();
  assert.deepEqual([first.decoded, second.decoded], [true, false]);
  assert.deepEqual(second.dataset, first.dataset);
  assert.deepEqual(await loadDataset(first.path), first.dataset);
  assert.deepEqual(await loadDataset(first.path, first.dataset.hash), first.dataset);
  await assert.rejects(loadDataset(first.path, 'f'.repeat(64)), userError(/safetensors: damaged: its content is not f{64}$/));
  assert.deepEqual((await readdir(cacheFolder)).toSorted(), [`${first.dataset.hash}.safetensors`, 'sources']);
});

test('a changed file is decoded again', async (t) => {
  const { folder, read } = await example(t);
  const before = await read();
  const labels = join(folder, 'train-labels-idx1-ubyte');
  const bytes = await readFile(labels);
  bytes[9] = 2;
  await writeFile(labels, bytes);
  await utimes(labels, 1e9, 1e9);
  const after = await read();
  assert.ok(after.decoded && after.dataset.hash !== before.dataset.hash);
});

test('a damaged or missing cache is made anew', async (t) => {
  const { cacheFolder, read } = await example(t);
  const { path, dataset } = await read();
  const sources = join(cacheFolder, 'sources');
  const [note = ''] = await readdir(sources);
  const { size } = await stat(path);
  const damages: (() => Promise<void>)[] = [
    () => truncate(path, size - 1),
    () => truncate(path, 0),
    () => rm(path),
    async () => {
      const bytes = await readFile(path);
      bytes[size - 1] = (bytes[size - 1] as number) ^ 1;
      await writeFile(path, bytes);
    },
    () => writeFile(join(sources, note), 'not JSON'),
    () => writeFile(join(sources, note), '{"hash":"../../etc/passwd"}'),
    () => rm(sources, { recursive: true }),
  ];
  for (const damage of damages) {
    await damage();
    const again = await read();
    assert.ok(again.decoded);
    assert.equal(again.dataset.hash, dataset.hash);
    assert.equal((await read()).decoded, false);
  }
});

test('every byte of the data counts: a flipped bit does not load', async (t) => {
  const { path } = await (await example(t)).read();
  const whole = await readFile(path);
  for (let bit = 0; bit < whole.length * 8; bit += 13) {
    const damaged = Buffer.from(whole);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    await writeFile(path, damaged);
    await loadDataset(path).then(
      ({ name }) => assert.notEqual(name, 'data', `bit ${bit} was not noticed`), // Only the name may differ.
      (error: unknown) => assert.ok(error instanceof UserError, String(error)),
    );
  }
});

test('a file that is something else is said', async (t) => {
  const folder = await newFolder(t);
  const path = join(folder, 'x.safetensors');
  await assert.rejects(loadDataset(path), userError(/x\.safetensors: does not exist$/));
  await put(path, encodeSafetensors({}));
  await assert.rejects(loadDataset(path), userError(/not a dataset of this program: its description cannot be read$/));
  const description = { version: 1, name: 'x', classes: ['a', 'b'], mean: [0], std: [1], flip: true };
  await put(path, encodeSafetensors({}, { dataset: JSON.stringify(description) }));
  await assert.rejects(loadDataset(path), userError(/its train part is incomplete$/));
});

test('equal data under two names is one file', async (t) => {
  const { folder, cacheFolder, read } = await example(t);
  const one = await read();
  const other = join(folder, '..', 'copy');
  await putAll(other, {});
  for (const name of await readdir(folder)) {
    await put(join(other, name), '');
    await copyFile(join(folder, name), join(other, name));
  }
  const { path, dataset } = await readDataset(other, { cacheFolder, environment: {} }, nowhere);
  assert.deepEqual([path, dataset.name], [one.path, 'copy']);
});

const rounded = (values: readonly number[]): string[] => values.map((value) => value.toFixed(6));

test('mean and deviation are those of pixels/255 of each channel; a channel that never changes divides by 1', () => {
  const images = Uint8Array.of(0, 255, 51, 51, 7, 7, 255, 0, 51, 153, 7, 7);
  const { mean, std } = measurePixels(images, { channels: 3, height: 1, width: 2 });
  assert.deepEqual(rounded(mean), ['0.500000', '0.300000', (7 / 255).toFixed(6)]);
  assert.deepEqual(rounded(std), ['0.500000', Math.sqrt(0.03).toFixed(6), '1.000000']);
});

test('the hash names all that trains', () => {
  const base = noiseDataset([0, 1, 2]);
  const [mean, std] = [base.mean, base.std];
  const hashes = [
    base,
    noiseDataset([0, 2, 1]),
    noiseDataset([0, 1, 2], { channels: 3, height: 5, width: 4 }),
    noiseDataset([0, 1, 2], base.shape, { classes: ['a', 'b', 'c'] }),
    noiseDataset([0, 1, 2], base.shape, { flip: false }),
    noiseDataset([0, 1, 2], base.shape, { validationImages: 1 }),
    noiseDataset([0, 1, 2], base.shape, { mean: std, std }),
    noiseDataset([0, 1, 2], base.shape, { mean, std: mean }),
    noiseDataset([0, 1, 2], base.shape, { train: base.test, test: base.train }),
  ].map(({ hash }) => hash);
  assert.equal(new Set(hashes).size, hashes.length);
});

test('a full disk is a RunError that says so, no permission a UserError', async (t) => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const error = writeFailure(full, '/cache/x');
  assert.ok(error instanceof RunError);
  assert.equal(error.message, '/cache/x: cannot be written: the disk is full');
  const folder = await newFolder(t);
  await put(join(folder, 'file'), '');
  await assert.rejects(writeWhole(join(folder, 'file', 'x'), []), userError(/x: cannot be written \((ENOTDIR|EEXIST)\)$/));
});

test('writing leaves the whole file or what was there', async (t) => {
  const folder = await newFolder(t);
  const path = join(folder, 'deep', 'x');
  await writeWhole(path, [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3)]);
  assert.deepEqual([...(await readFile(path))], [1, 2, 3]);
  const broken = { length: 1, byteLength: 1 } as unknown as Uint8Array;
  await assert.rejects(writeWhole(path, [Uint8Array.of(9), broken]));
  assert.deepEqual([...(await readFile(path))], [1, 2, 3]);
  assert.deepEqual(await readdir(join(folder, 'deep')), ['x']);
});
