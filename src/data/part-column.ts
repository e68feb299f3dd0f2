/** Which column of a table says in what part an image is: `split` with the names of parts, or `is_valid` with yes and no. Pure. */
import { UserError } from '../util/user-error.ts';
import { isNo, isYes, type Column } from './label-column.ts';
import { partNamed, type PartName } from './part-names.ts';

export interface PartColumns {
  readonly columns: readonly Column[];
  /** Of each row; null: in none. */
  readonly parts: readonly (PartName | null)[];
}

/** Different values of a column of parts, at most. */
const mostNames = 10;

const partWord = /^(splits?|subsets?|sets?|parts?|partitions?|phases?|usages?|purposes?|folds?)$/i;
const isPartWord = (name: string): boolean => name.split(/[^a-z]+/i).some((word) => partWord.test(word));

/** Values that all name parts, `train` among them; in a column that is called so, others may be beside them. */
function byNames(where: string, column: Column): PartColumns | undefined {
  const names = [...new Set(column.values)];
  if (names.length < 2 || names.length > mostNames) return undefined;
  const parts = new Map(names.map((name) => [name, partNamed(name)]));
  const known = [...parts.values()].filter((part) => part !== null);
  if (known.length === 0 || (known.length < names.length && !isPartWord(column.name))) return undefined;
  if (!known.includes('train')) {
    if (!isPartWord(column.name)) return undefined;
    throw new UserError(
      `${where}: column ${column.name} has no training part, only ${names.map((name) => (name === '' ? 'nothing' : name)).join(', ')}: write train into the rows that train`,
    );
  }
  return { columns: [column], parts: column.values.map((value) => parts.get(value) ?? null) };
}

const isFlag = ({ values }: Column): boolean =>
  values.some(isYes) && values.some(isNo) && values.every((value) => value === '' || isYes(value) || isNo(value));

const prefixed = /^(?:is|in)(?:[^a-z]+|(?=[A-Z]))/i;

/** The part that yes stands for in a column called `is_valid`, or `test`. */
function flagged({ name }: Column): PartName | null {
  const part = partNamed(name.replace(prefixed, ''));
  return part === 'unlabelled' ? null : part;
}

const isOneOf = (columns: readonly Column[]): boolean =>
  columns.length >= 2 &&
  (columns[0]?.values ?? []).every((_value, row) => columns.filter(({ values }) => isYes(values[row] ?? '')).length === 1);

/** Columns of yes and no that say it, each for one part. Where yes and no are classes, a class may be called `train`. */
function byFlags(columns: readonly Column[]): PartColumns | undefined {
  const flags = columns.filter(isFlag);
  const own = flags.filter((column) => flagged(column) !== null && (prefixed.test(column.name) || flags.length === 1));
  const alike = flags.filter(({ name }) => prefixed.test(name));
  const known = new Set(own.map(flagged));
  if (own.length === 0 || known.size < own.length || (alike.length > own.length && isOneOf(alike))) return undefined;
  // Where no column is that of the training part, or of the test part, the rest is in it.
  const rest = known.has('train') ? (known.has('test') ? null : 'test') : 'train';
  const partOf = (row: number): PartName | null => {
    const values = own.map((column) => column.values[row] ?? '');
    const at = values.findIndex(isYes);
    if (at >= 0) return flagged(own[at] as Column);
    return values.every(isNo) ? rest : null;
  };
  return { columns: own, parts: (own[0]?.values ?? []).map((_value, row) => partOf(row)) };
}

/** Undefined where no column says it. `where`: for messages. A UserError for one that names parts, but not that for training. */
export function partColumns(where: string, columns: readonly Column[]): PartColumns | undefined {
  for (const column of columns) {
    const found = byNames(where, column);
    if (found !== undefined) return found;
  }
  return byFlags(columns);
}

/** A column that is called as one of parts is, but is none. */
export const unknownParts = (columns: readonly Column[]): Column | undefined =>
  columns.find((column) => {
    const names = new Set(column.values);
    return isPartWord(column.name) && names.size >= 2 && names.size <= mostNames;
  });
