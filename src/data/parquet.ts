/**
 * Images in Parquet files, as Hugging Face keeps them: a column of images (bytes of an image file, or a struct with these as `bytes`),
 * a column of labels, whose names are in the file's metadata, and files (shards) for each part. Row groups are read one at a time;
 * images are written to a folder of the cache.
 */
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema, type FileMetaData } from 'hyparquet';
import { isDiskFull, reasonOf, writeFailure } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { formatBytes, plural } from '../util/words.ts';
import { oneLine } from './csv.ts';
import { kindOf } from './image-kinds.ts';
import { findLabels, type Column } from './label-column.ts';
import { layoutOfRows, type LabelledRow, type RowPart } from './labelled-rows.ts';
import type { Layout } from './layout.ts';
import { partNamed, type PartName } from './part-names.ts';
import type { ReadListener, SourceFile } from './source.ts';
import { openAllowance } from './unpack.ts';

/** Largest row group that is read, bytes. */
const largestGroup = 2 ** 31 - 2 ** 20;
/** Largest footer, bytes. */
const largestFooter = 2 ** 28;

type Value = unknown;
type Row = Readonly<Record<string, Value>>;

interface Shard {
  readonly file: SourceFile;
  readonly part: RowPart;
}

interface Opened {
  readonly buffer: Awaited<ReturnType<typeof asyncBufferFromFile>>;
  readonly metadata: FileMetaData;
  /** Top-level columns, and whether they hold a struct. */
  readonly columns: readonly { readonly name: string; readonly parts: readonly string[] }[];
  /** Of ClassLabel columns, the names of the classes. */
  readonly classNames: ReadonlyMap<string, readonly string[]>;
}

const isRecord = (value: Value): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The names of classes by column, from what the library `datasets` writes; empty where that is not there. */
function classNamesIn({ key_value_metadata: pairs = [] }: FileMetaData): ReadonlyMap<string, readonly string[]> {
  const text = pairs.find(({ key }) => key === 'huggingface')?.value;
  const parsed = ((): Value => {
    try {
      return JSON.parse(text ?? 'null');
    } catch {
      return null;
    }
  })();
  const info = isRecord(parsed) ? parsed['info'] : null;
  const features = isRecord(info) ? info['features'] : null;
  const found = new Map<string, readonly string[]>();
  for (const [column, feature] of Object.entries(isRecord(features) ? features : {})) {
    const names = isRecord(feature) && feature['_type'] === 'ClassLabel' ? feature['names'] : null;
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) found.set(column, names.map(oneLine));
  }
  return found;
}

const damaged = (path: string, error: unknown): Error =>
  error instanceof UserError ? error : new UserError(`${path}: cannot be read as Parquet: ${reasonOf(error)}`);

async function openShard({ path, size }: SourceFile): Promise<Opened> {
  try {
    const buffer = await asyncBufferFromFile(path);
    if (size >= 8 && new DataView(await buffer.slice(size - 8, size - 4)).getUint32(0, true) > largestFooter)
      throw new Error('its footer is too large');
    const metadata = await parquetMetadataAsync(buffer);
    const columns = parquetSchema(metadata).children.map(({ element, children }) => ({
      name: oneLine(element.name),
      parts: children.map((child) => child.element.name),
    }));
    return { buffer, metadata, columns, classNames: classNamesIn(metadata) };
  } catch (error) {
    throw damaged(path, error);
  }
}

const readRows = async (
  path: string,
  { buffer, metadata }: Opened,
  columns: readonly string[],
  rowStart: number,
  rowEnd: number,
) => {
  // Its memory is taken when it is loaded: only where it is used.
  const { compressors } = await import('hyparquet-compressors');
  try {
    const options = { file: buffer, metadata, columns: [...columns], rowStart, rowEnd, compressors, utf8: false };
    return (await parquetReadObjects(options)) as readonly Row[];
  } catch (error) {
    throw damaged(path, error);
  }
};

/** The bytes of a cell that may hold an image. */
function bytesIn(cell: Value): Uint8Array | null {
  const value = isRecord(cell) && !(cell instanceof Uint8Array) ? cell['bytes'] : cell;
  return value instanceof Uint8Array ? value : null;
}

function textOf(value: Value): string {
  if (value instanceof Uint8Array) return oneLine(new TextDecoder().decode(value));
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value) ? oneLine(String(value as string | number)) : '';
}

/** The column of images: a struct with `bytes`, or bytes that are an image in the first row. */
async function imageColumn(path: string, opened: Opened): Promise<string> {
  const structs = opened.columns.filter(({ parts }) => parts.includes('bytes')).map(({ name }) => name);
  const plain = opened.columns.filter(({ parts }) => parts.length === 0).map(({ name }) => name);
  const [first] = structs.length > 0 || plain.length === 0 ? [] : await readRows(path, opened, plain, 0, 1);
  const images =
    structs.length > 0 ? structs : plain.filter((name) => kindOf(bytesIn(first?.[name]) ?? new Uint8Array()) !== undefined);
  const [only, ...more] = images;
  if (only === undefined)
    throw new UserError(`${path}: no column of images; its columns are ${opened.columns.map(({ name }) => name).join(', ')}`);
  if (more.length === 0) return only;
  const usual = images.find((name) => /^(image|img)$/i.test(name));
  if (usual === undefined) throw new UserError(`${path}: several columns of images, ${images.join(', ')}: one is needed`);
  return usual;
}

/** A column with its labels by their names. */
function named(column: Column, names: readonly string[] | undefined): Column {
  if (names === undefined) return column;
  // -1 is no label.
  return {
    name: column.name,
    values: column.values.map((value) => (value === '' || value === '-1' ? '' : (names[Number(value)] ?? value))),
  };
}

async function labelsIn(path: string, opened: Opened, image: string, wanted: string | undefined) {
  const plain = opened.columns.filter(({ name, parts }) => name !== image && parts.length === 0).map(({ name }) => name);
  const rows = plain.length === 0 ? [] : await readRows(path, opened, plain, 0, Number(opened.metadata.num_rows));
  const columns = plain.map((name) => named({ name, values: rows.map((row) => textOf(row[name])) }, opened.classNames.get(name)));
  const classLabels = columns.filter(({ name }) => opened.classNames.has(name));
  const all = opened.columns.map(({ name }) => name);
  const pool = wanted === undefined && classLabels.length > 0 ? classLabels : columns;
  return pool.every(({ values }) => values.every((value) => value === '')) ? null : findLabels(path, pool, wanted, all);
}

type Allowance = Awaited<ReturnType<typeof openAllowance>>;

/** Writes the images of a shard, and gives its rows; null where it has no labels. */
async function readShard(
  { file, part }: Shard,
  folder: string,
  at: number,
  allowance: Allowance,
  wanted: string | undefined,
  { signal }: ReadListener,
) {
  const { path } = file;
  const opened = await openShard(file);
  const image = await imageColumn(path, opened);
  const labels = await labelsIn(path, opened, image, wanted);
  if (labels === null) return null;
  const rows: LabelledRow[] = [];
  let [start, without] = [0, 0];
  for (const { num_rows: count, columns } of opened.metadata.row_groups) {
    signal?.throwIfAborted();
    const chunks = columns.filter(({ meta_data: about }) => about?.path_in_schema[0] === image);
    const size = chunks.reduce((sum, { meta_data: about }) => sum + Number(about?.total_uncompressed_size ?? 0), 0);
    if (size > largestGroup)
      throw new UserError(
        `${path}: a row group of ${formatBytes(size)} is too large to read: write the file with smaller row groups`,
      );
    const end = start + Number(count);
    const read = await readRows(path, opened, [image], start, end);
    if (start === 0 && read.length > 0 && read.every((row) => bytesIn(row[image]) === null))
      throw new UserError(`${path}: column ${image} has no bytes of images, only paths: write the file with its images in it`);
    for (const [index, row] of read.entries()) {
      const number = start + index;
      const label = labels.values[number] ?? '';
      if (label === '') {
        without++;
        continue;
      }
      const where = `${path}, row ${number + 1}`;
      const bytes = bytesIn(row[image]);
      const own = { path: where, size: bytes?.length ?? 0, changed: 0 };
      if (bytes === null) {
        rows.push({ file: { ...own, problem: 'no bytes of an image' }, label, part, where });
        continue;
      }
      allowance.file();
      allowance.bytes(bytes.length);
      const written = join(folder, `${at}-${number}`);
      await writeFile(written, bytes).catch((error: unknown): never => {
        throw isDiskFull(error) ? writeFailure(error, folder) : error;
      });
      rows.push({ file: { ...own, raw: Buffer.from(written) }, label, part, where });
    }
    start = end;
  }
  return { rows, without, words: `column ${image}, ${labels.words}` };
}

const segments = (path: string, root: string): readonly string[] => path.slice(root.length).split(/[\\/]/);

/** The part by the name of a file, or of a folder around it. */
function partOfFile(path: string, root: string): PartName | null {
  const names = segments(path, root).map((each) => partNamed(each.replace(/\.parquet$/i, '')));
  return names.findLast((part) => part !== null) ?? null;
}

/** The other shards of a file that is one of several: `train-00000-of-00002`. */
const shardOf = (path: string): number => Number(/-\d+-of-(\d+)\.parquet$/i.exec(path)?.[1] ?? 1);

/** Images in Parquet files, found but not read. */
export interface ParquetFiles {
  readonly files: readonly SourceFile[];
  /** The folder is to be kept until the images are decoded. */
  read(folder: string, listener: ReadListener): Promise<Layout>;
}

/** `where`: what was given, a file or the folder of the files. */
export function parquetFiles(where: string, files: readonly SourceFile[], wanted: string | undefined): ParquetFiles {
  const all = files.map((file) => ({ file, part: partOfFile(file.path, where === file.path ? '' : where) }));
  const single = files.length === 1;
  const shards = all.flatMap(({ file, part }): Shard[] =>
    part === 'unlabelled' ? [] : [{ file, part: single || part === null ? 'train' : part }],
  );
  const isWhole = !single || shardOf(files[0]?.path ?? '') === 1;
  return {
    files,
    async read(folder, listener) {
      const rows: LabelledRow[] = [];
      const without: string[] = [];
      let [unlabelled, words] = [0, ''];
      for (const [at, shard] of shards.entries()) {
        const allowance = await openAllowance(shard.file.path, folder);
        const read = await readShard(shard, folder, at, allowance, wanted, listener);
        if (read === null) {
          without.push(basename(shard.file.path));
          continue;
        }
        unlabelled += read.without;
        words = read.words;
        for (const row of read.rows) rows.push(row);
      }
      if (rows.length === 0) throw new UserError(`${where}: no column of labels beside that of images`);
      return layoutOfRows(where, rows, [
        `images and labels from ${plural(shards.length - without.length, 'Parquet file')}: ${words}`,
        ...(isWhole ? [] : [`one of ${shardOf(files[0]?.path ?? '')} shards is read: give their folder for all`]),
        ...(without.length === 0
          ? []
          : [
              `${without.join(', ')} ${without.length === 1 ? 'has' : 'have'} no labels and ${without.length === 1 ? 'is' : 'are'} not used`,
            ]),
        ...(unlabelled === 0 ? [] : [`${plural(unlabelled, 'row')} without a label ${unlabelled === 1 ? 'is' : 'are'} not used`]),
      ]);
    },
  };
}
