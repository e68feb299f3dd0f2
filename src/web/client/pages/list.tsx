/** All runs and studies of the folder. */
import '../list/list.css';
import { useComputed, useSignal, useSignalEffect, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { plural } from '../../../util/words.ts';
import { quoted } from '../../../util/quoted.ts';
import type { Listing, RunRow } from '../../api.ts';
import { Across } from '../across/across.tsx';
import { DeleteDialog, DeleteSeveralDialog, NotesDialog, RenameDialog } from '../list/dialogs.tsx';
import { Filters } from '../list/filters.tsx';
import { readQuery, shownRows, writeQuery, type Query } from '../list/query.ts';
import { SelectionBar } from '../list/selection.tsx';
import { ago, exactly } from '../list/columns.tsx';
import { RunTable, type ListState, type OpenDialog } from '../list/table.tsx';
import { Link, StudyProgress, useListing } from '../parts.tsx';
import { base, route } from '../route.ts';

/** Milliseconds between two requests. */
const period = 2000;

const ReadOnlyNotice = () => (
  <p class="condition open">
    This page was opened without the token and is read-only. To start, stop, rename or delete runs, open the address that{' '}
    <code>instar ui</code> printed.
  </p>
);

const NoRuns = ({ folder }: { readonly folder: string }) => (
  <section class="empty">
    <h2>No runs yet</h2>
    <p>
      There are no runs in <code>{folder}</code>. Start one here: <Link to={{ page: 'begin' }}>New search</Link>. Or in a
      terminal:
    </p>
    <pre>
      <code>instar search fashion-mnist --preset quick --run {quoted(`${folder}/first`)}</code>
    </pre>
    <p class="quiet">Searches in this folder are listed as soon as they start.</p>
  </section>
);

function Studies({ listing: { studies, runs }, now }: { readonly listing: Listing; readonly now: number }) {
  if (studies.length === 0) return null;
  const running = (id: string): number => runs.filter(({ study, state }) => study === id && state === 'running').length;
  return (
    <section aria-labelledby="studies" class="studies">
      <h2 id="studies">Studies</h2>
      <ul>
        {studies.map((study) => (
          <li key={study.id}>
            <span class="title">
              <Link to={{ page: 'study', study: study.id }}>{study.title}</Link>
              {study.problem === null ? null : <small class="bad">{study.problem}</small>}
            </span>
            {study.problem === null ? <StudyProgress study={study} /> : <span class="state state-damaged">damaged</span>}
            <span class="quiet">
              {running(study.id) > 0 ? `${running(study.id)} running · ` : ''}
              {study.changed === 0 ? '' : <span title={exactly(study.changed)}>changed {ago(study.changed, now)}</span>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Runs({ listing, ...state }: ListState & { readonly listing: Listing }) {
  const { query } = state;
  const { rows, hidden } = shownRows(listing, query.value);
  return (
    <section aria-labelledby="runs-title">
      <h2 id="runs-title" class={listing.studies.length === 0 ? 'unseen' : ''}>
        All runs
      </h2>
      <Filters listing={listing} query={query} />
      <RunTable rows={rows} mayChange={listing.mayChange} {...state} />
      {rows.length > 0 ? null : (
        <p>No run matches{hidden === 0 ? '.' : `, but ${plural(hidden, 'run')} of studies, which are not shown.`}</p>
      )}
      <Across rows={rows} />
    </section>
  );
}

/** The filter and the order of the list, kept in the page's address. */
function useQuery(): Signal<Query> {
  const query = useSignal(readQuery(location.search));
  // A link or the browser's buttons may change the address of this page.
  useSignalEffect(() => {
    if (route.value.page === 'list') query.value = readQuery(location.search);
  });
  useSignalEffect(() => {
    const search = writeQuery(query.value);
    if (location.pathname === base && location.search !== search) history.replaceState(null, '', `${base}${search}`);
  });
  return query;
}

/** The time, updated for labels such as `4 min ago`. */
function useClock(): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  return now.value;
}

const dialogs = { rename: RenameDialog, notes: NotesDialog, delete: DeleteDialog } as const;

export function ListPage() {
  const { listing, problem, refresh } = useListing(period);
  const query = useQuery();
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const dialog = useSignal<OpenDialog | null>(null);
  const done = useSignal('');
  const title = useRef<HTMLHeadingElement>(null);
  const now = useClock();
  const chosen = useComputed(() => (listing.value?.runs ?? []).filter(({ id }) => selected.value.has(id)));
  /** Runs that are to be deleted together. */
  const doomed = useSignal<readonly RunRow[] | null>(null);

  const close = (): void => {
    dialog.value = null;
    doomed.value = null;
  };
  const onDone = (words: string): void => {
    const gone = dialog.peek()?.action === 'notes' ? [] : [dialog.peek()?.row, ...(doomed.peek() ?? [])];
    selected.value = new Set([...selected.peek()].filter((id) => gone.every((row) => row?.id !== id)));
    done.value = words;
    close();
    refresh();
    // The row that had the focus may be gone.
    title.current?.focus();
  };
  const known = listing.value;
  const Dialog = dialogs[dialog.value?.action ?? 'delete'];
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
      <p role="status" class={problem.value === null ? 'done' : 'done bad'}>
        {problem.value === null ? done.value : `${problem.value}${known === null ? '' : ' This is the last list.'}`}
      </p>
      {known === null && problem.value === null ? <p class="quiet">Loading …</p> : null}
      {known === null ? null : (
        <>
          {known.mayChange ? null : <ReadOnlyNotice />}
          <Studies listing={known} now={now} />
          {known.runs.length === 0 ? (
            <NoRuns folder={known.folder} />
          ) : (
            <Runs listing={known} query={query} selected={selected} dialog={dialog} now={now} />
          )}
        </>
      )}
      <SelectionBar
        rows={chosen.value}
        mayChange={known?.mayChange === true}
        onDelete={() => (doomed.value = chosen.value)}
        onClear={() => (selected.value = new Set())}
      />
      {doomed.value === null ? null : <DeleteSeveralDialog rows={doomed.value} onClose={close} onDone={onDone} />}
      {dialog.value === null ? null : <Dialog row={dialog.value.row} onClose={close} onDone={onDone} />}
    </main>
  );
}
