/** Reads a dataset by its name or path: decoded once, then from the cache. */
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Shape } from '../network/network.ts';
import { UserError } from '../util/user-error.ts';
import {
  cacheAdvice,
  fingerprintOf,
  openDataset,
  recallDataset,
  storeDataset,
  whyUnwritable,
  type Known,
  type SpareCache,
} from './cache.ts';
import { making, type Dataset } from './dataset.ts';
import { inSteps } from './images.ts';
import { removeAbandoned, scratchEnding } from './records.ts';
import { timed } from './remaining.ts';
import { findSource, defaultLocations, type DatasetLocations, type FindOptions } from './resolve.ts';
import { checkLeftOut, describeLeftOut, type LeftOut } from './left-out.ts';
import type { FoundFit } from './fit.ts';
import type { Reading } from './reading.ts';
import type { DataEvent, DatasetSource, Decoding, ReadListener } from './source.ts';

/** What is known before an image is decoded; null: not yet. */
export interface FoundData {
  readonly name: string;
  readonly isFolder: boolean;
  readonly classes: number | null;
  readonly shape: Shape | null;
  /** About how many train and validate. */
  readonly trainImages: number | null;
}

export interface ReadOptions extends FindOptions {
  /** Called when the data is found, before an image is decoded; what it throws ends the reading. `isFolder`: images of any size. */
  readonly onFound?: (found: FoundData) => void;
  /** The image size of folders of images where `imageSize` is not given, pixels. */
  readonly folderSize?: number | undefined;
  /** Where the data is kept if the cache cannot be written. Default: that is a UserError. */
  readonly spare?: SpareCache | undefined;
  readonly progress?: ((event: DataEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly machine?: Machine | undefined;
}

/** What decoding asks of the machine. */
export interface Machine {
  /** Milliseconds since 1970. */
  now(): number;
  /** Bytes of memory that are free. */
  readonly memory: number;
}

/** Without a clock, nothing is said of the time that is left, and nothing is too old. */
const unknownMachine: Machine = { now: () => 0, memory: Infinity };

export interface ReadDataset {
  readonly dataset: Dataset;
  /** Its file in the cache. */
  readonly path: string;
  /** Files that could not be read. */
  readonly leftOut: readonly LeftOut[];
  /** Of a folder of images: how it was read, with nothing left to be found. */
  readonly reading?: Reading;
  /** How many training images there are, where a sample of them was decoded. */
  readonly sampledFrom?: number;
}

/** What was decided of the images' proportions, and why. */
function foundWords({ fit, cut }: FoundFit): string {
  const share = `${(100 * cut).toFixed(cut < 0.1 ? 1 : 0)} %`;
  return fit === 'crop'
    ? `images are cut to their centre square, ${share} of their pixels (--fit pad keeps them)`
    : `images are padded to squares: cutting them to their centre would lose ${share} of their pixels (--fit crop cuts them)`;
}

/** Decodes the source into a file of the cache. What is interrupted is continued next time, and what failed is removed. */
async function decoded(
  source: DatasetSource,
  cacheFolder: string,
  machine: Machine,
  listener: ReadListener,
): Promise<Known & { readonly path: string }> {
  const { signal } = listener;
  const folder = join(cacheFolder, 'decoding');
  const scratch = join(folder, `${fingerprintOf(source)}${scratchEnding}`);
  for (const [place, left] of [
    [folder, scratchEnding],
    [cacheFolder, '.part'],
  ] as const)
    await removeAbandoned(place, left, machine.now());
  const decoding: Decoding = { ...listener, scratch, memory: machine.memory };
  try {
    const { leftOut = [], found, sampledFrom, notes = [], ...content } = await source.decode(decoding);
    const dataset = await inSteps(making(source.name, source.where, content), signal);
    const known = { leftOut, found, sampledFrom, notes };
    const path = await storeDataset(cacheFolder, source, { ...known, dataset }, signal);
    await rm(scratch, { force: true });
    return { ...known, dataset: openDataset(path, dataset.hash), path };
  } catch (error) {
    if (signal?.aborted !== true) {
      await rm(scratch, { force: true });
      // Nor folders that hold nothing.
      for (const place of [folder, cacheFolder]) await rmdir(place).catch(() => undefined);
    }
    throw error;
  }
}

/** The cache, or what stands in for it; says so. */
export async function writablePlace({
  cacheFolder,
  spare,
  progress,
}: Pick<ReadOptions, 'cacheFolder' | 'spare' | 'progress'>): Promise<string> {
  const why = await whyUnwritable(cacheFolder);
  if (why === null) return cacheFolder;
  const problem = `${cacheFolder}: the cache of decoded data cannot be written (${why})`;
  if (spare === undefined) throw new UserError(`${problem}: ${cacheAdvice}`);
  progress?.({ kind: 'note', message: `${problem}: ${spare.words} takes its place (${cacheAdvice})` });
  return spare.folder();
}

/**
 * The dataset of a name (`cifar10`, `fashion-mnist`, `mnist`) or a path, and its file in the cache, for `loadDataset`. Throws a
 * UserError for invalid data, missing files and an unwritable cache, before anything is written, a RunError for a full disk, and an aborted signal's
 * reason.
 */
export async function readDataset(
  reference: string,
  options: ReadOptions,
  locations: DatasetLocations = defaultLocations,
): Promise<ReadDataset> {
  const { signal, cacheFolder, imageSize, machine = unknownMachine } = options;
  const progress = timed(options.progress ?? (() => undefined), () => machine.now());
  const listener: ReadListener = signal === undefined ? { progress } : { progress, signal };
  const size = imageSize ?? options.folderSize;
  // Asked only where something is to be written, and before anything is downloaded or decoded.
  let asked: Promise<string> | undefined;
  const writable = options.writable ?? ((): Promise<string> => (asked ??= writablePlace(options)));
  const find = { ...options, writable, ...(size === undefined ? {} : { imageSize: size }) };
  const source = await findSource(reference, find, locations, listener);
  for (const message of source.notes) progress({ kind: 'note', message });
  const { classCount = null, shape = null, trainImages = null } = source;
  options.onFound?.({ name: source.name, isFolder: source.reading !== undefined, classes: classCount, shape, trainImages });
  const known = await recallDataset(cacheFolder, source);
  const all = known ?? (await decoded(source, await writable(), machine, listener));
  const { dataset, path, leftOut, found, sampledFrom, notes } = all;
  for (const message of notes) progress({ kind: 'note', message });
  const { reading } = source;
  const images = dataset.train.labels.length + dataset.test.labels.length + leftOut.length;
  if (reading !== undefined) checkLeftOut(source.where, leftOut, images, reading.strict);
  const { height, width } = dataset.shape;
  if (imageSize !== undefined && (height !== imageSize || width !== imageSize))
    throw new UserError(
      `--image-size ${imageSize}: only for folders of images; the images of ${source.where} are ${height} × ${width}`,
    );
  for (const message of describeLeftOut(source.where, leftOut)) progress({ kind: 'note', message });
  if (dataset.bits !== undefined)
    progress({
      kind: 'note',
      message: `${source.where}: images with 16 bits a channel use ${dataset.bits} of them and are scaled to that`,
    });
  if (found !== undefined && found.cut > 0) progress({ kind: 'note', message: `${source.where}: ${foundWords(found)}` });
  signal?.throwIfAborted();
  if (reading === undefined) return { dataset, path, leftOut };
  const { sample, ...rest } = reading;
  const how = { ...rest, bits: dataset.bits ?? 16, fit: reading.fit ?? found?.fit ?? 'crop' };
  if (sampledFrom === undefined || sample === undefined) return { dataset, path, leftOut, reading: how };
  return { dataset, path, leftOut, reading: { ...how, sample }, sampledFrom };
}
