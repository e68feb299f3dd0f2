/**
 * Reads and writes whole files of any size. Errors become one line: a UserError where the user can fix it (a missing file, no
 * permission), a RunError for a full disk.
 */
import { randomUUID } from 'node:crypto';
import { constants, fsync, mkdirSync, statSync } from 'node:fs';
import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { RunError, UserError } from './user-error.ts';

/** By descriptor: the handles of Yarn's Plug'n'Play have no `sync`. */
const flush = promisify(fsync);

/** Most bytes of one read or write; Node allows less than 2 GiB. */
const oneTransfer = 1 << 28;

/** The code of an error of the system. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error &&
  !(error instanceof UserError || error instanceof RunError) &&
  'code' in error &&
  typeof error.code === 'string'
    ? error.code
    : undefined;

/** The first line of an error's message. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]?.trim() ?? '';

const readProblems: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read (permission denied)',
  EPERM: 'may not be read (permission denied)',
  EISDIR: 'is a folder, not a file',
  ELOOP: 'is a link that leads back to itself',
  ENAMETOOLONG: 'is too long a name',
};

/** A path; as bytes where a name in it is no valid UTF-8. */
export type FilePath = string | Buffer;

/** The error to throw where reading `path` failed. */
export function readFailure(error: unknown, path: string): Error {
  const code = codeOf(error);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  return new UserError(
    `${path}: ${readProblems[code] ?? `cannot be read (${code})`}`,
    ['ENOENT', 'ENOTDIR'].includes(code) ? 'INSTAR_NOT_FOUND' : 'INSTAR_WRONG_INPUT',
  );
}

/** No space on the disk or in the user's quota. */
export const isDiskFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '');

/** The error to throw where writing `path` failed. */
export function writeFailure(error: unknown, path: string): Error {
  const code = codeOf(error);
  if (isDiskFull(error)) return new RunError(`${path}: cannot be written: the disk is full`);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  return new UserError(`${path}: cannot be written (${code})`);
}

/** Creates one folder, or finds it. */
function makeOne(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}

/**
 * Creates a folder and its parents. Throws the system's errors. Not by the system's own recursion, which does not end in folders such
 * as /proc, where nothing can be created and no other error is given than that nothing is there.
 */
export function makeFolders(path: string): void {
  const whole = resolve(path);
  try {
    makeOne(whole);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(whole) === whole) throw error;
    makeFolders(dirname(whole));
    makeOne(whole);
  }
}

/** Creates a folder and its parents. `what` begins the message of the UserError where that fails. */
export function makeFolder(path: string, what = path): void {
  try {
    makeFolders(path);
  } catch (error) {
    throw new UserError(`${what} cannot be made: ${reasonOf(error)}`);
  }
}

export interface FileFacts {
  /** Bytes. */
  readonly size: number;
  /** Time of the last change, milliseconds since 1970. */
  readonly changed: number;
  readonly kind: 'file' | 'folder' | 'other';
}

/** Follows links; undefined where nothing exists. A UserError for a link to itself. `shown`: the path in messages. */
export async function factsOf(path: FilePath, shown = String(path)): Promise<FileFacts | undefined> {
  try {
    const found = await stat(path);
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
    return { size: found.size, changed: found.mtimeMs, kind };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
    throw readFailure(error, shown);
  }
}

/** Names in a folder, sorted by code units; empty where it does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return [];
    throw readFailure(error, folder);
  }
}

async function fillFrom(file: FileHandle, bytes: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, Math.min(oneTransfer, bytes.length - filled), filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** The first bytes of an open file, at most `most`. */
async function readStart(file: FileHandle, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(Math.min(most, (await file.stat()).size));
  return bytes.subarray(0, await fillFrom(file, bytes));
}

/** All bytes of an open file. */
export const readAll = (file: FileHandle): Promise<Uint8Array<ArrayBuffer>> => readStart(file, Infinity);

/** The first bytes of a file, at most `most`. Links are followed; a pipe or a device is a UserError. */
export async function readHead(path: FilePath, most: number, shown = String(path)): Promise<Uint8Array<ArrayBuffer>> {
  return readUpTo(path, most, shown);
}

/** All bytes of a file. Links are followed; a pipe or a device is a UserError. `shown`: the path in messages. */
export async function readBytes(path: FilePath, shown = String(path)): Promise<Uint8Array<ArrayBuffer>> {
  return readUpTo(path, Infinity, shown);
}

/** Bytes of one array: Node 20 has none that are larger. */
const mostAtOnce = 2 ** 32 - 1;

async function readUpTo(path: FilePath, most: number, shown: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    // Non-blocking: the name may stand for a pipe.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      if (!facts.isFile() && !facts.isDirectory()) throw new UserError(`${shown}: is not a file`);
      if (Math.min(most, facts.size) > mostAtOnce)
        throw new UserError(`${shown}: ${facts.size} bytes are more than can be read at once`);
      return await readStart(file, most);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readFailure(error, shown);
  }
}

/**
 * Writes a temporary file and renames it: `path` has the whole new file or the old one, even after a power failure. Creates the
 * folder. Throws the system's errors and those of `parts`.
 */
export async function replaceFile(path: string, parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const beside = join(dirname(path), `.${randomUUID()}.part`);
  try {
    makeFolders(dirname(path));
    const file = await open(beside, 'wx');
    try {
      for await (const part of parts)
        for (let at = 0; at < part.length;) {
          const { bytesWritten } = await file.write(part, at, Math.min(oneTransfer, part.length - at));
          at += bytesWritten;
        }
      await flush(file.fd);
    } finally {
      await file.close();
    }
    await rename(beside, path);
    // Makes the rename durable.
    const folder = await open(dirname(path), 'r');
    try {
      await flush(folder.fd);
    } finally {
      await folder.close();
    }
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined); // The first error is thrown.
    throw error;
  }
}

/** As `replaceFile`, with errors of one line. */
export async function writeWhole(path: string, parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await replaceFile(path, parts);
  } catch (error) {
    throw writeFailure(error, path);
  }
}
