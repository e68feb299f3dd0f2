/**
 * Counter-based random numbers: Philox 4×32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * A stream is named by a key path such as (seed, step, child, epoch, purpose); what it gives depends on that name alone,
 * never on what was drawn elsewhere or in which order.
 */
import { createHash } from 'node:crypto';
import { assert } from './assert.ts';

export type KeyPart = string | number;

export interface Random {
  /** Uniform on [0, 1), 32 bits. */
  float(): number;
  /** Uniform on 0 … bound − 1, without bias. */
  integer(bound: number): number;
  /** One element, uniformly. */
  pick<T>(items: readonly T[]): T;
  /** A uniform permutation of 0 … length − 1. */
  permutation(length: number): Uint32Array;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** An independent stream, named below this one. */
  fork(...path: readonly KeyPart[]): Random;
}

/** One block of Philox 4×32-10, into `out`: four 32-bit words from a 128-bit counter and a 64-bit key. */
function fillBlock(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number, out: Uint32Array): void {
  for (let round = 0; round < 10; round++) {
    // The high words of 0xd2511f53·c0 and 0xcd9e8d57·c2, in halves, since a product of 64 bits has no exact double.
    const a = c0 >>> 16;
    const b = c0 & 0xffff;
    const middle0 = a * 0x1f53 + ((b * 0x1f53) >>> 16);
    const low0 = b * 0xd251 + (middle0 & 0xffff);
    const high0 = a * 0xd251 + Math.floor(middle0 / 65536) + Math.floor(low0 / 65536);
    const c = c2 >>> 16;
    const d = c2 & 0xffff;
    const middle1 = c * 0x8d57 + ((d * 0x8d57) >>> 16);
    const low1 = d * 0xcd9e + (middle1 & 0xffff);
    const high1 = c * 0xcd9e + Math.floor(middle1 / 65536) + Math.floor(low1 / 65536);
    const product0 = Math.imul(0xd2511f53, c0) >>> 0;
    const product1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = product1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = product0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** One block of Philox 4×32-10. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  const out = new Uint32Array(4);
  fillBlock(...counter, ...key, out);
  return [...out] as [number, number, number, number];
}

/** The stream of that name. Parts keep their type: 1 and "1" name different streams. */
export function random(...path: readonly KeyPart[]): Random {
  const digest = createHash('sha256').update(JSON.stringify(path)).digest();
  const key: [number, number] = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
  const [high0, high1] = [digest.readUInt32LE(8), digest.readUInt32LE(12)];
  const block = new Uint32Array(4);
  let drawn = 0;
  const word = (): number => {
    const lane = drawn & 3;
    if (lane === 0) fillBlock((drawn / 4) >>> 0, Math.floor(drawn / 4 / 4294967296) >>> 0, high0, high1, key[0], key[1], block);
    drawn++;
    return block[lane] as number;
  };
  const stream: Random = {
    float: () => word() / 4294967296,
    integer(bound) {
      assert(Number.isInteger(bound) && bound > 0 && bound <= 4294967296, () => `a bound of 1 … 2³², not ${bound}`);
      const limit = 4294967296 - (4294967296 % bound);
      for (;;) {
        const value = word();
        if (value < limit) return value % bound;
      }
    },
    pick(items) {
      assert(items.length > 0, () => 'something to pick from');
      return items[stream.integer(items.length)] as (typeof items)[number];
    },
    permutation(length) {
      const order = new Uint32Array(length);
      for (let i = 0; i < length; i++) {
        const j = stream.integer(i + 1);
        order[i] = order[j] as number;
        order[j] = i;
      }
      return order;
    },
    normal() {
      const radius = Math.sqrt(-2 * Math.log(1 - stream.float()));
      return radius * Math.cos(2 * Math.PI * stream.float());
    },
    fork: (...more) => random(...path, ...more),
  };
  return stream;
}
