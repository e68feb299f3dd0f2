/**
 * What a worker has fetched from the store: checkpoints and data in a folder, each under its hash and checked against it, the
 * whole bounded. Jobs hold what they are on.
 */
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataset } from '../../data/cache.ts';
import { readBytes } from '../../util/files.ts';
import { checkpointPath } from '../../training/checkpoint.ts';
import { sha256 } from '../../util/hash.ts';
import { UserError } from '../../util/user-error.ts';
import type { Store } from '../store/store.ts';
import { checkpointKey, dataKey } from './messages.ts';

/** What a job needs is not in the store, or is not what its name says. */
export class Lacking extends Error {}

export interface CacheOptions {
  readonly store: Store;
  readonly folder: string;
  /** Bytes that it may hold, about. */
  readonly bytes: number;
  now(): number;
}

export interface Cache {
  /** The folder of checkpoints. */
  readonly checkpoints: string;
  dataPath(hash: string): string;
  /** Both throw Lacking; a StoreFailure where the store is away. */
  fetchData(hash: string): Promise<void>;
  fetchCheckpoint(run: string, hash: string): Promise<void>;
  /** What is held stays. Gives what lets go of it. */
  hold(paths: readonly string[]): () => void;
  /** Fetched anew when it is asked for again. */
  drop(paths: readonly string[]): Promise<void>;
  /** Down to its bytes: what has not been used for longest goes first. */
  trim(): Promise<void>;
}

export async function openCache({ store, folder, bytes, now }: CacheOptions): Promise<Cache> {
  const checkpoints = join(folder, 'checkpoints');
  const data = join(folder, 'data');
  await mkdir(checkpoints, { recursive: true });
  await mkdir(data, { recursive: true });
  const held = new Map<string, number>();
  const dataPath = (hash: string): string => join(data, `${hash}.safetensors`);

  /** Fetched once at a time, whoever asks. `problem`: what is wrong with the file, or null. */
  const fetching = new Map<string, Promise<void>>();
  function fetched(key: string, path: string, problem: () => Promise<string | null>): Promise<void> {
    const known = fetching.get(path);
    if (known !== undefined) return known;
    const act = async (): Promise<void> => {
      if (existsSync(path)) {
        const used = new Date(now());
        await utimes(path, used, used);
        return;
      }
      if (!(await store.get(key, path))) throw new Lacking(`${store.address}: ${key} is not there`);
      const wrong = await problem();
      if (wrong === null) return;
      await rm(path, { force: true });
      throw new Lacking(`${store.address}: ${key} is damaged: ${wrong}`);
    };
    const made = act().finally(() => fetching.delete(path));
    fetching.set(path, made);
    return made;
  }

  return {
    checkpoints,
    dataPath,
    fetchData: (hash) =>
      fetched(dataKey(hash), dataPath(hash), async () => {
        try {
          await loadDataset(dataPath(hash), hash);
          return null;
        } catch (error) {
          if (error instanceof UserError) return error.message;
          throw error;
        }
      }),
    fetchCheckpoint(run, hash) {
      const path = checkpointPath(checkpoints, hash);
      return fetched(checkpointKey(run, hash), path, async () =>
        sha256(await readBytes(path)) === hash ? null : 'its content does not fit its name',
      );
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
    async trim() {
      const paths: string[] = [];
      for (const each of [checkpoints, data]) for (const file of await readdir(each)) paths.push(join(each, file));
      const facts = paths.flatMap((path) => {
        const found = statSync(path, { throwIfNoEntry: false });
        return found === undefined ? [] : [{ path, size: found.size, used: found.mtimeMs }];
      });
      let total = facts.reduce((sum, { size }) => sum + size, 0);
      for (const { path, size } of facts.toSorted((a, b) => a.used - b.used)) {
        if (total <= bytes) return;
        if (held.has(path)) continue;
        await rm(path, { force: true });
        total -= size;
      }
    },
  };
}
