/** The list of runs and studies, asked for again and again while the page is seen: one request at a time. */
import { signal, type ReadonlySignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Listing } from '../../api.ts';
import { listRuns } from '../api.ts';

export interface FollowedListing {
  /** Null until it first came. What was known stays while the server is away. */
  readonly listing: ReadonlySignal<Listing | null>;
  /** Why the last request failed; null where it did not. */
  readonly away: ReadonlySignal<string | null>;
  /** Asks now, or as soon as the request that is on its way has ended. */
  refresh(): void;
  close(): void;
}

/** `period`: milliseconds between the end of a request and the next. */
export function followListing(period: number): FollowedListing {
  const listing = signal<Listing | null>(null);
  const away = signal<string | null>(null);
  let text = '';
  let timer: ReturnType<typeof setTimeout> | null = null;
  let busy = false;
  let again = false;
  let closed = false;

  async function ask(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      const next = await listRuns();
      // What is the same is not drawn again.
      const nextText = JSON.stringify(next);
      if (nextText !== text) [text, listing.value] = [nextText, next];
      away.value = null;
    } catch (error) {
      away.value = (error as Error).message;
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
    away,
    refresh: () => void ask(),
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    },
  };
}

/** Followed as long as the component is there. */
export function useListing(period: number): FollowedListing {
  const followed = useMemo(() => followListing(period), [period]);
  useEffect(() => () => followed.close(), [followed]);
  return followed;
}
