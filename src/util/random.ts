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

function multiplyHigh(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const low = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(low / 65536)) >>> 0;
}

/** One block of Philox 4×32-10: four 32-bit words from a 128-bit counter and a 64-bit key. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** The stream of that name. Parts keep their type: 1 and "1" name different streams. */
export function random(...path: readonly KeyPart[]): Random {
  const digest = createHash('sha256').update(JSON.stringify(path)).digest();
  const key: [number, number] = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
  const [high0, high1] = [digest.readUInt32LE(8), digest.readUInt32LE(12)];
  let block: [number, number, number, number] = [0, 0, 0, 0];
  let drawn = 0;
  const word = (): number => {
    const lane = drawn & 3;
    if (lane === 0) block = philox([(drawn / 4) >>> 0, Math.floor(drawn / 4 / 4294967296) >>> 0, high0, high1], key);
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
