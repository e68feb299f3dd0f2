/**
 * Bytes of images: an array in memory, a part of a file, or computed from others as they are read. Whoever reads them asks for whole
 * images, a few at a time.
 */
import { closeSync, fstatSync, openSync, readSync, constants } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { assert } from '../util/assert.ts';
import { readFailure } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';

/** (N, C, H, W), a byte a pixel. An array of bytes is one. */
export interface Images {
  /** Bytes. */
  readonly length: number;
  /** The bytes of whole images, from `from` to before `to`. Not to be written. */
  subarray(from: number, to: number): Uint8Array;
}

/** Bytes that are read at a time where all images are gone through. */
const onePiece = 1 << 23;

/** All bytes, some whole images of `size` bytes at a time. */
export function* piecesOf(images: Images, size: number): Generator<Uint8Array, void, undefined> {
  const step = Math.max(1, Math.floor(onePiece / size)) * size;
  for (let at = 0; at < images.length; at += step) yield images.subarray(at, Math.min(images.length, at + step));
}

/** Everything, in memory. */
export const allBytes = (images: Images): Uint8Array => images.subarray(0, images.length);

/** Images of `size` bytes that `write` computes when they are read. `write` may take several at once, `count` from `first` on. */
export function derived(count: number, size: number, write: (first: number, count: number, to: Uint8Array) => void): Images {
  return {
    length: count * size,
    subarray(from, to) {
      assert(from % size === 0 && to % size === 0, () => `whole images of ${size} bytes, not ${from} to ${to}`);
      const bytes = new Uint8Array(to - from);
      write(from / size, (to - from) / size, bytes);
      return bytes;
    },
  };
}

/** Images, and more behind them. */
export const joined = (before: Images, behind: Images): Images => ({
  length: before.length + behind.length,
  subarray(from, to) {
    const at = before.length;
    if (to <= at) return before.subarray(from, to);
    if (from >= at) return behind.subarray(from - at, to - at);
    const bytes = new Uint8Array(to - from);
    bytes.set(before.subarray(from, at));
    bytes.set(behind.subarray(0, to - at), at - from);
    return bytes;
  },
});

export interface OpenFile {
  readonly size: number;
  /** Fills `to` with the bytes from `position` on. A UserError where the file ends before. */
  read(position: number, to: Uint8Array): void;
}

const closing = new FinalizationRegistry<number>((file) => closeSync(file));

/** A file that is closed when nothing refers to the returned object any more. */
export function closedUnused(file: number): { readonly file: number } {
  const held = { file };
  closing.register(held, file);
  return held;
}

/** Opens a regular file, links followed. It stays open while something refers to it. A UserError for what is no such file. */
export function openFile(path: string): OpenFile {
  try {
    // Non-blocking: the name may stand for a pipe.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = fstatSync(file);
    if (!facts.isFile()) {
      closeSync(file);
      throw new UserError(`${path}: is not a file`);
    }
    const held = closedUnused(file);
    return { size: facts.size, read: (position, to) => fill(held.file, path, position, to) };
  } catch (error) {
    throw readFailure(error, path);
  }
}

/** Most bytes of one read; Node allows less than 2 GiB. */
const oneTransfer = 1 << 28;

/** Fills `to` from a file's position. */
export function fill(file: number, path: string, position: number, to: Uint8Array): void {
  for (let filled = 0; filled < to.length;) {
    const read = readSync(file, to, filled, Math.min(oneTransfer, to.length - filled), position + filled);
    if (read === 0) throw new UserError(`${path}: ends before it should`);
    filled += read;
  }
}

/** `length` bytes of a file from `begin` on. Those of one call are read, and nothing is kept. */
export const imagesIn = (file: OpenFile, begin: number, length: number): Images => ({
  length,
  subarray(from, to) {
    const bytes = new Uint8Array(to - from);
    file.read(begin + from, bytes);
    return bytes;
  },
});

/** Work in steps, all at once. */
export function atOnce<T>(steps: Generator<unknown, T, undefined>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Work in steps, between which the process does what else there is. */
export async function inSteps<T>(steps: Generator<unknown, T, undefined>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}
