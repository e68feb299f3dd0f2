/** External data of a model: only from regular files in its folder, after following links, and only as many bytes as these have. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { UserError } from '../../../util/user-error.ts';
import { quotedName } from './failure.ts';

export interface ExternalFiles {
  /**
   * `length` bytes from `offset` on. A UserError where the location may not be read, the bytes do not exist, or all tensors
   * together have more bytes than the file.
   */
  read(location: string, offset: number, length: number, tensor: string): Uint8Array;
  /** The whole file; otherwise as `read`. */
  whole(location: string, tensor: string): Uint8Array;
}

/** For a model that is not in a folder of a person's. `why` ends the message. */
export function noFiles(where: string, why = 'which a model without a folder cannot have'): ExternalFiles {
  const refuse = (tensor: string): never => {
    throw new UserError(`${where}: tensor ${quotedName(tensor)} has external data, ${why}`);
  };
  return { read: (_location, _offset, _length, tensor) => refuse(tensor), whole: (_location, tensor) => refuse(tensor) };
}

/** Node reads less than 2 GiB at once. */
const oneRead = 1 << 30;

export function filesBeside(modelPath: string, where: string): ExternalFiles {
  /** Bytes read from each file, by its real path. */
  const taken = new Map<string, number>();

  function realPath(location: string, fail: (what: string) => UserError): string {
    const parts = location.split('/');
    const plain =
      location !== '' &&
      !location.includes('\0') &&
      !location.includes('\\') &&
      parts.every((part) => part !== '' && part !== '..');
    if (!plain) throw fail(`its file ${quotedName(location)} is not a plain path inside the model's folder`);
    let folder: string;
    let path: string;
    try {
      folder = realpathSync(dirname(modelPath));
      path = realpathSync(join(folder, location));
    } catch {
      throw fail(`its file ${quotedName(location)} does not exist`);
    }
    if (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep))
      throw fail(`its file ${quotedName(location)} leads out of the model's folder`);
    return path;
  }

  /** `length` null: to the end. */
  function read(location: string, offset: number, wanted: number | null, tensor: string): Uint8Array {
    const fail = (what: string): UserError => new UserError(`${where}: tensor ${quotedName(tensor)}: ${what}`);
    const path = realPath(location, fail);
    // Checked before opening, because a FIFO would block and a device may do anything, and again once it is open.
    if (!lstatSync(path).isFile()) throw fail(`${quotedName(location)} is not a regular file`);
    let file: number;
    try {
      file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      throw fail(`its file ${quotedName(location)} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
    }
    try {
      const facts = fstatSync(file);
      if (!facts.isFile()) throw fail(`${quotedName(location)} is not a regular file`);
      const length = wanted ?? facts.size - offset;
      if (offset + length > facts.size)
        throw fail(`needs bytes ${offset} to ${offset + length} of ${quotedName(location)}, which has ${facts.size}`);
      const total = (taken.get(path) ?? 0) + length;
      if (total > facts.size)
        throw fail(`the tensors in ${quotedName(location)} together need more than its ${facts.size} bytes`);
      taken.set(path, total);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const count = readSync(file, bytes, at, Math.min(oneRead, length - at), offset + at);
        if (count === 0) throw fail(`${quotedName(location)} ended while it was read`);
        at += count;
      }
      return bytes;
    } finally {
      closeSync(file);
    }
  }

  return { read, whole: (location, tensor) => read(location, 0, null, tensor) };
}
