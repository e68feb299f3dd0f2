/** A folder that machines share, as a store. */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { codeOf, reasonOf } from '../../data/files.ts';
import { assert } from '../../util/assert.ts';
import { UserError } from '../../util/user-error.ts';
import { keyPattern, StoreFailure, type Store } from './store.ts';

/** Beside what it is to become; kept under a name that no key has. */
const besideOf = (path: string): string => join(dirname(path), `.${randomUUID()}.part`);

async function copy(from: string, to: string): Promise<void> {
  const beside = besideOf(to);
  try {
    await pipeline(createReadStream(from), createWriteStream(beside, { flags: 'wx' }));
    const file = await open(beside, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, to);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined); // What went wrong first is what is said.
    throw error;
  }
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
        await mkdir(dirname(to), { recursive: true });
        await copy(path, to);
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
        await copy(from, path);
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
