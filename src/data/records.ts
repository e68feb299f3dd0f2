/**
 * Decoded images in a file, each at the place of its source file, with a hash of its pixels behind it. Decoding that begins again
 * finds those that were written whole, however it ended. Processes that decode the same write the same.
 */
import { createHash } from 'node:crypto';
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders, namesIn, writeFailure } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { formatBytes } from '../util/words.ts';
import { closedUnused, derived, fill, type Images } from './images.ts';

/** Of the name of a file of records. */
export const scratchEnding = '.images';

const hashBytes = 32;
const sha256 = (pixels: Uint8Array): Buffer => createHash('sha256').update(pixels).digest();

export interface Records {
  /** The pixels of an image that was decoded before; undefined where there are none. */
  found(at: number): Uint8Array | undefined;
  /** `lasting`: whether decoding that begins again may take them as they are. */
  write(at: number, pixels: Uint8Array, lasting: boolean): void;
  read(at: number): Uint8Array;
  /** The places, by the hashes of their pixels, and equal numbers for equal pixels. */
  ranked(places: Uint32Array): { readonly order: Uint32Array; readonly rank: Uint32Array };
  /** The images of those places, in that order, each made of its pixels by `turn` into `size` bytes. */
  images(places: Uint32Array, size: number, turn: (pixels: Uint8Array) => Uint8Array): Images;
}

/** For `count` images of `size` bytes. */
export function openRecords(path: string, count: number, size: number): Records {
  const opened = (() => {
    try {
      makeFolders(dirname(path));
      return closedUnused(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
    } catch (error) {
      throw writeFailure(error, path);
    }
  })();
  const record = size + hashBytes;
  const before = fstatSync(opened.file).size;
  const hashes = Buffer.alloc(count * hashBytes);

  function write(bytes: Uint8Array, from: number): void {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(opened.file, bytes, at, bytes.length - at, from + at);
    } catch (error) {
      throw writeFailure(error, path);
    }
  }
  function read(at: number): Uint8Array {
    const pixels = new Uint8Array(size);
    fill(opened.file, path, at * record, pixels);
    return pixels;
  }
  const compare = (a: number, b: number): number =>
    hashes.readUInt32BE(a * hashBytes) - hashes.readUInt32BE(b * hashBytes) ||
    hashes.compare(hashes, b * hashBytes, (b + 1) * hashBytes, a * hashBytes, (a + 1) * hashBytes);

  return {
    found(at) {
      if ((at + 1) * record > before) return undefined;
      const bytes = new Uint8Array(record);
      fill(opened.file, path, at * record, bytes);
      const pixels = bytes.subarray(0, size);
      const hash = sha256(pixels);
      if (!hash.equals(bytes.subarray(size))) return undefined;
      hashes.set(hash, at * hashBytes);
      return pixels;
    },
    write(at, pixels, lasting) {
      const bytes = new Uint8Array(record);
      bytes.set(pixels);
      const hash = sha256(pixels);
      hashes.set(hash, at * hashBytes);
      if (lasting) bytes.set(hash, size);
      write(bytes, at * record);
    },
    read,
    ranked(places) {
      const order = places.toSorted(compare);
      const rank = new Uint32Array(count);
      order.forEach((place, at) => {
        const previous = order[at - 1];
        rank[place] =
          previous === undefined
            ? 0
            : compare(previous, place) === 0
              ? (rank[previous] as number)
              : (rank[previous] as number) + 1;
      });
      return { order, rank };
    },
    images: (places, bytes, turn) =>
      derived(places.length, bytes, (first, some, to) => {
        // As they lie in the file, which is quicker where they do not fit in memory.
        const wanted = Uint32Array.from({ length: some }, (_none, at) => at);
        wanted.sort((a, b) => (places[first + a] as number) - (places[first + b] as number));
        for (const at of wanted) to.set(turn(read(places[first + at] as number)), at * bytes);
      }),
  };
}

/** Milliseconds after which what an interrupted process left is taken to be left for good. */
const abandoned = 24 * 3600 * 1000;

/** Removes what interrupted processes have left in that folder, of files with that ending, and nothing has changed for a day. */
export async function removeAbandoned(folder: string, ending: string, now: number): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!name.endsWith(ending)) continue;
    const path = join(folder, name);
    const changed = await stat(path)
      .then(({ mtimeMs }) => mtimeMs)
      .catch(() => now);
    if (now - changed > abandoned) await rm(path, { force: true });
  }
}

/** Refuses images that the disk has no room for: the records, and the dataset that is made of them. `subject` begins the message. */
export async function checkDisk(path: string, count: number, size: number, subject: string): Promise<void> {
  const folder = dirname(path);
  makeFolders(folder);
  const { bavail, bsize } = await statfs(folder);
  const there = await stat(path)
    .then(({ blocks }) => blocks * 512)
    .catch(() => 0);
  const needed = count * (2 * size + hashBytes) - there;
  if (needed > bavail * bsize)
    throw new UserError(
      `${subject} need ${formatBytes(needed)} of disk in ${folder}, and ${formatBytes(bavail * bsize)} are free: give a smaller --image-size or --images, or another folder with INSTAR_CACHE`,
    );
}
