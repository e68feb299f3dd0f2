/**
 * What a server that is away, or a store that is full, refused is tried again, with waits that grow. Knows nothing of what is
 * tried.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** How long it goes on trying. */
  readonly seconds: number;
  /** Aborting it ends the trying, with its reason. */
  readonly signal?: AbortSignal;
  /** Whether a later try may help. */
  isPassing(error: Error): boolean;
}

/** Milliseconds before the second try, and at most before any. */
const firstWait = 100;
const longestWait = 3000;

/** What is awaited, or the signal's reason where that is aborted before. */
function unlessAborted<T>(awaited: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return awaited;
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', leave);
    void awaited.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

/** What `act` gives; throws what the last try threw. An act that never ends is left when the signal is aborted. */
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
