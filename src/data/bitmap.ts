/** BMP files of Windows and OS/2: 1, 2, 4, 8, 16, 24 and 32 bits a pixel, run lengths, masks. */
import { checkSides, Undecodable, type Pixels } from './pixels.ts';

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  /** A pixel. */
  readonly bits: number;
  readonly compression: number;
  /** Where the palette begins, how many entries it has, and the bytes of one. */
  readonly palette: { readonly at: number; readonly count: number; readonly size: 3 | 4 };
  /** Of red, green, blue, and of opacity, or 0. */
  readonly masks: readonly [number, number, number, number];
  /** Where the pixels begin. */
  readonly pixels: number;
}

/** Values of the field for compression. */
const [plain, runs8, runs4, masked, maskedOpacity] = [0, 1, 2, 3, 6];

/** Pixels that a byte of run lengths stands for, at most. */
const mostPerByte = 256;

/** Bits a pixel that a compression allows. */
const allowed: Readonly<Record<number, readonly number[]>> = {
  [plain]: [1, 2, 4, 8, 16, 24, 32],
  [runs8]: [8],
  [runs4]: [4],
  [masked]: [16, 32],
  [maskedOpacity]: [16, 32],
};

function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = bytes.length < 26 ? 0 : view.getUint32(14, true);
  const isCore = size === 12;
  if (bytes[0] !== 0x42 || bytes[1] !== 0x4d || (!isCore && size < 40) || bytes.length < 14 + size)
    throw new Undecodable('its header is cut short');
  const [width, signed] = isCore
    ? [view.getUint16(18, true), view.getUint16(20, true)]
    : [view.getInt32(18, true), view.getInt32(22, true)];
  const height = Math.abs(signed);
  checkSides(width, height);
  const bits = view.getUint16(isCore ? 24 : 28, true);
  const compression = isCore ? plain : view.getUint32(30, true);
  if (allowed[compression]?.includes(bits) !== true || (size === 64 && compression > runs4))
    throw new Undecodable(`it has ${bits} bits a pixel in compression ${compression}, which is not read`);
  const topDown = signed < 0;
  if (topDown && (compression === runs8 || compression === runs4)) throw new Undecodable('its runs begin at the top');
  const isMasked = compression === masked || compression === maskedOpacity;
  const maskBytes = isMasked && size === 40 ? (compression === maskedOpacity ? 16 : 12) : 0;
  if (bytes.length < 14 + size + maskBytes) throw new Undecodable('its header is cut short');
  const opacity = compression === maskedOpacity || (isMasked && size >= 56) ? view.getUint32(66, true) : 0;
  const masks: Header['masks'] = isMasked
    ? [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true), opacity]
    : bits === 16
      ? [0x7c00, 0x03e0, 0x001f, 0]
      : [0xff0000, 0x00ff00, 0x0000ff, 0];
  const used = isCore ? 0 : view.getUint32(46, true);
  const most = bits <= 8 ? 2 ** bits : 0;
  const palette = { at: 14 + size + maskBytes, count: Math.min(most, used === 0 ? most : used), size: isCore ? 3 : 4 } as const;
  if (palette.at + palette.count * palette.size > bytes.length) throw new Undecodable('its palette is cut short');
  return { width, height, topDown, bits, compression, palette, masks, pixels: view.getUint32(10, true) };
}

export const bitmapSides: (bytes: Uint8Array) => Pick<Pixels, 'width' | 'height'> = readHeader;

/** Bytes of a row. The padding of the file's last row may be missing. */
function strideOf({ length }: Uint8Array, { width, height, bits, pixels }: Header): number {
  const stride = 4 * Math.ceil((width * bits) / 32);
  if (pixels + stride * (height - 1) + Math.ceil((width * bits) / 8) > length) throw new Undecodable('it is cut short');
  return stride;
}

/** Places of the palette, from the top, of packed rows. */
function packedPlaces(bytes: Uint8Array, header: Header): Uint8Array {
  const { width, height, topDown, bits, pixels } = header;
  const stride = strideOf(bytes, header);
  const places = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = pixels + stride * (topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      places[y * width + x] = ((bytes[row + (bit >> 3)] as number) >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
    }
  }
  return places;
}

/** Places of the palette, from the top, of run lengths. Pixels that are skipped have the first. */
function runPlaces(bytes: Uint8Array, { width, height, bits, pixels }: Header): Uint8Array {
  // A run of two bytes has 255 pixels at most.
  if (width * height > mostPerByte * bytes.length) throw new Undecodable('it is cut short');
  const places = new Uint8Array(width * height);
  let [at, x, y] = [pixels, 0, 0];
  const next = (): number => {
    const byte = bytes[at++];
    if (byte === undefined) throw new Undecodable('it is cut short');
    return byte;
  };
  const put = (place: number): void => {
    if (x >= width || y >= height) throw new Undecodable('its runs leave the image');
    places[(height - 1 - y) * width + x++] = place;
  };
  /** The place at a position within bytes: a byte each, or half of one. */
  const within = (byte: number, position: number): number => (bits === 8 ? byte : position % 2 === 0 ? byte >> 4 : byte & 15);
  for (;;) {
    const [count, value] = [next(), next()];
    if (count > 0) for (let position = 0; position < count; position++) put(within(value, position));
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) return places;
    else if (value === 2) [x, y] = [x + next(), y + next()];
    else {
      const length = bits === 8 ? value : Math.ceil(value / 2);
      const begin = at;
      for (let position = 0, byte = 0; position < value; position++) {
        if (bits === 8 || position % 2 === 0) byte = next();
        put(within(byte, position));
      }
      at = begin + length + (length % 2);
    }
  }
}

function throughPalette(bytes: Uint8Array, places: Uint8Array, { palette: { at, count, size } }: Header): Uint8Array {
  const result = new Uint8Array(3 * places.length);
  places.forEach((place, pixel) => {
    if (place >= count) throw new Undecodable('it has a colour that its palette lacks');
    for (let channel = 0; channel < 3; channel++) result[3 * pixel + channel] = bytes[at + place * size + 2 - channel] as number;
  });
  return result;
}

/** How a mask's bits become a byte. */
function reader(mask: number): (value: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  if ((most & (most + 1)) !== 0) throw new Undecodable('its masks have gaps');
  return (value) => Math.round((255 * ((value & mask) >>> shift)) / most);
}

/** Colours of 16, 24 and 32 bits; with opacity where some pixel is not wholly transparent. */
function direct(bytes: Uint8Array, header: Header): Pick<Pixels, 'channels' | 'bytes'> {
  const { width, height, topDown, bits, masks, pixels } = header;
  const [step, stride] = [bits / 8, strideOf(bytes, header)];
  const readers = masks.map(reader);
  const result = new Uint8Array(4 * width * height);
  let opaque = 0;
  for (let y = 0; y < height; y++) {
    const row = pixels + stride * (topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) {
      let value = 0;
      for (let byte = step - 1; byte >= 0; byte--) value = value * 256 + (bytes[row + x * step + byte] as number);
      const to = 4 * (y * width + x);
      readers.forEach((read, channel) => (result[to + channel] = read(value)));
      opaque |= result[to + 3] as number;
    }
  }
  // Programs that know no opacity leave its bits empty.
  if (opaque !== 0) return { channels: 4, bytes: result };
  return { channels: 3, bytes: result.filter((_byte, at) => at % 4 !== 3) };
}

export function decodeBitmap(bytes: Uint8Array): Pixels {
  const header = readHeader(bytes);
  const { width, height, bits, compression } = header;
  if (bits > 8) return { width, height, ...direct(bytes, header) };
  const places = compression === plain ? packedPlaces(bytes, header) : runPlaces(bytes, header);
  return { width, height, channels: 3, bytes: throughPalette(bytes, places, header) };
}
