/** The library's matrix product over the memory of a session. */
import { koffi, type LibraryHandle } from '../../../util/koffi.ts';
import { assert } from '../../../util/assert.ts';
import type { Product } from './calls.ts';

const [no, yes] = ['N', 'T'].map((letter) => letter.charCodeAt(0)) as [number, number];

/** Letters, sizes and the first factor; A, B, the second factor and C, each with its width. */
const signature = 'char char int64 int64 int64 float uintptr_t int64 uintptr_t int64 float uintptr_t int64'.split(' ');

export function productOver(library: LibraryHandle, memory: Uint8Array): Product {
  const sgemm = library.func('dnnl_sgemm', 'int', signature) as (...values: number[]) => number;
  const base = Number(koffi.address(memory));
  return (transposed, [m, n, k], [a, aWidth], [b, bWidth], [c, cWidth], keep) => {
    const status = sgemm(transposed ? yes : no, no, m, n, k, 1, base + a, aWidth, base + b, bWidth, keep, base + c, cWidth);
    assert(status === 0, () => `oneDNN refused a product of ${m}×${k} by ${k}×${n}: status ${status}`);
  };
}
