/** A store in a folder that machines share. */
import { createReadStream, existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { codeOf, makeFolders, reasonOf, replaceFile } from '../../util/files.ts';
import { UserError } from '../../util/user-error.ts';
import { assertKey, storing, type Store } from './store.ts';

/** Milliseconds after the last write to a part of a file: its writer was killed. */
const partAge = 3_600_000;

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
    removeParts: (key) =>
      storing(address, key, async () => {
        const { mtimeMs: now } = await stat(pathOf(key));
        for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
          if (!entry.isFile() || !/^\.[0-9a-f-]{36}\.part$/.test(entry.name)) continue;
          const path = join(entry.parentPath, entry.name);
          // Whoever writes it may end meanwhile.
          const written = await stat(path).catch(() => null);
          if (written !== null && written.mtimeMs < now - partAge) await rm(path, { force: true });
        }
      }),
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
