/** A folder that machines share, as a store. */
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { codeOf, reasonOf, replaceFile } from '../../util/files.ts';
import { assert } from '../../util/assert.ts';
import { UserError } from '../../util/user-error.ts';
import { keyPattern, StoreFailure, type Store } from './store.ts';

/** Opened when it is asked for: whoever asks hears what is wrong with it. */
async function* contentOf(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}

export async function fileStore(address: string, folder: string): Promise<Store> {
  const root = resolve(folder);
  try {
    await mkdir(root, { recursive: true });
  } catch (error) {
    throw new UserError(`--store ${address}: the folder cannot be made: ${reasonOf(error)}`);
  }
  const pathOf = (key: string): string => {
    assert(keyPattern.test(key), () => `a key, not ${JSON.stringify(key)}`);
    return join(root, key);
  };
  const failed = (key: string, error: unknown): StoreFailure => new StoreFailure(`${address}, ${key}: ${reasonOf(error)}`);
  return {
    address,
    has: async (key) => existsSync(pathOf(key)),
    async put(key, path) {
      const to = pathOf(key);
      try {
        await replaceFile(to, contentOf(path));
      } catch (error) {
        throw failed(key, error);
      }
    },
    async get(key, path) {
      const from = pathOf(key);
      try {
        await stat(from);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        throw failed(key, error);
      }
      try {
        await replaceFile(path, contentOf(from));
        return true;
      } catch (error) {
        throw failed(key, error);
      }
    },
    async remove(key) {
      try {
        await rm(pathOf(key), { force: true });
      } catch (error) {
        throw failed(key, error);
      }
    },
    async list(prefix) {
      try {
        const names = await readdir(root, { recursive: true, withFileTypes: true });
        return names
          .filter((name) => name.isFile() && !name.name.startsWith('.'))
          .map((name) =>
            join(name.parentPath, name.name)
              .slice(root.length + 1)
              .replaceAll('\\', '/'),
          )
          .filter((key) => key.startsWith(prefix));
      } catch (error) {
        throw failed(prefix, error);
      }
    },
  };
}
