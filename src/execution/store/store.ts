/**
 * A store: checkpoints and datasets travel between machines as files under keys. A file is written whole or not at all. The
 * store does not know its contents; readers check hashes.
 */
import { assert } from '../../util/assert.ts';
import { reasonOf } from '../../util/files.ts';

/** Parts of letters, digits, dots, hyphens and underscores, separated by slashes; no part begins with a dot. */
export const keyPattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** Methods throw a StoreFailure where there is no connection or no space: a retry may succeed. */
export interface Store {
  /** As the user gave it; without secrets. */
  readonly address: string;
  has(key: string): Promise<boolean>;
  /** Stores the file at `path`. */
  put(key: string, path: string): Promise<void>;
  /** Copies to the file at `path`, whole or not at all. False: the key is not in the store. */
  get(key: string, path: string): Promise<boolean>;
  /** Does nothing where the key is not in the store. */
  remove(key: string): Promise<void>;
  /**
   * Removes what writers that were killed have left, where the store does not do that itself: parts of files that were last written an hour
   * or more before the file under `key`, by the store's clock.
   */
  removeParts?(key: string): Promise<void>;
  /** Keys with that prefix, in no order. */
  list(prefix: string): Promise<readonly string[]>;
}

/** The store cannot do it now; a retry may succeed. */
export class StoreFailure extends Error {}

export function assertKey(key: string): void {
  assert(keyPattern.test(key), () => `a key, not ${JSON.stringify(key)}`);
}

/** Turns errors into StoreFailures that name the store and the key. */
export async function storing<T>(address: string, key: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new StoreFailure(`${address}, ${key}: ${reasonOf(error)}`);
  }
}
