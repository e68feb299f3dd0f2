/** Decodes files of images into records, several at a time. Knows nothing of classes. */
import type { Shape } from '../network/network.ts';
import type { Fit } from './fit.ts';
import { decodeImage } from './image.ts';
import type { LeftOut } from './left-out.ts';
import { limitMemory } from './memory-limit.ts';
import { inOrder, sorted } from './outcomes.ts';
import type { Reading } from './reading.ts';
import type { Records } from './records.ts';
import type { Decoding, SourceFile } from './source.ts';

/** Bits of 16 a channel, at most, whose range is scaled to the whole one. */
const mostBitsScaled = 14;
/** Files between two reports, at most. */
const mostBetween = 100;

const isGrey = (pixels: Uint8Array): boolean => {
  const area = pixels.length / 3;
  for (let at = 0; at < area; at++) if (pixels[at] !== pixels[area + at] || pixels[at] !== pixels[2 * area + at]) return false;
  return true;
};

export interface DecodedFiles {
  /** The places of those that were decoded, ascending. */
  readonly places: Uint32Array;
  /** Whether none of them has colours. */
  readonly grey: boolean;
  readonly bad: readonly LeftOut[];
  /** Of 16 bits a channel, how many are used, where it is not all. */
  readonly bits?: number;
}

/** A record for each file, in colour. The bits of images with 16 a channel are those that all of these images use. */
export async function decodeFiles(
  files: readonly SourceFile[],
  shape: Shape,
  { background, bits, fit }: Pick<Reading, 'background' | 'bits'> & { readonly fit: Fit },
  records: Records,
  { progress, signal, memory }: Pick<Decoding, 'progress' | 'signal' | 'memory'>,
): Promise<DecodedFiles> {
  const limit = limitMemory(memory);
  const step = Math.min(mostBetween, Math.ceil(files.length / 100));
  let done = 0;
  let grey = true;
  /** `lasting`: what is written also holds where decoding begins again. */
  function keep(at: number, pixels: Uint8Array, lasting: boolean): void {
    records.write(at, pixels, lasting);
    grey &&= isGrey(pixels);
  }
  /** Bits of an image with 16 a channel whose range is not known; null for the others, which are written. */
  async function decode(file: SourceFile, at: number): Promise<number | null> {
    const before = records.found(at);
    if (before !== undefined) {
      grey &&= isGrey(before);
      return null;
    }
    // Also where the bits are known: whether an image has 16 belongs to the data.
    const pixels = await decodeImage(file, shape, { background, fit, bits: bits === 16 ? bits : null }, limit);
    if (typeof pixels === 'number') return pixels;
    keep(at, pixels, true);
    return null;
  }
  const first = await inOrder(
    files,
    async (file, at) => {
      try {
        return { at, used: await decode(file, at) };
      } finally {
        if (++done % step === 0 || done === files.length) progress({ kind: 'decode', done, total: files.length });
      }
    },
    signal,
  );
  const { good, bad } = sorted(files, first);
  const used = good.reduce((most, { result }) => Math.max(most, result.used ?? 0), 0);
  // Over 14 the images are taken for dark ones that use all 16.
  const own = bits ?? (used === 0 || used > mostBitsScaled ? 16 : used);
  const again = good.flatMap(({ file, result }) => (result.used === null ? [] : [{ ...file, at: result.at }]));
  const scale = async (file: (typeof again)[number]): Promise<void> => {
    const pixels = await decodeImage(file, shape, { background, fit, bits: own }, limit);
    // The bits depend on all images, which decoding that begins again does not know.
    if (typeof pixels !== 'number') keep(file.at, pixels, false);
  };
  const second = sorted(again, await inOrder(again, scale, signal));
  const late = new Set(second.bad.map(({ path }) => path));
  const places = Uint32Array.from(good.flatMap(({ file, result }) => (late.has(file.path) ? [] : [result.at])));
  return { places, grey, bad: [...bad, ...second.bad], ...(used > 0 && own < 16 ? { bits: own } : {}) };
}
