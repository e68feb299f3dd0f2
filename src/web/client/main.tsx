/** The client: a header with links, and below it the page of the address. */
import 'virtual:report.css';
import './style.css';
import { render } from 'preact';
import { useErrorBoundary } from 'preact/hooks';
import { ListPage } from './pages/list.tsx';
import { RunPage } from './pages/run.tsx';
import { NetworkPage } from './pages/network.tsx';
import { StudyPage } from './pages/study.tsx';
import { ComparePage } from './pages/compare.tsx';
import { BeginPage } from './pages/begin.tsx';
import { Alert, Link } from './parts.tsx';
import { addressOf, followLinks, route, type Route } from './route.ts';

function Page() {
  const at = route.value;
  switch (at.page) {
    case 'list':
      return <ListPage />;
    case 'begin':
      return <BeginPage />;
    case 'run':
      return <RunPage key={at.run} run={at.run} />;
    case 'network':
      return <NetworkPage key={`${at.run} ${at.candidate}`} run={at.run} candidate={at.candidate} />;
    case 'study':
      return <StudyPage key={at.study} study={at.study} />;
    case 'compare':
      return <ComparePage key={at.runs.join('\n')} runs={at.runs} />;
    case 'unknown':
      return (
        <main>
          <h1>There is no such page</h1>
          <p>
            <Link to={{ page: 'list' }}>All runs</Link>
          </p>
        </main>
      );
  }
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
      <GuardedPage key={addressOf(route.value)} />
    </>
  );
}

const root = document.getElementById('app');
if (root === null) throw new Error('bug: the page has no #app');
followLinks();
render(<App />, root);
