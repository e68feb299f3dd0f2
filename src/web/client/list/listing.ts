/** The list of runs and studies, polled while the page is visible, one request at a time. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Listing } from '../../api.ts';
import { listRuns } from '../api.ts';

/** `period`: milliseconds between the end of a request and the next. */
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
