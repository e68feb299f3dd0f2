/**
 * The folder of data sets that the server was started with (`--data`), as pages see it: paths below it, by names. Nothing outside of
 * it is listed or named; a link may lead to another place in it.
 */
import { opendir, readdir, realpath } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { isArchiveName, isHiddenName, isParquetName, isTableName } from '../data/file-names.ts';
import { hasImageExtension } from '../data/image-kinds.ts';
import { factsOf, readFailure } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import type { DataListing } from './api.ts';

/** Whether a file of that name may be a dataset. */
export const mayBeData = (name: string): boolean => isArchiveName(name) || isTableName(name) || isParquetName(name);

const isBelow = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && resolve(root, way) === path;
};

/** The names of a path that stays below its folder, by its text. */
function namesOf(path: string): readonly string[] {
  const refuse = (why: string): never => {
    throw new UserError(`${path}: ${why}`);
  };
  if (path.startsWith('/')) refuse('name a path below the data folder, without a slash before it');
  if (path.includes('\0')) refuse('no name has such a character');
  const names = path.split('/').filter((name) => name !== '');
  if (names.includes('..')) refuse('nothing outside the data folder can be chosen');
  if (names.some(isHiddenName)) refuse('hidden files are not shown');
  return names;
}

/** The place of a path below the data folder. A UserError where it leads out, by `..`, an absolute path or a link, or to nothing. */
export async function placeIn(root: string, path: string): Promise<string> {
  const place = join(resolve(root), ...namesOf(path));
  const [top, real] = await Promise.all(
    [resolve(root), place].map((each) =>
      realpath(each).catch((error: unknown) => {
        throw readFailure(error, path === '' ? root : path);
      }),
    ),
  );
  if (top === undefined || real === undefined || !isBelow(top, real))
    throw new UserError(`${path}: a link that leads out of the data folder`);
  return place;
}

/** Folders of a listing, and entries that are counted for one. */
const mostFolders = 500;
const mostCounted = 20_000;

/** Folders and images directly in a folder; null where they are too many to count, or it cannot be read. */
async function countsIn(path: string, most: number) {
  const counts = { folders: 0, images: 0 };
  let left = most;
  try {
    for await (const entry of await opendir(path)) {
      if (--left < 0) return null;
      if (isHiddenName(entry.name)) continue;
      if (entry.isDirectory()) counts.folders++;
      else if (hasImageExtension(entry.name)) counts.images++;
    }
  } catch {
    return null;
  }
  return { ...counts, read: most - left };
}

const collator = new Intl.Collator('en', { numeric: true });

/** What is in a folder below the data folder. Links that lead out, and hidden files, are left out. */
export async function listFolder(root: string, path: string): Promise<DataListing> {
  const place = await placeIn(root, path);
  const entries = await readdir(place, { withFileTypes: true }).catch((error: unknown) => {
    throw readFailure(error, path === '' ? root : path);
  });
  const names = namesOf(path);
  const shown = entries.filter(({ name }) => !isHiddenName(name)).toSorted((a, b) => collator.compare(a.name, b.name));
  const folders: DataListing['folders'][number][] = [];
  const files: string[] = [];
  let [images, more, left] = [0, 0, mostCounted];
  for (const entry of shown) {
    const { name } = entry;
    let isFolder = entry.isDirectory();
    if (entry.isSymbolicLink()) {
      const inner = await placeIn(root, [...names, name].join('/')).catch(() => null);
      if (inner === null) continue;
      isFolder = (await factsOf(inner).catch(() => undefined))?.kind === 'folder';
    }
    if (!isFolder) {
      if (hasImageExtension(name)) images++;
      else if (mayBeData(name)) files.push(name);
    } else if (folders.length === mostFolders) more++;
    else {
      const counts = await countsIn(join(place, name), left);
      left -= counts?.read ?? 0;
      folders.push({ name, folders: counts?.folders ?? null, images: counts?.images ?? null });
    }
  }
  return { path: names.join('/'), folders, files: files.slice(0, mostFolders), images, more };
}
