/** Folders, files and datasets that the tests of this room make up. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import sharp from 'sharp';
import { pack } from 'tar-stream';
import { createGzip } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { datasetOf, measurePixels, type Dataset, type Part } from '../../src/data/dataset.ts';
import { defaultLocations, type DatasetLocations } from '../../src/data/resolve.ts';
import type { ReadListener } from '../../src/data/source.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';
import { UserError } from '../../src/util/user-error.ts';

export const quiet: ReadListener = { progress: () => undefined };

/** A folder that goes when the test ends. */
export async function newFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'instar-data-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file and the folders that it needs. */
export async function put(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** A user's mistake, in one line that matches. */
export const userError =
  (message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof UserError, `a UserError, not ${String(error)}`);
    assert.match(error.message, message);
    assert.ok(!error.message.includes('\n'), 'one line');
    return true;
  };

/** Nothing but what the test itself puts there. */
export const nowhere: DatasetLocations = {
  ...defaultLocations,
  fashionMnist: '/nonexistent/fashion-mnist',
  packageFolder: () => undefined,
  cifar: { url: 'http://127.0.0.1:9/cifar.tar.gz', md5: '0'.repeat(32), verify: false, patience: 1000 },
};

/** Reproducible bytes that look like nothing. */
export function noise(length: number, name: string | number): Uint8Array {
  const source = random('noise', name);
  return Uint8Array.from({ length }, () => source.integer(256));
}

/** Gives these numbers, one after another, to whoever draws; fails where more are drawn or a bound does not fit. */
export function scripted(...values: readonly number[]): Random & { left: () => number } {
  const rest = [...values];
  const next = (): number => must(rest.shift(), 'further random number');
  return {
    ...random('scripted'),
    float: next,
    integer(bound) {
      const value = next();
      assert.ok(value < bound, `${value} below ${bound}`);
      return value;
    },
    left: () => rest.length,
  };
}

export function partOf(labels: readonly number[], size: number, name: string): Part {
  return { images: noise(labels.length * size, name), labels: Uint16Array.from(labels) };
}

/** A dataset of noise with these training labels. */
export function noiseDataset(
  labels: readonly number[],
  shape = { channels: 3, height: 4, width: 5 },
  changes: Partial<Dataset> = {},
): Dataset {
  const size = shape.channels * shape.height * shape.width;
  const classes = Array.from({ length: Math.max(...labels) + 1 }, (_, label) => `class ${label}`);
  const train = partOf(labels, size, 'train');
  const measured = measurePixels(train.images, shape);
  const content = { classes, shape, train, test: partOf([0, 1], size, 'test'), ...measured, flip: true };
  return datasetOf('noise', 'noise', { ...content, ...changes });
}

/** An IDX file. */
export function idx(magic: number, extents: readonly number[], elements: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * extents.length + elements.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  extents.forEach((extent, at) => view.setUint32(4 + 4 * at, extent));
  bytes.set(elements, 4 + 4 * extents.length);
  return bytes;
}

/** The four IDX files of 6 training and 2 test images, 4 × 3 pixels, by their names. */
export function idxFiles(): Record<string, Uint8Array> {
  return {
    'train-images-idx3-ubyte': idx(0x803, [6, 4, 3], noise(72, 'a')),
    'train-labels-idx1-ubyte': idx(0x801, [6], Uint8Array.of(0, 1, 2, 0, 1, 2)),
    't10k-images-idx3-ubyte': idx(0x803, [2, 4, 3], noise(24, 'b')),
    't10k-labels-idx1-ubyte': idx(0x801, [2], Uint8Array.of(2, 0)),
  };
}

/** CIFAR-10's six files with so many records each, and the names of the classes. */
export function cifarFiles(records = 4): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const name of [...[1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`), 'test_batch.bin']) {
    const bytes = noise(records * 3073, name);
    for (let record = 0; record < records; record++) bytes[record * 3073] = record % 10;
    files[name] = bytes;
  }
  return { ...files, 'batches.meta.txt': new TextEncoder().encode('a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n') };
}

/** A tar.gz of files in `folder`. */
export async function tarGz(files: Readonly<Record<string, Uint8Array>>, folder = 'cifar-10-batches-bin'): Promise<Buffer> {
  const archive = pack();
  for (const [name, bytes] of Object.entries(files)) archive.entry({ name: `${folder}/${name}` }, Buffer.from(bytes));
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}

export async function putAll(folder: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) await put(join(folder, name), bytes);
}

/** A PNG of noise; grey: one channel. */
export async function png(name: string | number, width = 8, height = 8, channels: 1 | 3 | 4 = 3): Promise<Buffer> {
  const raw = { width, height, channels };
  return sharp(noise(width * height * channels, name), { raw })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}

/** An RGB picture of noise; `colour`: of the twelve columns at its left side. */
export function sided(name: string | number, width: number, height: number, colour: readonly [number, number, number]) {
  const pixels = noise(width * height * 3, name).map((value, at) => {
    const isSide = Math.floor(at / 3) % width < 12;
    return Math.round(isSide ? 0.8 * (colour[at % 3] as number) + 0.2 * value : 60 + 0.5 * value);
  });
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** A folder of such pictures, of two classes that differ at that side alone: train/ and test/. */
export async function putSided(root: string, sides: readonly [width: number, height: number], train: number, test: number) {
  for (const [part, count] of Object.entries({ train, test }))
    for (const [name, colour] of Object.entries({ blue: [40, 60, 220], red: [220, 60, 40] } as const))
      for (let at = 0; at < count; at++)
        await put(
          join(root, part, name, `${at}.png`),
          await sided(`${part} ${name} ${at}`, ...sides, colour)
            .png()
            .toBuffer(),
        );
}
