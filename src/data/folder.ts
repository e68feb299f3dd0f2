/**
 * A folder of images: a sub-folder for each class, or train/ and test/ with these. Sub-folders of a class belong to it; hidden
 * files are skipped. Other files than PNG, JPEG and WebP are left out with a note. Without test/, 15 % are held out.
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
/** Names of folders that hold a part and not a class. */
const partNames: readonly string[] = ['train', 'training', 'test', 'testing', 'val', 'valid', 'validation', 'dev', 'eval'];
/** Largest side without --image-size, pixels. */
const defaultLimit = 64;
/** Images decoded at a time. */
const concurrency = 4;
const heldOut = 0.15;
/** Largest decoded dataset, which is held in memory, bytes. */
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

/** Sub-folders and files that are not hidden. */
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

/** All files below a folder. `above`: the real paths of the folders that contain it. */
async function filesBelow(folder: string, above: readonly string[]): Promise<SourceFile[]> {
  const real = await realpath(folder).catch((error: unknown) => {
    throw readFailure(error, folder);
  });
  if (above.includes(real)) throw new UserError(`${folder}: a link to a folder that contains it`);
  const { folders, files } = await listing(folder);
  const below = [files];
  for (const name of folders) below.push(await filesBelow(join(folder, name), [...above, real]));
  return below.flat();
}

const isImage = ({ path }: SourceFile): boolean => extensions.includes(extname(path).toLowerCase());

/** The images of each class below `folder`, and the files that are not images. */
async function readClasses(folder: string, classes: readonly string[]): Promise<{ images: ImageFile[]; others: SourceFile[] }> {
  const root = await realpath(folder);
  const found: { images: ImageFile[]; others: SourceFile[] }[] = [];
  for (const [label, name] of classes.entries()) {
    const files = await filesBelow(join(folder, name), [root]);
    const images = files.filter(isImage).map((file) => ({ ...file, label }));
    const others = files.filter((file) => !isImage(file));
    if (images.length === 0) {
      const instead = others[0] === undefined ? '' : ` (but ${others.length} other files, such as ${basename(others[0].path)})`;
      throw new UserError(`${join(folder, name)}: a class without PNG, JPEG or WebP images${instead}`);
    }
    found.push({ images, others });
  }
  return { images: found.flatMap(({ images }) => images), others: found.flatMap(({ others }) => others) };
}

function checkClasses(folder: string, classes: readonly string[], stray: readonly SourceFile[]): void {
  if (classes.length === 0) {
    const images = stray.find(isImage);
    const what =
      images === undefined ? 'no sub-folders with images in it' : 'its images lie in no class: make a sub-folder a class';
    throw new UserError(`${folder}: ${what}`);
  }
  if (classes.length === 1) throw new UserError(`${folder}: only one class (${classes[0]}); at least two are needed`);
  if (classes.length > classLimit) throw new UserError(`${folder}: ${classes.length} classes, more than ${classLimit}`);
}

/** A note of files that are not read, if there are any. */
const noteOf = (files: readonly SourceFile[], why: string): string[] =>
  files[0] === undefined ? [] : [`${files.length} ${why}, such as ${files[0].path}`];

const otherFiles = 'files left out that are not PNG, JPEG or WebP';

/** The test folders of the classes of the training folder, in their order. */
async function testClasses(testFolder: string, trainFolder: string, classes: readonly string[]): Promise<string[]> {
  const { folders } = await listing(testFolder);
  if (folders.length === 0) throw new UserError(`${testFolder}: no test images: no sub-folders with images`);
  // File systems differ in how they encode a name, such as that of a Mac.
  const byName = new Map(folders.map((name) => [name.normalize('NFC'), name]));
  const trained = new Set(classes.map((name) => name.normalize('NFC')));
  const unknown = folders.find((name) => !trained.has(name.normalize('NFC')));
  if (unknown !== undefined) throw new UserError(`${join(testFolder, unknown)}: a class that ${trainFolder} does not have`);
  return classes.map((name) => {
    const found = byName.get(name.normalize('NFC'));
    if (found === undefined) throw new UserError(`${testFolder}: has no sub-folder of the class ${name}`);
    return found;
  });
}

/** The layout of a folder with train/, and with test/ unless test images are to be held out. */
async function findParts(folder: string, folders: readonly string[]): Promise<Layout> {
  const ignored = folders.filter((name) => name !== 'train' && name !== 'test').map((name) => `${name}/`);
  const notes = ignored.length === 0 ? [] : [`only train/ and test/ are read, not ${ignored.join(', ')}`];
  const [trainFolder, testFolder] = [join(folder, 'train'), join(folder, 'test')];
  const { folders: classes, files } = await listing(trainFolder);
  checkClasses(trainFolder, classes, files);
  const train = await readClasses(trainFolder, classes);
  const test = folders.includes('test')
    ? await readClasses(testFolder, await testClasses(testFolder, trainFolder, classes))
    : undefined;
  notes.push(...noteOf([...train.others, ...(test?.others ?? [])], otherFiles));
  return { classes, train: train.images, test: test?.images, notes };
}

async function findLayout(folder: string): Promise<Layout> {
  const { folders, files } = await listing(folder);
  const has = (name: string): boolean => folders.includes(name);
  const named = folders.filter((name) => partNames.includes(name.toLowerCase()));
  const inParts = named.length > 0 && named.length === folders.length;
  if (inParts && !has('train'))
    throw new UserError(`${folder}: has ${named.map((name) => `${name}/`).join(' and ')}: call them train/ and test/`);
  const isSplit = has('train') && (inParts || (has('test') && (await listing(join(folder, 'train'))).folders.length > 0));
  if (isSplit) return findParts(folder, folders);
  checkClasses(folder, folders, files);
  const { images, others } = await readClasses(folder, folders);
  const notes = [...noteOf(others, otherFiles), ...noteOf(files.filter(isImage), 'images left out that lie in no class')];
  return { classes: folders, train: images, test: undefined, notes };
}

/** Unreadable images named in a message, at most. */
const mostNamed = 10;

/** The results in order, `concurrency` at a time. The UserErrors of all items become one; any other error ends the work. */
async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>, signal?: AbortSignal): Promise<R[]> {
  const results: R[] = [];
  const problems: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      try {
        signal?.throwIfAborted();
        results[at] = await work(items[at] as T);
      } catch (error) {
        if (error instanceof UserError) problems[at] = error.message;
        else {
          next = items.length;
          throw error;
        }
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: concurrency }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  const messages = problems.filter((message) => message !== undefined);
  const [first] = messages;
  if (first === undefined) return results;
  const more = messages.length > mostNamed ? `; and ${messages.length - mostNamed} more` : '';
  throw new UserError(
    messages.length === 1 ? first : `${messages.length} images cannot be read: ${messages.slice(0, mostNamed).join('; ')}${more}`,
  );
}

/** The median of the shorter sides, at most `defaultLimit`. */
async function defaultSize(files: readonly ImageFile[], signal?: AbortSignal): Promise<number> {
  const shapes = await inOrder(files, ({ path }) => measureImage(path), signal);
  const sides = shapes.map(({ height, width }) => Math.min(height, width)).toSorted((a, b) => a - b);
  return Math.min(defaultLimit, sides[Math.floor((sides.length - 1) / 2)] as number);
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
  const { classes } = layout;
  const files = [...layout.train, ...(layout.test ?? [])];
  const side = imageSize ?? (await defaultSize(files, signal));
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
    layout.test === undefined
      ? holdOut(decoded, classes.length, heldOut)
      : decoded.map((_, index) => index >= layout.train.length);
  if (!isTest.includes(true)) throw new UserError(`${folder}: no test images: no class has two different images`);
  const shape = { ...colour, channels: grey ? 1 : 3 };
  const imagesOf = (part: boolean): Decoded[] => decoded.filter((_, index) => isTest[index] === part);
  const [train, test] = [partOf(imagesOf(false), grey), partOf(imagesOf(true), grey)];
  return { classes, shape, train, test, ...measurePixels(train.images, shape), flip: true };
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
