/** Tables as text: separated by commas, semicolons, tabs or bars, with quoted fields. Knows nothing of labels. */
import { parse } from 'csv-parse/sync';
import { factsOf, readBytes, reasonOf } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';

export interface Table {
  readonly path: string;
  /** Rows of equal length, at least two fields each; the first one may be a header. */
  readonly rows: readonly (readonly string[])[];
}

/** Largest table that is read as one text, bytes. */
const largest = 2 ** 28;
const separators = [',', ';', '\t', '|'];
/** Lines that the separator is found by. */
const sampled = 20;

/** UTF-8 or UTF-16 with its mark; else Windows-1252, as spreadsheets write it. */
function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** A cell without line ends and the like, which no name has. */
export const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();

const usual = { skip_empty_lines: true, trim: true };

/** Fields of the first line, where at least half of the next ones have as many, or one more than a header; else 0. */
function fieldsBy(delimiter: string, head: string): number {
  const rows = ((): string[][] => {
    try {
      return parse(head, { ...usual, delimiter, relax_column_count: true, relax_quotes: true, to: sampled });
    } catch {
      return [];
    }
  })();
  const first = rows[0]?.length ?? 0;
  const areMost = (length: number): boolean => 2 * rows.filter((row) => row.length === length).length >= rows.length;
  return areMost(first) || (first >= 2 && areMost(first + 1)) ? first : 0;
}

/** The separator that gives the lines the most fields. */
export function separatorOf(lines: string): string {
  const fields = separators.map((delimiter) => fieldsBy(delimiter, lines));
  const most = Math.max(...fields);
  return separators[fields.indexOf(most)] as string;
}

/** The first lines of a text. */
const headOf = (text: string): string => text.split('\n', sampled).join('\n');

/** What tells a spreadsheet the separator, and comments, each with its line end. */
const preface = /^\ufeff?(?:sep=.[ \t]*(?:\r\n?|\n))?((?:[ \t]*#[^\r\n]*(?:\r\n?|\n)+)*)/i;
const lastLine = /[^\r\n]*(?:\r\n?|\n)+$/;

/** Without what is no table at its beginning. A header may begin with # as a comment does: it has as many fields as the rows. */
function withoutPreface(text: string): string {
  const [whole, comments = ''] = preface.exec(text) as RegExpExecArray;
  const body = text.slice(whole.length);
  const [last = ''] = lastLine.exec(comments) ?? [];
  const delimiter = separatorOf(headOf(body));
  const isHeader = last !== '' && fieldsBy(delimiter, last) === fieldsBy(delimiter, headOf(body));
  return isHeader ? `${last}${body}` : body;
}

/**
 * Rows that all have one field more than the header: an empty one at the end, or, as R writes them, the names of rows at the
 * beginning.
 */
function withWholeHeader(rows: readonly string[][]): string[][] {
  const [header = [], ...rest] = rows;
  if (rest.length === 0 || rest.some((row) => row.length !== header.length + 1)) return [...rows];
  if (rest.every((row) => row.at(-1) === '')) return [header, ...rest.map((row) => row.slice(0, -1))];
  return [['', ...header], ...rest];
}

/** The table in a text. A UserError for one that is malformed or has a single column. */
export function parseTable(path: string, text: string): Table {
  if (text.includes('\0')) throw new UserError(`${path}: not a table in text: it has zero bytes`);
  let rows: string[][];
  const content = withoutPreface(text);
  const options = { ...usual, delimiter: separatorOf(headOf(content)) };
  try {
    rows = parse(content, options);
  } catch (error) {
    const relaxed = ((): string[][] => {
      try {
        return withWholeHeader(parse(content, { ...options, relax_column_count: true }));
      } catch {
        return [];
      }
    })();
    const isWhole = relaxed.length > 1 && relaxed.every((row) => row.length === relaxed[0]?.length);
    if (!isWhole) throw new UserError(`${path}: cannot be read as a table: ${reasonOf(error)}`);
    rows = relaxed;
  }
  rows = rows.map((row) => row.map(oneLine));
  if (rows.length === 0) throw new UserError(`${path}: an empty table`);
  if ((rows[0]?.length ?? 0) < 2)
    throw new UserError(
      `${path}: one column; a table of labels has a column of files and one of labels, with commas, semicolons, tabs or bars between them`,
    );
  return { path, rows };
}

export async function readTable(path: string): Promise<Table> {
  const size = (await factsOf(path))?.size ?? 0;
  if (size > largest) throw new UserError(`${path}: ${size} bytes are too many for a table of labels`);
  const bytes = await readBytes(path);
  return parseTable(path, textOf(bytes));
}
