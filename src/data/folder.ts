/** Labelled images (`found-images.ts`) as a dataset. Without a test part, 15 % of the training images are held out. */
import { sha256 } from '../util/hash.ts';
import type { Shape } from '../network/network.ts';
import { UserError } from '../util/user-error.ts';
import { bytesOf, measurePixels, type Part } from './dataset.ts';
import { findFit, type Fit, type FoundFit, type Sides } from './fit.ts';
import { holdOut } from './hold-out.ts';
import { decodeImage, decoderVersion, measureImage, toGrey } from './image.ts';
import type { LabelledFile, Layout } from './layout.ts';
import { checkEnough } from './labelled-rows.ts';
import type { FoundImages } from './found-images.ts';
import { checkLeftOut, type LeftOut } from './left-out.ts';
import { inOrder, sorted } from './outcomes.ts';
import type { Reading } from './reading.ts';
import type { DatasetSource, DecodedSource, ReadListener } from './source.ts';

/** Largest side without --image-size, pixels. */
const defaultLimit = 64;
const heldOut = 0.15;
/** Bits of 16 a channel, at most, whose range is scaled to the whole one. */
const mostBitsScaled = 14;
/** Largest decoded dataset, which is held in memory, bytes. */
const decodedLimit = 2 ** 32 - 2 ** 20;

/** The median of the shorter sides, at most `defaultLimit`. */
function sizeOf(shapes: readonly Sides[]): number {
  const sides = shapes.map(({ height, width }) => Math.min(height, width)).toSorted((a, b) => a - b);
  return Math.min(defaultLimit, sides[Math.floor((sides.length - 1) / 2)] ?? 1);
}

interface Decoded {
  readonly label: number;
  readonly part: PartOfLayout;
  readonly pixels: Uint8Array;
  readonly hash: string;
}

const isGrey = (pixels: Uint8Array): boolean => {
  const area = pixels.length / 3;
  for (let at = 0; at < area; at++) if (pixels[at] !== pixels[area + at] || pixels[at] !== pixels[2 * area + at]) return false;
  return true;
};

/** In the order of classes and contents, so that the dataset's hash does not depend on the names of files. */
function partOf(images: readonly Decoded[], grey: boolean): Part {
  const ordered = images.toSorted((a, b) => a.label - b.label || (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
  const size = (ordered[0]?.pixels.length ?? 0) / (grey ? 3 : 1);
  const bytes = new Uint8Array(ordered.length * size);
  ordered.forEach(({ pixels }, index) => bytes.set(grey ? toGrey(pixels) : pixels, index * size));
  return { images: bytes, labels: Uint16Array.from(ordered, ({ label }) => label) };
}

/** The parts that an image may be in, as they follow one another among the files. */
const partsInOrder = ['train', 'validation', 'test'] as const;
type PartOfLayout = (typeof partsInOrder)[number];

interface PlacedFile extends LabelledFile {
  readonly part: PartOfLayout;
}

const filesIn = (layout: Layout): readonly PlacedFile[] =>
  partsInOrder.flatMap((part) => (layout[part] ?? []).map((file) => ({ ...file, part })));

type Parts = { readonly [Name in PartOfLayout]: readonly Decoded[] };

/** The images of each part. Without a test part it is held out, but not of what validates. */
function partsOf(decoded: readonly Decoded[], layout: Layout): Parts {
  const of = (part: PartOfLayout): readonly Decoded[] => decoded.filter((image) => image.part === part);
  const [train, validation] = [of('train'), of('validation')];
  if (layout.test !== undefined) return { train, validation, test: of('test') };
  const validating = new Set(validation.map(({ hash }) => hash));
  const free = train.filter(({ hash }) => !validating.has(hash));
  const isHeld = holdOut(free, layout.classes.length, heldOut);
  const test = free.filter((_image, index) => isHeld[index]);
  const held = new Set(test);
  return { train: train.filter((image) => !held.has(image)), validation, test };
}

/** Training images, and after them those that validate. */
function joined(train: Part, validation: Part): Part {
  const images = new Uint8Array(train.images.length + validation.images.length);
  images.set(train.images);
  images.set(validation.images, train.images.length);
  const labels = new Uint16Array(train.labels.length + validation.labels.length);
  labels.set(train.labels);
  labels.set(validation.labels, train.labels.length);
  return { images, labels };
}

/** A class of a part has an image that can be read. */
function checkClasses(files: readonly PlacedFile[], decoded: readonly Decoded[], bad: readonly LeftOut[], layout: Layout): void {
  const has = new Set(decoded.map(({ part, label }) => `${part} ${label}`));
  const lost = files.find(({ part, label }) => !has.has(`${part} ${label}`));
  if (lost === undefined) return;
  const reason = bad.find(({ path }) => path === lost.path)?.reason ?? '';
  throw new UserError(`${lost.path}: ${reason}; no image of the class ${layout.classes[lost.label] ?? ''} can be read there`);
}

interface Subject {
  readonly folder: string;
  readonly layout: Layout;
  readonly imageSize: number | undefined;
  readonly reading: Reading;
}

/** Decodes all files; the bits of images with 16 a channel are those that the folder's images use. */
async function decodeAll(
  files: readonly PlacedFile[],
  shape: Shape,
  { background, bits, fit }: Reading & { readonly fit: Fit },
  listener: ReadListener,
) {
  const { progress, signal } = listener;
  let done = 0;
  const step = Math.ceil(files.length / 100);
  const first = await inOrder(
    files,
    async (file) => {
      try {
        // Also where the bits are known: whether an image has 16 belongs to the data.
        return await decodeImage(file, shape, { background, fit, bits: bits === 16 ? bits : null });
      } finally {
        if (++done % step === 0 || done === files.length) progress({ kind: 'decode', done, total: files.length });
      }
    },
    signal,
  );
  const { good, bad } = sorted(files, first);
  const used = good.reduce((most, { result }) => (typeof result === 'number' ? Math.max(most, result) : most), 0);
  // Over 14 the images are taken for dark ones that use all 16.
  const own = bits ?? (used === 0 || used > mostBitsScaled ? 16 : used);
  const again = good.flatMap(({ file, result }) => (typeof result === 'number' ? [file] : []));
  const rendering = { background, fit, bits: own };
  const second = sorted(again, await inOrder(again, (file) => decodeImage(file, shape, rendering), signal));
  const late = new Map(second.good.map(({ file, result }) => [file, result]));
  const decoded = good.flatMap(({ file, result }): Decoded[] => {
    const pixels = typeof result === 'number' ? late.get(file) : result;
    if (pixels === undefined || typeof pixels === 'number') return [];
    return [{ label: file.label, part: file.part, pixels, hash: sha256(pixels) }];
  });
  return { decoded, bad: [...bad, ...second.bad], ...(used > 0 && own < 16 ? { bits: own } : {}) };
}

async function decode({ folder, layout, imageSize, reading }: Subject, listener: ReadListener): Promise<DecodedSource> {
  const { signal } = listener;
  const { classes } = layout;
  const all = filesIn(layout);
  const leftOut: LeftOut[] = [];
  let files = all;
  let side = imageSize;
  let fit = reading.fit;
  let found: FoundFit | undefined;
  if (side === undefined || fit === undefined) {
    const { good, bad } = sorted(all, await inOrder(all, measureImage, signal));
    if (fit === undefined) {
      found = findFit(good.flatMap(({ file, result }) => (file.part === 'train' ? [result] : [])));
      fit = found.fit;
    }
    // Where the size is known, what cannot be measured is named with what cannot be decoded.
    if (side === undefined) {
      files = good.map(({ file }) => file);
      side = sizeOf(good.map(({ result }) => result));
      leftOut.push(...bad);
      checkLeftOut(folder, leftOut, all.length, reading.strict);
    }
  }
  const colour = { channels: 3, height: side, width: side };
  if (files.length * bytesOf(colour) > decodedLimit)
    throw new UserError(
      `${folder}: ${files.length} images of ${side} × ${side} do not fit in memory: give a smaller --image-size`,
    );
  const { decoded, bad, ...deep } = await decodeAll(files, colour, { ...reading, fit }, listener);
  leftOut.push(...bad);
  checkLeftOut(folder, leftOut, all.length, reading.strict);
  checkClasses(all, decoded, leftOut, layout);
  const inOrderOfPaths = leftOut.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const grey = decoded.every(({ pixels }) => isGrey(pixels));
  const parts = partsOf(decoded, layout);
  if (parts.test.length === 0) throw new UserError(`${folder}: no test images: no class has two different images`);
  const shape = { ...colour, channels: grey ? 1 : 3 };
  const [train, test] = [partOf(parts.train, grey), partOf(parts.test, grey)];
  const content = {
    classes,
    shape,
    train,
    test,
    ...measurePixels(train.images, shape),
    flip: true,
    ...deep,
    leftOut: inOrderOfPaths,
    found,
  };
  if (layout.validation === undefined) return content;
  return { ...content, train: joined(train, partOf(parts.validation, grey)), validationImages: parts.validation.length };
}

/** Labelled images as a dataset. Undefined image size: the median of the shorter sides, at most 64. */
export function imagesSource(found: FoundImages, imageSize: number | undefined, reading: Reading): DatasetSource {
  const { name, where, files } = found;
  const { background, bits = null, fit = null, version } = reading;
  if (found.layout !== null) checkEnough(where, found.layout);
  const notesOf = ({ notes }: Layout): readonly string[] => notes.map((note) => `${where}: ${note}`);
  return {
    name,
    where,
    files,
    notes: found.layout === null ? [] : notesOf(found.layout),
    reading,
    options: {
      format: 'folder',
      version: 2,
      imageSize: imageSize ?? null,
      decoder: decoderVersion,
      // Cropping is not said, so that what was decoded before there was a choice is still found.
      reading: { version, background, bits, ...(fit === 'crop' ? {} : { fit }) },
      ...found.options,
    },
    decode: (listener) =>
      found.open(listener, async (layout) => {
        if (found.layout === null) checkEnough(where, layout);
        const content = await decode({ folder: where, layout, imageSize, reading }, listener);
        return found.layout === null ? { ...content, notes: notesOf(layout) } : content;
      }),
  };
}
