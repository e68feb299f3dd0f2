/** Labels of the images of a folder that stand in tables of text. Which columns have files, labels and parts is found by content. */
import { basename, dirname, join, posix, relative, sep } from 'node:path';
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { readFailure } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { plural } from '../util/words.ts';
import { readTable, type Table } from './csv.ts';
import { isTableName } from './file-names.ts';
import { everyNth, fileColumn, tried } from './file-column.ts';
import { indexImages, isAbsolute, type Found, type ImageIndex, type PlacedImage } from './image-index.ts';
import { hasImageExtension } from './image-kinds.ts';
import { findLabels, type Column } from './label-column.ts';
import { layoutOfRows, type LabelledRow, type RowPart } from './labelled-rows.ts';
import type { Layout } from './layout.ts';
import { partColumns, unknownParts, type PartColumns } from './part-column.ts';
import { partNamed, type PartName } from './part-names.ts';
import { fileAt, type SourceFile } from './source.ts';
import { othersBelow, type Folder } from './tree.ts';

/** What `--labels` and `--label-column` say. */
export interface LabelOptions {
  /** A table; undefined: found beside the images. */
  readonly file?: string | undefined;
  /** The name or the number of its column of labels; undefined: found by content. */
  readonly column?: string | undefined;
}

export interface TableLayout {
  readonly layout: Layout;
  /** The tables that were read. */
  readonly tables: readonly SourceFile[];
}

/** Tables that are looked at in a folder, at most. */
const mostTables = 20;

/** A table whose columns are known to name images. */
interface Understood {
  readonly table: Table;
  readonly columns: readonly Column[];
  /** Rows of `table` before the first one with values. */
  readonly skipped: number;
  readonly files: Column;
  /** Folder of the table below that of the images; empty where it lies elsewhere. */
  readonly from: string;
  readonly part: PartName | null;
}

const columnsOf = (rows: readonly (readonly string[])[], names: readonly string[]): Column[] =>
  names.map((name, at) => ({ name, values: rows.map((row) => row[at] ?? '') }));

/** The table with its columns; undefined where none of these names images. */
function understand(table: Table, index: ImageIndex, from: string): Understood | undefined {
  const { rows, path } = table;
  const [first = []] = rows;
  const part = partNamed(basename(path).replace(/\.[^.]*$/, ''));
  const numbered = first.map((_name, at) => String(at + 1));
  const plain = columnsOf(rows, numbered);
  const headed = columnsOf(
    rows.slice(1),
    first.map((name, at) => (name === '' ? String(at + 1) : name)),
  );
  const files = fileColumn(path, headed, index, from);
  if (files === undefined) {
    // A table of a single row has no header.
    const only = rows.length === 1 ? fileColumn(path, plain, index, from) : undefined;
    return only === undefined ? undefined : { table, columns: plain, skipped: 0, files: only, from, part };
  }
  const at = headed.indexOf(files);
  const isHeader = tried(index, first[at] ?? '', from) === undefined && !hasImageExtension(first[at] ?? '');
  return isHeader
    ? { table, columns: headed, skipped: 1, files, from, part }
    : { table, columns: plain, skipped: 0, files: plain[at] as Column, from, part };
}

/** Names of columns; repeated ones cannot be told apart. */
function checkNames({ table, columns }: Understood): void {
  const twice = columns.find(({ name }, at) => columns.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined) throw new UserError(`${table.path}: two columns are called ${twice.name}`);
}

/** The columns of parts, where there are others that may have the labels. */
function partsIn(where: string, columns: readonly Column[], wanted: string | undefined): PartColumns | undefined {
  const parts = partColumns(
    where,
    columns.filter(({ name }) => name !== wanted),
  );
  return columns.some((column) => parts?.columns.includes(column) !== true && column.values.some((value) => value !== ''))
    ? parts
    : undefined;
}

interface Reading {
  readonly rows: readonly LabelledRow[];
  readonly notes: readonly string[];
}

const rowsOf = (where: string, index: ImageIndex, each: Understood, usual: RowPart, wanted: string | undefined): Reading => {
  checkNames(each);
  const { table, columns, skipped, files, from } = each;
  const all = columns.map(({ name }) => name);
  const others = columns.filter((column) => column !== files);
  const parts = partsIn(table.path, others, wanted);
  const rest = others.filter((column) => parts?.columns.includes(column) !== true);
  const labels = findLabels(table.path, rest, wanted, all);
  const unknown = parts === undefined ? unknownParts(rest.filter(({ name }) => labels.words !== `column ${name}`)) : undefined;
  const rows: LabelledRow[] = [];
  const unlabelled: number[] = [];
  let left = 0;
  files.values.forEach((name, at) => {
    const place = `${table.path}, row ${at + 1 + skipped}`;
    const label = labels.values[at] ?? '';
    const part = parts === undefined ? usual : (parts.parts[at] ?? null);
    if (name === '' || label === '') return void unlabelled.push(at + 1 + skipped);
    if (part === null || part === 'unlabelled') return void left++;
    const prefer = ({ path }: PlacedImage): boolean =>
      path
        .split('/')
        .slice(0, -1)
        .some((folder) => partNamed(folder) === part);
    const found = ((): Found => {
      try {
        return index.find(name, from, prefer);
      } catch (error) {
        throw error instanceof UserError ? new UserError(`${place}: ${error.message}`) : error;
      }
    })();
    const missing = { path: join(where, name), size: 0, changed: 0 };
    const problem = found === 'several' ? 'several images have this name: give their folders in the table' : 'does not exist';
    const file = found === undefined || found === 'several' ? { ...missing, problem } : found.file;
    rows.push({ file, label, part, where: place });
  });
  const words = [
    `column ${files.name}`,
    labels.words,
    ...(parts === undefined ? [] : [`parts from column ${parts.columns.map(({ name }) => name).join(', ')}`]),
  ];
  return {
    rows,
    notes: [
      `labels from ${basename(table.path)}: ${words.join(', ')}`,
      ...(unknown === undefined
        ? []
        : [`column ${unknown.name} of ${basename(table.path)} is not used: its values name no parts, as train, val and test do`]),
      ...(unlabelled.length === 0
        ? []
        : [
            `${plural(unlabelled.length, 'row')} of ${basename(table.path)} without a file or a label ${unlabelled.length === 1 ? 'is' : 'are'} not used, such as row ${unlabelled[0]}`,
          ]),
      ...(left === 0
        ? []
        : [`${plural(left, 'row')} of ${basename(table.path)} in no part ${left === 1 ? 'is' : 'are'} not used`]),
    ],
  };
};

/** The images of rows lie in the folder, links followed. */
async function checkInside(folder: string, rows: readonly LabelledRow[]): Promise<void> {
  const fail = (path: string) => (error: unknown) => {
    throw readFailure(error, path);
  };
  const root = await realpath(folder).catch(fail(folder));
  const real = new Map<string, string>();
  for (const { file, where } of rows) {
    if (file.problem !== undefined) continue;
    // Files that are no links themselves lie where their folder does.
    const above = dirname(file.path);
    const folderOf = real.get(above) ?? (await realpath(above).catch(fail(above)));
    real.set(above, folderOf);
    const own = await realpath(file.raw ?? file.path).catch(fail(file.path));
    if (![folderOf, own].every((path) => path === root || path.startsWith(root + sep)))
      throw new UserError(`${where}: ${file.path} is a link that leads out of ${folder}`);
  }
}

/** The tables of the parts: one for all, or one for training and others beside it. */
function chosen(
  where: string,
  all: readonly Understood[],
): { readonly main: Understood; readonly others: readonly Understood[] } {
  const labelled = all.filter(({ columns, part }) => columns.length >= 2 && part !== 'unlabelled');
  const free = labelled.filter(({ part }) => part === null);
  const of = (part: PartName): Understood[] => labelled.filter((each) => each.part === part);
  const [train, ...more] = of('train');
  const names = (tables: readonly Understood[]): string => tables.map(({ table }) => basename(table.path)).join(', ');
  if (train !== undefined) {
    if (more.length > 0) throw new UserError(`${where}: ${names(of('train'))} may all be its labels: name one with --labels`);
    return { main: train, others: [...of('validation'), ...of('test')] };
  }
  const [main, ...rest] = free.length > 0 ? free : labelled;
  if (main === undefined) throw new UserError(`${where}: no table that names its images and their labels`);
  if (rest.length > 0) throw new UserError(`${where}: ${names([main, ...rest])} may all be its labels: name one with --labels`);
  return { main, others: [] };
}

/** Whether a table of another part has the column of labels. */
function hasLabels(each: Understood, main: Understood): boolean {
  const own = new Set(each.columns.map(({ name }) => name));
  return main.columns.every(({ name }) => own.has(name)) || each.columns.length === main.columns.length;
}

async function layoutBy(
  where: string,
  index: ImageIndex,
  all: readonly Understood[],
  wanted: string | undefined,
): Promise<Layout> {
  const { main, others } = chosen(where, all);
  const read = [main, ...others.filter((each) => hasLabels(each, main))];
  const readings = read.map((each) => {
    const part = each === main ? 'train' : each.part;
    return rowsOf(where, index, each, part === 'validation' || part === 'test' ? part : 'train', wanted);
  });
  const rows = readings.flatMap((each) => each.rows);
  await checkInside(where, rows);
  const used = new Set(rows.map(({ file }) => file.path));
  const without = index.images.filter(({ file }) => !used.has(file.path));
  const [first] = without;
  return layoutOfRows(where, rows, [
    ...readings.flatMap((each) => each.notes),
    ...others.filter((each) => !read.includes(each)).map(({ table }) => `${basename(table.path)} has no labels and is not used`),
    ...(first === undefined
      ? []
      : [
          `${plural(without.length, 'image')} without a row ${without.length === 1 ? 'is' : 'are'} not used, such as ${first.path}`,
        ]),
  ]);
}

/** The folder of a table below that of the images. */
function placeOf(folder: string, path: string): string {
  const below = relative(folder, dirname(path)).split(sep).join('/');
  return below.startsWith('..') ? '' : posix.normalize(below === '' ? '.' : below).replace(/^\.$/, '');
}

/** Where a table lies that a person named: from here, or in the folder of the images. */
export function placedTable(folder: string, file: string): string {
  const found = [file, join(folder, file)].find((path) => existsSync(path));
  if (found === undefined) throw new UserError(`--labels ${file}: no such file, here or in ${folder}`);
  return found;
}

async function fileOf(path: string): Promise<SourceFile> {
  const file = await fileAt(path);
  if (file === undefined) throw new UserError(`${path}: no such file of labels`);
  return file;
}

/** Why a table cannot be used: which of its columns should name images. */
function refusal({ path, rows }: Table, folder: string): UserError {
  const [first = []] = rows;
  const at = first.findIndex((_name, column) => everyNth(rows.slice(1)).every((row) => hasImageExtension(row[column] ?? '')));
  const example = rows[1]?.[at] ?? '';
  const column = first[at] ?? String(at + 1);
  const what =
    at < 0 || rows.length < 2
      ? `no column names images of ${folder}; its columns are ${first.slice(0, 10).join(', ')}${first.length > 10 ? ', …' : ''}`
      : isAbsolute(example.replaceAll('\\', '/'))
        ? `column ${column} has no paths below ${folder}, but ${example}: write them from that folder on, such as ${basename(example)}`
        : `the images of column ${column} are not in ${folder}, such as ${example}: give the folder that has them, and this file with --labels`;
  return new UserError(`${path}: ${what}`);
}

/**
 * The images of a folder, labelled by a table that was named. Beside a table called as the training part is (train.csv), tables of the
 * other parts are read too.
 */
export async function layoutOfTable(
  folder: string,
  tree: Folder,
  path: string,
  column: string | undefined,
): Promise<TableLayout> {
  const index = indexImages(tree);
  const file = await fileOf(path);
  const table = await readTable(path);
  const main = understand(table, index, placeOf(folder, path));
  if (main === undefined) throw refusal(table, folder);
  const beside = main.part === 'train' ? othersBelow(tree).filter((other) => dirname(other.path) === dirname(path)) : [];
  const { found } = await understoodIn(folder, index, beside);
  const others = found.filter(({ table: other, part }) => other.path !== path && (part === 'validation' || part === 'test'));
  const all = [{ ...main, part: main.part === 'unlabelled' ? null : main.part }, ...others];
  const layout = await layoutBy(folder, index, all, column);
  return { layout, tables: [file, ...beside.filter(({ path: each }) => others.some((other) => other.table.path === each))] };
}

/** The tables among files that name images, and why others do not. */
async function understoodIn(folder: string, index: ImageIndex, files: readonly SourceFile[]) {
  const found: Understood[] = [];
  const refused: UserError[] = [];
  for (const { path } of files.filter((file) => isTableName(file.path)).slice(0, mostTables)) {
    try {
      const table = await readTable(path);
      const understood = understand(table, index, placeOf(folder, path));
      if (understood === undefined) refused.push(refusal(table, folder));
      else found.push(understood);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused.push(error);
    }
  }
  return { found, refused };
}

/**
 * The images of a folder, labelled by those of the files that are tables which name them; else why each table does not, empty where
 * there is none.
 */
export async function layoutOfTables(
  folder: string,
  tree: Folder,
  files: readonly SourceFile[],
  column: string | undefined,
): Promise<TableLayout | readonly UserError[]> {
  const index = indexImages(tree);
  if (index.images.length === 0) return [];
  const { found, refused } = await understoodIn(folder, index, files);
  if (found.length === 0) return refused;
  const read = new Set(found.map(({ table }) => table.path));
  return { layout: await layoutBy(folder, index, found, column), tables: files.filter(({ path }) => read.has(path)) };
}
