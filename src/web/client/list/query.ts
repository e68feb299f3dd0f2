/** The filter and the order of the list, as the page's address holds them. Pure. */
import type { Listing, RunRow } from '../../api.ts';
import { stateWords } from '../parts.tsx';
import { columnNames, columnOf, type ColumnName } from './columns.tsx';

export interface Query {
  readonly text: string;
  /** Null for all. */
  readonly state: RunRow['state'] | null;
  readonly sort: ColumnName;
  readonly descending: boolean;
  /** Whether the runs of studies are listed. */
  readonly ofStudies: boolean;
}

/** Latest first. */
export const defaultQuery: Query = { text: '', state: null, sort: 'begun', descending: true, ofStudies: false };

export const stateNames = Object.keys(stateWords) as readonly RunRow['state'][];

/** From the query of an address; invalid values are replaced by the default. */
export function readQuery(search: string): Query {
  const parameters = new URLSearchParams(search);
  const order = parameters.get('sort') ?? '';
  return {
    text: parameters.get('text') ?? '',
    state: stateNames.find((name) => name === parameters.get('state')) ?? null,
    sort: columnNames.find((name) => name === order.replace(/^-/, '')) ?? defaultQuery.sort,
    descending: order === '' ? defaultQuery.descending : order.startsWith('-'),
    ofStudies: parameters.get('studies') === 'all',
  };
}

export function writeQuery({ text, state, sort, descending, ofStudies }: Query): string {
  const parts = new URLSearchParams();
  if (text !== '') parts.set('text', text);
  if (state !== null) parts.set('state', state);
  if (sort !== defaultQuery.sort || descending !== defaultQuery.descending) parts.set('sort', `${descending ? '-' : ''}${sort}`);
  if (ofStudies) parts.set('studies', 'all');
  return parts.size === 0 ? '' : `?${parts.toString()}`;
}

const matches = ({ name, data, method, study, preset }: RunRow, words: readonly string[]): boolean => {
  const text = [name, data, method, study, preset].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
};

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

const collator = new Intl.Collator('en', { numeric: true });

/** `hidden`: matching runs of studies, which are not shown. */
export function shownRows({ runs }: Listing, { text, state, sort, descending, ofStudies }: Query) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = runs.filter((row) => (state === null || row.state === state) && matches(row, words));
  // The served folder may itself be a study.
  const all = ofStudies || runs.every(({ study }) => study !== null);
  const rows = all ? found : found.filter(({ study }) => study === null);
  return { rows: ordered(rows, sort, descending), hidden: found.length - rows.length };
}
