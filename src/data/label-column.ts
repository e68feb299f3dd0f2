/** Which column of a table has the labels: by what is in it, helped by its name. Pure; used for text and Parquet tables. */
import { UserError } from '../util/user-error.ts';

export interface Column {
  /** Of the header; else its number, from 1. */
  readonly name: string;
  /** Empty: none. */
  readonly values: readonly string[];
}

/** The label of each row, empty where it has none, and the column in words. */
export interface Labels {
  readonly words: string;
  readonly values: readonly string[];
}

const wordsOf = (name: string): readonly string[] =>
  name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);

const labelWord = /^(labels?|class|classes|classname|labelname|targets?|category|categories)$/;
const isNamed = ({ name }: Column): boolean => wordsOf(name).some((word) => labelWord.test(word));

/** Of columns whose values are yes and no, or 1 and 0. */
export const isYes = (value: string): boolean => /^(1(\.0*)?|true|yes|y)$/i.test(value);
export const isNo = (value: string): boolean => /^(0(\.0*)?|false|no|n)$/i.test(value);

/** What programs write where a value is missing. `None`, `NA` and `null` may be classes. */
const isMissing = (value: string): boolean => /^(nan|<na>|#n\/a)$/i.test(value);

const distinct = ({ values }: Column): Set<string> => new Set(values.filter((value) => value !== ''));
const isNumber = (value: string): boolean => value !== '' && Number.isFinite(Number(value));
const isText = (column: Column): boolean => ![...distinct(column)].every(isNumber);
const isMeasure = (column: Column): boolean =>
  [...distinct(column)].every(isNumber) && [...distinct(column)].some((value) => !Number.isInteger(Number(value)));

/** A column that may be one of labels where there is no other: words, or few numbers. */
const mayBeLabels = (column: Column): boolean =>
  isPlausible(column) || isText(column) || (!isMeasure(column) && column.values.length < 10);

/** Two or more values that come back: on average each at least twice. */
function isPlausible(column: Column): boolean {
  const { size } = distinct(column);
  return size >= 2 && 2 * size <= column.values.length && !isMeasure(column);
}

/** Whether two columns say the same in other words, such as numbers and names of classes. */
function isSame(a: Column, b: Column): boolean {
  const pairs = new Set(a.values.map((value, row) => JSON.stringify([value, b.values[row] as string])));
  return pairs.size === new Set(a.values).size && pairs.size === new Set(b.values).size;
}

/** Of columns that say the same one stays: that of words, else the first. */
function withoutSame(columns: readonly Column[]): Column[] {
  const kept: Column[] = [];
  for (const column of columns.toSorted((a, b) => Number(isText(b)) - Number(isText(a))))
    if (!kept.some((other) => isSame(other, column))) kept.push(column);
  return kept;
}

const listed = (columns: readonly Column[]): string => columns.map(({ name }) => name).join(', ');

/** Columns of 0 and 1, or of yes and no, a class each. */
function oneOfMany(where: string, columns: readonly Column[]): Labels | undefined {
  const classes = columns.filter((column) => [...distinct(column)].every((value) => isNo(value) || isYes(value)));
  if (classes.length < 2 || classes.some((column) => distinct(column).size < 2)) return undefined;
  const rows = classes[0]?.values.length ?? 0;
  const values = Array.from({ length: rows }, (_none, row) => {
    const set = classes.filter((column) => isYes(column.values[row] ?? ''));
    if (set.length > 1)
      throw new UserError(`${where}: an image with several labels (${listed(set)}): each must have one, or give --label-column`);
    return set[0]?.name ?? '';
  });
  return { words: `columns of 0 and 1 (${classes.length} classes)`, values };
}

const labelsIn = (column: Column): Labels => ({ words: `column ${column.name}`, values: column.values });

function wantedOf(where: string, columns: readonly Column[], wanted: string, all: readonly string[]): Column {
  const key = (name: string): string => name.trim().toLowerCase();
  const exact = columns.filter(({ name }) => name === wanted);
  const named = exact.length > 0 ? exact : columns.filter(({ name }) => key(name) === key(wanted));
  const byNumber = /^\d+$/.test(wanted) ? columns.filter(({ name }) => name === all[Number(wanted) - 1]) : [];
  const [column] = named.length > 0 ? named : byNumber;
  if (column === undefined)
    throw new UserError(`--label-column ${wanted}: ${where} has no such column of labels: its columns are ${all.join(', ')}`);
  return column;
}

/**
 * The labels of a table. `given`: its columns, without those that name files or parts. `all`: the names of all its columns, which a number in
 * `wanted`, from 1, counts. A UserError where none or several could be meant.
 */
export function findLabels(where: string, given: readonly Column[], wanted: string | undefined, all: readonly string[]): Labels {
  const columns = given.map(({ name, values }) => ({ name, values: values.map((value) => (isMissing(value) ? '' : value)) }));
  if (wanted !== undefined) return labelsIn(wantedOf(where, columns, wanted, all));
  const filled = columns.filter((column) => distinct(column).size > 0);
  const named = filled.filter(isNamed);
  const [alone] = filled.length === 1 ? filled.filter(mayBeLabels) : [];
  const pool = named.length > 0 ? named : alone === undefined ? filled.filter(isPlausible) : [alone];
  if (named.length === 0) {
    const many = oneOfMany(where, pool);
    if (many !== undefined) return many;
  }
  const [column, ...more] = withoutSame(pool);
  if (column === undefined)
    throw new UserError(
      `${where}: no column of labels beside that of files${filled.length === 0 ? '' : `: name one of ${listed(filled)} with --label-column`}`,
    );
  if (more.length > 0)
    throw new UserError(
      `${where}: ${listed(pool)} may all be labels: say which with --label-column, such as --label-column ${column.name}`,
    );
  return labelsIn(column);
}
