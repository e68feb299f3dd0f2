/** Folders in the folders of classes that are none of their images: parts, copies of the classes, masks. Pure. */
import { partNamed, type PartName } from './part-names.ts';
import { hasImages, type Folder } from './tree.ts';

/** File systems differ in how they encode a name, such as that of a Mac. */
export const keyOf = (name: string): string => name.normalize('NFC');

export const holdersIn = ({ folders }: Folder): Folder[] => folders.filter(hasImages);

const keysIn = (folder: Folder): string[] => holdersIn(folder).map(({ name }) => keyOf(name));

/** The names that folders with images have in both, where these are at least two. */
export function sharedNames(a: Folder, b: Folder): readonly string[] {
  const own = new Set(keysIn(a));
  const shared = keysIn(b).filter((name) => own.has(name));
  return shared.length >= 2 ? shared : [];
}

/** Folders of classes, and beside them folders that have nothing but these classes in them again. */
export interface Classes {
  readonly classes: Folder;
  readonly again: readonly Folder[];
}

/** `cat/`, `dog/` and `test/` with `cat/` and `dog/` in it; a copy of the folder in itself, as some archives have. */
export function withoutAgain(folder: Folder): Classes {
  const names = new Set(keysIn(folder));
  const isAgain = (each: Folder): boolean => {
    const inner = keysIn(each);
    return inner.length >= 2 && inner.every((name) => names.has(name) && name !== keyOf(each.name));
  };
  const again = folder.folders.filter(isAgain);
  const folders = folder.folders.filter((each) => !again.includes(each));
  return again.length === 0 || folders.filter(hasImages).length < 2
    ? { classes: folder, again: [] }
    : { classes: { ...folder, folders }, again };
}

const maskName = /^(masks?|labels?|annotations?|segmentations?|ground[ _-]?truths?)$/i;
const imageName = /^(images?|imgs?|pictures?|photos?|jpe?gs?|pngs?)$/i;

/** `images/` in the folder of a class without the `masks/` beside it. */
export function withoutMasks(folder: Folder): Folder {
  const { folders } = folder;
  if (!folders.some((each) => imageName.test(each.name) && hasImages(each))) return folder;
  return { ...folder, folders: folders.filter(({ name }) => !maskName.test(name)) };
}

/** The parts of a class in the order of their names; null where it has anything else, or a part twice. */
function partsOfClass(folder: Folder): ReadonlyMap<PartName, Folder> | null {
  const parts = new Map<PartName, Folder>();
  for (const each of holdersIn(folder)) {
    const part = partNamed(each.name);
    if (part === null || part === 'unlabelled' || parts.has(part)) return null;
    parts.set(part, each);
  }
  return folder.images.length === 0 ? parts : null;
}

/**
 * Folders of the parts with the classes in them, where each class has the same parts in it, `train/` among them: `cat/train/` as
 * `train/cat/`. Undefined for anything else.
 */
export function withPartsOutside(folder: Folder): Folder | undefined {
  const { folders } = folder;
  const inner = folders.map(partsOfClass);
  const [first] = inner;
  if (folders.length < 2 || first === null || first === undefined || !first.has('train') || first.size < 2) return undefined;
  const names = [...first.keys()];
  if (!inner.every((parts) => parts?.size === names.length && names.every((name) => parts.has(name)))) return undefined;
  const parts = [...first].map(([part, { name }]): Folder => ({
    name,
    path: folder.path,
    folders: folders.map((each, at) => ({ ...(inner[at]?.get(part) as Folder), name: each.name })),
    images: [],
    others: [],
  }));
  return { ...folder, folders: parts };
}

/** Names of repeated splits of the data, which are no classes. */
const splitName = /^(k?[-_ ]?fold|cv|splits?|parts?|batch|subset|chunk|shard)[-_ ]*\d+$/i;

/** Whether these folders are splits of the same classes: `fold1/` and `fold2/` with `cat/` and `dog/` in each. */
export const areSplits = (folders: readonly Folder[]): boolean =>
  folders.length >= 2 &&
  folders.every((each) => splitName.test(each.name) && sharedNames(each, folders[0] as Folder).length >= 2);
