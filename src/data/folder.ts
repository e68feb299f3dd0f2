/**
 * A folder of images: a sub-folder a class, or train/ and test/ of such. Sub-folders of a class belong to it; hidden files
 * are skipped. What is not PNG, JPEG or WebP by its name is left out, and said. Without test/, 15 % are held out by content.
 */
import { basename, extname, join, resolve } from 'node:path';
import { realpath } from 'node:fs/promises';
import { sha256 } from '../util/hash.ts';
import { UserError } from '../util/user-error.ts';
import { bytesOf, classLimit, measurePixels, type Content, type Part } from './dataset.ts';
import { factsOf, namesIn, readFailure } from '../util/files.ts';
import { holdOut } from './hold-out.ts';
import { decoderVersion, measureImage, readImage, toGrey } from './image.ts';
import type { ReadListener, DatasetSource, SourceFile } from './source.ts';

const extensions: readonly string[] = ['.png', '.jpg', '.jpeg', '.webp'];
/** Names that mean a part and not a class. */
const partNames: readonly string[] = ['train', 'training', 'test', 'testing', 'val', 'valid', 'validation', 'dev', 'eval'];
/** Without --image-size, images are at most as large. Pixels a side. */
const usualLimit = 64;
/** Images that are decoded at one time. */
const concurrency = 4;
const heldOut = 0.15;
/** A dataset is held in memory. Bytes. */
const decodedLimit = 2 ** 32 - 2 ** 20;

interface ImageFile extends SourceFile {
  readonly label: number;
}

interface Layout {
  readonly classes: readonly string[];
  readonly train: readonly ImageFile[];
  /** Undefined: to be held out. */
  readonly test: readonly ImageFile[] | undefined;
  readonly notes: readonly string[];
}

const isVisible = (name: string): boolean => !name.startsWith('.');

/** Visible things in a folder. */
async function listing(folder: string): Promise<{ folders: string[]; files: SourceFile[] }> {
  const folders: string[] = [];
  const files: SourceFile[] = [];
  for (const name of (await namesIn(folder)).filter(isVisible)) {
    const path = join(folder, name);
    const facts = await factsOf(path);
    if (facts === undefined) throw new UserError(`${path}: a link that leads nowhere`);
    if (facts.kind === 'folder') folders.push(name);
    else if (facts.kind === 'file') files.push({ path, size: facts.size, changed: facts.changed });
  }
  return { folders, files };
}

/** All files below a folder. `above`: the real paths of the folders that it lies in. */
async function filesBelow(folder: string, above: readonly string[]): Promise<SourceFile[]> {
  const real = await realpath(folder).catch((error: unknown) => {
    throw readFailure(error, folder);
  });
  if (above.includes(real)) throw new UserError(`${folder}: a link to a folder that it lies in`);
  const { folders, files } = await listing(folder);
  const below: SourceFile[] = [...files];
  for (const name of folders) {
    // Not evenlySpaced into arguments, of which there are 100,000 at most.
    for (const file of await filesBelow(join(folder, name), [...above, real])) below.push(file);
  }
  return below;
}

const isImage = ({ path }: SourceFile): boolean => extensions.includes(extname(path).toLowerCase());

/** The images of each class below `folder`, and what was left out. */
async function readClasses(folder: string, classes: readonly string[]): Promise<{ images: ImageFile[]; others: SourceFile[] }> {
  const images: ImageFile[] = [];
  const others: SourceFile[] = [];
  const root = await realpath(folder);
  for (const [label, name] of classes.entries()) {
    const files = await filesBelow(join(folder, name), [root]);
    const before = images.length;
    const rest: SourceFile[] = [];
    for (const file of files)
      if (isImage(file)) images.push({ ...file, label });
      else rest.push(file);
    if (images.length === before) {
      const instead = rest[0] === undefined ? '' : ` (but ${rest.length} other files, such as ${basename(rest[0].path)})`;
      throw new UserError(`${join(folder, name)}: a class without PNG, JPEG or WebP images${instead}`);
    }
    for (const file of rest) others.push(file);
  }
  return { images, others };
}

function checkClasses(folder: string, classes: readonly string[], stray: readonly SourceFile[]): void {
  if (classes.length === 0) {
    const images = stray.find(isImage);
    const what =
      images === undefined ? 'no sub-folders with images in it' : 'its images lie in no class: make a sub-folder a class';
    throw new UserError(`${folder}: ${what}`);
  }
  if (classes.length === 1) throw new UserError(`${folder}: only one class (${classes[0]}); it takes two to tell apart`);
  if (classes.length > classLimit) throw new UserError(`${folder}: ${classes.length} classes, more than ${classLimit}`);
}

async function findLayout(folder: string): Promise<Layout> {
  const top = await listing(folder);
  const has = (name: string): boolean => top.folders.includes(name);
  const named = top.folders.filter((name) => partNames.includes(name.toLowerCase()));
  const inParts = named.length > 0 && named.length === top.folders.length;
  if (inParts && !has('train'))
    throw new UserError(`${folder}: has ${named.map((name) => `${name}/`).join(' and ')}: call them train/ and test/`);
  const split = has('train') && (inParts || (has('test') && (await listing(join(folder, 'train'))).folders.length > 0));
  const notes: string[] = [];
  const note = (files: readonly string[], why: string): void => {
    if (files.length > 0) notes.push(`${files.length} ${why}, such as ${files[0]}`);
  };

  if (!split) {
    checkClasses(folder, top.folders, top.files);
    const { images, others } = await readClasses(folder, top.folders);
    note(
      others.map(({ path }) => path),
      'files left out that are not PNG, JPEG or WebP',
    );
    note(
      top.files.filter(isImage).map(({ path }) => path),
      'images left out that lie in no class',
    );
    return { classes: top.folders, train: images, test: undefined, notes };
  }
  const ignored = top.folders.filter((name) => name !== 'train' && name !== 'test');
  if (ignored.length > 0) notes.push(`only train/ and test/ are read, not ${ignored.map((name) => `${name}/`).join(', ')}`);
  const [trainFolder, testFolder] = [join(folder, 'train'), join(folder, 'test')];
  const { folders: classes, files } = await listing(trainFolder);
  checkClasses(trainFolder, classes, files);
  const train = await readClasses(trainFolder, classes);
  if (!has('test')) {
    note(
      train.others.map(({ path }) => path),
      'files left out that are not PNG, JPEG or WebP',
    );
    return { classes, train: train.images, test: undefined, notes };
  }
  const { folders: testClasses } = await listing(testFolder);
  if (testClasses.length === 0) throw new UserError(`${testFolder}: no test images: no sub-folders with images`);
  // One name may be written in two ways, as a Mac and others do.
  const testFolders = new Map(testClasses.map((name) => [name.normalize('NFC'), name]));
  const trained = new Set(classes.map((name) => name.normalize('NFC')));
  const unknown = testClasses.find((name) => !trained.has(name.normalize('NFC')));
  if (unknown !== undefined) throw new UserError(`${join(testFolder, unknown)}: a class that ${trainFolder} does not have`);
  const untested = classes.find((name) => !testFolders.has(name.normalize('NFC')));
  if (untested !== undefined) throw new UserError(`${testFolder}: has no sub-folder of the class ${untested}`);
  const test = await readClasses(
    testFolder,
    classes.map((name) => testFolders.get(name.normalize('NFC')) ?? name),
  );
  note(
    [...train.others, ...test.others].map(({ path }) => path),
    'files left out that are not PNG, JPEG or WebP',
  );
  return { classes, train: train.images, test: test.images, notes };
}

/** Images that cannot be read and are named, at most. */
const mostNamed = 10;

/** The results in order; `concurrency` at one time. What the items themselves are to blame for is told of all of them. */
async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>, signal?: AbortSignal): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const blamed: { readonly at: number; readonly error: UserError }[] = [];
  let failure: { readonly error: unknown } | null = null;
  const worker = async (): Promise<void> => {
    while (next < items.length && failure === null) {
      const at = next++;
      try {
        signal?.throwIfAborted();
        results[at] = await work(items[at] as T);
      } catch (error) {
        if (error instanceof UserError) blamed.push({ at, error });
        else failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const other = failure as { readonly error: unknown } | null;
  if (other !== null) throw other.error;
  const messages = blamed.toSorted((a, b) => a.at - b.at).map(({ error }) => error.message);
  const [first] = messages;
  if (first === undefined) return results;
  const more = messages.length > mostNamed ? `; and ${messages.length - mostNamed} more` : '';
  throw new UserError(
    messages.length === 1 ? first : `${messages.length} images cannot be read: ${messages.slice(0, mostNamed).join('; ')}${more}`,
  );
}

async function usualSize(files: readonly ImageFile[], signal?: AbortSignal): Promise<number> {
  const sides = await inOrder(
    files,
    async ({ path }) => {
      const { height, width } = await measureImage(path);
      return Math.min(height, width);
    },
    signal,
  );
  sides.sort((a, b) => a - b);
  return Math.min(usualLimit, sides[Math.floor((sides.length - 1) / 2)] as number);
}

interface Decoded {
  readonly label: number;
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

async function decode(folder: string, layout: Layout, imageSize: number | undefined, listener: ReadListener): Promise<Content> {
  const { progress, signal } = listener;
  const { classes, train, test = [] } = layout;
  const files = [...train, ...test];
  const side = imageSize ?? (await usualSize(files, signal));
  const colour = { channels: 3, height: side, width: side };
  if (files.length * bytesOf(colour) > decodedLimit)
    throw new UserError(
      `${folder}: ${files.length} images of ${side} × ${side} do not fit in memory: give a smaller --image-size`,
    );
  let done = 0;
  const step = Math.ceil(files.length / 100);
  const decoded = await inOrder(
    files,
    async ({ path, label }): Promise<Decoded> => {
      const pixels = await readImage(path, colour);
      if (++done % step === 0 || done === files.length) progress({ kind: 'decode', done, total: files.length });
      return { label, pixels, hash: sha256(pixels) };
    },
    signal,
  );
  const grey = decoded.every(({ pixels }) => isGrey(pixels));
  const isTest =
    layout.test === undefined ? holdOut(decoded, classes.length, heldOut) : decoded.map((_, index) => index >= train.length);
  if (!isTest.includes(true)) throw new UserError(`${folder}: no test images: no class has two different images`);
  const shape = { ...colour, channels: grey ? 1 : 3 };
  const trainPart = partOf(
    decoded.filter((_, index) => !isTest[index]),
    grey,
  );
  const testPart = partOf(
    decoded.filter((_, index) => isTest[index]),
    grey,
  );
  return { classes, shape, train: trainPart, test: testPart, ...measurePixels(trainPart.images, shape), flip: true };
}

/** The images in that folder. Undefined image size: the median of the shorter sides, at most 64. */
export async function findFolder(folder: string, imageSize: number | undefined): Promise<DatasetSource> {
  const layout = await findLayout(folder);
  return {
    name: basename(resolve(folder)),
    where: folder,
    files: [...layout.train, ...(layout.test ?? [])],
    notes: layout.notes.map((note) => `${folder}: ${note}`),
    options: { format: 'folder', version: 1, imageSize: imageSize ?? null, decoder: decoderVersion },
    decode: (listener) => decode(folder, layout, imageSize, listener),
  };
}
