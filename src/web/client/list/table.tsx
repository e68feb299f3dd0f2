/** The table of runs: sorted by its headings, rows selected by checkboxes. It holds no state. */
import type { RunRow } from '../../api.ts';
import { Scrolling } from '../parts.tsx';
import { columnNames, columnOf, type ColumnName } from './columns.tsx';

export interface TableOptions {
  readonly rows: readonly RunRow[];
  readonly sort: ColumnName;
  readonly descending: boolean;
  readonly selected: ReadonlySet<string>;
  readonly mayChange: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  onSort(column: ColumnName): void;
  onSelect(id: string, selected: boolean): void;
  onRename(row: RunRow): void;
  onDelete(row: RunRow): void;
}

const classOf = (name: ColumnName): string => `${columnOf(name).numeric ? 'number' : ''} column-${name}`;

function Head({ name, options }: { readonly name: ColumnName; readonly options: TableOptions }) {
  const { sort, descending, onSort } = options;
  const { title, words } = columnOf(name);
  const order = sort !== name ? null : descending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={classOf(name)} {...(order === null ? {} : { 'aria-sort': order })}>
      <button type="button" onClick={() => onSort(name)} {...(words === undefined ? {} : { title: words })}>
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

function Cell({ name, row, now }: { readonly name: ColumnName; readonly row: RunRow; readonly now: number }) {
  if (row.events === 0 && !bareColumns.has(name))
    return name !== 'validation' ? null : (
      <td class="problem" colSpan={columnNames.length - bareColumns.size}>
        {row.problem}
      </td>
    );
  const cell = columnOf(name).cell(row, now);
  return name === 'name' ? (
    <th scope="row" class={classOf(name)}>
      {cell}
    </th>
  ) : (
    <td class={classOf(name)}>{cell}</td>
  );
}

function Row({ row, options }: { readonly row: RunRow; readonly options: TableOptions }) {
  const { selected, mayChange, now, onSelect, onRename, onDelete } = options;
  const isSelected = selected.has(row.id);
  return (
    <tr class={isSelected ? 'selected' : ''}>
      <td class="box">
        {row.events === 0 ? null : (
          <label>
            <input
              type="checkbox"
              aria-label={`Compare ${row.id}`}
              checked={isSelected}
              onChange={(event) => onSelect(row.id, event.currentTarget.checked)}
            />
          </label>
        )}
      </td>
      {columnNames.map((name) => (
        <Cell key={name} name={name} row={row} now={now} />
      ))}
      {mayChange ? (
        <td class="acts">
          {row.study === null ? (
            <button type="button" aria-label={`Rename ${row.id}`} onClick={() => onRename(row)}>
              Rename
            </button>
          ) : null}
          <button type="button" aria-label={`Delete ${row.id}`} onClick={() => onDelete(row)}>
            Delete
          </button>
        </td>
      ) : null}
    </tr>
  );
}

export function RunTable(options: TableOptions) {
  const { rows, mayChange } = options;
  return (
    <Scrolling label="Runs" class="runs">
      <table>
        <thead>
          <tr>
            <td class="box">
              <span class="unseen">Compare</span>
            </td>
            {columnNames.map((name) => (
              <Head key={name} name={name} options={options} />
            ))}
            {mayChange ? (
              <td class="acts">
                <span class="unseen">Rename, delete</span>
              </td>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} row={row} options={options} />
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}
