/**
 * IDX files as of MNIST, plain or .gz (LeCun, Cortes & Burges): a folder with images and labels for training and test.
 * Big-endian: magic number, extents, bytes.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../util/user-error.ts';
import { measurePixels, type Part } from './dataset.ts';
import { readBytes, reasonOf } from '../util/files.ts';
import { fashionMnist, fileAt, mnist, type DatasetInfo, type DatasetSource, type SourceFile } from './source.ts';

/** Unsigned bytes in three and in one dimension. */
const [imageMagic, labelMagic] = [0x00000803, 0x00000801];
/** Largest unpacked file, bytes. */
const unpackedLimit = 2 ** 31 - 1;
const widestSide = 1024;

const hexadecimal = (number: number): string => `0x${number.toString(16).padStart(8, '0')}`;

const stems = ['train-images', 'train-labels', 't10k-images', 't10k-labels'] as const;
type Stem = (typeof stems)[number];

/** `train-images-idx3-ubyte`, also with a dot for the second dash and with .gz. */
async function find(folder: string, stem: Stem): Promise<SourceFile | undefined> {
  const end = stem.endsWith('images') ? 'idx3-ubyte' : 'idx1-ubyte';
  for (const name of [`${stem}-${end}`, `${stem}.${end}`, `${stem}-${end}.gz`, `${stem}.${end}.gz`]) {
    const file = await fileAt(join(folder, name));
    if (file !== undefined) return file;
  }
  return undefined;
}

async function unpacked(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  if (!path.endsWith('.gz')) return bytes;
  try {
    const { buffer, byteOffset, length } = await promisify(gunzip)(bytes, { maxOutputLength: unpackedLimit });
    return new Uint8Array(buffer, byteOffset, length);
  } catch (error) {
    throw new UserError(`${path}: cannot be unpacked: damaged or cut short (${reasonOf(error)})`);
  }
}

/** Extents and elements of a file, which must begin with that magic number. */
async function readIdx(path: string, magic: number): Promise<{ extents: number[]; elements: Uint8Array }> {
  const bytes = await unpacked(path);
  const dimensions = magic & 0xff;
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) throw new UserError(`${path}: cut short: ${bytes.length} bytes, not even a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0) !== magic) {
    throw new UserError(
      `${path}: begins with ${hexadecimal(view.getUint32(0))}, not ${hexadecimal(magic)}: it is not an IDX file of this kind`,
    );
  }
  const extents = Array.from({ length: dimensions }, (_, dimension) => view.getUint32(4 + 4 * dimension));
  const expected = header + extents.reduce((product, extent) => product * extent, 1);
  if (bytes.length !== expected) {
    const how = bytes.length < expected ? 'cut short' : 'too long';
    throw new UserError(`${path}: ${how}: ${bytes.length} bytes, not the ${expected} that its header tells`);
  }
  return { extents, elements: bytes.subarray(header) };
}

async function readPart(imagesPath: string, labelsPath: string): Promise<Part & { height: number; width: number }> {
  const images = await readIdx(imagesPath, imageMagic);
  const labels = await readIdx(labelsPath, labelMagic);
  const [count = 0, height = 0, width = 0] = images.extents;
  if (count !== labels.elements.length)
    throw new UserError(`${labelsPath}: ${labels.elements.length} labels for the ${count} images of ${basename(imagesPath)}`);
  if (height < 1 || width < 1 || height > widestSide || width > widestSide)
    throw new UserError(`${imagesPath}: images of ${height} × ${width} pixels; 1 to ${widestSide} a side can be used`);
  return { images: images.elements, labels: Uint16Array.from(labels.elements), height, width };
}

/** Class names where none are known: numbers up to the largest training label. */
function classesOf(train: Part): string[] {
  const largest = train.labels.reduce((most, label) => Math.max(most, label), 0);
  return Array.from({ length: largest + 1 }, (_, label) => String(label));
}

function checkLabels(path: string, labels: Uint16Array, classes: number): void {
  const at = labels.findIndex((label) => label >= classes);
  if (at >= 0) throw new UserError(`${path}: label ${labels[at]} of image ${at} is out of range: there are ${classes} classes`);
}

/**
 * The IDX files in that folder; undefined where there are none, a UserError where some are missing. Classes of an unknown
 * dataset are named by their numbers, and its images are not mirrored, because they may be digits.
 */
export async function findIdx(folder: string, known?: DatasetInfo): Promise<DatasetSource | undefined> {
  const entries = await Promise.all(stems.map(async (stem) => [stem, await find(folder, stem)] as const));
  const missing = entries.filter(([, file]) => file === undefined).map(([stem]) => stem);
  if (missing.length === stems.length) return undefined;
  if (missing.length > 0) throw new UserError(`${folder}: has IDX files but not all four: ${missing.join(' and ')} missing`);
  const files = Object.fromEntries(entries) as Record<Stem, SourceFile>;
  const name = basename(resolve(folder));
  const named = known ?? [mnist, fashionMnist].find(({ name: usual }) => usual === name);

  return {
    name: named?.name ?? name,
    where: folder,
    files: Object.values(files),
    options: { format: 'idx', version: 1, classes: named?.classes ?? null, flip: named?.flip ?? false },
    notes: [],
    async decode({ progress, signal }) {
      const train = await readPart(files['train-images'].path, files['train-labels'].path);
      progress({ kind: 'decode', done: train.labels.length, total: train.labels.length });
      signal?.throwIfAborted();
      const test = await readPart(files['t10k-images'].path, files['t10k-labels'].path);
      if (train.height !== test.height || train.width !== test.width)
        throw new UserError(
          `${files['t10k-images'].path}: images of ${test.height} × ${test.width} pixels, training images of ${train.height} × ${train.width}`,
        );
      const classes = named?.classes ?? classesOf(train);
      checkLabels(files['train-labels'].path, train.labels, classes.length);
      checkLabels(files['t10k-labels'].path, test.labels, classes.length);
      const shape = { channels: 1, height: train.height, width: train.width };
      return {
        classes,
        shape,
        train: { images: train.images, labels: train.labels },
        test: { images: test.images, labels: test.labels },
        ...measurePixels(train.images, shape),
        flip: named?.flip ?? false,
      };
    },
  };
}
