import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readDataset, type ReadOptions } from '../../src/data/read.ts';
import type { DatasetLocations } from '../../src/data/resolve.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { must } from '../../src/util/assert.ts';
import { cifarFiles, newFolder, noise, nowhere, put, putAll, tarGz, userError } from './places.ts';
import { breaking, serve as serveAnswers, whole as wholeOf, type Answer } from './serve.ts';

const files = cifarFiles();

test('the folder, a folder around it, and the archive give the same data', async (t) => {
  const root = await newFolder(t);
  await putAll(join(root, 'bare'), files);
  await putAll(join(root, 'around', 'cifar-10-batches-bin'), files);
  await put(join(root, 'archived', 'cifar-10-binary.tar.gz'), await tarGz(files));
  const options = { cacheFolder: join(root, 'cache'), environment: {} };
  const hashes = new Set<string>();
  for (const path of ['bare', 'around', 'archived', 'archived/cifar-10-binary.tar.gz']) {
    const { dataset } = await readDataset(join(root, path), options, nowhere);
    hashes.add(dataset.hash);
    assert.deepEqual(dataset.shape, { channels: 3, height: 32, width: 32 });
    assert.deepEqual(dataset.classes, [...'abcdefghij']);
    assert.equal(dataset.train.labels.length, 20);
    assert.deepEqual([...dataset.train.labels.subarray(0, 6)], [0, 1, 2, 3, 0, 1]);
    const second = must(files['data_batch_2.bin'], 'batch');
    assert.deepEqual([...dataset.train.images.subarray(5 * 3072, 6 * 3072)], [...second.subarray(3074, 2 * 3073)]);
    assert.deepEqual(dataset.mean, [125.3 / 255, 123 / 255, 113.9 / 255]);
    assert.deepEqual(dataset.std, [63 / 255, 62.1 / 255, 66.7 / 255]);
  }
  assert.equal(hashes.size, 1);
});

test('without names the usual ten', async (t) => {
  const root = await newFolder(t);
  const { 'batches.meta.txt': _, ...rest } = files;
  await putAll(join(root, 'data'), rest);
  const options = { cacheFolder: join(root, 'cache'), environment: {} };
  const { dataset } = await readDataset(join(root, 'data'), options, nowhere);
  assert.deepEqual([dataset.classes[0], dataset.classes[9], dataset.classes.length], ['airplane', 'truck', 10]);
});

test('cifar10 is found in --data and INSTAR_DATA', async (t) => {
  const root = await newFolder(t);
  await putAll(join(root, 'cifar-10-batches-bin'), files);
  const cacheFolder = join(root, 'cache');
  const locations: readonly Partial<ReadOptions>[] = [
    { dataFolder: root },
    { dataFolder: join(root, 'cifar-10-batches-bin') },
    { environment: { INSTAR_DATA: root } },
    { environment: { INSTAR_DATA: join(root, 'cifar-10-batches-bin') } },
  ];
  for (const place of locations) {
    const { dataset } = await readDataset('cifar10', { cacheFolder, environment: {}, ...place }, nowhere);
    assert.equal(dataset.train.labels.length, 20);
  }
  await assert.rejects(
    readDataset('cifar10', { cacheFolder, environment: {}, dataFolder: cacheFolder }, nowhere),
    userError(/cache: given with --data, but cifar10 is not in it$/),
  );
});

function withLabel(name: string, record: number, label: number): Record<string, Uint8Array> {
  const bytes = must(files[name], name).slice();
  bytes[record * 3073] = label;
  return { [name]: bytes };
}

const broken: readonly [string, Record<string, Uint8Array>, RegExp][] = [
  [
    'a cut file',
    { 'data_batch_3.bin': noise(4 * 3073 - 1, 0) },
    /data_batch_3\.bin: cut short: 12291 bytes are not a number of 3073-byte/,
  ],
  ['an empty file', { 'test_batch.bin': new Uint8Array() }, /test_batch\.bin: cut short: 0 bytes/],
  [
    'fewer records',
    { 'data_batch_5.bin': noise(3 * 3073, 0) },
    /data_batch_5\.bin: cut short or too long: 3 records, 4 in test_batch\.bin$/,
  ],
  [
    'a label out of range',
    withLabel('data_batch_4.bin', 2, 10),
    /data_batch_4\.bin: label 10 of image 2 is out of range: there are 10 classes$/,
  ],
  ['no names', { 'batches.meta.txt': new Uint8Array() }, /batches\.meta\.txt: 0 class names$/],
];
for (const [what, changes, message] of broken)
  test(`refused, and nothing written: ${what}`, async (t) => {
    const root = await newFolder(t);
    await putAll(join(root, 'data'), { ...files, ...changes });
    await put(join(root, 'data.tar.gz'), await tarGz({ ...files, ...changes }));
    const options = { cacheFolder: join(root, 'cache'), environment: {} };
    for (const path of ['data', 'data.tar.gz'])
      await assert.rejects(
        readDataset(join(root, path), options, nowhere),
        (error) => userError(message)(error) && userError(new RegExp(`^${join(root, path)}`))(error),
      );
    assert.deepEqual((await readdir(root)).toSorted(), ['data', 'data.tar.gz']);
  });

test('missing files and damaged archives are named', async (t) => {
  const root = await newFolder(t);
  const options = { cacheFolder: join(root, 'cache'), environment: {} };
  const { 'data_batch_2.bin': _, ...incomplete } = files;
  await putAll(join(root, 'data'), incomplete);
  await assert.rejects(
    readDataset(join(root, 'data'), options, nowhere),
    userError(/data: has CIFAR-10 files but not all six: data_batch_2\.bin missing$/),
  );
  const whole = await tarGz(files);
  const archives: readonly [Uint8Array, RegExp][] = [
    [await tarGz(incomplete), /x\.tar\.gz\/cifar-10-batches-bin: has CIFAR-10 files but not all six: data_batch_2\.bin missing$/],
    [whole.subarray(0, whole.length >> 1), /x\.tar\.gz: cannot be unpacked: damaged or cut short \(/],
    [noise(1000, 0), /x\.tar\.gz: cannot be unpacked: damaged or no archive$/],
    [new Uint8Array(), /x\.tar\.gz: cannot be unpacked: damaged or no archive$/],
    [await tarGz({ 'cat.jpg': noise(9, 1) }, 'photos'), /x\.tar\.gz: only one class \(photos\); at least two are needed$/],
  ];
  for (const [bytes, message] of archives) {
    await put(join(root, 'x.tar.gz'), bytes);
    await assert.rejects(readDataset(join(root, 'x.tar.gz'), options, nowhere), userError(message));
  }
});

interface Served {
  readonly locations: DatasetLocations;
  /** The ranges that were asked for. */
  readonly asked: readonly (string | undefined)[];
}

/** A server on this machine that gives the archive, as `answer` does it. */
async function serve(
  t: TestContext,
  archive: Buffer,
  answer: Answer,
  changes: Partial<DatasetLocations['cifar']> = {},
): Promise<Served> {
  const { origin, asked } = await serveAnswers(t, answer);
  const md5 = createHash('md5').update(archive).digest('hex');
  const cifar = { url: `${origin}/cifar-10-binary.tar.gz`, md5, verify: false, patience: 5000, ...changes };
  return { locations: { ...nowhere, cifar }, asked };
}

test('cifar10 is downloaded once, with progress', async (t) => {
  const cacheFolder = join(await newFolder(t), 'cache');
  const archive = await tarGz(files);
  const { locations, asked } = await serve(t, archive, wholeOf(archive));
  const events: DataEvent[] = [];
  const options = { cacheFolder, environment: {}, progress: (event: DataEvent) => events.push(event) };
  const { dataset } = await readDataset('cifar10', options, locations);
  assert.equal(dataset.train.labels.length, 20);
  const last = events.findLast((event) => event.kind === 'download');
  assert.deepEqual(last, { kind: 'download', url: locations.cifar.url, received: archive.length, total: archive.length });
  assert.equal((await readDataset('cifar10', options, locations)).dataset.hash, dataset.hash);
  assert.deepEqual(asked, [undefined]);
});

test('a broken download is said and goes on where it stopped', async (t) => {
  const cacheFolder = join(await newFolder(t), 'cache');
  const archive = await tarGz(files);
  const { locations, asked } = await serve(t, archive, breaking(archive, wholeOf(archive)));
  const options = { cacheFolder, environment: {} };
  await assert.rejects(
    readDataset('cifar10', options, locations),
    userError(
      /^http:.*: cannot be downloaded \(.+\): try again, or fetch it elsewhere and give its folder with --data or INSTAR_DATA$/,
    ),
  );
  const half = await readFile(join(cacheFolder, 'downloads', 'cifar-10-binary.tar.gz.part'));
  assert.deepEqual(half, archive.subarray(0, half.length));
  assert.ok(half.length > 0);
  assert.equal((await readDataset('cifar10', options, locations)).dataset.train.labels.length, 20);
  assert.deepEqual(asked, [undefined, `bytes=${half.length}-`]);
  assert.deepEqual(await readdir(join(cacheFolder, 'downloads')), ['cifar-10-binary.tar.gz']);
});

test('a server that cannot resume begins again', async (t) => {
  const cacheFolder = join(await newFolder(t), 'cache');
  const archive = await tarGz(files);
  const again: Answer = (_, response) => response.writeHead(200, { 'content-length': archive.length }).end(archive);
  const { locations } = await serve(t, archive, breaking(archive, again));
  await assert.rejects(readDataset('cifar10', { cacheFolder, environment: {} }, locations), userError(/cannot be downloaded/));
  assert.equal((await readDataset('cifar10', { cacheFolder, environment: {} }, locations)).dataset.train.labels.length, 20);
});

test('a part that is already whole is taken', async (t) => {
  const cacheFolder = join(await newFolder(t), 'cache');
  const archive = await tarGz(files);
  await put(join(cacheFolder, 'downloads', 'cifar-10-binary.tar.gz.part'), archive);
  const { locations } = await serve(t, archive, (_, response) => response.writeHead(416).end());
  assert.equal((await readDataset('cifar10', { cacheFolder, environment: {} }, locations)).dataset.train.labels.length, 20);
});

test('what is not what it should be is thrown away', async (t) => {
  const cacheFolder = join(await newFolder(t), 'cache');
  const archive = await tarGz(files);
  const { locations } = await serve(t, archive, wholeOf(archive), { md5: '1'.repeat(32) });
  await assert.rejects(
    readDataset('cifar10', { cacheFolder, environment: {} }, locations),
    userError(/damaged, or another file than was meant: its MD5 is [0-9a-f]{32}, not 1{32}: try again, or fetch it elsewhere/),
  );
  assert.deepEqual(await readdir(join(cacheFolder, 'downloads')), []);
});

test('the downloaded files must be the original ones', async (t) => {
  const cacheFolder = join(await newFolder(t), 'cache');
  const archive = await tarGz(files);
  const { locations } = await serve(t, archive, wholeOf(archive), { verify: true });
  await assert.rejects(
    readDataset('cifar10', { cacheFolder, environment: {} }, locations),
    userError(/data_batch_1\.bin: is not the original file: its SHA-256 differs$/),
  );
});

test('no network, a silent server and an error answer are one line each', async (t) => {
  const cacheFolder = join(await newFolder(t), 'cache');
  const archive = await tarGz(files);
  const options = { cacheFolder, environment: {} };
  await assert.rejects(readDataset('cifar10', options, nowhere), userError(/cannot be downloaded \(.+\): try again, or fetch/));
  const silent = await serve(t, archive, () => undefined, { patience: 50 });
  await assert.rejects(readDataset('cifar10', options, silent.locations), userError(/\(no byte came for 0\.05 s\)/));
  const gone = await serve(t, archive, (_, response) => response.writeHead(404).end());
  await assert.rejects(readDataset('cifar10', options, gone.locations), userError(/\(the server answered 404\)/));
  const wrong = await serve(t, archive, (_, response) => response.writeHead(206, { 'content-range': 'bytes 7-9/10' }).end('abc'));
  await assert.rejects(readDataset('cifar10', options, wrong.locations), userError(/another range than requested/));
});

test('a download can be stopped', async (t) => {
  const cacheFolder = join(await newFolder(t), 'cache');
  const stop = new AbortController();
  const { locations } = await serve(t, await tarGz(files), () => stop.abort(new Error('stopped')));
  const read = readDataset('cifar10', { cacheFolder, environment: {}, signal: stop.signal }, locations);
  await assert.rejects(read, /^Error: stopped$/);
});
