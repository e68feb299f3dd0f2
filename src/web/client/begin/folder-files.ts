/** The files of a folder that was dropped or chosen, as an upload sends them. */
import { isHiddenName, isParquetName, isTableName } from '../../../data/file-names.ts';
import { hasImageExtension } from '../../../data/image-kinds.ts';
import { sizeProblem } from '../../upload-names.ts';

export interface FolderFiles {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly file: File }[];
  readonly bytes: number;
  /** Files that are neither images nor tables. */
  readonly others: number;
}

type Found = FolderFiles['files'][number];

/** Of several folders that are dropped together. */
const ofSeveral = 'photos';

const isData = (name: string): boolean => hasImageExtension(name) || isTableName(name) || isParquetName(name);

function folderOf(name: string, all: readonly Found[]): FolderFiles {
  const seen = all.filter(({ path }) => !path.split('/').some(isHiddenName));
  const files = seen.filter(({ path }) => isData(path));
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  return { name, files, bytes, others: seen.length - files.length };
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> => new Promise((resolve, reject) => entry.file(resolve, reject));

/** Browsers give a hundred at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function filesBelow(entry: FileSystemEntry, path: string): Promise<readonly Found[]> {
  if (isHiddenName(entry.name)) return [];
  if (entry.isFile) return [{ path, file: await fileOf(entry as FileSystemFileEntry) }];
  const found: Found[] = [];
  for (const each of await entriesOf(entry as FileSystemDirectoryEntry))
    found.push(...(await filesBelow(each, path === '' ? each.name : `${path}/${each.name}`)));
  return found;
}

/** The entries must be taken while the event is handled. */
export const droppedEntries = ({ items }: DataTransfer): readonly FileSystemEntry[] =>
  [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);

/** One folder as itself; several folders of classes as one. */
export async function filesOfEntries(entries: readonly FileSystemEntry[]): Promise<FolderFiles> {
  const [only, ...more] = entries;
  if (only === undefined) throw new Error('No folder was dropped.');
  if (!only.isDirectory && more.length === 0)
    throw new Error('This is a file. Drop the folder that has a folder of images for each class.');
  if (only.isDirectory && more.length === 0) return folderOf(only.name, await filesBelow(only, ''));
  const found: Found[] = [];
  for (const entry of entries) found.push(...(await filesBelow(entry, entry.name)));
  return folderOf(ofSeveral, found);
}

/** Of an input that takes a folder. */
export function filesOfInput(list: FileList): FolderFiles {
  const all = [...list].map((file) => ({ path: file.webkitRelativePath.split('/').slice(1).join('/'), file }));
  return folderOf(list[0]?.webkitRelativePath.split('/')[0] ?? '', all);
}

/** Why it cannot be sent; null where it can. */
export function problemOf({ files, bytes }: FolderFiles): string | null {
  if (files.length === 0) return 'There are no images in it.';
  const wrong = sizeProblem(
    files.length,
    bytes,
    files.reduce((most, { file }) => Math.max(most, file.size), 0),
  );
  return wrong === null ? null : `It cannot be sent: ${wrong}.`;
}

/** What an upload sends: the length of the list, the list, the contents. The browser reads them as they are sent. */
export function bodyOf({ name, files }: FolderFiles): Blob {
  const manifest = new TextEncoder().encode(JSON.stringify({ name, files: files.map(({ path, file }) => [path, file.size]) }));
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, manifest.length);
  return new Blob([length, manifest, ...files.map(({ file }) => file)]);
}
