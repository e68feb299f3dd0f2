/**
 * A table as values, without formatting. The writers (Markdown, LaTeX and CSV here, HTML in the report) have a row for each kind of
 * cell.
 */

/** The kind of a column says what its cells hold, so that CSV can write their parts in columns of their own. */
export type Column =
  | { readonly kind: 'text'; readonly title: string }
  | { readonly kind: 'tick'; readonly title: string }
  /** `digits`: decimal places. */
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
  /** Overrides the column's digits, for published figures. */
  readonly digits?: number;
}

/** The value of a cell of each kind. */
export interface CellValues {
  readonly text: string;
  readonly tick: boolean;
  readonly number: number;
  readonly signed: number;
  readonly spread: SpreadCell;
  readonly interval: readonly [low: number, high: number];
  readonly probability: number;
}

/** Null if there is no value. */
export type Cell = CellValues[ColumnKind] | null;

export interface Group {
  /** Such as `baselines`; null for the first group, which has no title. */
  readonly title: string | null;
  /** Each row has one cell per column. The first cell names the row. */
  readonly rows: readonly (readonly Cell[])[];
}

export interface Table {
  /** The name of its files, without extension: letters, digits, hyphens. */
  readonly name: string;
  /** Short: `Table 2`. */
  readonly title: string;
  /** Sentences. */
  readonly caption: string;
  /** What the numbers were measured on, for places that do not state it elsewhere; may be empty. */
  readonly scale: string;
  readonly columns: readonly Column[];
  /** Without empty groups. */
  readonly groups: readonly Group[];
  /** Sentences below the table. */
  readonly notes: readonly string[];
}

/** One row per kind of column. */
export type ColumnTable<Result> = {
  readonly [K in ColumnKind]: (value: CellValues[K], column: Extract<Column, { kind: K }>) => Result;
};

/** Calls the row for this cell; null if there is no value. */
export function askCell<Result>(table: ColumnTable<Result>, column: Column, cell: Cell): Result | null {
  if (cell === null) return null;
  const row = table[column.kind] as (value: Cell, column: Column) => Result;
  return row(cell, column);
}

/** Text is aligned left, ticks are centred, numbers are aligned right. */
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

/** `0.034`, `< 0.001`. Never `0.000`; values below the level 0.05 are not rounded up to it; 1 only if it is 1 in three digits. */
export const formatProbability = (p: number): string =>
  p < 0.001 ? '< 0.001' : p < 0.05 && p.toFixed(3) === '0.050' ? '< 0.050' : p.toFixed(3);

/** Cells as plain text. */
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

/** Shown if there is no value. */
export const missing = '–';

/** Wraps words to lines of at most `most` characters; a longer word gets its own line. */
export function wrapWords(text: string, most: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
