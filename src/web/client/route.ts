/** The address of the page, as a value. Links are ordinary links; links between pages of the client do not load the page again. */
import { signal } from '@preact/signals';

/** The path under which the dashboard is served, with a slash at both ends. */
export const base = document.querySelector<HTMLMetaElement>('meta[name="base"]')?.content ?? '/';

/** The tabs of a run's page, in their order, as they stand in its address; the first stands there by no word. */
export const tabNames = ['overview', 'family', 'curves', 'networks', 'data', 'log', 'settings'] as const;
export type TabName = (typeof tabNames)[number];

export type Route =
  | { readonly page: 'list' }
  | { readonly page: 'begin' }
  | { readonly page: 'run'; readonly run: string; readonly tab?: TabName }
  | { readonly page: 'network'; readonly run: string; readonly candidate: string }
  | { readonly page: 'study'; readonly study: string }
  | { readonly page: 'compare'; readonly runs: readonly string[] }
  | { readonly page: 'unknown' };

const encoded = (id: string): string => encodeURIComponent(id).replaceAll('%2F', '/');

type Pages<Result> = { readonly [Page in Route['page']]: (route: Extract<Route, { readonly page: Page }>) => Result };

/** A function of routes, from its cases. */
export const byPage =
  <Result>(pages: Pages<Result>) =>
  (to: Route): Result =>
    (pages[to.page] as (route: Route) => Result)(to);

export const addressOf = byPage<string>({
  list: () => base,
  begin: () => `${base}begin`,
  run: ({ run, tab = 'overview' }) => `${base}run/${encoded(run)}${tab === 'overview' ? '' : `?tab=${tab}`}`,
  network: ({ run, candidate }) => `${base}run/${encoded(run)}?network=${encodeURIComponent(candidate)}`,
  study: ({ study }) => `${base}study/${encoded(study)}`,
  compare: ({ runs }) => `${base}compare?${runs.map((run) => `run=${encodeURIComponent(run)}`).join('&')}`,
  unknown: () => base,
});

export function routeOf({ pathname, search }: { readonly pathname: string; readonly search: string }): Route {
  const parameters = new URLSearchParams(search);
  if (!pathname.startsWith(base)) return { page: 'unknown' };
  const path = pathname.slice(base.length);
  if (path === '') return { page: 'list' };
  if (path === 'begin') return { page: 'begin' };
  if (path === 'compare') return { page: 'compare', runs: parameters.getAll('run') };
  const [, kind, rest = ''] = /^(run|study)\/(.+)$/.exec(path) ?? [];
  let id: string;
  try {
    id = decodeURIComponent(rest);
  } catch {
    return { page: 'unknown' };
  }
  if (kind === undefined) return { page: 'unknown' };
  if (kind === 'study') return { page: 'study', study: id };
  const candidate = parameters.get('network') ?? parameters.get('line');
  if (candidate !== null) return { page: 'network', run: id, candidate };
  const tab = tabNames.find((name) => name === parameters.get('tab')) ?? 'overview';
  return { page: 'run', run: id, tab };
}

export const route = signal<Route>(routeOf(location));

/** What a page belongs to: the tabs of a run are one page. */
export const pageOf = (to: Route): string => addressOf(to.page === 'run' ? { page: 'run', run: to.run } : to);

export function go(next: Route): void {
  const isSame = pageOf(next) === pageOf(route.value);
  history.pushState(null, '', addressOf(next));
  route.value = next;
  if (!isSame) scrollTo(0, 0);
}

/** Makes links and the browser's buttons change the route. */
export function followLinks(): void {
  addEventListener('popstate', () => (route.value = routeOf(location)));
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || link.hasAttribute('download') || link.target !== '') return;
    // An anchor on the current page.
    if (link.pathname === location.pathname && link.search === location.search && link.hash !== '') return;
    const next = routeOf(link);
    if (next.page === 'unknown') return;
    event.preventDefault();
    go(next);
  });
}
