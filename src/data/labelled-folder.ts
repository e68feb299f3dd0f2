/** All images of a folder with a sub-folder for each class, labelled by the classes of a network. Holds nothing out. */
import { factsOf } from '../util/files.ts';
import type { Part } from './dataset.ts';
import { decodeImage } from './image.ts';
import { checkLeftOut, describeLeftOut } from './left-out.ts';
import { inOrder, sorted } from './outcomes.ts';
import { partNamed } from './part-names.ts';
import type { Reading } from './reading.ts';
import { datasetNames } from './resolve.ts';
import type { SourceFile } from './source.ts';
import { asFirst, hasImages, imagesBelow, readTree } from './tree.ts';

export interface ClassFolder {
  readonly name: string;
  /** Its images, in the order of their names. */
  readonly files: readonly SourceFile[];
}

/**
 * The class folders of a folder, those without images left out; null for anything else: a name, an archive, a folder of parts such as
 * train/ and test/, a folder around another one.
 */
export async function classFoldersIn(reference: string, { version }: Reading): Promise<readonly ClassFolder[] | null> {
  if (datasetNames.includes(reference) || (await factsOf(reference))?.kind !== 'folder') return null;
  const read = await readTree(reference);
  const folders = (version === 1 ? asFirst(read) : read).folders.filter(hasImages);
  const [only, ...more] = folders;
  if (only === undefined || folders.some(({ name }) => partNamed(name) !== null)) return null;
  if (more.length === 0 && only.images.length === 0) return null;
  return folders.map((folder) => ({ name: folder.name, files: imagesBelow(folder) }));
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
): Promise<{ readonly part: Part; readonly notes: readonly string[] }> {
  const shape = { channels: 3, height: side, width: side };
  const all = folders.flatMap(({ name, files }) => files.map((file) => ({ ...file, label: labelOf(name) })));
  const decode = async (file: SourceFile): Promise<Uint8Array> =>
    (await decodeImage(file, shape, { background, bits, fit })) as Uint8Array;
  const { good, bad } = sorted(all, await inOrder(all, decode));
  checkLeftOut(reference, bad, all.length, strict);
  const images = new Uint8Array(good.length * 3 * side * side);
  good.forEach(({ result }, at) => images.set(result, at * result.length));
  const part = { images, labels: Uint16Array.from(good, ({ file }) => file.label) };
  return { part, notes: describeLeftOut(reference, bad) };
}
