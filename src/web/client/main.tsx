/** The page: a head with the ways through it, and below it what the address names. */
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
import { Link } from './parts.tsx';
import { addressOf, followLinks, route } from './route.ts';

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
      return <NetworkPage key={`${at.run} ${at.line}`} run={at.run} line={at.line} />;
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

/** What a page cannot draw, because a journal was tampered with say, it says, and the others stay. */
function Kept() {
  const [error] = useErrorBoundary();
  if (error === undefined) return <Page />;
  return (
    <main id="main">
      <h1>This page cannot be drawn</h1>
      <p class="bad" role="alert">
        {error instanceof Error ? error.message : String(error)}
      </p>
    </main>
  );
}

function App() {
  const at = route.value.page;
  return (
    <>
      <header class="top">
        <a class="skip" href="#main">
          To the content
        </a>
        <Link to={{ page: 'list' }} class="brand" {...(at === 'list' ? { 'aria-current': 'page' as const } : {})}>
          Instar
        </Link>
        <nav aria-label="Pages">
          <Link to={{ page: 'list' }} {...(at === 'list' ? { 'aria-current': 'page' as const } : {})}>
            Runs
          </Link>
          <Link to={{ page: 'begin' }} {...(at === 'begin' ? { 'aria-current': 'page' as const } : {})}>
            New search
          </Link>
        </nav>
      </header>
      <Kept key={addressOf(route.value)} />
    </>
  );
}

const root = document.getElementById('app');
if (root === null) throw new Error('bug: the page has no place to be drawn');
followLinks();
render(<App />, root);
