/** A table as CSV (RFC 4180), for machines: values as they are, a mean and its deviation in columns of their own. UTF-8. */
import { askCell, type Cell, type Column, type ColumnKind, type ColumnTable, type Table } from './table.ts';

/** Twelve places are more than was measured. */
const number = (value: number): string => String(Number(value.toPrecision(12)));

/** The parts of each kind of column: what they add to its title. */
const parts: { readonly [K in ColumnKind]: readonly string[] } = {
  text: [''],
  tick: [''],
  number: [''],
  signed: [''],
  spread: [' mean', ' std'],
  interval: [' low', ' high'],
  probability: [''],
};

const values: ColumnTable<readonly string[]> = {
  text: (value) => [value],
  tick: (value) => [value ? 'yes' : 'no'],
  number: (value) => [number(value)],
  signed: (value) => [number(value)],
  spread: ({ mean, deviation }) => [number(mean), deviation === null ? '' : number(deviation)],
  interval: ([low, high]) => [number(low), number(high)],
  probability: (value) => [number(value)],
};

/** RFC 4180, 2.5 to 2.7. */
const field = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const fieldsOf = (column: Column, cell: Cell): readonly string[] =>
  askCell(values, column, cell) ?? parts[column.kind].map(() => '');

/** The first field is the group; empty for the first group. Missing values are empty. */
export function csvTable({ columns, groups }: Table): string {
  const header = ['group', ...columns.flatMap((column) => parts[column.kind].map((part) => column.title + part))];
  const rows = groups.flatMap(({ title, rows: own }) =>
    own.map((cells) => [title ?? '', ...columns.flatMap((column, index) => fieldsOf(column, cells[index] ?? null))]),
  );
  return [header, ...rows].map((fields) => `${fields.map(field).join(',')}\r\n`).join('');
}
