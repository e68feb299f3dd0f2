/** A study: the report's own sections, filling up as its runs end. */
import '../list/list.css';
import '../study/study.css';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatDuration } from '../../../util/duration.ts';
import { formatPercent } from '../../../util/words.ts';
import { raw } from '../../../report/markup.ts';
import type { RunRow, StudyPage as Page } from '../../api.ts';
import { studyPage } from '../api.ts';
import { Drawn } from '../drawn.tsx';
import { useListing } from '../list/listing.ts';
import { StudyProgress } from '../list/studies.tsx';
import { Link, StateMark } from '../parts.tsx';
import { articleOf } from '../study/rewrite.ts';

/** Milliseconds between two looks at the study's runs. */
const period = 10_000;

/** Runs that are worth a look: those that go on, and those that are damaged. */
function Going({ runs }: { readonly runs: readonly RunRow[] }) {
  const shown = runs.filter(({ state }) => state !== 'finished' && state !== 'not finished' && state !== 'interrupted');
  if (shown.length === 0) return null;
  return (
    <section class="going" aria-label="Runs of the study now">
      <ul>
        {shown.map(({ id, name, state, best, seconds, problem }) => (
          <li key={id}>
            <Link to={{ page: 'run', run: id }}>{name}</Link> <StateMark state={state} />{' '}
            <span class="quiet">
              {problem ?? `${best?.accuracy == null ? '' : `${formatPercent(best.accuracy)}, `}${formatDuration(seconds)}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function StudyPage({ study }: { readonly study: string }) {
  const { listing, away } = useListing(period);
  const page = useSignal<Page | null>(null);
  const problem = useSignal<string | null>(null);
  const known = listing.value;
  const row = known?.studies.find(({ id }) => id === study) ?? null;
  const own = useMemo(() => known?.runs.filter((run) => run.study === study) ?? [], [known, study]);
  const running = own.filter(({ state }) => state === 'running').length;
  const shown = useRef(running);

  // Made anew where its runs changed since; the server says of which moment what it gave is. One that was killed changes nothing.
  useEffect(() => {
    if (row === null || row.problem !== null) return;
    if (
      page.peek() !== null &&
      problem.peek() === null &&
      (page.peek()?.changed ?? 0) >= row.changed &&
      running === shown.current
    )
      return;
    let left = false;
    studyPage(study).then(
      (next) => {
        if (left) return;
        if (next.html !== page.peek()?.html || next.changed !== page.peek()?.changed) page.value = next;
        problem.value = null;
        shown.current = running;
      },
      (error: Error) => {
        if (!left) problem.value = error.message;
      },
    );
    return () => {
      left = true;
    };
  }, [known, study]);

  const ids = own.map(({ id }) => id).join('\n');
  const html = useMemo(
    () => (page.value === null ? null : articleOf(page.value.html, study, new Set(ids.split('\n')))),
    [page.value, study, ids],
  );
  return (
    <main id="main">
      <div class="study-head">
        <p class="quiet">
          <Link to={{ page: 'list' }}>All runs</Link> · study
        </p>
        <h1>{row?.title ?? page.value?.title ?? study}</h1>
        {row === null || row.problem !== null ? null : <StudyProgress study={row} />}
        {away.value === null ? null : (
          <p class="bad" role="status">
            The server is away: {away.value}
          </p>
        )}
      </div>
      {known !== null && row === null ? <p class="bad">There is no study of that name in this folder.</p> : null}
      {row === null || row.problem === null ? null : (
        <p class="bad" role="alert">
          This study is damaged: {row.problem}
        </p>
      )}
      <Going runs={own} />
      {problem.value === null ? null : (
        <p class="bad" role="alert">
          Its report cannot be made: {problem.value}
        </p>
      )}
      {html !== null ? (
        <Drawn markup={raw(html)} className="article" />
      ) : row !== null && row.problem === null && problem.value === null ? (
        <p class="quiet">Its runs are read …</p>
      ) : null}
    </main>
  );
}
