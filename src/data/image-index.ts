/** Finds the images of a tree by the names that a table gives them. Pure. */
import { basename, extname, posix, resolve, sep } from 'node:path';
import { UserError } from '../util/user-error.ts';
import type { SourceFile } from './source.ts';
import type { Folder } from './tree.ts';

export interface PlacedImage {
  readonly file: SourceFile;
  /** From the root of the tree, with forward slashes. */
  readonly path: string;
}

/** What a name stands for; `several`: more than one image. */
export type Found = PlacedImage | 'several' | undefined;

export interface ImageIndex {
  readonly images: readonly PlacedImage[];
  /**
   * The image of a name, with or without extension and leading folders. `from`: the folder of the table. `prefer`: decides between
   * images of one name. A UserError for a name that leads out of the folder.
   */
  find(name: string, from: string, prefer: (image: PlacedImage) => boolean): Found;
}

const keyOf = (path: string): string => path.normalize('NFC').toLowerCase();
const withoutExtension = (path: string): string => path.slice(0, path.length - extname(path).length);

export const placedIn = ({ images, folders }: Folder, above = ''): PlacedImage[] => [
  ...images.map((file) => ({ file, path: `${above}${basename(file.path)}` })),
  ...folders.flatMap((folder) => placedIn(folder, `${above}${folder.name}/`)),
];

/** Whether one path is the end of the other. */
const endsAlike = (a: string, b: string): boolean => a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`);

export const isAbsolute = (name: string): boolean => /^(\/|[a-z]:\/|[a-z][a-z+.-]+:\/\/)/i.test(name);

/** A name as a path; `..` only within the folder `root`. */
function pathOf(name: string, from: string, root: string): string {
  const whole = name.trim().replaceAll('\\', '/');
  const forward = whole.startsWith(root) ? whole.slice(root.length) : whole;
  if (isAbsolute(forward)) throw new UserError(`${name}: a path must be relative to the folder of the images`);
  if (!forward.split('/').includes('..')) return forward.replace(/^(\.?\/)+/, '');
  const path = posix.join(from, forward);
  if (path.startsWith('../') || path === '..') throw new UserError(`${name}: leads out of the folder of the images`);
  return path;
}

/** Images by a key. */
function grouped(images: readonly PlacedImage[], key: (path: string) => string): Map<string, PlacedImage[]> {
  const groups = new Map<string, PlacedImage[]>();
  for (const image of images) {
    const own = keyOf(key(image.path));
    const group = groups.get(own);
    if (group === undefined) groups.set(own, [image]);
    else group.push(image);
  }
  return groups;
}

export function indexImages(root: Folder): ImageIndex {
  const images = placedIn(root);
  const prefix = `${resolve(root.path)}${sep}`.replaceAll(sep, '/');
  const byName = grouped(images, posix.basename);
  const byStem = grouped(images, (path) => withoutExtension(posix.basename(path)));
  return {
    images,
    find(name, from, prefer) {
      const path = pathOf(name, from, prefix);
      const last = keyOf(posix.basename(path));
      if (last === '' || last === '.') return undefined;
      const whole = byName.get(last);
      const candidates = whole ?? byStem.get(last) ?? [];
      const shown = (each: PlacedImage): string => keyOf(whole === undefined ? withoutExtension(each.path) : each.path);
      const alike = candidates.filter((each) => endsAlike(shown(each), keyOf(path)));
      const exact = [keyOf(posix.join(from, path)), keyOf(path)]
        .map((wanted) => alike.filter((each) => shown(each) === wanted))
        .find((group) => group.length > 0);
      const cased = (exact ?? alike).filter((each) => each.path.normalize('NFC').includes(path.normalize('NFC')));
      const group = cased.length > 0 ? cased : (exact ?? alike);
      const preferred = group.length > 1 ? group.filter(prefer) : group;
      const [only, ...more] = preferred.length > 0 ? preferred : group;
      return more.length > 0 ? 'several' : only;
    },
  };
}
