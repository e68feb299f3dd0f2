/** The filters, the order and the columns of the list, as the page's address holds them. Pure. */
import type { Listing, RunRow } from '../../api.ts';
import { stateWords } from '../parts.tsx';
import { columnOf, isColumn, type ColumnName } from './columns.tsx';

/** How a filter compares, and how that is said. */
export const comparisons = { '>=': '≥', '<=': '≤', '=': 'is', '!=': 'is not', '~': 'contains' } as const;
export type Comparison = keyof typeof comparisons;
export const comparisonNames = Object.keys(comparisons) as readonly Comparison[];

export interface Filter {
  readonly column: ColumnName;
  readonly comparison: Comparison;
  /** As it was typed. */
  readonly text: string;
}

export interface Query {
  readonly text: string;
  /** Null for all. */
  readonly state: RunRow['state'] | null;
  readonly filters: readonly Filter[];
  readonly sort: ColumnName;
  readonly descending: boolean;
  /** Columns that are shown beside the usual ones. */
  readonly more: readonly ColumnName[];
  /** Whether the runs of studies are listed. */
  readonly ofStudies: boolean;
}

/** Latest first. */
export const defaultQuery: Query = {
  text: '',
  state: null,
  filters: [],
  sort: 'begun',
  descending: true,
  more: [],
  ofStudies: false,
};

export const stateNames = Object.keys(stateWords) as readonly RunRow['state'][];

function readFilter(text: string): readonly Filter[] {
  const [, column = '', comparison = '', typed = ''] = /^([\w.]+?)(>=|<=|!=|=|~)(.*)$/s.exec(text) ?? [];
  return isColumn(column) ? [{ column, comparison: comparison as Comparison, text: typed }] : [];
}

/** From the query of an address; invalid values are replaced by the default. */
export function readQuery(search: string): Query {
  const parameters = new URLSearchParams(search);
  const order = parameters.get('sort') ?? '';
  const sort = order.replace(/^-/, '');
  return {
    text: parameters.get('text') ?? '',
    state: stateNames.find((name) => name === parameters.get('state')) ?? null,
    filters: parameters.getAll('where').flatMap(readFilter),
    sort: isColumn(sort) ? sort : defaultQuery.sort,
    descending: isColumn(sort) ? order.startsWith('-') : defaultQuery.descending,
    more: [...new Set(parameters.getAll('column'))].filter(isColumn),
    ofStudies: parameters.get('studies') === 'all',
  };
}

export function writeQuery({ text, state, filters, sort, descending, more, ofStudies }: Query): string {
  const parts = new URLSearchParams();
  if (text !== '') parts.set('text', text);
  if (state !== null) parts.set('state', state);
  for (const { column, comparison, text: typed } of filters) parts.append('where', `${column}${comparison}${typed}`);
  if (sort !== defaultQuery.sort || descending !== defaultQuery.descending) parts.set('sort', `${descending ? '-' : ''}${sort}`);
  for (const name of more) parts.append('column', name);
  if (ofStudies) parts.set('studies', 'all');
  return parts.size === 0 ? '' : `?${parts.toString()}`;
}

const containsWords = ({ name, data, method, study, preset, notes }: RunRow, words: readonly string[]): boolean => {
  const text = [name, data, method, study, preset, ...notes.tags, notes.note].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
};

/** Whether a run passes a filter. One without the value passes only where it is not to be something. */
export function passes(row: RunRow, { column, comparison, text }: Filter): boolean {
  const { value, read, tolerance = 0 } = columnOf(column);
  const key = value(row);
  const typed = text.trim();
  if (key === null) return comparison === '!=';
  if (comparison === '~') return String(key).toLowerCase().includes(typed.toLowerCase());
  const other = typeof key === 'number' && typed !== '' ? (read?.(typed) ?? NaN) : NaN;
  if (typeof key === 'number' && !Number.isNaN(other)) {
    const isSame = Math.abs(key - other) <= tolerance;
    if (comparison === '=' || comparison === '!=') return isSame === (comparison === '=');
    return isSame || (comparison === '>=' ? key > other : key < other);
  }
  const order = typeof key === 'number' ? NaN : collator.compare(key, typed);
  const tests: { readonly [C in Exclude<Comparison, '~'>]: boolean } = {
    '=': order === 0,
    '!=': order !== 0,
    '>=': order >= 0,
    '<=': order <= 0,
  };
  return tests[comparison];
}

/** Rows without a key come last in both directions; equal ones are ordered by name. */
function ordered(rows: readonly RunRow[], sort: ColumnName, descending: boolean): readonly RunRow[] {
  const { value } = columnOf(sort);
  const sign = descending ? -1 : 1;
  const compare = (a: RunRow, b: RunRow): number => {
    const [one, other] = [value(a), value(b)];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    const areNumbers = typeof one === 'number' && typeof other === 'number';
    return sign * (areNumbers ? one - other : collator.compare(String(one), String(other)));
  };
  return rows.toSorted((a, b) => compare(a, b) || collator.compare(a.id, b.id));
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'accent' });

/** `hidden`: matching runs of studies, which are not shown. */
export function shownRows({ runs }: Listing, { text, state, filters, sort, descending, ofStudies }: Query) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = runs.filter(
    (row) =>
      (state === null || row.state === state) && containsWords(row, words) && filters.every((filter) => passes(row, filter)),
  );
  // The served folder may itself be a study.
  const all = ofStudies || runs.every(({ study }) => study !== null);
  const rows = all ? found : found.filter(({ study }) => study === null);
  return { rows: ordered(rows, sort, descending), hidden: found.length - rows.length };
}
