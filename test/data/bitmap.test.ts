/** BMP and PNM against files that are written here from their definitions, and damaged ones. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeBitmap } from '../../src/data/bitmap.ts';
import { kindOf } from '../../src/data/image-kinds.ts';
import { Undecodable, type Pixels } from '../../src/data/pixels.ts';
import { decodePnm } from '../../src/data/pnm.ts';

/** Red, green, blue of each pixel, from the top. */
interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: readonly (readonly [number, number, number])[];
}

const pick = <T>(values: { readonly [at: number]: T }, at: number): T => values[at] as T;

const colours = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
/** Pictures of few colours, as a palette has. */
const pictures = (most: number): fc.Arbitrary<Picture & { readonly palette: Picture['pixels']; readonly places: number[] }> =>
  fc
    .record({
      width: fc.integer({ min: 1, max: 19 }),
      height: fc.integer({ min: 1, max: 7 }),
      palette: fc.array(colours, { minLength: 1, maxLength: most }),
      seed: fc.nat(1000),
    })
    .map(({ width, height, palette, seed }) => {
      const places = Array.from({ length: width * height }, (_none, at) => ((at * 7 + seed) >> 1) % palette.length);
      return { width, height, palette, places, pixels: places.map((place) => pick(palette, place)) };
    });

const flat = ({ pixels }: Picture): number[] => pixels.flat();

interface Written {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly compression?: number;
  readonly palette?: Picture['pixels'];
  readonly masks?: readonly number[];
  /** 12 of OS/2, else that of Windows. */
  readonly headerSize?: number;
  readonly topDown?: boolean;
  readonly body: Uint8Array;
}

function bmp({
  width,
  height,
  bits,
  compression = 0,
  palette = [],
  masks = [],
  headerSize = 40,
  topDown = false,
  body,
}: Written) {
  const entry = headerSize === 12 ? 3 : 4;
  const inHeader = headerSize > 40;
  const begin = 14 + headerSize + (inHeader ? 0 : 4 * masks.length) + entry * palette.length;
  const bytes = new Uint8Array(begin + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, begin, true);
  view.setUint32(14, headerSize, true);
  if (headerSize === 12) {
    view.setUint16(18, width, true);
    view.setUint16(20, height, true);
    view.setUint16(22, 1, true);
    view.setUint16(24, bits, true);
  } else {
    view.setInt32(18, width, true);
    view.setInt32(22, topDown ? -height : height, true);
    view.setUint16(26, 1, true);
    view.setUint16(28, bits, true);
    view.setUint32(30, compression, true);
    view.setUint32(46, palette.length, true);
    masks.forEach((mask, at) => view.setUint32(54 + 4 * at, mask, true));
  }
  const at = begin - entry * palette.length;
  palette.forEach(([red, green, blue], index) => bytes.set([blue, green, red], at + entry * index));
  bytes.set(body, begin);
  return bytes;
}

/** Rows of packed values, padded to four bytes, the last row of the image first. */
function rows(width: number, height: number, bits: number, value: (at: number) => number, topDown = false): Uint8Array {
  const stride = 4 * Math.ceil((width * bits) / 32);
  const bytes = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = stride * (topDown ? y : height - 1 - y);
      const own = value(y * width + x);
      if (bits < 8)
        bytes[from + ((x * bits) >> 3)] = pick(bytes, from + ((x * bits) >> 3)) | (own << (8 - bits - ((x * bits) & 7)));
      else for (let byte = 0; byte < bits / 8; byte++) bytes[from + (x * bits) / 8 + byte] = Math.floor(own / 256 ** byte) % 256;
    }
  return bytes;
}

const valuesOf = ({ bytes, ...rest }: Pixels): object => ({ ...rest, bytes: [...bytes] });

test('BMP with a palette: 1, 2, 4 and 8 bits, of Windows and of OS/2, from the bottom and from the top', () => {
  for (const bits of [1, 2, 4, 8])
    fc.assert(
      fc.property(pictures(2 ** bits), fc.constantFrom(12, 40, 108, 124), fc.boolean(), (picture, headerSize, down) => {
        const { width, height, places } = picture;
        const topDown = down && headerSize !== 12;
        // The palette of OS/2 is whole.
        const palette =
          headerSize === 12
            ? Array.from({ length: 2 ** bits }, (_none, at) => picture.palette[at] ?? ([0, 0, 0] as const))
            : picture.palette;
        const body = rows(width, height, bits, (at) => pick(places, at), topDown);
        const file = bmp({ width, height, bits, palette, headerSize, topDown, body });
        assert.equal(kindOf(file), 'bmp');
        assert.deepEqual(valuesOf(decodeBitmap(file)), { width, height, channels: 3, bytes: flat(picture) });
      }),
      { numRuns: 40 },
    );
});

test('BMP of 24 and 32 bits; of 16 bits by the usual masks, and by masks that are given', () => {
  fc.assert(
    fc.property(pictures(200), (picture) => {
      const { width, height, pixels } = picture;
      const value = (at: number): number => pick(pixels, at)[0] * 65536 + pick(pixels, at)[1] * 256 + pick(pixels, at)[2];
      for (const bits of [24, 32]) {
        const file = bmp({ width, height, bits, body: rows(width, height, bits, value) });
        assert.deepEqual(valuesOf(decodeBitmap(file)), { width, height, channels: 3, bytes: flat(picture) });
      }
      const five = (byte: number): number => byte >> 3;
      const usual = rows(width, height, 16, (at) => {
        const [red, green, blue] = pick(pixels, at);
        return five(red) * 1024 + five(green) * 32 + five(blue);
      });
      const expected = flat(picture).map((byte) => Math.round((255 * five(byte)) / 31));
      assert.deepEqual([...decodeBitmap(bmp({ width, height, bits: 16, body: usual })).bytes], expected);
      // Red in the lowest bits, and opacity.
      const masks = [0xff, 0xff00, 0xff0000, 0xff000000];
      const body = rows(width, height, 32, (at) => {
        const [red, green, blue] = pick(pixels, at);
        return red + 256 * green + 65536 * blue + 2 ** 24 * 200;
      });
      const file = bmp({ width, height, bits: 32, compression: 3, masks, headerSize: 124, body });
      const four = pixels.flatMap((pixel) => [...pixel, 200]);
      assert.deepEqual(valuesOf(decodeBitmap(file)), { width, height, channels: 4, bytes: four });
    }),
    { numRuns: 40 },
  );
});

test('BMP of runs: counted, literal, ends of rows, jumps', () => {
  const palette = [
    [0, 0, 0],
    [255, 0, 0],
    [0, 255, 0],
  ] as const;
  // From the bottom: three of 1 and one of 2; then 2 1 2 as they stand, a jump over one; then the end.
  const body = Uint8Array.of(3, 1, 1, 2, 0, 0, 0, 3, 2, 1, 2, 0, 0, 1);
  const places = [2, 1, 2, 0, 1, 1, 1, 2];
  const expected = places.flatMap((place) => pick(palette, place));
  assert.deepEqual([...decodeBitmap(bmp({ width: 4, height: 2, bits: 8, compression: 1, palette, body })).bytes], expected);
  const halves = Uint8Array.of(3, 0x11, 1, 0x20, 0, 0, 0, 3, 0x21, 0x20, 0, 1);
  assert.deepEqual(
    [...decodeBitmap(bmp({ width: 4, height: 2, bits: 4, compression: 2, palette, body: halves })).bytes],
    expected,
  );
  const jump = Uint8Array.of(0, 2, 2, 1, 1, 1, 0, 1);
  const jumped = [0, 0, 1, 0, 0, 0, 0, 0].flatMap((place) => pick(palette, place));
  assert.deepEqual([...decodeBitmap(bmp({ width: 4, height: 2, bits: 8, compression: 1, palette, body: jump })).bytes], jumped);
});

const text = (words: string): Uint8Array => Uint8Array.from(words, (letter) => letter.charCodeAt(0));
const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

test('PNM as text and binary, with comments, of any largest value', () => {
  const grey = { width: 3, height: 2, channels: 1, bytes: [0, 51, 102, 153, 204, 255] };
  for (const file of [
    text('P2\n# made by hand\n3 2\n5\n0 1 2\n3 4 5\n'),
    joined(text('P5 3\t2 # sides\n255\n'), Uint8Array.of(...grey.bytes)),
    joined(
      text('P5\n3 2\n1000\n'),
      Uint8Array.from(grey.bytes.flatMap((byte) => [(byte * 1000) / 255 / 256, ((byte * 1000) / 255) % 256])),
    ),
  ]) {
    assert.equal(kindOf(file), 'pnm');
    assert.deepEqual(valuesOf(decodePnm(file)), grey);
  }
  const colour = { width: 2, height: 1, channels: 3, bytes: [255, 0, 0, 0, 255, 128] };
  assert.deepEqual(valuesOf(decodePnm(text('P3 2 1 255 255 0 0 0 255 128'))), colour);
  assert.deepEqual(valuesOf(decodePnm(joined(text('P6 2 1 255\n'), Uint8Array.of(...colour.bytes)))), colour);
  const bits = {
    width: 10,
    height: 2,
    channels: 1,
    bytes: [...'0100000001', ...'1000000010'].map((bit) => (bit === '1' ? 0 : 255)),
  };
  assert.deepEqual(valuesOf(decodePnm(text('P1 10 2\n01 00000001 10000000 10'))), bits);
  assert.deepEqual(valuesOf(decodePnm(joined(text('P4\n10 2\n'), Uint8Array.of(0x40, 0x40, 0x80, 0x80)))), bits);
});

test('what is cut short or makes no sense is refused, and nothing else happens', () => {
  const picture = { width: 5, height: 3, palette: [[1, 2, 3]] as const };
  const files = [
    // With the bytes at the end that may be missing.
    [bmp({ ...picture, bits: 8, body: rows(5, 3, 8, () => 0) }), 3],
    [bmp({ ...picture, bits: 4, body: rows(5, 3, 4, () => 0) }), 1],
    [bmp({ ...picture, bits: 8, compression: 1, body: Uint8Array.of(5, 0, 0, 0, 5, 0, 0, 1) }), 0],
    [bmp({ width: 5, height: 3, bits: 24, body: rows(5, 3, 24, () => 7) }), 1],
    [text('P2 3 2 5 0 1 2 3 4 5'), 0],
    [joined(text('P6 2 1 255\n'), Uint8Array.of(1, 2, 3, 4, 5, 6)), 0],
  ] as const;
  for (const [file, padding] of files) {
    const decode = kindOf(file) === 'bmp' ? decodeBitmap : decodePnm;
    const whole = decode(file);
    assert.deepEqual(valuesOf(decode(file.subarray(0, file.length - padding))), valuesOf(whole));
    assert.equal(whole.bytes.length, whole.width * whole.height * whole.channels);
    for (let length = 0; length < file.length - padding; length++)
      assert.throws(() => decode(file.subarray(0, length)), Undecodable, `${length}`);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = file.slice();
        for (const [at, byte] of changes) damaged[at] = byte;
        try {
          const { width, height, channels, bytes } = decode(damaged);
          assert.equal(bytes.length, width * height * channels);
        } catch (error) {
          assert.ok(error instanceof Undecodable, String(error));
        }
      }),
      { numRuns: 300 },
    );
  }
  const huge = bmp({ width: 30000, height: 30000, bits: 8, compression: 1, body: Uint8Array.of(0, 1) });
  assert.throws(() => decodeBitmap(huge), /30000 × 30000 pixels, more than 67108864/);
  assert.throws(() => decodePnm(text('P1 30000 30000 1')), /more than 67108864/);
});

test('a text that begins as an image does is none', () => {
  for (const words of ['BMW and others', 'P5 is a letter and a number', 'GIF', 'II', ''])
    assert.equal(kindOf(text(words.padEnd(80))), undefined, words);
});
