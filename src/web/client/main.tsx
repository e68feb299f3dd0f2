/** The client: a header with links, and below it the page of the address. */
import 'virtual:report.css';
import './style.css';
import { render, type JSX } from 'preact';
import { useErrorBoundary, useLayoutEffect } from 'preact/hooks';
import { ListPage } from './pages/list.tsx';
import { RunPage } from './pages/run.tsx';
import { NetworkPage } from './pages/network.tsx';
import { StudyPage } from './pages/study.tsx';
import { ComparePage } from './pages/compare.tsx';
import { BeginPage } from './pages/begin.tsx';
import { Alert, Link } from './parts.tsx';
import { byPage, followLinks, pageOf, route, type Route } from './route.ts';
import { takeToken } from './token.ts';

const viewOf = byPage<JSX.Element>({
  list: () => <ListPage />,
  begin: () => <BeginPage />,
  run: ({ run, tab = 'overview' }) => <RunPage key={run} run={run} tab={tab} />,
  network: ({ run, candidate }) => <NetworkPage key={`${run} ${candidate}`} run={run} candidate={candidate} />,
  study: ({ study }) => <StudyPage key={study} study={study} />,
  compare: ({ runs }) => <ComparePage key={runs.join('\n')} runs={runs} />,
  unknown: () => (
    <main>
      <h1>There is no such page</h1>
      <p>
        <Link to={{ page: 'list' }}>All runs</Link>
      </p>
    </main>
  ),
});

/** The page of a run says how far it is (`run/attention.tsx`). */
const titleOf = byPage<string>({
  list: () => 'Runs · Instar',
  begin: () => 'New search · Instar',
  run: ({ run }) => `${run} · Instar`,
  network: ({ run, candidate }) => `${candidate} of ${run} · Instar`,
  study: ({ study }) => `${study} · Instar`,
  compare: ({ runs }) => `${runs.length} runs compared · Instar`,
  unknown: () => 'Instar',
});

function Page() {
  const title = titleOf(route.value);
  // Before the effects of what the page shows.
  useLayoutEffect(() => {
    document.title = title;
  }, [title]);
  return viewOf(route.value);
}

/** Shows an error of a page, such as one of a damaged journal, in its place. */
function GuardedPage() {
  const [error] = useErrorBoundary();
  if (error === undefined) return <Page />;
  return (
    <main id="main">
      <h1>This page cannot be shown</h1>
      <Alert text={error instanceof Error ? error.message : String(error)} />
    </main>
  );
}

function App() {
  const current = (page: Route['page']) => (route.value.page === page ? { 'aria-current': 'page' as const } : {});
  return (
    <>
      <header class="top">
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <Link to={{ page: 'list' }} class="brand" {...current('list')}>
          Instar
        </Link>
        <nav aria-label="Pages">
          <Link to={{ page: 'list' }} {...current('list')}>
            Runs
          </Link>
          <Link to={{ page: 'begin' }} {...current('begin')}>
            New search
          </Link>
        </nav>
      </header>
      <GuardedPage key={pageOf(route.value)} />
    </>
  );
}

const root = document.getElementById('app');
if (root === null) throw new Error('bug: the page has no #app');
followLinks();
await takeToken();
render(<App />, root);
