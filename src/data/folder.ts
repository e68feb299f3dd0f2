/** Labelled images (`found-images.ts`) as a dataset. Without a test part, 15 % of the training images are held out. */
import type { Shape } from '../network/network.ts';
import { UserError } from '../util/user-error.ts';
import { bytesOf, measuring, type Part } from './dataset.ts';
import { decodeFiles } from './decode-files.ts';
import { findFit, type FoundFit, type Sides } from './fit.ts';
import type { FoundImages } from './found-images.ts';
import { holdOut } from './hold-out.ts';
import { decoderVersion, measureImage, toGrey } from './image.ts';
import { inSteps } from './images.ts';
import { checkEnough } from './labelled-rows.ts';
import type { LabelledFile, Layout } from './layout.ts';
import { checkLeftOut, type LeftOut } from './left-out.ts';
import { inOrder, sorted } from './outcomes.ts';
import { readingKey, type Reading } from './reading.ts';
import { checkDisk, openRecords, type Records } from './records.ts';
import { heldOut, sampleLayout, type SampledLayout } from './sample.ts';
import type { DatasetSource, DecodedSource, Decoding } from './source.ts';

/** Largest side without --image-size, pixels. */
const defaultLimit = 64;
/** Images whose sides are measured, at most; of more, evenly spaced ones. */
const mostMeasured = 4096;

/** The median of the shorter sides, at most `defaultLimit`. */
function sizeOf(shapes: readonly Sides[]): number {
  const sides = shapes.map(({ height, width }) => Math.min(height, width)).toSorted((a, b) => a - b);
  return Math.min(defaultLimit, sides[Math.floor((sides.length - 1) / 2)] ?? 1);
}

/** The parts that an image may be in, as they follow one another among the files. */
const partsInOrder = ['train', 'validation', 'test'] as const;
type PartOfLayout = (typeof partsInOrder)[number];

interface PlacedFile extends LabelledFile {
  readonly part: PartOfLayout;
}

const filesIn = (layout: Layout): readonly PlacedFile[] =>
  partsInOrder.flatMap((part) => (layout[part] ?? []).map((file) => ({ ...file, part })));

/** Places of files, in the order in which they are in the dataset. */
type Places = Uint32Array;
type Parts = { readonly [Name in PartOfLayout]: Places };

/** Where each decoded file belongs. */
interface Decoded {
  readonly files: readonly PlacedFile[];
  /** The places of those that were decoded. */
  readonly places: Places;
  readonly records: Records;
}

/**
 * The images of each part, by classes and contents, so that the dataset's hash does not depend on the names of files. Without a test
 * part it is held out, but not of what validates.
 */
function partsOf({ files, places, records }: Decoded, layout: Layout | SampledLayout): Parts {
  const { rank } = records.ranked(places);
  const labelAt = (place: number): number => (files[place] as PlacedFile).label;
  const rankAt = (place: number): number => rank[place] as number;
  const ordered = places.toSorted((a, b) => labelAt(a) - labelAt(b) || rankAt(a) - rankAt(b));
  const of = (part: PartOfLayout): Places => ordered.filter((place) => files[place]?.part === part);
  const [train, validation, test] = [of('train'), of('validation'), of('test')];
  const contents = (...some: readonly Places[]): ReadonlySet<number> => new Set(some.flatMap((each) => Array.from(each, rankAt)));
  if ('isHeldOut' in layout && layout.isHeldOut) {
    const learnt = contents(train, validation);
    return { train, validation, test: test.filter((place) => !learnt.has(rankAt(place))) };
  }
  if (layout.test !== undefined) return { train, validation, test };
  const validating = contents(validation);
  const free = train.filter((place) => !validating.has(rankAt(place)));
  const isHeld = holdOut(free.map(labelAt), free.map(rankAt), layout.classes.length, heldOut);
  const held = new Set(free.filter((_place, at) => isHeld[at]));
  return { train: train.filter((place) => !held.has(place)), validation, test: free.filter((place) => held.has(place)) };
}

/** A class of a part has an image that can be read; of a sample, a class that trains. */
function checkClasses(
  { files, places }: Omit<Decoded, 'records'>,
  all: readonly PlacedFile[],
  bad: readonly LeftOut[],
  layout: Layout,
): void {
  const isSample = 'isHeldOut' in layout;
  const has = new Set(Array.from(places, (place) => `${files[place]?.part} ${files[place]?.label}`));
  const lost = all.find(({ part, label }) => (!isSample || part === 'train') && !has.has(`${part} ${label}`));
  if (lost === undefined) return;
  const reason = bad.find(({ path }) => path === lost.path)?.reason ?? '';
  const more = isSample ? ' (a larger --images takes more of them)' : '';
  throw new UserError(
    `${lost.path}: ${reason}; no image of the class ${layout.classes[lost.label] ?? ''} can be read there${more}`,
  );
}

interface Subject {
  readonly folder: string;
  readonly layout: Layout | SampledLayout;
  readonly imageSize: number | undefined;
  readonly reading: Reading;
}

async function decode({ folder, layout, imageSize, reading }: Subject, decoding: Decoding): Promise<DecodedSource> {
  const { signal, scratch } = decoding;
  const { classes } = layout;
  const all = filesIn(layout);
  const leftOut: LeftOut[] = [];
  let files = all;
  let side = imageSize;
  let fit = reading.fit;
  let found: FoundFit | undefined;
  if (side === undefined || fit === undefined) {
    const step = Math.ceil(all.length / mostMeasured);
    const some = all.filter((_file, at) => at % step === 0);
    const { good, bad } = sorted(some, await inOrder(some, measureImage, signal));
    if (fit === undefined) {
      found = findFit(good.flatMap(({ file, result }) => (file.part === 'train' ? [result] : [])));
      fit = found.fit;
    }
    // Where the size is known, or not all are measured, what cannot be measured is named with what cannot be decoded.
    if (side === undefined) {
      side = sizeOf(good.map(({ result }) => result));
      if (step === 1) {
        files = good.map(({ file }) => file);
        leftOut.push(...bad);
        checkLeftOut(folder, leftOut, all.length, reading.strict);
      }
    }
  }
  const colour = { channels: 3, height: side, width: side };
  await checkDisk(scratch, files.length, bytesOf(colour), `${folder}: ${files.length} images of ${side} × ${side}`);
  const records = openRecords(scratch, files.length, bytesOf(colour));
  const { places, grey, bad, ...deep } = await decodeFiles(files, colour, { ...reading, fit }, records, decoding);
  leftOut.push(...bad);
  checkLeftOut(folder, leftOut, all.length, reading.strict);
  checkClasses({ files, places }, all, leftOut, layout);
  const inOrderOfPaths = leftOut.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const parts = partsOf({ files, places, records }, layout);
  if (parts.test.length === 0) throw new UserError(`${folder}: no test images: no class has two different images`);
  const shape: Shape = { ...colour, channels: grey ? 1 : 3 };
  const partAt = (...some: readonly Places[]): Part => {
    const joined = Uint32Array.from(some.flatMap((each) => Array.from(each)));
    return {
      images: records.images(joined, bytesOf(shape), grey ? toGrey : (pixels) => pixels),
      labels: Uint16Array.from(joined, (place) => (files[place] as PlacedFile).label),
    };
  };
  const train = partAt(parts.train);
  const content = {
    classes,
    shape,
    train,
    test: partAt(parts.test),
    ...(await inSteps(measuring(train.images, shape), signal)),
    flip: true,
    ...deep,
    leftOut: inOrderOfPaths,
    found,
    sampledFrom: 'sampledFrom' in layout ? layout.sampledFrom : undefined,
  };
  if (layout.validation === undefined) return content;
  return { ...content, train: partAt(parts.train, parts.validation), validationImages: parts.validation.length };
}

/** How many train and validate, if all can be read. */
function trainingFiles(layout: Layout | SampledLayout): number {
  const { train, validation = [], test } = layout;
  const left = test === undefined ? Math.round((1 - heldOut) * train.length) : train.length;
  return left + validation.length;
}

/** Labelled images as a dataset. Undefined image size: the median of the shorter sides, at most 64. */
export function imagesSource(found: FoundImages, imageSize: number | undefined, reading: Reading): DatasetSource {
  const { name, where, files } = found;
  const sampled = (layout: Layout): Layout | SampledLayout => sampleLayout(layout, reading.sample) ?? layout;
  const notesOf = ({ notes }: Layout): readonly string[] => notes.map((note) => `${where}: ${note}`);
  if (found.layout !== null) checkEnough(where, found.layout);
  const known = found.layout === null ? null : sampled(found.layout);
  const isWhole = known !== null && !('sampledFrom' in known);
  return {
    name,
    where,
    files,
    notes: known === null ? [] : notesOf(known),
    ...(known === null ? {} : { classCount: known.classes.length, trainImages: trainingFiles(known) }),
    reading,
    options: {
      format: 'folder',
      version: 2,
      imageSize: imageSize ?? null,
      decoder: decoderVersion,
      reading: readingKey(isWhole ? { ...reading, sample: undefined } : reading),
      ...found.options,
    },
    decode: (decoding) =>
      found.open(decoding, async (layout) => {
        if (known !== null) return decode({ folder: where, layout: known, imageSize, reading }, decoding);
        checkEnough(where, layout);
        const own = sampled(layout);
        return { ...(await decode({ folder: where, layout: own, imageSize, reading }, decoding)), notes: notesOf(own) };
      }),
  };
}
