/**
 * Files read whole and written whole, of any size, with failures said in one line: what a person can mend (a missing file,
 * no permission) is a UserError, a full disk is a RunError. Knows nothing of what is in them.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RunError, UserError } from './user-error.ts';

/** Node reads and writes less than 2 GiB at once. */
const oneTransfer = 1 << 28;

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** What an error says, in one line. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]?.trim() ?? '';

const reading: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read (permission denied)',
  EPERM: 'may not be read (permission denied)',
  EISDIR: 'is a folder, not a file',
  ELOOP: 'is a link that leads back to itself',
  ENAMETOOLONG: 'is too long a name',
};

/** The error to throw where reading `path` failed. */
export function readFailure(error: unknown, path: string): Error {
  const code = codeOf(error);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  return new UserError(`${path}: ${reading[code] ?? `cannot be read (${code})`}`);
}

/** No room: on the disk, or in what its owner may use of it. */
export const isDiskFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '');

/** The error to throw where writing `path` failed. */
export function writeFailure(error: unknown, path: string): Error {
  const code = codeOf(error);
  if (isDiskFull(error)) return new RunError(`${path}: cannot be written: the disk is full`);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  return new UserError(`${path}: cannot be written (${code})`);
}

/** Makes a folder and those above it. `what`: how the message begins where it cannot be, which is a UserError. */
export function makeFolder(path: string, what = path): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new UserError(`${what} cannot be made: ${reasonOf(error)}`);
  }
}

export interface FileFacts {
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970, of the last change. */
  readonly changed: number;
  readonly kind: 'file' | 'folder' | 'other';
}

/** Links followed; undefined where there is nothing. A link that leads back to itself is a UserError. */
export async function factsOf(path: string): Promise<FileFacts | undefined> {
  try {
    const found = await stat(path);
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
    return { size: found.size, changed: found.mtimeMs, kind };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
    throw readFailure(error, path);
  }
}

/** Names in a folder, sorted by their code units; empty where there is no such folder. */
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

/** All bytes of a file. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await open(path);
    try {
      const bytes = new Uint8Array((await file.stat()).size);
      return bytes.subarray(0, await fillFrom(file, bytes));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readFailure(error, path);
  }
}

/**
 * Writes beside and renames: at `path` there is the whole file or what was there before, even when the power fails. Makes the
 * folder. Throws what the system says, or what `parts` throw; who calls knows how to tell it.
 */
export async function replaceFile(path: string, parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const beside = join(dirname(path), `.${randomUUID()}.part`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(beside, 'wx');
    try {
      for await (const part of parts)
        for (let at = 0; at < part.length;) {
          const { bytesWritten } = await file.write(part, at, Math.min(oneTransfer, part.length - at));
          at += bytesWritten;
        }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    // So that the new name survives too.
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined); // What went wrong first is what is said.
    throw error;
  }
}

/** As `replaceFile`, with failures said in one line. */
export async function writeWhole(path: string, parts: readonly Uint8Array[]): Promise<void> {
  try {
    await replaceFile(path, parts);
  } catch (error) {
    throw writeFailure(error, path);
  }
}
