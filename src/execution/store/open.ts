/** Opens a store by its address; retries its requests. */
import { existsSync } from 'node:fs';
import { UserError } from '../../util/user-error.ts';
import { patiently } from '../patience.ts';
import { StoreFailure, type Store } from './store.ts';

/** Opens `file:DIR` or `s3://bucket/prefix`. Loads only the module that it needs. */
export async function openStore(address: string): Promise<Store> {
  const [, kind, rest = ''] = /^(file|s3):(.+)$/.exec(address) ?? [];
  if (kind === 'file') return (await import('./file.ts')).fileStore(address, rest.replace(/^\/\/(?=\/)/, ''));
  if (kind === 's3') return (await import('./s3.ts')).s3Store(address);
  throw new UserError(`--store ${address}: give file:DIR or s3://bucket/prefix`);
}

/** Retries what a store refuses while it is full or unreachable. Throws the last StoreFailure after so many seconds, or the signal's reason once it is aborted. */
export function patientStore(store: Store, seconds: number, signal?: AbortSignal): Store {
  const patience = { seconds, signal, isPassing: (error: Error): boolean => error instanceof StoreFailure };
  return {
    ...store,
    has: (key) => patiently(() => store.has(key), patience),
    put: (key, path) =>
      // A missing local file stays missing.
      patiently(() => store.put(key, path), { ...patience, isPassing: (error) => patience.isPassing(error) && existsSync(path) }),
    get: (key, path) => patiently(() => store.get(key, path), patience),
  };
}
