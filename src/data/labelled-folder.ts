/** All images of labelled data without parts, labelled by the classes of a network. Holds nothing out. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { factsOf } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { archiveAt, withUnpacked } from './archive-source.ts';
import { bytesOf, type Part } from './dataset.ts';
import { decodeFiles } from './decode-files.ts';
import { findImages, type FoundImages, type ImageOptions } from './found-images.ts';
import type { Layout } from './layout.ts';
import { checkLeftOut, describeLeftOut } from './left-out.ts';
import { holdersIn, withoutAgain, withoutMasks, withPartsOutside } from './nested.ts';
import { isNoClass, partNamed } from './part-names.ts';
import type { Machine } from './read.ts';
import type { Reading } from './reading.ts';
import { checkDisk, openRecords, scratchEnding } from './records.ts';
import { timed } from './remaining.ts';
import { datasetNames } from './resolve.ts';
import type { ReadListener, SourceFile } from './source.ts';
import { asFirst, imagesBelow, readTree } from './tree.ts';

export interface ClassFolder {
  readonly name: string;
  /** Its images, in the order of their names. */
  readonly files: readonly SourceFile[];
}

/** Images by classes that were found, for as long as they are used. */
export interface ClassFolders {
  /** Null where the data is something else: a name, IDX files, parts such as train/ and test/, a folder around another one. */
  readonly folders: readonly ClassFolder[] | null;
  readonly notes: readonly string[];
  /** Paths as people know them, where files are unpacked. */
  readonly shown: (text: string) => string;
}

const nothing: ClassFolders = { folders: null, notes: [], shown: (text) => text };

/** The class folders of a folder, those without images left out; one class alone is enough. */
async function foldersIn(reference: string, { reading, listener }: ImageOptions): Promise<readonly ClassFolder[] | null> {
  const read = await readTree(reference, Infinity, listener);
  const tree = reading.version === 1 ? asFirst(read) : read;
  if (withPartsOutside(tree) !== undefined || holdersIn(tree).some(({ name }) => partNamed(name) !== null)) return null;
  const folders = holdersIn(withoutAgain(tree).classes);
  const [only, ...more] = folders;
  if (only === undefined) return null;
  if (more.length === 0 && (only.images.length === 0 || isNoClass(only.name))) return null;
  return folders.map((folder) => ({ name: folder.name, files: imagesBelow(withoutMasks(folder)) }));
}

/** The images of a layout by classes; null where it has parts. */
function classesOf({ classes, train, validation, test }: Layout): readonly ClassFolder[] | null {
  if (validation !== undefined || test !== undefined) return null;
  return classes.map((name, label) => ({ name, files: train.filter((file) => file.label === label) }));
}

async function findOrNone(path: string, options: ImageOptions): Promise<FoundImages | undefined> {
  try {
    return await findImages(path, options);
  } catch (error) {
    // Whoever reads the data says it.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function inPlace<T>(
  path: string,
  options: ImageOptions,
  listener: ReadListener,
  use: (found: ClassFolders) => Promise<T>,
): Promise<T> {
  const isFolder = (await factsOf(path))?.kind === 'folder';
  const found = await findOrNone(path, options);
  if (found === undefined || found.kind === 'folders')
    return use({ ...nothing, folders: isFolder ? await foldersIn(path, options) : null });
  return found.open(listener, (layout) =>
    use({ ...nothing, folders: classesOf(layout), notes: layout.notes.map((note) => `${path}: ${note}`) }),
  );
}

/** Gives `use` the images by classes: of a folder, an archive, a table or a Parquet file. */
export async function withClassFolders<T>(
  reference: string,
  options: ImageOptions,
  listener: ReadListener,
  use: (found: ClassFolders) => Promise<T>,
): Promise<T> {
  if (datasetNames.includes(reference) || (await factsOf(reference)) === undefined) return use(nothing);
  const archive = await archiveAt(reference);
  if (archive === undefined) return inPlace(reference, options, listener, use);
  return withUnpacked(reference, archive, options.cacheFolder, listener.signal, (folder, shown, notes) =>
    inPlace(folder, options, listener, (found) => use({ ...found, notes: [...notes, ...found.notes.map(shown)], shown })),
  );
}

/** Where the images are decoded, and who is told. */
export interface Listening extends Pick<ReadListener, 'progress' | 'signal'> {
  /** Of a file that takes their pixels, while something refers to them. */
  readonly folder: string;
  readonly machine: Machine;
}

/**
 * The images in colour, `side` pixels a side, in the order of folders and files, and notes on those that cannot be read and are left
 * out. `labelOf`: the index of a class. A UserError where more than a tenth cannot be read.
 */
export async function readLabelled(
  reference: string,
  folders: readonly ClassFolder[],
  labelOf: (name: string) => number,
  side: number,
  { background, bits = 16, fit = 'crop', strict }: Reading,
  { folder, machine, progress, signal }: Listening,
): Promise<{ readonly part: Part; readonly notes: readonly string[] }> {
  const shape = { channels: 3, height: side, width: side };
  const all = folders.flatMap(({ name, files }) => files.map((file) => ({ ...file, label: labelOf(name) })));
  const path = join(folder, 'decoding', `${randomUUID()}${scratchEnding}`);
  await checkDisk(path, all.length, bytesOf(shape), `${reference}: ${all.length} images of ${side} × ${side}`);
  const records = openRecords(path, all.length, bytesOf(shape));
  // The open file stays until nothing refers to it.
  await rm(path);
  const events = timed(progress, () => machine.now());
  const { places, bad } = await decodeFiles(all, shape, { background, bits, fit }, records, {
    progress: events,
    memory: machine.memory,
    ...(signal === undefined ? {} : { signal }),
  });
  checkLeftOut(reference, bad, all.length, strict);
  const part = {
    images: records.images(places, bytesOf(shape), (pixels) => pixels),
    labels: Uint16Array.from(places, (place) => all[place]?.label ?? 0),
  };
  return { part, notes: describeLeftOut(reference, bad) };
}
