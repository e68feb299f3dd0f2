/** A worker's cache of checkpoints and data from the store: files named by their hashes and checked against them, bounded in size. */
import { existsSync, statSync } from 'node:fs';
import { readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataset } from '../../data/cache.ts';
import { checkpointPath } from '../../training/checkpoint.ts';
import { makeFolder } from '../../util/files.ts';
import { sha256 } from '../../util/hash.ts';
import { readRunBytes } from '../../util/run-files.ts';
import { UserError } from '../../util/user-error.ts';
import type { Store } from '../store/store.ts';
import { checkpointKey, dataKey } from './messages.ts';

/** An input of a job is missing from the store, or damaged there. */
export class MissingInput extends Error {}

export interface CacheOptions {
  readonly store: Store;
  readonly folder: string;
  /** Bytes that it may hold, approximately. */
  readonly bytes: number;
  now(): number;
}

export interface InputCache {
  /** The folder of checkpoints. */
  readonly checkpoints: string;
  dataPath(hash: string): string;
  /** Both throw a MissingInput, or a StoreFailure where the store is unreachable. */
  fetchData(hash: string): Promise<void>;
  fetchCheckpoint(run: string, hash: string): Promise<void>;
  /** Keeps the files until the returned function is called. */
  hold(paths: readonly string[]): () => void;
  /** Removes the files, which are fetched again when they are needed. */
  drop(paths: readonly string[]): Promise<void>;
  /** Removes the least recently used files until the size is within the bound. */
  trim(): Promise<void>;
}

/** What is wrong with a dataset's file; null where it is whole. */
async function dataProblem(path: string, hash: string): Promise<string | null> {
  try {
    await loadDataset(path, hash);
    return null;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

const checkpointProblem = async (path: string, hash: string): Promise<string | null> =>
  sha256(await readRunBytes(path)) === hash ? null : 'its content does not match its hash';

/** Removes the oldest files of the folders that nobody holds, until the rest has at most so many bytes. */
async function trimFolders(folders: readonly string[], bytes: number, isHeld: (path: string) => boolean): Promise<void> {
  const paths: string[] = [];
  for (const folder of folders) for (const name of await readdir(folder)) paths.push(join(folder, name));
  const files = paths.flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? [] : [{ path, size: found.size, used: found.mtimeMs }];
  });
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.toSorted((a, b) => a.used - b.used)) {
    if (total <= bytes) return;
    if (isHeld(path)) continue;
    await rm(path, { force: true });
    total -= size;
  }
}

export async function openCache({ store, folder, bytes, now }: CacheOptions): Promise<InputCache> {
  const checkpoints = join(folder, 'checkpoints');
  const data = join(folder, 'data');
  makeFolder(checkpoints);
  makeFolder(data);
  /** How many jobs hold each file. */
  const held = new Map<string, number>();
  const fetching = new Map<string, Promise<void>>();

  async function fetchFile(key: string, path: string, problemOf: () => Promise<string | null>): Promise<void> {
    if (existsSync(path)) {
      const used = new Date(now());
      return utimes(path, used, used);
    }
    if (!(await store.get(key, path))) throw new MissingInput(`${store.address}: ${key} is missing`);
    const problem = await problemOf();
    if (problem === null) return;
    await rm(path, { force: true });
    throw new MissingInput(`${store.address}: ${key} is damaged: ${problem}`);
  }
  /** Jobs that need the same file share one fetch. */
  function fetchOnce(key: string, path: string, problemOf: () => Promise<string | null>): Promise<void> {
    const shared = fetching.get(path) ?? fetchFile(key, path, problemOf).finally(() => fetching.delete(path));
    fetching.set(path, shared);
    return shared;
  }

  const dataPath = (hash: string): string => join(data, `${hash}.safetensors`);
  return {
    checkpoints,
    dataPath,
    fetchData: (hash) => fetchOnce(dataKey(hash), dataPath(hash), () => dataProblem(dataPath(hash), hash)),
    fetchCheckpoint(run, hash) {
      const path = checkpointPath(checkpoints, hash);
      return fetchOnce(checkpointKey(run, hash), path, () => checkpointProblem(path, hash));
    },
    hold(paths) {
      for (const path of paths) held.set(path, (held.get(path) ?? 0) + 1);
      return () => {
        for (const path of paths) {
          const left = (held.get(path) ?? 1) - 1;
          if (left === 0) held.delete(path);
          else held.set(path, left);
        }
      };
    },
    async drop(paths) {
      for (const path of paths) await rm(path, { force: true });
    },
    trim: () => trimFolders([checkpoints, data], bytes, (path) => held.has(path)),
  };
}
