/** The table of runs: sorted by its heads, its rows selected by their boxes. It holds nothing itself. */
import type { RunRow } from '../../api.ts';
import { columns, columnNames, type ColumnName } from './columns.tsx';

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

function Head({
  name,
  sort,
  descending,
  onSort,
}: Pick<TableOptions, 'sort' | 'descending' | 'onSort'> & { readonly name: ColumnName }) {
  const { title, words, numeric } = columns[name];
  const isSorted = sort === name;
  return (
    <th
      scope="col"
      class={`${numeric ? 'number' : ''} column-${name}`}
      {...(isSorted ? { 'aria-sort': descending ? ('descending' as const) : ('ascending' as const) } : {})}
    >
      <button type="button" onClick={() => onSort(name)} {...(words === undefined ? {} : { title: words })}>
        {title}
        <span aria-hidden="true" class="arrow">
          {isSorted ? (descending ? '↓' : '↑') : ''}
        </span>
      </button>
    </th>
  );
}

/** Of a run that says nothing; what is wrong with it stands in place of the others. */
const bareColumns: ReadonlySet<ColumnName> = new Set(['name', 'state', 'begun']);

function Row({ row, options }: { readonly row: RunRow; readonly options: TableOptions }) {
  const { selected, mayChange, now, onSelect, onRename, onDelete } = options;
  const isSelected = selected.has(row.id);
  const isBare = row.events === 0;
  return (
    <tr class={isSelected ? 'selected' : ''}>
      <td class="box">
        {isBare ? null : (
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
      {columnNames.map((name) => {
        const { numeric, cell } = columns[name];
        const kind = `${numeric ? 'number' : ''} column-${name}`;
        if (isBare && !bareColumns.has(name))
          return name !== 'validation' ? null : (
            <td key={name} class="problem" colSpan={columnNames.length - bareColumns.size}>
              {row.problem}
            </td>
          );
        return name === 'name' ? (
          <th key={name} scope="row" class={kind}>
            {cell(row, now)}
          </th>
        ) : (
          <td key={name} class={kind}>
            {cell(row, now)}
          </td>
        );
      })}
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
    <div class="scroll runs" role="region" tabIndex={0} aria-label="Runs">
      <table>
        <thead>
          <tr>
            <td class="box">
              <span class="unseen">Compare</span>
            </td>
            {columnNames.map((name) => (
              <Head key={name} name={name} {...options} />
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
    </div>
  );
}
