/**
 * A folder of images as a tree. Hidden files and what systems leave behind (`__MACOSX`, `Thumbs.db`) are not in it. A file counts as
 * an image by its extension, or else by its first bytes. Knows nothing of classes and parts.
 */
import { readdir, realpath } from 'node:fs/promises';
import { basename, extname, join, sep } from 'node:path';
import { factsOf, readFailure, readHead, type FilePath } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { isHiddenName } from './file-names.ts';
import { hasImageExtension, headLength, kindOf } from './image-kinds.ts';
import type { ReadListener, SourceFile } from './source.ts';

export interface Folder {
  readonly name: string;
  readonly path: string;
  /** By name. */
  readonly folders: readonly Folder[];
  readonly images: readonly SourceFile[];
  readonly others: readonly SourceFile[];
}

/** A path as it is shown, and as the system has it. */
interface Place {
  readonly path: string;
  readonly raw: FilePath;
}

/** A name as text; bytes that are no valid UTF-8 as `\xe9`. */
function shownName(name: Buffer): string {
  const text = name.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(name)) return text;
  // Every byte that is not ASCII: which of them belong together is not known.
  return Array.from(name, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join('');
}

function below({ path, raw }: Place, name: Buffer): Place & { readonly name: string } {
  const shown = shownName(name);
  const inner = join(path, shown);
  const isText = typeof raw === 'string' && name.equals(Buffer.from(shown, 'utf8'));
  return { name: shown, path: inner, raw: isText ? join(raw, shown) : Buffer.concat([Buffer.from(raw), Buffer.from(sep), name]) };
}

async function isImage({ path, raw }: Place, name: string): Promise<boolean> {
  return hasImageExtension(name) || kindOf(await readHead(raw, headLength, path).catch(() => new Uint8Array())) !== undefined;
}

/** A file, or a link that leads to none; undefined for a folder and for what is neither. */
async function fileAtPlace(place: Place): Promise<SourceFile | 'folder' | undefined> {
  const { path, raw } = place;
  const own = typeof raw === 'string' ? { path } : { path, raw };
  try {
    const facts = await factsOf(raw, path);
    if (facts === undefined) return { ...own, size: 0, changed: 0, problem: 'a link that leads nowhere' };
    if (facts.kind === 'folder') return 'folder';
    return facts.kind === 'file' ? { ...own, size: facts.size, changed: facts.changed } : undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...own, size: 0, changed: 0, problem: error.message.slice(path.length + 2) };
  }
}

/** Entries that are asked for at once. */
const together = 64;
/** Entries after which progress is said again. */
const told = 20_000;

/** Counts entries, says how many there are, and ends where reading is cancelled. */
class Count {
  #entries = 0;
  readonly #listener: ReadListener | undefined;

  constructor(listener: ReadListener | undefined) {
    this.#listener = listener;
  }

  add(entries: number): void {
    this.#listener?.signal?.throwIfAborted();
    const before = this.#entries;
    this.#entries += entries;
    if (Math.floor(before / told) < Math.floor(this.#entries / told))
      this.#listener?.progress({ kind: 'list', files: this.#entries - (this.#entries % told) });
  }
}

type Entry = SourceFile & { readonly isImage: boolean };

async function entryAt(place: Place & { readonly name: string }): Promise<Entry | 'folder' | undefined> {
  const found = await fileAtPlace(place);
  return found === undefined || found === 'folder' ? found : { ...found, isImage: await isImage(place, place.name) };
}

/** `above`: the real paths of the folders that contain it. `depth`: levels of folders that are read. */
async function readPlace(
  place: Place & { readonly name: string },
  above: readonly string[],
  depth: number,
  count: Count,
): Promise<Folder> {
  const { name, path, raw } = place;
  const fail = (error: unknown): never => {
    throw readFailure(error, path);
  };
  const real = (await realpath(raw, { encoding: 'buffer' }).catch(fail)).toString('latin1');
  if (above.includes(real)) throw new UserError(`${path}: a link to a folder that contains it`);
  const places = (await readdir(raw, { encoding: 'buffer' }).catch(fail)).map((entry) => below(place, entry));
  const folders: Folder[] = [];
  const images: SourceFile[] = [];
  const others: SourceFile[] = [];
  const visible = places.filter((each) => !isHiddenName(each.name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (let from = 0; from < visible.length; from += together) {
    const some = visible.slice(from, from + together);
    const found = await Promise.all(some.map(entryAt));
    count.add(some.length);
    for (const [at, entry] of some.entries()) {
      const what = found[at];
      if (what === undefined) continue;
      if (what !== 'folder') {
        const { isImage: shows, ...file } = what;
        (shows ? images : others).push(file);
      } else if (depth === 0) folders.push({ name: entry.name, path: entry.path, folders: [], images: [], others: [] });
      else folders.push(await readPlace(entry, [...above, real], depth - 1, count));
    }
  }
  return { name, path, folders, images, others };
}

/**
 * The tree of a folder, `depth` levels of folders below it. A UserError for a folder that cannot be read, and for a link to a folder
 * that contains it.
 */
export const readTree = (folder: string, depth = Infinity, listener?: ReadListener): Promise<Folder> =>
  readPlace({ name: basename(folder), path: folder, raw: folder }, [], depth, new Count(listener));

const firstExtensions: readonly string[] = ['.png', '.jpg', '.jpeg', '.webp'];

/** The tree as the first version of reading saw it: images are PNG, JPEG and WebP by their extensions. */
export function asFirst(folder: Folder): Folder {
  const isFirst = ({ path }: SourceFile): boolean => firstExtensions.includes(extname(path).toLowerCase());
  const { images, others, folders } = folder;
  return {
    ...folder,
    folders: folders.map(asFirst),
    images: images.filter(isFirst),
    others: [...others, ...images.filter((file) => !isFirst(file))],
  };
}

/** Its images and those of its sub-folders. */
export const imagesBelow = ({ images, folders }: Folder): SourceFile[] => [...images, ...folders.flatMap(imagesBelow)];
export const othersBelow = ({ others, folders }: Folder): SourceFile[] => [...others, ...folders.flatMap(othersBelow)];
export const hasImages = ({ images, folders }: Folder): boolean => images.length > 0 || folders.some(hasImages);
