/** Retries with growing delays, for servers that are unreachable and stores that are full. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** Seconds after which the last error is thrown. */
  readonly seconds: number;
  /** Aborting it rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether a retry may succeed. */
  isPassing(error: Error): boolean;
}

/** Milliseconds: the first and the longest delay. */
const firstWait = 100;
const longestWait = 3000;

/** Rejects with the signal's reason where it is aborted first. */
function unlessAborted<T>(awaited: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return awaited;
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', leave);
    void awaited.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

/** The result of `act`, or its last error. Does not wait for an `act` that is pending when the signal is aborted. */
export async function patiently<T>(act: () => Promise<T>, { seconds, signal, isPassing }: Patience): Promise<T> {
  const end = performance.now() + 1000 * seconds;
  for (let wait = firstWait; ; wait = Math.min(longestWait, 2 * wait)) {
    signal?.throwIfAborted();
    try {
      return await unlessAborted(act(), signal);
    } catch (error) {
      if (signal?.aborted === true || !isPassing(error as Error) || performance.now() + wait > end) throw error;
    }
    await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch((error: Error) => {
      throw signal?.aborted === true ? (signal.reason as Error) : error;
    });
  }
}
