/** Opens a store by its address; retries its requests. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importOptional } from '../../util/optional.ts';
import { UserError } from '../../util/user-error.ts';
import { patiently } from '../patience.ts';
import { StoreFailure, type Store } from './store.ts';

const s3Packages = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage'];

/** Opens `file:DIR` or `s3://bucket/prefix`. Loads only the module that it needs. */
export async function openStore(address: string): Promise<Store> {
  const [, kind, rest = ''] = /^(file|s3):(.+)$/.exec(address) ?? [];
  if (kind === 'file') return (await import('./file.ts')).fileStore(address, rest.replace(/^\/\/(?=\/)/, ''));
  if (kind === 's3') return (await importOptional(`--store ${address}`, s3Packages, () => import('./s3.ts'))).s3Store(address);
  throw new UserError(`--store ${address}: give file:DIR or s3://bucket/prefix`);
}

/**
 * Opens a store and writes, reads and removes a small file there: who cannot do that learns it now, and not from the first job. Parts of
 * files that were left there are removed. A
 * UserError with the store's reason otherwise.
 */
export async function openCheckedStore(address: string): Promise<Store> {
  const store = await openStore(address);
  const folder = await mkdtemp(join(tmpdir(), 'instar-store-'));
  const [there, back] = [join(folder, 'there'), join(folder, 'back')];
  const key = `check/${randomUUID()}`;
  try {
    await writeFile(there, key);
    await store.put(key, there);
    const isKept = (await store.get(key, back)) && (await readFile(back, 'utf8')) === key;
    await store.removeParts?.(key);
    await store.remove(key);
    if (!isKept) throw new StoreFailure(`${address}: what was written there cannot be read`);
    return store;
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error;
    throw new UserError(`--store ${error.message}: the store must let files be written, read and removed`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
