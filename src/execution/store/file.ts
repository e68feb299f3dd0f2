/** A store in a folder that machines share. */
import { createReadStream, existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { codeOf, makeFolders, reasonOf, replaceFile } from '../../util/files.ts';
import { UserError } from '../../util/user-error.ts';
import { assertKey, storing, type Store } from './store.ts';

/** Opens the file on the first read, so that errors reach the reader. */
async function* contentOf(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}

export async function fileStore(address: string, folder: string): Promise<Store> {
  const root = resolve(folder);
  try {
    makeFolders(root);
  } catch (error) {
    throw new UserError(`--store ${address}: cannot create the folder: ${reasonOf(error)}`);
  }
  const pathOf = (key: string): string => {
    assertKey(key);
    return join(root, key);
  };
  return {
    address,
    has: async (key) => existsSync(pathOf(key)),
    async put(key, path) {
      const to = pathOf(key);
      await storing(address, key, () => replaceFile(to, contentOf(path)));
    },
    async get(key, path) {
      const from = pathOf(key);
      return storing(address, key, async () => {
        try {
          await stat(from);
        } catch (error) {
          if (codeOf(error) === 'ENOENT') return false;
          throw error;
        }
        await replaceFile(path, contentOf(from));
        return true;
      });
    },
    async remove(key) {
      const path = pathOf(key);
      await storing(address, key, () => rm(path, { force: true }));
    },
    list: (prefix) =>
      storing(address, prefix, async () => {
        const entries = await readdir(root, { recursive: true, withFileTypes: true });
        return entries
          .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
          .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
          .filter((key) => key.startsWith(prefix));
      }),
  };
}
