/** Decoded pixels of one image, and the limits of the decoders that are here. */

/** Rows from the top; (height, width, channels) bytes. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Grey, red-green-blue, or that with opacity. */
  readonly channels: 1 | 3 | 4;
  readonly bytes: Uint8Array;
}

/** Why a file cannot be decoded: the end of a sentence. */
export class Undecodable extends Error {}

/** Pixels of an image, at most: a few bytes of a file can stand for many. */
const mostPixels = 2 ** 26;

export function checkSides(width: number, height: number): void {
  if (width < 1 || height < 1) throw new Undecodable(`it has ${width} × ${height} pixels`);
  if (width * height > mostPixels) throw new Undecodable(`it has ${width} × ${height} pixels, more than ${mostPixels}`);
}
