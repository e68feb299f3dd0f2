/**
 * Finds labelled images: folders of classes, tables of labels beside images, Parquet files, tables of pixels. Each becomes a layout of
 * files with labels, so that what decodes them need not know where the labels stood.
 */
import { basename, dirname, extname, resolve } from 'node:path';
import { factsOf } from '../util/files.ts';
import type { Json } from '../util/json.ts';
import { UserError } from '../util/user-error.ts';
import { isParquetName, isTableName, macFolder } from './file-names.ts';
import { layoutOfTable, layoutOfTables, placedTable, type LabelOptions, type TableLayout } from './label-table.ts';
import { findLayout, type Layout } from './layout.ts';
import { parquetFiles } from './parquet.ts';
import { isNoClass, partNamed } from './part-names.ts';
import { findPixels } from './pixel-table.ts';
import type { Reading } from './reading.ts';
import { fileAt, type ReadListener, type SourceFile } from './source.ts';
import { asFirst, hasImages, imagesBelow, othersBelow, readTree, type Folder } from './tree.ts';
import { withFolder } from './unpack.ts';

export interface ImageOptions {
  readonly reading: Reading;
  readonly labels: LabelOptions;
  readonly cacheFolder: string;
  /** Who is told how many files were found. */
  readonly listener?: ReadListener | undefined;
}

export interface FoundImages {
  readonly name: string;
  /** For messages. */
  readonly where: string;
  /** Where the labels stand. */
  readonly kind: 'folders' | 'table' | 'parquet' | 'pixels';
  /** Whatever the images and labels depend on. */
  readonly files: readonly SourceFile[];
  /** Options that they depend on beside the reading. */
  readonly options: Readonly<Record<string, Json>>;
  /** Known without reading images; null: when they are read. */
  readonly layout: Layout | null;
  /** Gives `use` the layout, whose files are there until it ends. */
  open<T>(listener: ReadListener, use: (layout: Layout) => Promise<T>): Promise<T>;
}

export const filesOf = ({ train, validation = [], test = [] }: Layout): SourceFile[] => [...train, ...validation, ...test];

const known = (layout: Layout): Pick<FoundImages, 'layout' | 'open'> => ({ layout, open: (_listener, use) => use(layout) });

const nameOf = (path: string): string => basename(resolve(path));

const byFolders = (folder: string, layout: Layout, notes: readonly string[] = []): FoundImages => {
  const said = { ...layout, notes: [...layout.notes, ...notes] };
  return { name: nameOf(folder), where: folder, kind: 'folders', files: filesOf(layout), options: {}, ...known(said) };
};

const byTable = (
  folder: string,
  { layout, tables }: TableLayout,
  { column = null }: { column?: string | null | undefined },
): FoundImages => ({
  name: nameOf(folder),
  where: folder,
  kind: 'table',
  files: [...tables, ...filesOf(layout)],
  options: { labels: 'table', column },
  ...known(layout),
});

function inParquet(where: string, files: readonly SourceFile[], { labels, cacheFolder }: ImageOptions): FoundImages {
  const { column } = labels;
  const found = parquetFiles(where, files, column);
  return {
    name: nameOf(where).replace(/\.parquet$/i, ''),
    where,
    kind: 'parquet',
    files: found.files,
    options: { labels: 'parquet', column: column ?? null },
    layout: null,
    open: (listener, use) => withFolder(cacheFolder, async (folder) => use(await found.read(folder, listener))),
  };
}

async function inPixels(where: string, files: readonly SourceFile[], { column }: LabelOptions): Promise<FoundImages | undefined> {
  const found = await findPixels(where, files, column);
  if (found === undefined) return undefined;
  return {
    name: nameOf(where).replace(/\.(csv|tsv)$/i, ''),
    where,
    kind: 'pixels',
    files: found.files,
    options: { labels: 'pixels', column: column ?? null },
    layout: null,
    open: async (listener, use) => use(await found.read(listener)),
  };
}

const isBoxes = ({ path }: SourceFile): boolean =>
  /(coco|instances_|bounding.?box|bbox).*\.(json|csv)$|[\\/]labels[\\/].*\.txt$|[\\/]annotations[\\/].*\.(xml|json)$|[\\/]data\.ya?ml$|[\\/](classes|darknet|_darknet)\.(txt|labels)$/i.test(
    path,
  );

/** What is said in place of another failure where a folder looks like boxes in images. */
function asBoxes(folder: Folder): UserError | undefined {
  const boxes = othersBelow(folder).find(isBoxes);
  if (boxes === undefined || !hasImages(folder)) return undefined;
  return new UserError(
    `${folder.path}: looks like data of object detection, such as ${boxes.path}: boxes are not read; each image needs one class, by a folder or a table`,
  );
}

const withReasons = (error: UserError, reasons: readonly UserError[]): UserError =>
  reasons[0] === undefined ? error : new UserError(`${error.message} (${reasons[0].message})`);

/** Folders that hold parts of the images, not classes: of one name but for a number. */
const areNoClasses = (names: readonly string[]): boolean =>
  names.every(isNoClass) || new Set(names.map((name) => name.replaceAll(/\d+/g, ''))).size === 1;

const sharesNames = (a: readonly string[], b: readonly string[]): boolean => a.some((name) => b.includes(name));

/** Tables beside folders of classes: taken where these are none, else said not to be read. */
async function besideFolders(
  tree: Folder,
  layout: Layout,
  tables: readonly SourceFile[],
  options: ImageOptions,
): Promise<FoundImages> {
  const { path } = tree;
  const found = await layoutOfTables(path, tree, tables, options.labels.column).catch((error: unknown) => {
    if (error instanceof UserError) return [];
    throw error;
  });
  if (!('layout' in found)) return byFolders(path, layout);
  const own = found.layout.classes;
  if (!sharesNames(own, layout.classes) && own.length >= 2 && areNoClasses(layout.classes))
    return byTable(path, found, options.labels);
  const [table] = found.tables;
  return sharesNames(own, layout.classes) || table === undefined
    ? byFolders(path, layout)
    : byFolders(path, layout, [`classes are the folders; ${table.path} is not used (--labels ${table.path} takes its labels)`]);
}

/** The table that lies beside the folder and not in it. */
async function tablesAbove(folder: string): Promise<SourceFile[]> {
  const above = await readTree(dirname(resolve(folder)), 0);
  return above.others.filter(({ path }) => isTableName(path));
}

/** A note where the parts that lie beside a training part are not read. */
async function noteOfParts(folder: string): Promise<string[]> {
  if (partNamed(nameOf(folder)) !== 'train') return [];
  const above = dirname(resolve(folder));
  const beside = (await readTree(above, 0)).folders.filter(({ name }) => ['validation', 'test'].includes(partNamed(name) ?? ''));
  return beside.length === 0
    ? []
    : [
        `${beside.map(({ name }) => `${name}/`).join(' and ')} beside it ${beside.length === 1 ? 'is' : 'are'} not read: give ${above} for all parts`,
      ];
}

async function inFolder(folder: string, options: ImageOptions): Promise<FoundImages> {
  const { reading, labels } = options;
  if (nameOf(folder) === macFolder)
    throw new UserError(`${folder}: what a Mac adds to archives, without images: give the folder beside it`);
  const tree = await readTree(folder, Infinity, options.listener);
  if (reading.version === 1) {
    const layout = { ...findLayout(asFirst(tree)), validation: undefined, notes: [] };
    return byFolders(folder, layout);
  }
  if (labels.file !== undefined) {
    const table = await layoutOfTable(folder, tree, placedTable(folder, labels.file), labels.column);
    return byTable(folder, table, labels);
  }
  const others = othersBelow(tree);
  const parquet = others.filter(({ path }) => isParquetName(path));
  if (parquet.length > 0 && !hasImages(tree)) return inParquet(folder, parquet, options);
  const tables = others.filter(({ path }) => isTableName(path));
  let failure: UserError;
  try {
    const layout = findLayout(tree);
    if (labels.column === undefined) {
      if (tables.length > 0) return await besideFolders(tree, layout, tables, options);
      return byFolders(folder, layout, await noteOfParts(folder));
    }
    failure = new UserError(`--label-column ${labels.column}: ${folder} has no table of labels: name it with --labels`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    failure = error;
  }
  const pixels = await inPixels(folder, tables, labels);
  if (pixels !== undefined && !hasImages(tree)) return pixels;
  const plain = tables.filter(({ path }) => pixels?.files.every((file) => file.path !== path) ?? true);
  const found = await layoutOfTables(folder, tree, plain, labels.column);
  if ('layout' in found) return byTable(folder, found, labels);
  if (pixels !== undefined) return pixels;
  if (imagesBelow(tree).length > 0 && found.length === 0) {
    const above = await layoutOfTables(folder, tree, await tablesAbove(folder), labels.column);
    if ('layout' in above) return byTable(folder, above, labels);
  }
  throw asBoxes(tree) ?? withReasons(failure, found);
}

/** Files of other parts beside a table of a training part. */
async function withParts(file: SourceFile): Promise<SourceFile[]> {
  const partOf = (path: string) => partNamed(basename(path, extname(path)));
  if (partOf(file.path) !== 'train') return [file];
  const { others } = await readTree(dirname(file.path), 0);
  return [file, ...others.filter(({ path }) => isTableName(path) && ['validation', 'test'].includes(partOf(path) ?? ''))];
}

async function inTable(file: SourceFile, options: ImageOptions): Promise<FoundImages> {
  const { labels } = options;
  const alone = await inPixels(file.path, [file], labels);
  if (alone !== undefined) return (await inPixels(file.path, await withParts(file), labels)) ?? alone;
  const folder = dirname(file.path);
  const table = await layoutOfTable(folder, await readTree(folder, Infinity, options.listener), file.path, labels.column);
  return { ...byTable(folder, table, labels), where: file.path };
}

/** The labelled images in a folder, in a table or in a Parquet file. A UserError says what was found, and what is expected. */
export async function findImages(path: string, options: ImageOptions): Promise<FoundImages> {
  const facts = await factsOf(path);
  const file = facts?.kind === 'file' ? await fileAt(path) : undefined;
  if (file === undefined) return inFolder(path, options);
  if (options.labels.file !== undefined) throw new UserError(`--labels: ${path} has labels of its own`);
  return isParquetName(path) ? inParquet(path, [file], options) : inTable(file, options);
}
