/** The table of runs: sorted by its headings, rows selected by checkboxes. */
import type { Signal } from '@preact/signals';
import type { RunRow } from '../../api.ts';
import { Scrolling } from '../parts.tsx';
import { columnNames, columnOf, type ColumnName } from './columns.tsx';
import type { Query } from './query.ts';

export interface OpenDialog {
  readonly action: 'rename' | 'notes' | 'delete';
  readonly row: RunRow;
}

/** The state of the list page. */
export interface ListState {
  readonly query: Signal<Query>;
  readonly selected: Signal<ReadonlySet<string>>;
  readonly dialog: Signal<OpenDialog | null>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface TableProps extends ListState {
  readonly rows: readonly RunRow[];
  readonly mayChange: boolean;
}

/** The columns that are shown, in their order. */
const shownColumns = ({ more }: Query): readonly ColumnName[] => [...columnNames.slice(0, -1), ...more, ...columnNames.slice(-1)];

const classOf = (name: ColumnName): string => `${columnOf(name).numeric ? 'number' : ''} column-${name.replaceAll('.', '-')}`;

function Head({ name, query }: { readonly name: ColumnName; readonly query: Signal<Query> }) {
  const { sort, descending } = query.value;
  const { title, words, descending: first } = columnOf(name);
  const onClick = (): void => {
    query.value = { ...query.value, sort: name, descending: sort === name ? !descending : first };
  };
  const order = sort !== name ? null : descending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={classOf(name)} {...(order === null ? {} : { 'aria-sort': order })}>
      <button type="button" onClick={onClick} {...(words === undefined ? {} : { title: words })}>
        {title}
        <span aria-hidden="true" class="arrow">
          {order === null ? '' : order === 'descending' ? '↓' : '↑'}
        </span>
      </button>
    </th>
  );
}

/** The columns of a run without events; the problem takes the place of the others. */
const bareColumns: ReadonlySet<ColumnName> = new Set(['name', 'state', 'begun']);

function cellOf(name: ColumnName, row: RunRow, now: number, shown: number) {
  if (row.events === 0 && !bareColumns.has(name))
    return name !== 'validation' ? null : (
      <td key={name} class="problem" colSpan={shown - bareColumns.size}>
        {row.problem}
      </td>
    );
  const cell = columnOf(name).cell(row, now);
  return name === 'name' ? (
    <th key={name} scope="row" class={classOf(name)}>
      {cell}
    </th>
  ) : (
    <td key={name} class={classOf(name)}>
      {cell}
    </td>
  );
}

export const without = (ids: ReadonlySet<string>, id: string): ReadonlySet<string> =>
  new Set([...ids].filter((each) => each !== id));

function Row({ row, query, selected, dialog, mayChange, now }: TableProps & { readonly row: RunRow }) {
  const isSelected = selected.value.has(row.id);
  const shown = shownColumns(query.value);
  return (
    <tr class={isSelected ? 'selected' : ''}>
      <td class="box">
        <label>
          <input
            type="checkbox"
            aria-label={`Select ${row.id}`}
            checked={isSelected}
            onChange={() =>
              (selected.value = isSelected ? without(selected.value, row.id) : new Set([...selected.value, row.id]))
            }
          />
        </label>
      </td>
      {shown.map((name) => cellOf(name, row, now, shown.length))}
      {mayChange ? (
        <td class="acts">
          {row.study === null ? (
            <button type="button" aria-label={`Rename ${row.id}`} onClick={() => (dialog.value = { action: 'rename', row })}>
              Rename
            </button>
          ) : null}
          {row.events === 0 ? null : (
            <button type="button" aria-label={`Notes of ${row.id}`} onClick={() => (dialog.value = { action: 'notes', row })}>
              Notes
            </button>
          )}
          <button type="button" aria-label={`Delete ${row.id}`} onClick={() => (dialog.value = { action: 'delete', row })}>
            Delete
          </button>
        </td>
      ) : null}
    </tr>
  );
}

export function RunTable(props: TableProps) {
  const { rows, mayChange, query, selected } = props;
  const all = rows.length > 0 && rows.every(({ id }) => selected.value.has(id));
  return (
    <Scrolling label="Runs" class="runs">
      <table>
        <thead>
          <tr>
            <td class="box">
              <label>
                <input
                  type="checkbox"
                  aria-label="Select all"
                  checked={all}
                  onChange={() => (selected.value = new Set(all ? [] : rows.map(({ id }) => id)))}
                />
              </label>
            </td>
            {shownColumns(query.value).map((name) => (
              <Head key={name} name={name} query={query} />
            ))}
            {mayChange ? (
              <td class="acts">
                <span class="unseen">Rename, notes, delete</span>
              </td>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} row={row} {...props} />
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}
