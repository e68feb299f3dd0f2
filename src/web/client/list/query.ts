/** What of the list is shown, and in which order: as the page's address says it. Pure. */
import type { Listing, RunRow } from '../../api.ts';
import { stateWords } from '../parts.tsx';
import { columns, columnNames, type ColumnName } from './columns.tsx';

export interface Query {
  readonly text: string;
  /** Null for all. */
  readonly state: RunRow['state'] | null;
  readonly sort: ColumnName;
  readonly descending: boolean;
  /** Whether the runs of studies are in the list. */
  readonly ofStudies: boolean;
}

/** The latest first. */
export const usualQuery: Query = { text: '', state: null, sort: 'begun', descending: true, ofStudies: false };

export const stateNames = Object.keys(stateWords) as readonly RunRow['state'][];

/** Of the part of an address behind the question mark; what it says wrongly is as usual. */
export function readQuery(search: string): Query {
  const given = new URLSearchParams(search);
  const order = given.get('sort') ?? '';
  return {
    text: given.get('text') ?? '',
    state: stateNames.find((name) => name === given.get('state')) ?? null,
    sort: columnNames.find((name) => name === order.replace(/^-/, '')) ?? usualQuery.sort,
    descending: order === '' ? usualQuery.descending : order.startsWith('-'),
    ofStudies: given.get('studies') === 'all',
  };
}

export function writeQuery({ text, state, sort, descending, ofStudies }: Query): string {
  const parts = new URLSearchParams();
  if (text !== '') parts.set('text', text);
  if (state !== null) parts.set('state', state);
  if (sort !== usualQuery.sort || descending !== usualQuery.descending) parts.set('sort', `${descending ? '-' : ''}${sort}`);
  if (ofStudies) parts.set('studies', 'all');
  return parts.size === 0 ? '' : `?${parts.toString()}`;
}

const matches = ({ name, data, method, study, preset }: RunRow, words: readonly string[]): boolean => {
  const text = [name, data, method, study, preset].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
};

/** Without a value last, whichever way; equal ones by name. */
function ordered(rows: readonly RunRow[], sort: ColumnName, descending: boolean): readonly RunRow[] {
  const { value } = columns[sort];
  const sign = descending ? -1 : 1;
  const compared = rows.map((row) => ({ row, key: value(row) }));
  compared.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null) || byName(a.row, b.row);
    const order =
      typeof a.key === 'string' || typeof b.key === 'string' ? collator.compare(String(a.key), String(b.key)) : a.key - b.key;
    return sign * order || byName(a.row, b.row);
  });
  return compared.map(({ row }) => row);
}

const collator = new Intl.Collator('en', { numeric: true });
const byName = (a: RunRow, b: RunRow): number => collator.compare(a.id, b.id);

export interface Shown {
  readonly rows: readonly RunRow[];
  /** Runs of studies that would be among them, were they shown. */
  readonly hidden: number;
}

export function shownRows({ runs }: Listing, { text, state, sort, descending, ofStudies }: Query): Shown {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = runs.filter((row) => (state === null || row.state === state) && matches(row, words));
  // A folder that is a study itself has no others.
  const all = ofStudies || runs.every(({ study }) => study !== null);
  const rows = all ? found : found.filter(({ study }) => study === null);
  return { rows: ordered(rows, sort, descending), hidden: found.length - rows.length };
}
