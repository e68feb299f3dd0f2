/** The tabs of a run's page (WAI-ARIA's pattern): links, since each has an address; the arrow keys move between them. */
import { useErrorBoundary } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { Alert } from '../parts.tsx';
import { addressOf, go, tabNames, type TabName } from '../route.ts';

const titles: { readonly [Tab in TabName]: string } = {
  overview: 'Overview',
  family: 'Family',
  curves: 'Curves',
  networks: 'Networks',
  data: 'Data and mistakes',
  log: 'Log',
  settings: 'Settings',
};

const panelId = 'tab-panel';
const idOf = (tab: TabName): string => `tab-${tab}`;

/** Where a key leads to; undefined for other keys. */
const targetOf: Readonly<Record<string, (at: number) => number>> = {
  ArrowRight: (at) => (at + 1) % tabNames.length,
  ArrowLeft: (at) => (at + tabNames.length - 1) % tabNames.length,
  Home: () => 0,
  End: () => tabNames.length - 1,
};

export function TabList({ run, tab }: { readonly run: string; readonly tab: TabName }) {
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = tabNames[targetOf[event.key]?.(tabNames.indexOf(tab)) ?? -1];
    if (next === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ page: 'run', run, tab: next });
    document.getElementById(idOf(next))?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Parts of this page" onKeyDown={onKeyDown}>
      {tabNames.map((name) => (
        <a
          key={name}
          id={idOf(name)}
          role="tab"
          href={addressOf({ page: 'run', run, tab: name })}
          aria-selected={name === tab}
          {...(name === tab ? { 'aria-controls': panelId } : {})}
          tabIndex={name === tab ? 0 : -1}
        >
          {titles[name]}
        </a>
      ))}
    </div>
  );
}

/** Shows an error of one tab in its place: the others are there still. */
function Guarded({ children }: { readonly children: ComponentChildren }) {
  const [error] = useErrorBoundary();
  return error === undefined ? (
    <>{children}</>
  ) : (
    <Alert text={`This cannot be shown: ${error instanceof Error ? error.message : String(error)}`} />
  );
}

export const TabPanel = ({ tab, children }: { readonly tab: TabName; readonly children: ComponentChildren }) => (
  <div id={panelId} role="tabpanel" aria-labelledby={idOf(tab)} tabIndex={0}>
    <Guarded key={tab}>{children}</Guarded>
  </div>
);
