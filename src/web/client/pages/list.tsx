/** All runs and studies of the folder, as they go on. */
import '../list/list.css';
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { plural } from '../../../util/words.ts';
import { quoted } from '../../../util/quoted.ts';
import type { Listing, RunRow } from '../../api.ts';
import { columns, type ColumnName } from '../list/columns.tsx';
import { CompareBar } from '../list/compare-bar.tsx';
import { DeleteDialog, RenameDialog } from '../list/dialogs.tsx';
import { useListing } from '../list/listing.ts';
import { readQuery, shownRows, stateNames, writeQuery, type Query } from '../list/query.ts';
import { Studies } from '../list/studies.tsx';
import { RunTable } from '../list/table.tsx';
import { Link, stateWords } from '../parts.tsx';
import { route } from '../route.ts';

/** Milliseconds between two looks at the folder. */
const period = 2000;

const OnlyLooks = () => (
  <p class="condition open">
    This page was opened without the token and can only look. To begin, stop, rename or delete, open the address that{' '}
    <code>instar ui</code> printed.
  </p>
);

function Empty({ folder }: { readonly folder: string }) {
  return (
    <section class="empty">
      <h2>No run yet</h2>
      <p>
        There is no run in <code>{folder}</code>. Begin one here: <Link to={{ page: 'begin' }}>New search</Link>. Or in a
        terminal:
      </p>
      <pre>
        <code>instar search fashion-mnist --preset quick --run {quoted(`${folder}/first`)}</code>
      </pre>
      <p class="quiet">A search that writes into this folder appears here by itself.</p>
    </section>
  );
}

function Filters({
  listing,
  query,
  change,
}: {
  readonly listing: Listing;
  readonly query: Query;
  change(next: Partial<Query>): void;
}) {
  const ofStudies = listing.runs.filter(({ study }) => study !== null).length;
  const isMixed = ofStudies > 0 && ofStudies < listing.runs.length;
  return (
    <form class="filters" role="search" aria-label="Runs" onSubmit={(event) => event.preventDefault()}>
      <label>
        Find{' '}
        <input
          type="search"
          value={query.text}
          placeholder="name, data, method, study"
          onInput={(event) => change({ text: event.currentTarget.value })}
        />
      </label>
      <label>
        State{' '}
        <select
          value={query.state ?? ''}
          onChange={(event) => change({ state: stateNames.find((name) => name === event.currentTarget.value) ?? null })}
        >
          <option value="">all</option>
          {stateNames.map((name) => (
            <option key={name} value={name}>
              {stateWords[name]}
            </option>
          ))}
        </select>
      </label>
      {isMixed ? (
        <label class="check">
          <input
            type="checkbox"
            checked={query.ofStudies}
            onChange={(event) => change({ ofStudies: event.currentTarget.checked })}
          />{' '}
          show the runs of studies ({ofStudies})
        </label>
      ) : null}
    </form>
  );
}

interface AskedFor {
  readonly what: 'rename' | 'delete';
  readonly row: RunRow;
}

export function ListPage() {
  const { listing, away, refresh } = useListing(period);
  const query = useSignal(readQuery(location.search));
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const asked = useSignal<AskedFor | null>(null);
  const said = useSignal('');
  const title = useRef<HTMLHeadingElement>(null);
  // Now and then: what was begun `4 min ago` grows older.
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  // Another address of this page, by a link or the browser's buttons.
  useSignalEffect(() => {
    if (route.value.page === 'list') query.value = readQuery(location.search);
  });
  const shown = useComputed(() => (listing.value === null ? null : shownRows(listing.value, query.value)));

  const change = (next: Partial<Query>): void => {
    const all = { ...query.peek(), ...next };
    history.replaceState(null, '', `/${writeQuery(all)}`);
    query.value = all;
  };
  const sortBy = (sort: ColumnName): void => {
    const { sort: before, descending } = query.peek();
    change({ sort, descending: before === sort ? !descending : columns[sort].descending });
  };
  const select = (id: string, isSelected: boolean): void => {
    const next = new Set(selected.peek());
    if (isSelected) next.add(id);
    else next.delete(id);
    selected.value = next;
  };
  const close = (): void => {
    asked.value = null;
  };
  const done = (words: string): void => {
    const gone = asked.peek()?.row.id;
    if (gone !== undefined) select(gone, false);
    said.value = words;
    close();
    refresh();
    // The row that had the focus may be gone.
    title.current?.focus();
  };

  const known = listing.value;
  const chosen = known === null ? [] : known.runs.filter(({ id }) => selected.value.has(id)).map(({ id }) => id);
  return (
    <main id="main" class="list">
      <h1 ref={title} tabIndex={-1}>
        Runs
      </h1>
      {known === null ? null : (
        <p class="quiet folder">
          {plural(known.runs.length, 'run')} in <code>{known.folder}</code>
        </p>
      )}
      <p role="status" class="said">
        {away.value === null ? said.value : null}
        {away.value === null ? null : (
          <span class="bad">
            The server is away{known === null ? '' : ', and what stands here is what it said last'}: {away.value}
          </span>
        )}
      </p>
      {known === null ? (
        away.value === null ? (
          <p class="quiet">The folder is read …</p>
        ) : null
      ) : (
        <>
          {known.mayChange ? null : <OnlyLooks />}
          <Studies listing={known} now={now.value} />
          {known.runs.length === 0 ? (
            <Empty folder={known.folder} />
          ) : (
            <section aria-labelledby="runs-title">
              <h2 id="runs-title" class={known.studies.length === 0 ? 'unseen' : ''}>
                All runs
              </h2>
              <Filters listing={known} query={query.value} change={change} />
              <RunTable
                rows={shown.value?.rows ?? []}
                sort={query.value.sort}
                descending={query.value.descending}
                selected={selected.value}
                mayChange={known.mayChange}
                now={now.value}
                onSort={sortBy}
                onSelect={select}
                onRename={(row) => (asked.value = { what: 'rename', row })}
                onDelete={(row) => (asked.value = { what: 'delete', row })}
              />
              {shown.value === null || shown.value.rows.length > 0 ? null : (
                <p>
                  No run is like that
                  {shown.value.hidden === 0 ? '.' : `, but ${plural(shown.value.hidden, 'run')} of studies, which are not shown.`}
                </p>
              )}
            </section>
          )}
        </>
      )}
      <CompareBar runs={chosen} onClear={() => (selected.value = new Set())} />
      {asked.value === null ? null : asked.value.what === 'rename' ? (
        <RenameDialog row={asked.value.row} onClose={close} onDone={done} />
      ) : (
        <DeleteDialog row={asked.value.row} onClose={close} onDone={done} />
      )}
    </main>
  );
}
