/** The memory of a session that kernels of our own compute over: of WebAssembly, shared by threads. */
import { platform } from 'node:os';
import { koffi } from '../../../util/koffi.ts';

/** Bytes of a page of WebAssembly's memory. */
const page = 65_536;

/** What a WebAssembly memory can hold, less the bytes at its start that are no address of anything. */
export const mostBytes = page * page - page;

export const memoryOf = (bytes: number): WebAssembly.Memory => {
  const pages = Math.ceil(bytes / page);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
};

type Advise = (address: number | bigint, bytes: number, advice: number) => number;
let advise: Advise | null | undefined;

/** MADV_DONTNEED of Linux: the pages are freed at once, and are zero when they are read again. */
const dontNeed = 4;

/**
 * Frees a memory without waiting for the garbage collector, which gives back its addresses later. Nothing may compute over it any more.
 */
export function giveBack({ buffer }: WebAssembly.Memory): void {
  if (platform() !== 'linux') return;
  try {
    if (advise === undefined) advise = koffi.load('libc.so.6').func('int madvise(uintptr_t, size_t, int)') as unknown as Advise;
  } catch {
    // Another C library: the collector does it.
    advise = null;
  }
  advise?.(koffi.address(new Uint8Array(buffer)), buffer.byteLength, dontNeed);
}
