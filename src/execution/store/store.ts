/**
 * A store: where checkpoints and datasets travel between machines, as files under keys. What is written is there whole or not
 * at all. It knows nothing of what it holds; who reads checks hashes.
 */
/** Letters, digits, dots, hyphens, underscores, parted by slashes; no part begins with a dot. */
export const keyPattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

export interface Store {
  /** As it was given; without secrets. */
  readonly address: string;
  has(key: string): Promise<boolean>;
  /** Of the file at `path`. Throws a StoreFailure where there is no room or no connection: to be tried again. */
  put(key: string, path: string): Promise<void>;
  /** To the file at `path`, whole or not at all. False: there is nothing under that key. */
  get(key: string, path: string): Promise<boolean>;
  /** What is not there is none the worse. */
  remove(key: string): Promise<void>;
  /** Keys that begin so, in no order. */
  list(prefix: string): Promise<readonly string[]>;
}

/** The store cannot do it now, and may be able to later. */
export class StoreFailure extends Error {}
