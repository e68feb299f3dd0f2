/**
 * Opens the files of a run's folder. A run may come from elsewhere, so a link in it is not followed, and only regular files are
 * opened: pipes, sockets and devices are refused without waiting for them. The folder itself may be a link, its sub-folders may not.
 * Errors are UserErrors that name the file.
 */
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { codeOf, readAll, readFailure, writeFailure } from './files.ts';
import { UserError } from './user-error.ts';

/** `append` and `change` create a missing file. `replace` also empties it. `create`: nothing may have that name. */
export type Access = 'read' | 'append' | 'change' | 'replace' | 'create';

const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
const flags: { readonly [A in Access]: number } = {
  read: O_RDONLY,
  append: O_WRONLY | O_APPEND | O_CREAT,
  change: O_RDWR | O_CREAT,
  replace: O_WRONLY | O_CREAT,
  create: O_WRONLY | O_CREAT | O_EXCL,
};
const safely = O_NOFOLLOW | O_NONBLOCK;

/** Of files that are created. */
const mode = 0o666;

/** Bytes of one read. */
const oneRead = 1 << 28;
/** Bytes of a file that is read as one text, at most: the longest string of Node. */
const largestText = 2 ** 29 - 24;

function checkRegular(path: string, facts: Stats): void {
  if (facts.isFile()) return;
  const kind = facts.isSymbolicLink()
    ? 'is a link, which is not followed'
    : facts.isDirectory()
      ? 'is a folder'
      : 'is not a file';
  throw new UserError(`${path}: ${kind}; a run has a regular file there`);
}

/** What the name stands for, links not followed; undefined where nothing can be found. */
export const factsOfRunFile = (path: string): Stats | undefined => {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
};

/** Whether anything has that name, a broken link too. */
export const isThere = (path: string): boolean => factsOfRunFile(path) !== undefined;

/**
 * A UserError where the name stands for anything but a regular file. Opening a device may change it, so that the name is looked at
 * first; what was opened is looked at again.
 */
export function checkRunFile(path: string): void {
  const facts = factsOfRunFile(path);
  if (facts !== undefined) checkRegular(path, facts);
}

function failureOf(error: unknown, path: string, access: Access): Error {
  if (error instanceof UserError) return error;
  if (['ELOOP', 'EMLINK'].includes(codeOf(error) ?? '')) return new UserError(`${path}: is a link, which is not followed`);
  return access === 'read' ? readFailure(error, path) : writeFailure(error, path);
}

/** The descriptor of a file of a run. */
export function openRunFile(path: string, access: Access): number {
  let file: number | undefined;
  try {
    checkRunFile(path);
    file = openSync(path, flags[access] | safely, mode);
    checkRegular(path, fstatSync(file));
    if (access === 'replace') ftruncateSync(file);
    return file;
  } catch (error) {
    if (file !== undefined) closeSync(file);
    throw failureOf(error, path, access);
  }
}

/** The same as a handle. */
export async function openRunHandle(path: string, access: Access): Promise<FileHandle> {
  let file: FileHandle | undefined;
  try {
    checkRunFile(path);
    file = await open(path, flags[access] | safely, mode);
    checkRegular(path, await file.stat());
    if (access === 'replace') await file.truncate();
    return file;
  } catch (error) {
    await file?.close();
    throw failureOf(error, path, access);
  }
}

/** Gives the opened file to `use`, and closes it. */
function reading<T>(path: string, use: (file: number) => T): T {
  const file = openRunFile(path, 'read');
  try {
    return use(file);
  } catch (error) {
    throw failureOf(error, path, 'read');
  } finally {
    closeSync(file);
  }
}

/** All bytes of a file of text. */
export function readRunText(path: string): Buffer {
  return reading(path, (file) => {
    const { size } = fstatSync(file);
    if (size > largestText) throw new UserError(`${path}: ${size} bytes are too many`);
    const bytes = Buffer.alloc(size);
    let filled = 0;
    while (filled < size) {
      const count = readSync(file, bytes, filled, Math.min(oneRead, size - filled), filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  });
}

/** All bytes of a file of any size. */
export async function readRunBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openRunHandle(path, 'read');
  try {
    return await readAll(file);
  } catch (error) {
    throw failureOf(error, path, 'read');
  } finally {
    await file.close();
  }
}

/** Whether a sub-folder of a run exists. A UserError where its name is a link or no folder. */
export function hasOwnFolder(path: string): boolean {
  const facts = factsOfRunFile(path);
  if (facts?.isSymbolicLink() === true) throw new UserError(`${path}: is a link, which is not followed`);
  if (facts !== undefined && !facts.isDirectory()) throw new UserError(`${path}: is not a folder`);
  return facts !== undefined;
}
