/** A study: the sections of its report, updated as its runs end. */
import '../list/list.css';
import '../study/study.css';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatDuration } from '../../../util/duration.ts';
import { formatPercent } from '../../../util/words.ts';
import { raw } from '../../../report/markup.ts';
import type { RunRow, StudyPage as Page, StudyRow } from '../../api.ts';
import { studyPage } from '../api.ts';
import { Alert, Link, ReportMarkup, StateMark, StudyProgress, useListing } from '../parts.tsx';
import { addressOf } from '../route.ts';

/** Milliseconds between two requests. */
const period = 10_000;

const quietStates: ReadonlySet<RunRow['state']> = new Set(['finished', 'not finished', 'interrupted']);

/** The runs that are running or damaged. */
function CurrentRuns({ runs }: { readonly runs: readonly RunRow[] }) {
  const shown = runs.filter(({ state }) => !quietStates.has(state));
  if (shown.length === 0) return null;
  return (
    <section class="going" aria-label="Current runs of the study">
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

/** The report for this page: without its title, and with links to the pages of its runs. `html`: from the report, in which all names are escaped. `runs`: the IDs of the runs that have a page. */
function articleOf(html: string, study: string, runs: ReadonlySet<string>): string {
  const { content } = Object.assign(document.createElement('template'), { innerHTML: html });
  for (const title of content.querySelectorAll('header.run > h1, header.run > p.condition')) title.remove();
  for (const code of content.querySelectorAll('#study-runs tbody td:last-child code')) {
    const run = `${study}/${code.textContent}`;
    const link = document.createElement('a');
    link.href = addressOf({ page: 'run', run });
    const before = code.closest('a');
    if (runs.has(run)) {
      (before ?? code).replaceWith(link);
      link.append(code);
    } else before?.replaceWith(code); // The report links to a file that is not served.
  }
  const holder = document.createElement('div');
  holder.append(content);
  return holder.innerHTML;
}

/** The report of the study, requested again when its runs have changed. */
function useStudyPage(study: string, row: StudyRow | null, running: number) {
  const page = useSignal<Page | null>(null);
  const problem = useSignal<string | null>(null);
  const shown = useRef(running);
  useEffect(() => {
    if (row === null || row.problem !== null) return;
    // A run that is killed changes the number of running runs alone.
    const isCurrent = (page.peek()?.changed ?? -1) >= row.changed && running === shown.current;
    if (isCurrent && problem.peek() === null) return;
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
  }, [row, running, study]);
  return { page, problem };
}

export function StudyPage({ study }: { readonly study: string }) {
  const { listing, problem: connection } = useListing(period);
  const known = listing.value;
  const row = known?.studies.find(({ id }) => id === study) ?? null;
  const own = useMemo(() => known?.runs.filter((run) => run.study === study) ?? [], [known, study]);
  const running = own.filter(({ state }) => state === 'running').length;
  const { page, problem } = useStudyPage(study, row, running);
  const ids = own.map(({ id }) => id).join('\n');
  const html = useMemo(
    () => (page.value === null ? null : articleOf(page.value.html, study, new Set(ids.split('\n')))),
    [page.value, study, ids],
  );
  const isDamaged = row !== null && row.problem !== null;
  return (
    <main id="main">
      <div class="study-head">
        <p class="quiet">
          <Link to={{ page: 'list' }}>All runs</Link> · study
        </p>
        <h1>{row?.title ?? page.value?.title ?? study}</h1>
        {row === null || isDamaged ? null : <StudyProgress study={row} />}
        {connection.value === null ? null : (
          <p class="bad" role="status">
            {connection.value}
          </p>
        )}
      </div>
      {known !== null && row === null ? <p class="bad">There is no study of that name in this folder.</p> : null}
      <Alert text={isDamaged ? `This study is damaged: ${row.problem}` : null} />
      <CurrentRuns runs={own} />
      <Alert text={problem.value === null ? null : `The report failed: ${problem.value}`} />
      {html !== null ? (
        <ReportMarkup markup={raw(html)} className="article" />
      ) : row !== null && !isDamaged && problem.value === null ? (
        <p class="quiet">Loading …</p>
      ) : null}
    </main>
  );
}
