/** Retries what a store refuses while it is full or unreachable. */
import { existsSync } from 'node:fs';
import { patiently } from '../patience.ts';
import { StoreFailure, type Store } from './store.ts';

/** Throws the last StoreFailure after so many seconds, or the signal's reason once it is aborted. */
export function patientStore(store: Store, seconds: number, signal?: AbortSignal): Store {
  const patience = {
    seconds,
    ...(signal === undefined ? {} : { signal }),
    isPassing: (error: Error): boolean => error instanceof StoreFailure,
  };
  return {
    ...store,
    has: (key) => patiently(() => store.has(key), patience),
    put: (key, path) =>
      // A missing local file stays missing.
      patiently(() => store.put(key, path), { ...patience, isPassing: (error) => patience.isPassing(error) && existsSync(path) }),
    get: (key, path) => patiently(() => store.get(key, path), patience),
  };
}
