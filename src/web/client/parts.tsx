/** What several pages are made of. */
import { useComputed, useSignal, type ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { Figure } from '../../report/figure.ts';
import { figureHtml } from '../../report/sections/parts.ts';
import { Drawn } from './drawn.tsx';
import { addressOf, type Route } from './route.ts';
import { openRuns, type FollowedRun, type RunStatus } from './run-store.ts';

export function FigureOf({ figure, place }: { readonly figure: Figure | null; readonly place: string }) {
  return figure === null ? null : <Drawn markup={figureHtml(place, figure)} />;
}

export function Link({
  to,
  children,
  ...rest
}: {
  readonly to: Route;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly 'aria-current'?: 'page';
}) {
  return (
    <a href={addressOf(to)} {...rest}>
      {children}
    </a>
  );
}

/** A run, followed as long as the component is there. */
export function useRun(id: string): ReadonlySignal<RunStatus> {
  const store = useMemo(() => openRuns([id]), [id]);
  useEffect(() => () => store.close(), [store]);
  return (store.runs[0] as FollowedRun).status;
}

/** A button that does something on the server: one at a time, and says why where it was refused. */
export function Action({
  act,
  children,
  danger = false,
  submits = false,
}: {
  readonly act: () => Promise<unknown>;
  readonly children: ComponentChildren;
  readonly danger?: boolean;
  /** The button of its form: Enter in a field presses it. */
  readonly submits?: boolean;
}) {
  const busy = useSignal(false);
  const problem = useSignal<string | null>(null);
  const run = async (): Promise<void> => {
    busy.value = true;
    problem.value = null;
    try {
      await act();
    } catch (error) {
      problem.value = (error as Error).message;
    } finally {
      busy.value = false;
    }
  };
  return (
    <span class="action">
      <button
        type={submits ? 'submit' : 'button'}
        class={danger ? 'danger' : ''}
        disabled={busy.value}
        onClick={() => void run()}
      >
        {children}
      </button>
      {problem.value === null ? null : (
        <span class="bad" role="alert">
          {problem.value}
        </span>
      )}
    </span>
  );
}

/** Text that can be taken along. */
export function Copied({ text, label }: { readonly text: string; readonly label: string }) {
  const done = useSignal(false);
  const words = useComputed(() => (done.value ? 'Copied' : label));
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    done.value = true;
    setTimeout(() => (done.value = false), 1500);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {words}
    </button>
  );
}

export const stateWords = {
  finished: 'finished',
  running: 'running',
  interrupted: 'interrupted',
  'not finished': 'stopped on the way',
  damaged: 'damaged',
  'not begun': 'did not begin',
  starting: 'starting',
} as const;

export function StateMark({ state }: { readonly state: keyof typeof stateWords }) {
  return <span class={`state state-${state.replace(' ', '-')}`}>{stateWords[state]}</span>;
}
