/** PBM, PGM and PPM, as text or binary (Netpbm: P1 to P6). The first image of a file. */
import { checkSides, Undecodable, type Pixels } from './pixels.ts';

const [hash, newline] = [0x23, 0x0a];
const isSpace = (byte: number | undefined): boolean => byte !== undefined && (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** Numbers of a text, one after another; comments end with their line. */
function numbersOf(bytes: Uint8Array, from: number) {
  let at = from;
  const skip = (): void => {
    for (; isSpace(bytes[at]) || bytes[at] === hash; at++)
      if (bytes[at] === hash) while (at < bytes.length && bytes[at] !== newline) at++;
  };
  const digit = (): number => {
    if (!isDigit(bytes[at])) throw new Undecodable(at < bytes.length ? 'it has no number where one belongs' : 'it is cut short');
    return (bytes[at++] as number) - 0x30;
  };
  return {
    /** `bit`: one digit, as of P1, whose pixels need no space between them. */
    next(bit = false): number {
      skip();
      let value = digit();
      if (bit) return value;
      while (isDigit(bytes[at])) {
        value = 10 * value + digit();
        if (value > 2 ** 24) throw new Undecodable('it has a number that is too large');
      }
      return value;
    },
    /** Where the pixels begin: after one space. */
    end(): number {
      if (!isSpace(bytes[at])) throw new Undecodable('its header does not end');
      return at + 1;
    },
  };
}

function begin(bytes: Uint8Array) {
  const kind = (bytes[1] ?? 0) - 0x30;
  if (bytes[0] !== 0x50 || kind < 1 || kind > 6) throw new Undecodable('it does not begin as PNM does');
  const numbers = numbersOf(bytes, 2);
  const [width, height] = [numbers.next(), numbers.next()];
  checkSides(width, height);
  return { kind, numbers, width, height };
}

export const pnmSides: (bytes: Uint8Array) => Pick<Pixels, 'width' | 'height'> = begin;

export function decodePnm(bytes: Uint8Array): Pixels {
  const { kind, numbers, width, height } = begin(bytes);
  const isBits = kind === 1 || kind === 4;
  const most = isBits ? 1 : numbers.next();
  if (most < 1 || most > 65535) throw new Undecodable(`its largest value is ${most}`);
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const count = width * height * channels;
  if (kind <= 3 && count > bytes.length) throw new Undecodable('it is cut short');
  const result = new Uint8Array(count);
  const put = (at: number, value: number): void => {
    if (value > most) throw new Undecodable(`it has the value ${value}, over its largest, ${most}`);
    // A bit that is set is black.
    result[at] = isBits ? 255 * (1 - value) : Math.round((255 * value) / most);
  };
  if (kind <= 3) {
    for (let at = 0; at < count; at++) put(at, numbers.next(isBits));
    return { width, height, channels, bytes: result };
  }
  const start = numbers.end();
  const [row, wide] = [Math.ceil(width / 8), most > 255];
  const length = kind === 4 ? row * height : count * (wide ? 2 : 1);
  if (start + length > bytes.length) throw new Undecodable('it is cut short');
  for (let at = 0; at < count; at++) {
    if (kind === 4) {
      const [y, x] = [Math.floor(at / width), at % width];
      put(at, ((bytes[start + y * row + (x >> 3)] as number) >> (7 - (x & 7))) & 1);
    } else if (wide) put(at, 256 * (bytes[start + 2 * at] as number) + (bytes[start + 2 * at + 1] as number));
    else put(at, bytes[start + at] as number);
  }
  return { width, height, channels, bytes: result };
}
