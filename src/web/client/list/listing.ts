/** The list of runs and studies, polled while the page is visible, one request at a time. */
import { signal, type ReadonlySignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Listing } from '../../api.ts';
import { listRuns } from '../api.ts';

export interface FollowedListing {
  /** Null until it first arrived. The last one is kept while the server does not answer. */
  readonly listing: ReadonlySignal<Listing | null>;
  /** The error of the last request; null where it succeeded. */
  readonly problem: ReadonlySignal<string | null>;
  /** Requests it now, or when the current request has ended. */
  refresh(): void;
  close(): void;
}

/** `period`: milliseconds between the end of a request and the next. */
function followListing(period: number): FollowedListing {
  const listing = signal<Listing | null>(null);
  const problem = signal<string | null>(null);
  let text = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = false;
  let again = false;
  let closed = false;

  async function ask(): Promise<void> {
    clearTimeout(timer);
    again = busy;
    if (busy) return;
    busy = true;
    try {
      const next = await listRuns();
      // An equal list is not rendered again.
      const nextText = JSON.stringify(next);
      if (nextText !== text) [text, listing.value] = [nextText, next];
      problem.value = null;
    } catch (error) {
      problem.value = (error as Error).message;
    }
    busy = false;
    if (closed || document.hidden) return;
    timer = setTimeout(() => void ask(), again ? 0 : period);
  }

  const onVisibility = (): void => {
    if (!document.hidden) void ask();
  };
  document.addEventListener('visibilitychange', onVisibility);
  void ask();
  return {
    listing,
    problem,
    refresh: () => void ask(),
    close() {
      closed = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    },
  };
}

/** Followed while the component is mounted. */
export function useListing(period: number): FollowedListing {
  const followed = useMemo(() => followListing(period), [period]);
  useEffect(() => () => followed.close(), [followed]);
  return followed;
}
