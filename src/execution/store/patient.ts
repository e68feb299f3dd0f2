/** A store that is full or away for a while, as one that is slow: what it refused is tried again. */
import { existsSync } from 'node:fs';
import { patiently } from '../patience.ts';
import { StoreFailure, type Store } from './store.ts';

/** Gives up after so many seconds with the last StoreFailure, or with the signal's reason once that is aborted. */
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
      // A file that is not here will not be later.
      patiently(() => store.put(key, path), { ...patience, isPassing: (error) => patience.isPassing(error) && existsSync(path) }),
    get: (key, path) => patiently(() => store.get(key, path), patience),
  };
}
