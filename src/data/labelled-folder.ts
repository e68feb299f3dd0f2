/** All images of a folder with a sub-folder for each class, labelled by the classes of a network. Holds nothing out. */
import { extname, join } from 'node:path';
import { factsOf, namesIn } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import type { Part } from './dataset.ts';
import { readImage } from './image.ts';
import { datasetNames } from './resolve.ts';

export interface ClassFolder {
  readonly name: string;
  /** Paths of its images, in the order of their names. */
  readonly files: readonly string[];
}

const extensions: readonly string[] = ['.png', '.jpg', '.jpeg', '.webp'];
/** Folders that hold a part of the data and not a class. */
const parts: readonly string[] = ['train', 'test'];
/** Folders in folders, at most: a link may lead back. */
const deepest = 16;

const visibleIn = async (folder: string): Promise<readonly string[]> =>
  (await namesIn(folder)).filter((name) => !name.startsWith('.'));

async function imagesBelow(folder: string, depth = 0): Promise<string[]> {
  if (depth > deepest) throw new UserError(`${folder}: folders in folders that are too many levels deep`);
  const found: string[] = [];
  for (const name of await visibleIn(folder)) {
    const path = join(folder, name);
    const kind = (await factsOf(path))?.kind;
    if (kind === 'folder') found.push(...(await imagesBelow(path, depth + 1)));
    else if (kind === 'file' && extensions.includes(extname(name).toLowerCase())) found.push(path);
  }
  return found;
}

/** The class folders of a folder, those without images left out; null for anything else: a name, an archive, train/ and test/. */
export async function classFoldersIn(reference: string): Promise<readonly ClassFolder[] | null> {
  if (datasetNames.includes(reference) || (await factsOf(reference))?.kind !== 'folder') return null;
  const folders: ClassFolder[] = [];
  for (const name of await visibleIn(reference)) {
    if ((await factsOf(join(reference, name)))?.kind !== 'folder') continue;
    if (parts.includes(name)) return null;
    folders.push({ name, files: await imagesBelow(join(reference, name)) });
  }
  const filled = folders.filter(({ files }) => files.length > 0);
  return filled.length === 0 ? null : filled;
}

/** The images in colour, `side` pixels a side, in the order of folders and files. `labelOf`: the index of a class. */
export async function readLabelled(
  folders: readonly ClassFolder[],
  labelOf: (name: string) => number,
  side: number,
): Promise<Part> {
  const count = folders.reduce((sum, { files }) => sum + files.length, 0);
  const size = 3 * side * side;
  const images = new Uint8Array(count * size);
  const labels = new Uint16Array(count);
  let at = 0;
  for (const { name, files } of folders)
    for (const path of files) {
      images.set(await readImage(path, { channels: 3, height: side, width: side }), at * size);
      labels[at++] = labelOf(name);
    }
  return { images, labels };
}
