/**
 * Tables with an image a row, as MNIST is passed on: a label, and a column from 0 to 255 for each pixel. A square number of pixels is a
 * grey image, three times a square a colour image by planes: all of red, of green, of blue.
 */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { readFailure, readHead } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { parseTable, separatorOf } from './csv.ts';
import { findLabels } from './label-column.ts';
import { layoutOfRows, type LabelledRow } from './labelled-rows.ts';
import type { Layout } from './layout.ts';
import { partNamed } from './part-names.ts';
import type { ReadListener, SourceFile } from './source.ts';

/** Smallest and largest side of an image, pixels. */
const sides = [5, 1024] as const;
/** Bytes at the start that must have a line. */
const headBytes = 1 << 24;

interface Form {
  readonly file: SourceFile;
  readonly separator: string;
  readonly hasHeader: boolean;
  /** Which column has the label. */
  readonly label: number;
  readonly columns: number;
  readonly side: number;
  readonly channels: 1 | 3;
}

const sideOf = (pixels: number): { readonly side: number; readonly channels: 1 | 3 } | undefined => {
  for (const channels of [1, 3] as const) {
    const side = Math.sqrt(pixels / channels);
    if (Number.isInteger(side) && side >= sides[0] && side <= sides[1]) return { side, channels };
  }
  return undefined;
};

const isByte = (text: string): boolean => /^\d{1,3}(\.0*)?$/.test(text) && Number(text) <= 255;

/** The first two lines, without what ends them. */
function linesIn(head: Uint8Array): readonly string[] {
  const text = new TextDecoder().decode(head);
  return text.split(/\r?\n/, 3).slice(0, text.includes('\n') ? 2 : 1);
}

/** The column of labels: by its name, or the one that is no pixel by what columns are called; else the first. */
function labelColumn(where: string, names: readonly string[], row: readonly string[], wanted: string | undefined): number {
  if (wanted !== undefined) {
    const columns = names.map((name, at) => ({ name, values: [row[at] ?? ''] }));
    return names.indexOf(findLabels(where, columns, wanted, names).words.slice('column '.length));
  }
  const named = names.findIndex((name) => /^(labels?|class|target|category|y)$/i.test(name));
  if (named >= 0) return named;
  const texts = row.findIndex((value) => !isByte(value));
  return Math.max(0, texts);
}

/** The form of a table of pixels; undefined where it is none. `test.csv` without labels is none either. */
async function formOf(file: SourceFile, wanted: string | undefined): Promise<Form | undefined> {
  const lines = linesIn(await readHead(file.path, headBytes));
  const separator = separatorOf(lines.join('\n'));
  const rows = (() => {
    try {
      return lines.map((line) => parseTable(file.path, line).rows[0] ?? []);
    } catch (error) {
      if (error instanceof UserError) return [];
      throw error;
    }
  })();
  const [first = [], second = first] = rows;
  const found = sideOf(first.length - 1);
  if (found === undefined || second.length !== first.length) return undefined;
  const pixels = second.filter(isByte).length;
  if (pixels < second.length - 1) return undefined;
  const hasHeader = first.filter(isByte).length < first.length - 1;
  const names = hasHeader ? first : first.map((_value, at) => String(at + 1));
  const label = labelColumn(file.path, names, second, wanted);
  return { file, separator, hasHeader, label, columns: first.length, ...found };
}

/** The lines of a file as bytes. */
async function* linesOf(path: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      let from = 0;
      for (let end = rest.indexOf(10, from); end >= 0; end = rest.indexOf(10, from)) {
        yield rest.subarray(from, end);
        from = end + 1;
      }
      rest = rest.subarray(from);
    }
  } catch (error) {
    throw readFailure(error, path);
  }
  if (rest.length > 0) yield rest;
}

interface Row {
  readonly label: string;
  /** By planes, as in the file. */
  readonly pixels: Uint8Array;
}

/** A line as its label and pixels. */
function rowOf(line: string, { separator, columns, label }: Form, where: string): Row {
  const fields = line.split(separator);
  if (fields.length !== columns) throw new UserError(`${where}: ${fields.length} columns, not ${columns}`);
  const pixels = new Uint8Array(columns - 1);
  let at = 0;
  fields.forEach((field, column) => {
    if (column === label) return;
    const value = field === '' ? NaN : Number(field);
    if (!Number.isInteger(value) || value < 0 || value > 255)
      throw new UserError(`${where}, column ${column + 1}: ${field.slice(0, 20) || 'nothing'} is no pixel: 0 to 255 are`);
    pixels[at++] = value;
  });
  return {
    label: (fields[label] ?? '')
      .trim()
      .replace(/^"(.*)"$/, '$1')
      .replace(/^(\d+)\.0+$/, '$1'),
    pixels,
  };
}

/** As a PNM file, which is decoded like any image. */
function imageOf({ pixels }: Row, { side, channels }: Form): Uint8Array {
  const header = new TextEncoder().encode(`P${channels === 1 ? 5 : 6}\n${side} ${side}\n255\n`);
  const bytes = new Uint8Array(header.length + pixels.length);
  bytes.set(header);
  const area = side * side;
  for (let channel = 0; channel < channels; channel++)
    for (let at = 0; at < area; at++) bytes[header.length + at * channels + channel] = pixels[channel * area + at] as number;
  return bytes;
}

async function rowsOf(form: Form, part: LabelledRow['part'], signal: AbortSignal | undefined): Promise<LabelledRow[]> {
  const { path } = form.file;
  const rows: LabelledRow[] = [];
  let number = 0;
  for await (const line of linesOf(path, signal)) {
    number++;
    const text = line
      .toString('latin1')
      .replace(/^\xef\xbb\xbf/, '')
      .trim();
    if (text === '' || (number === 1 && form.hasHeader)) continue;
    const where = `${path}, row ${number}`;
    const row = rowOf(text, form, where);
    if (row.label === '') throw new UserError(`${where}: no label`);
    rows.push({ file: { path: where, bytes: imageOf(row, form), size: 0, changed: 0 }, label: row.label, part, where });
  }
  return rows;
}

/** Images in tables of pixels, found but not read. */
export interface PixelTables {
  readonly files: readonly SourceFile[];
  read(listener: ReadListener): Promise<Layout>;
}

/** The tables of pixels among files: one, or one for each part. Undefined where there is none. */
export async function findPixels(where: string, files: readonly SourceFile[], wanted?: string): Promise<PixelTables | undefined> {
  const forms: Form[] = [];
  for (const file of files) {
    const form = await formOf(file, wanted);
    if (form !== undefined) forms.push(form);
  }
  if (forms.length === 0) return undefined;
  const partOf = ({ file }: Form): LabelledRow['part'] => {
    const part = partNamed(basename(file.path).replace(/\.[^.]*$/, ''));
    return part === 'validation' || part === 'test' ? part : 'train';
  };
  const named = forms.map((form) => ({ form, part: forms.length === 1 ? ('train' as const) : partOf(form) }));
  const twice = named.find(({ part }, at) => named.findIndex((other) => other.part === part) !== at);
  if (twice !== undefined)
    throw new UserError(
      `${where}: several tables of pixels, such as ${twice.form.file.path}: give one of them, or name them train, val and test`,
    );
  const [{ side, channels }] = forms as [Form];
  const other = forms.find((form) => form.side !== side || form.channels !== channels);
  if (other !== undefined) throw new UserError(`${other.file.path}: images of another size than those of ${forms[0]?.file.path}`);
  const size = `${side} × ${side}`;
  const notes = [
    `images from the rows of ${forms.map(({ file }) => basename(file.path)).join(' and ')}: ${size}, ${channels === 1 ? 'grey' : 'colour, taken as planes: all of red, of green, of blue'}`,
  ];
  return {
    files: forms.map(({ file }) => file),
    async read({ signal }) {
      const rows: LabelledRow[] = [];
      for (const { form, part } of named) for (const row of await rowsOf(form, part, signal)) rows.push(row);
      return layoutOfRows(where, rows, notes);
    },
  };
}
