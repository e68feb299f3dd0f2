/**
 * A table as values: what stands in it, not how it looks. Writers (Markdown, LaTeX, CSV here; HTML in the report) have a row
 * for each kind of cell.
 */

/** A column's kind says what its cells are, so that a file for machines can keep their parts apart. */
export type Column =
  | { readonly kind: 'text'; readonly title: string }
  | { readonly kind: 'tick'; readonly title: string }
  /** Digits behind the point. */
  | { readonly kind: 'number'; readonly title: string; readonly digits: number }
  | { readonly kind: 'signed'; readonly title: string; readonly digits: number }
  /** Mean ± standard deviation. */
  | { readonly kind: 'spread'; readonly title: string; readonly digits: number }
  | { readonly kind: 'interval'; readonly title: string; readonly digits: number }
  | { readonly kind: 'probability'; readonly title: string };

export type ColumnKind = Column['kind'];

export interface SpreadCell {
  readonly mean: number;
  /** Null for one value. */
  readonly deviation: number | null;
  /** Where they are not the column's: of figures from elsewhere. */
  readonly digits?: number;
}

/** What a cell of each kind holds. */
export interface CellValues {
  readonly text: string;
  readonly tick: boolean;
  readonly number: number;
  readonly signed: number;
  readonly spread: SpreadCell;
  readonly interval: readonly [low: number, high: number];
  readonly probability: number;
}

/** Null: there is no value. */
export type Cell = CellValues[ColumnKind] | null;

export interface Group {
  /** Such as `baselines`; null for the first, which needs no title. */
  readonly title: string | null;
  /** As many cells as there are columns. The first column names the row. */
  readonly rows: readonly (readonly Cell[])[];
}

export interface Table {
  /** Of its files: letters, digits, hyphens. */
  readonly name: string;
  /** Short: `Table 2`. */
  readonly title: string;
  /** Sentences. */
  readonly caption: string;
  /** What the numbers were measured on, for where that is not said beside it; may be empty. */
  readonly scale: string;
  readonly columns: readonly Column[];
  /** Groups without a row are left out by whoever makes the table. */
  readonly groups: readonly Group[];
  /** Sentences under it. */
  readonly notes: readonly string[];
}

/** One row a kind of column. */
export type ColumnTable<Result> = {
  readonly [K in ColumnKind]: (value: CellValues[K], column: Extract<Column, { kind: K }>) => Result;
};

/** What the table says of this cell; null where there is no value. */
export function askCell<Result>(table: ColumnTable<Result>, column: Column, cell: Cell): Result | null {
  if (cell === null) return null;
  const row = table[column.kind] as (value: Cell, column: Column) => Result;
  return row(cell, column);
}

/** Text stands to the left, ticks in the middle, numbers to the right. */
export const alignments: { readonly [K in ColumnKind]: 'left' | 'centre' | 'right' } = {
  text: 'left',
  tick: 'centre',
  number: 'right',
  signed: 'right',
  spread: 'right',
  interval: 'right',
  probability: 'right',
};

const isZero = (text: string): boolean => !/[1-9]/.test(text);

/** `1,234.5`, `−0.3`; never −0. */
export function formatFixed(value: number, digits: number): string {
  const text = Math.abs(value).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return value < 0 && !isZero(text) ? `−${text}` : text;
}

/** `+1.2`, `−1.2`, `0.0`. */
export function formatSigned(value: number, digits: number): string {
  const text = formatFixed(value, digits);
  return value > 0 && !isZero(text) ? `+${text}` : text;
}

/** `0.034`, `< 0.001`; never `0.000`, never rounded up to 0.05, where something is decided, and 1 only where it is 1 in three digits. */
export const formatProbability = (p: number): string =>
  p < 0.001 ? '< 0.001' : p < 0.05 && p.toFixed(3) === '0.050' ? '< 0.050' : p.toFixed(3);

/** As people read it, in plain text. */
export const plainCells: ColumnTable<string> = {
  text: (value) => value,
  tick: (value) => (value ? '✓' : '×'),
  number: (value, { digits }) => formatFixed(value, digits),
  signed: (value, { digits }) => formatSigned(value, digits),
  spread: ({ mean, deviation, digits: own }, { digits: usual }, digits = own ?? usual) =>
    deviation === null ? formatFixed(mean, digits) : `${formatFixed(mean, digits)} ± ${formatFixed(deviation, digits)}`,
  interval: ([low, high], { digits }) => `${formatFixed(low, digits)} to ${formatFixed(high, digits)}`,
  probability: formatProbability,
};

/** Where there is no value. */
export const missing = '–';

/** Words in lines of at most `most` characters; a longer word has a line of its own. */
export function wrapWords(text: string, most: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
