/** Components and hooks that several pages share. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Figure } from '../../report/figure.ts';
import type { Markup } from '../../report/markup.ts';
import { figureHtml } from '../../report/sections/parts.ts';
import { plural } from '../../util/words.ts';
import type { Listing, RowState, StudyRow } from '../api.ts';
import { listRuns, modelAddress, saveModel } from './api.ts';
import { addressOf, type Route } from './route.ts';
import { openRuns, type FollowedRun, type LiveRun } from './run-store.ts';

interface LinkProps {
  readonly to: Route;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly 'aria-current'?: 'page';
}

export const Link = ({ to, children, ...rest }: LinkProps) => (
  <a href={addressOf(to)} {...rest}>
    {children}
  </a>
);

interface NetworkLinkProps {
  readonly run: string;
  readonly id: string;
  /** Where people know it by another name than its id. */
  readonly name?: string;
}

export const NetworkLink = ({ run, id, name = id }: NetworkLinkProps) => (
  <Link to={{ page: 'network', run, candidate: id }}>{name}</Link>
);

/** What went wrong; nothing where `text` is null. */
export const Alert = ({ text }: { readonly text: string | null }) =>
  text === null ? null : (
    <p class="bad" role="alert">
      {text}
    </p>
  );

/** Runs, followed as long as the component is mounted. */
export function useRuns(ids: readonly string[]): readonly FollowedRun[] {
  const store = useMemo(() => openRuns(ids), [ids.join('\n')]);
  useEffect(() => () => store.close(), [store]);
  return store.runs;
}

interface RunFrameProps {
  readonly run: string;
  /** Until the run is loaded. */
  readonly title: string;
  readonly children: (run: LiveRun) => ComponentChildren;
}

/** A page about one run: loading, an error, or `children` below what is wrong with the connection or the journal. */
export function RunFrame({ run, title, children }: RunFrameProps) {
  const [followed] = useRuns([run]);
  const status = followed?.status.value ?? { kind: 'loading' as const };
  if (status.kind !== 'run')
    return (
      <main id="main">
        <h1>{title}</h1>
        {status.kind === 'loading' ? <p role="status">Loading …</p> : <Alert text={status.message} />}
      </main>
    );
  return (
    <main id="main">
      {status.connected ? null : (
        <p class="condition open" role="status">
          The server does not answer. This page shows the last known state and keeps trying.
        </p>
      )}
      <Alert text={status.problem} />
      {children(status.run)}
    </main>
  );
}

/** What was loaded last, and why the last attempt failed. Loads again where `deps` change, and drops results that come too late. */
export function useLoaded<T>(load: () => Promise<T> | null, deps: readonly unknown[]) {
  const [loaded, setLoaded] = useState<{ value: T | null; problem: string | null }>({ value: null, problem: null });
  useEffect(() => {
    let wanted = true;
    load()?.then(
      (value) => wanted && setLoaded({ value, problem: null }),
      (error: Error) => wanted && setLoaded({ value: null, problem: error.message }),
    );
    return () => {
      wanted = false;
    };
  }, deps);
  return loaded;
}

/** The list of runs and studies, polled while the page is visible, one request at a time. `period`: milliseconds between the end of a request and the next. */
export function useListing(period: number) {
  /** Null until it first arrived. The last one is kept while the server does not answer. */
  const listing = useSignal<Listing | null>(null);
  /** The error of the last request; null where it succeeded. */
  const problem = useSignal<string | null>(null);
  /** Requests it now, or when the current request has ended. */
  const refresh = useRef<() => void>(() => undefined);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const state = { busy: false, again: false, closed: false };
    async function ask(): Promise<void> {
      clearTimeout(timer);
      state.again = state.busy;
      if (state.busy) return;
      state.busy = true;
      try {
        const next = await listRuns();
        // An equal list is not rendered again.
        if (JSON.stringify(next) !== JSON.stringify(listing.peek())) listing.value = next;
        problem.value = null;
      } catch (error) {
        problem.value = (error as Error).message;
      }
      state.busy = false;
      if (!state.closed && !document.hidden) timer = setTimeout(() => void ask(), state.again ? 0 : period);
    }
    refresh.current = () => void ask();
    const onVisibility = (): void => {
      if (!document.hidden) void ask();
    };
    document.addEventListener('visibilitychange', onVisibility);
    void ask();
    return () => {
      state.closed = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [period]);
  return { listing, problem, refresh: () => refresh.current() };
}

/** Sends one request at a time, and keeps the message of the last one that failed. */
export function useRequest() {
  const busy = useSignal(false);
  const problem = useSignal<string | null>(null);
  return {
    busy: busy.value,
    problem: problem.value,
    isBusy: (): boolean => busy.peek(),
    send(act: () => Promise<unknown>): void {
      busy.value = true;
      problem.value = null;
      act()
        .catch((error: Error) => (problem.value = error.message))
        .finally(() => (busy.value = false));
    },
  };
}

interface ActionProps {
  readonly act: () => Promise<unknown>;
  readonly children: ComponentChildren;
  /** The submit button of its form. */
  readonly submits?: boolean;
}

const Failure = ({ text }: { readonly text: string | null }) =>
  text === null ? null : (
    <span class="bad" role="alert">
      {text}
    </span>
  );

/** A button that sends a request, with the message of one that failed. */
export function Action({ act, children, submits = false }: ActionProps) {
  const { busy, problem, send } = useRequest();
  return (
    <span class="action">
      <button type={submits ? 'submit' : 'button'} disabled={busy} onClick={() => send(act)}>
        {children}
      </button>
      <Failure text={problem} />
    </span>
  );
}

interface ModelLinkProps {
  readonly run: string;
  readonly candidate: string;
  readonly children: ComponentChildren;
}

/** Saves a network as an ONNX file. */
export function ModelLink({ run, candidate, children }: ModelLinkProps) {
  const { busy, problem, send } = useRequest();
  const onClick = (event: Event): void => {
    event.preventDefault();
    if (!busy) send(() => saveModel(run, candidate));
  };
  return (
    <span class="action">
      <a class="button" href={modelAddress(run, candidate)} download onClick={onClick}>
        {children}
      </a>
      <Failure text={problem} />
    </span>
  );
}

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const done = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    done.value = true;
    setTimeout(() => (done.value = false), 1500);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {done.value ? 'Copied' : label}
    </button>
  );
}

export const stateWords: { readonly [State in RowState]: string } = {
  finished: 'finished',
  running: 'running',
  interrupted: 'interrupted',
  'not finished': 'not finished',
  damaged: 'damaged',
  'not begun': 'failed to start',
  starting: 'starting',
};

export const StateMark = ({ state }: { readonly state: RowState }) => (
  <span class={`state state-${state.replace(' ', '-')}`}>{stateWords[state]}</span>
);

export function StudyProgress({ study: { finished, planned, title } }: { readonly study: StudyRow }) {
  return (
    <span class="progress">
      <progress max={Math.max(1, planned)} value={finished} aria-label={`Finished runs of ${title}`} />
      <span>
        {finished} of {plural(planned, 'run')}
      </span>
    </span>
  );
}

interface ScrollingProps {
  readonly label: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** Something wide, which scrolls by itself. */
export const Scrolling = ({ label, class: name = '', children }: ScrollingProps) => (
  <div class={`scroll ${name}`} role="region" tabIndex={0} aria-label={label}>
    {children}
  </div>
);

interface Heading {
  readonly title: string;
  readonly numeric?: boolean;
  readonly upright?: boolean;
}

export const numeric = (title: string): Heading => ({ title, numeric: true });

const headCell = ({ title, numeric: isNumeric = false, upright = false }: Heading) => (
  <th key={title} scope="col" class={isNumeric ? 'number' : upright ? 'upright' : ''}>
    {upright ? <span>{title}</span> : title}
  </th>
);

export const TableHead = ({ columns }: { readonly columns: readonly (string | Heading)[] }) => (
  <thead>
    <tr>{columns.map((each) => headCell(typeof each === 'string' ? { title: each } : each))}</tr>
  </thead>
);

type Pair = readonly [name: ComponentChildren, value: ComponentChildren];

/** Names and their values; a null value is left out. */
export const Pairs = ({ pairs }: { readonly pairs: readonly Pair[] }) => (
  <dl class="pairs">
    {pairs.map(([name, value], at) =>
      value === null ? null : (
        <div key={at}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ),
    )}
  </dl>
);

const keyOf = (details: HTMLDetailsElement): string => details.querySelector('summary')?.textContent ?? '';
const focusable = 'a, summary, button, [tabindex]';

function replaceMarkup(root: HTMLElement, text: string): void {
  const unfolded = new Set([...root.querySelectorAll('details')].filter(({ open }) => open).map(keyOf));
  const scrolled = [...root.querySelectorAll('.scroll')].map(({ scrollLeft, scrollTop }) => ({ scrollLeft, scrollTop }));
  const isFocused = root.contains(document.activeElement);
  const focused = isFocused ? [...root.querySelectorAll(focusable)].indexOf(document.activeElement as Element) : -1;
  const top = scrollY;
  root.innerHTML = text;
  for (const details of root.querySelectorAll('details')) details.open = unfolded.has(keyOf(details));
  [...root.querySelectorAll('.scroll')].forEach((each, at) => Object.assign(each, scrolled[at] ?? {}));
  if (focused >= 0) root.querySelectorAll<HTMLElement>(focusable)[focused]?.focus({ preventScroll: true });
  if (scrollY !== top) scrollTo(scrollX, top);
}

/** Markup of the report, which has escaped all text in it. Where it changes, unfolded details, scroll positions and the focus are kept. */
export function ReportMarkup({ markup, className = '' }: { readonly markup: Markup | null; readonly className?: string }) {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<{ readonly root: HTMLElement; readonly text: string } | null>(null);
  const text = markup?.text ?? null;
  useLayoutEffect(() => {
    const root = place.current;
    if (root === null || text === null) return;
    const before = shown.current;
    shown.current = { root, text };
    if (before?.root !== root) root.innerHTML = text;
    else if (before.text !== text) replaceMarkup(root, text);
  }, [text]);
  return text === null ? null : <div class={className} ref={place} />;
}

export const ReportFigure = ({ figure, prefix }: { readonly figure: Figure | null; readonly prefix: string }) =>
  figure === null ? null : <ReportMarkup markup={figureHtml(prefix, figure)} />;
