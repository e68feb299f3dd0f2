/** One piece of work at a time, for callers that come in any order. */
import { setImmediate } from 'node:timers/promises';

export interface Turns {
  /**
   * Does the work when all before it has ended. Where the signal is aborted it rejects at once with the signal's reason: work that has
   * not begun is left out, and work that has begun ends before the next.
   */
  take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** The promise, or the signal's reason as soon as that is aborted. What becomes of the promise then is ignored. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    // oxlint-disable-next-line prefer-promise-reject-errors -- a signal's reason may be anything.
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    promise.catch(() => undefined);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(work, signal) {
      const turn = last.then(() => {
        signal?.throwIfAborted();
        return work();
      });
      // Between two pieces of work the process does what else there is: an engine computes without giving way.
      const after = (): Promise<void> => setImmediate();
      last = turn.then(after, after);
      return orAborted(turn, signal);
    },
  };
}
