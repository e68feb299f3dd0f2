/** The images that an evaluation measures: which part of a dataset, labelled and shaped as the network takes them. */
import { basename, resolve } from 'node:path';
import type { Dataset, Part } from '../data/dataset.ts';
import { toGrey } from '../data/image.ts';
import { derived, joined } from '../data/images.ts';
import { archiveName } from '../data/archive-source.ts';
import type { LabelOptions } from '../data/label-table.ts';
import { readLabelled, withClassFolders, type ClassFolder, type ClassFolders } from '../data/labelled-folder.ts';
import { readDataset } from '../data/read.ts';
import type { Reading } from '../data/reading.ts';
import type { ReadListener } from '../data/source.ts';
import type { Shape } from '../network/network.ts';
import { cacheFolder, machine } from '../run/preparing/begin.ts';
import { temporaryCache } from '../run/preparing/spare-cache.ts';
import { UserError } from '../util/user-error.ts';

/** The images that the network takes. */
export interface InputSpec {
  /** Null: the dataset's own. */
  readonly classes: readonly string[] | null;
  readonly channels: number;
  /** Null: any. */
  readonly height: number | null;
  readonly width: number | null;
}

/** What the network was trained on, as far as it is known. */
export interface Training {
  /** The hash of the data; null where only its name is known. */
  readonly hash: string | null;
  readonly name: string;
  readonly classes: readonly string[];
}

/** Which images: those of a test set, those that are held out of a folder without one, or every one. */
export type Measured = 'test' | 'held out' | 'all';

export interface EvaluatedImages {
  /** Of the data. */
  readonly name: string;
  readonly classes: readonly string[];
  readonly shape: Shape;
  /** Null where they were read without a dataset. */
  readonly normalisation: { readonly mean: readonly number[]; readonly std: readonly number[] } | null;
  readonly part: Part;
  readonly measured: Measured;
  /** Whether the data is that which the network was trained on. */
  readonly own: boolean;
}

/** The pixels with the network's channels: colours become grey as when images are read, grey becomes three equal channels. */
function withChannels(part: Part, from: number, to: number): Part {
  if (from === to) return part;
  const count = part.labels.length;
  const area = count === 0 ? 0 : part.images.length / count / from;
  const write = (first: number, some: number, images: Uint8Array): void => {
    for (let image = 0; image < some; image++) {
      const pixels = part.images.subarray((first + image) * from * area, (first + image + 1) * from * area);
      if (to === 1) images.set(toGrey(pixels), image * area);
      else for (let channel = 0; channel < to; channel++) images.set(pixels, (image * to + channel) * area);
    }
  };
  return { images: derived(count, to * area, write), labels: part.labels };
}

const shortened = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);

const sameName = (a: string, b: string): boolean => a.normalize('NFC') === b.normalize('NFC');

/** The label of each class of the data, by the network's classes. A UserError names one that the network does not know. */
function labelsFor(classes: readonly string[] | null, name: string, found: readonly string[]): readonly number[] {
  return found.map((each, index) => {
    const at = classes?.findIndex((known) => sameName(known, each)) ?? index;
    if (at < 0)
      throw new UserError(
        `${name}: the network does not know the class ${each}; it knows ${shortened((classes ?? []).join(', '), 200)}`,
      );
    return at;
  });
}

/** The images of a dataset to be measured, labelled by the network's classes. */
function partFor({ classes, channels, height, width }: InputSpec, dataset: Dataset, all: boolean): Part {
  const { shape } = dataset;
  const labels = labelsFor(classes, dataset.name, dataset.classes);
  if (shape.height !== (height ?? shape.height) || shape.width !== (width ?? shape.width))
    throw new UserError(
      `${dataset.name}: images of ${shape.channels}×${shape.height}×${shape.width}, but the network takes ${channels}×${height ?? '?'}×${width ?? '?'}`,
    );
  const { train, test } = dataset;
  const part = all
    ? { images: joined(train.images, test.images), labels: Uint16Array.from([...train.labels, ...test.labels]) }
    : test;
  const known = { images: part.images, labels: part.labels.map((label) => labels[label] as number) };
  return withChannels(known, shape.channels, channels);
}

/** Which images, of what is given to `evaluate`. */
export interface DataOptions {
  readonly part?: 'test' | 'all';
  readonly labels?: string;
  readonly labelColumn?: string;
  /** The folder with the files of a named dataset. */
  readonly data?: string;
}

/** What is outside: variables of the environment, and who is told of progress and notes. */
export interface World extends ReadListener {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What `--labels` and `--label-column` say. */
const labelsFrom = ({ labels, labelColumn }: DataOptions): LabelOptions => ({ file: labels, column: labelColumn });

/** Images of folders are scaled to the network's size; other datasets keep theirs. */
async function readFor(
  { height, width }: InputSpec,
  reading: Reading,
  reference: string,
  given: DataOptions,
  world: World,
): Promise<Dataset> {
  const labels = labelsFrom(given);
  const where = { cacheFolder: cacheFolder(), environment: world.environment, dataFolder: given.data };
  const { progress, signal } = world;
  const how = { reading, labels, progress, signal, machine: machine() };
  const read = async (imageSize?: number): Promise<Dataset> => {
    const spare = temporaryCache();
    try {
      return (await readDataset(reference, { ...where, ...how, imageSize, spare })).dataset;
    } finally {
      spare.remove();
    }
  };
  if (height === null || height !== width) return read();
  try {
    return await read(height);
  } catch (error) {
    if (error instanceof UserError && error.message.startsWith('--image-size')) return read();
    throw error;
  }
}

/** Whether a folder may be the data that the network was trained on: by its classes, and where the hash is not known by its name. */
function mayBeOwn(folders: readonly ClassFolder[], reference: string, training: Training | null): boolean {
  if (training === null || folders.length !== training.classes.length) return false;
  if (training.hash === null && ![basename(resolve(reference)), archiveName(reference)].includes(training.name)) return false;
  return folders.every(({ name }) => training.classes.some((known) => sameName(known, name)));
}

/** Every image of a folder of classes, one class alone included. */
async function everyImage(
  spec: InputSpec,
  side: number,
  reference: string,
  { notes: before, shown }: ClassFolders,
  folders: readonly ClassFolder[],
  reading: Reading,
  { progress, signal }: World,
): Promise<EvaluatedImages> {
  const { channels } = spec;
  const name = basename(resolve(reference));
  const found = folders.map((each) => each.name);
  const labels = labelsFor(spec.classes, name, found);
  const labelOf = (each: string): number => labels[found.indexOf(each)] as number;
  const { part, notes } = await readLabelled(reference, folders, labelOf, side, reading, {
    folder: cacheFolder(),
    machine: machine(),
    progress,
    ...(signal === undefined ? {} : { signal }),
  });
  for (const message of [...before, ...notes.map(shown)]) progress({ kind: 'note', message });
  return {
    name,
    classes: found,
    shape: { channels: 3, height: side, width: side },
    normalisation: null,
    part: withChannels(part, 3, channels),
    measured: 'all',
    own: false,
  };
}

/**
 * The images of `reference`. Without `--part` they are its test images; of a folder of classes without a test/ they are all, unless it
 * is what the network was trained on: then they are those that were held out. `reading`: how its training images were read.
 */
export async function imagesFor(
  spec: InputSpec,
  reference: string,
  training: Training | null,
  given: DataOptions,
  world: World,
  reading: Reading,
): Promise<EvaluatedImages> {
  const options = { reading, labels: labelsFrom(given), cacheFolder: cacheFolder(), listener: world };
  const side = spec.height !== null && spec.height === spec.width ? spec.height : null;
  const asked = given.part;
  const every = await withClassFolders(reference, options, { ...world, progress: () => undefined }, async (found) => {
    const { folders } = found;
    const candidate = folders !== null && mayBeOwn(folders, reference, training);
    if (folders === null || asked === 'test' || candidate || spec.classes === null || side === null)
      return { isWhole: folders !== null, candidate };
    return everyImage(spec, side, reference, found, folders, reading, world);
  });
  if ('part' in every) return every;
  const first = await readFor(spec, reading, reference, given, world);
  const own = training !== null && (training.hash === null ? every.candidate : training.hash === first.hash);
  const all = asked === 'all' || (asked === undefined && every.isWhole && !own);
  // What was sampled for the training is all that is held out from it; of anything else every image is there to be measured.
  const { sample, ...unsampled } = reading;
  const dataset = sample === undefined || (own && !all) ? first : await readFor(spec, unsampled, reference, given, world);
  const { name, classes, shape, mean, std } = dataset;
  const measured: Measured = all ? 'all' : every.isWhole ? 'held out' : 'test';
  return { name, classes, shape, normalisation: { mean, std }, part: partFor(spec, dataset, all), measured, own };
}
