/**
 * One IDX file, plain or .gz (LeCun, Cortes & Burges). Big-endian: magic number, extents, bytes. Files may be larger than memory: the
 * elements of a plain one stay in it, a large packed one is unpacked into another file.
 */
import { constants, createReadStream, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { codeOf, makeFolders, readFailure, reasonOf, writeFailure } from '../util/files.ts';
import { RunError, UserError } from '../util/user-error.ts';
import { closedUnused, fill, imagesIn, openFile, type Images } from './images.ts';

/** Unsigned bytes in three and in one dimension. */
export const [imageMagic, labelMagic] = [0x00000803, 0x00000801];

export interface Idx {
  readonly extents: readonly number[];
  readonly elements: Images;
}

/** Bytes of an unpacked file that are held in memory; a larger one is unpacked into a file. */
const mostHeld = 2 ** 28;

const hexadecimal = (number: number): string => `0x${number.toString(16).padStart(8, '0')}`;

/** Bytes of the header. */
const headerOf = (magic: number): number => 4 + 4 * (magic & 0xff);

/** What the beginning of a file tells: extents, and bytes of the elements. */
function readHeader(path: string, head: Uint8Array, magic: number): { readonly extents: number[]; readonly length: number } {
  if (head.length < headerOf(magic)) throw new UserError(`${path}: cut short: ${head.length} bytes, not even a header`);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (view.getUint32(0) !== magic)
    throw new UserError(
      `${path}: begins with ${hexadecimal(view.getUint32(0))}, not ${hexadecimal(magic)}: it is not an IDX file of this kind`,
    );
  const extents = Array.from({ length: magic & 0xff }, (_none, dimension) => view.getUint32(4 + 4 * dimension));
  return { extents, length: extents.reduce((product, extent) => product * extent, 1) };
}

function readPlain(path: string, magic: number): Idx {
  const file = openFile(path);
  const begin = headerOf(magic);
  const head = new Uint8Array(Math.min(begin, file.size));
  file.read(0, head);
  const { extents, length } = readHeader(path, head, magic);
  if (file.size !== begin + length) {
    const how = file.size < begin + length ? 'cut short' : 'too long';
    throw new UserError(`${path}: ${how}: ${file.size} bytes, not the ${begin + length} that its header tells`);
  }
  return { extents, elements: imagesIn(file, begin, length) };
}

/** Where elements are unpacked. */
interface Unpacked {
  write(bytes: Uint8Array, at: number): void;
  readonly elements: Images;
}

function inMemory(length: number): Unpacked {
  const elements = new Uint8Array(length);
  return { elements, write: (bytes, at) => elements.set(bytes, at) };
}

/** A file in which large elements are unpacked, those of one file behind those of another. */
export interface Scratch {
  take(length: number): Unpacked;
}

/** It is made where it is needed. Processes that unpack the same write the same. */
export function scratchAt(path: string): Scratch {
  let held: { readonly file: number } | null = null;
  let used = 0;
  const open = (): { readonly file: number } => {
    try {
      makeFolders(dirname(path));
      return closedUnused(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
    } catch (error) {
      throw writeFailure(error, path);
    }
  };
  return {
    take(length) {
      const own = (held ??= open());
      const begin = used;
      used += length;
      return {
        write(bytes, at) {
          try {
            for (let done = 0; done < bytes.length;)
              done += writeSync(own.file, bytes, done, bytes.length - done, begin + at + done);
          } catch (error) {
            throw writeFailure(error, path);
          }
        },
        elements: imagesIn({ size: begin + length, read: (position, to) => fill(own.file, path, position, to) }, begin, length),
      };
    },
  };
}

/** Unpacks in pieces, and no more than the header tells. */
async function readPacked(path: string, magic: number, scratch: Scratch, signal: AbortSignal | undefined): Promise<Idx> {
  const header = headerOf(magic);
  let head: Uint8Array = new Uint8Array();
  let found: { readonly extents: number[]; readonly length: number; readonly to: Unpacked } | null = null;
  let done = 0;
  const begin = (): NonNullable<typeof found> => {
    const told = readHeader(path, head, magic);
    return { ...told, to: told.length <= mostHeld ? inMemory(told.length) : scratch.take(told.length) };
  };
  const take = (piece: Uint8Array): void => {
    let bytes = piece;
    if (found === null) {
      head = Buffer.concat([head, piece]);
      if (head.length < header) return;
      found = begin();
      bytes = head.subarray(header);
    }
    if (done + bytes.length > found.length)
      throw new UserError(`${path}: too long: more than the ${header + found.length} bytes that its header tells`);
    found.to.write(bytes, done);
    done += bytes.length;
  };
  try {
    await pipeline(
      createReadStream(path),
      createGunzip(),
      async (pieces: AsyncIterable<Uint8Array>) => {
        for await (const piece of pieces) take(piece);
      },
      signal === undefined ? {} : { signal },
    );
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError || error instanceof RunError) throw error;
    if (['ENOENT', 'EACCES', 'EISDIR'].includes(codeOf(error) ?? '')) throw readFailure(error, path);
    throw new UserError(`${path}: cannot be unpacked: damaged or cut short (${reasonOf(error)})`);
  }
  // Shorter than its header.
  const { extents, length, to } = found ?? begin();
  if (done < length)
    throw new UserError(`${path}: cut short: ${header + done} bytes, not the ${header + length} that its header tells`);
  return { extents, elements: to.elements };
}

/** A file that must begin with that magic number. A UserError where it does not, or is cut short, too long or damaged. */
export const readIdx = async (path: string, magic: number, scratch: Scratch, signal: AbortSignal | undefined): Promise<Idx> =>
  path.endsWith('.gz') ? readPacked(path, magic, scratch, signal) : readPlain(path, magic);
