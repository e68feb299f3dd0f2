/**
 * Takes a folder that a page sends, in one request: four bytes with the length of the manifest, the manifest, then the contents of the
 * files one behind the other. It is written beside its place, under a hidden name, and gets its name when it is whole; whatever ends it
 * before leaves nothing behind.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { makeNew } from '../run/driving/run-folder.ts';
import { codeOf, isDiskFull, writeFailure } from '../util/files.ts';
import { openRunHandle } from '../util/run-files.ts';
import { RunError, UserError } from '../util/user-error.ts';
import { formatBytes, plural } from '../util/words.ts';
import type { Uploaded } from './api.ts';
import {
  cleanName,
  cleanPaths,
  longestManifest,
  pathProblem,
  sizeProblem,
  uploadManifest,
  type UploadManifest,
} from './upload-names.ts';

/** What an upload does to the disk. */
export interface UploadDisk {
  /** Bytes that are free. */
  free(folder: string): Promise<number>;
  /** A new file. */
  create(path: string): Promise<{ write(bytes: Uint8Array): Promise<unknown>; close(): Promise<void> }>;
}

const ownDisk: UploadDisk = {
  async free(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  async create(path) {
    const file = await openRunHandle(path, 'create');
    return {
      async write(bytes) {
        for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
      },
      close: () => file.close(),
    };
  },
};

/** Of uploads in progress: the machine and the process are in the name, so that those of a process that is gone are known. */
const marker = '.instar-upload-';
const ownMarker = `${marker}${cleanName(hostname())}-`;

const endedEarly = (): UserError => new UserError('the upload was cut off before its end; nothing of it is kept');

/** Gives the bytes of a request in pieces of the asked lengths. */
function openSource(source: AsyncIterable<Uint8Array>) {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();
  async function fill(): Promise<boolean> {
    while (rest.length === 0) {
      const next = await chunks.next().catch((error: unknown) => {
        throw ['ECONNRESET', 'ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE'].includes(codeOf(error) ?? '') ? endedEarly() : error;
      });
      if (next.done === true) return false;
      rest = next.value;
    }
    return true;
  }
  async function* take(count: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = count; left > 0;) {
      if (!(await fill())) throw endedEarly();
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
  return {
    take,
    async whole(count: number): Promise<Buffer> {
      const pieces: Uint8Array[] = [];
      for await (const piece of take(count)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
    isAtEnd: async (): Promise<boolean> => !(await fill()),
  };
}

type Source = ReturnType<typeof openSource>;

async function readManifest(source: Source): Promise<UploadManifest> {
  const length = (await source.whole(4)).readUInt32BE();
  if (length > longestManifest) throw new UserError('the list of the files is too long');
  const text = (await source.whole(length)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError('this is no upload of a folder');
  }
  const parsed = uploadManifest.safeParse(value);
  if (!parsed.success) throw new UserError('this is no upload of a folder');
  return parsed.data;
}

/** What stands in the way of an upload, before anything is written. */
async function check(folder: string, { files }: UploadManifest, disk: UploadDisk): Promise<void> {
  const bytes = files.reduce((sum, [, size]) => sum + size, 0);
  const largest = files.reduce((most, [, size]) => Math.max(most, size), 0);
  const wrong = sizeProblem(files.length, bytes, largest);
  if (wrong !== null) throw new UserError(`the folder cannot be taken: ${wrong}`);
  for (const [path] of files) {
    const problem = pathProblem(path);
    if (problem !== null) throw new UserError(`${path.slice(0, 200)}: ${problem}`);
  }
  const free = await disk.free(folder);
  if (bytes > free)
    throw new UserError(`the folder has ${formatBytes(bytes)}, and ${formatBytes(free)} are free where the data folder is`);
}

async function writeFiles(place: string, { files }: UploadManifest, source: Source, disk: UploadDisk): Promise<void> {
  const paths = cleanPaths(files.map(([path]) => path));
  const made = new Set<string>();
  for (const [at, [, size]] of files.entries()) {
    const path = join(place, paths[at] as string);
    if (!made.has(dirname(path))) await mkdir(dirname(path), { recursive: true });
    made.add(dirname(path));
    const file = await disk.create(path);
    try {
      for await (const piece of source.take(size)) await file.write(piece);
    } finally {
      await file.close();
    }
  }
  if (!(await source.isAtEnd())) throw new UserError('more was sent than the list of the files says; nothing of it is kept');
}

/** Gives it the first name that is free. */
async function nameIt(folder: string, place: string, name: string): Promise<string> {
  for (let count = 1; ; count++) {
    const free = cleanName(name, count === 1 ? '' : `-${count}`);
    const root = join(folder, free);
    if (!makeNew(root)) continue;
    try {
      await rename(place, root);
      return free;
    } catch (error) {
      await rmdir(root).catch(() => undefined);
      // Somebody has put something into it.
      if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
    }
  }
}

function failureOf(error: unknown, folder: string): unknown {
  if (isDiskFull(error) || error instanceof RunError)
    return new UserError('the disk of the data folder is full; nothing of the upload is kept');
  return codeOf(error) === undefined ? error : writeFailure(error, folder);
}

/** Takes one upload into a folder. A UserError says why it is not taken. */
export async function takeUpload(folder: string, body: AsyncIterable<Uint8Array>, disk: UploadDisk = ownDisk): Promise<Uploaded> {
  const source = openSource(body);
  const manifest = await readManifest(source);
  const place = join(folder, `${ownMarker}${process.pid}-${randomUUID()}`);
  try {
    await check(folder, manifest, disk);
    await mkdir(place);
    await writeFiles(place, manifest, source, disk);
    const name = await nameIt(folder, place, manifest.name);
    const asked = name === manifest.name ? '' : `, under another name than ${JSON.stringify(manifest.name)}`;
    return { name, words: `${plural(manifest.files.length, 'file')} in ${name}${asked}` };
  } catch (error) {
    await rm(place, { recursive: true, force: true });
    throw failureOf(error, folder);
  }
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Removes what uploads have left whose process was killed on this machine. */
export async function removeAbandonedUploads(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const id = name.startsWith(ownMarker) ? /^(\d+)-/.exec(name.slice(ownMarker.length))?.[1] : undefined;
    if (id !== undefined && !isAlive(Number(id))) await rm(join(folder, name), { recursive: true, force: true });
  }
}
