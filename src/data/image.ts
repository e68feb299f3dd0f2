/**
 * One image file as the bytes of a given shape: PNG, JPEG and WebP, through sharp. Turned as EXIF says, transparency on
 * black, converted to sRGB, resized to cover the shape (Lanczos) and cut to its centre. An animated image gives its first
 * frame. Knows nothing of classes and datasets.
 */
import sharp, { type Metadata, type Sharp } from 'sharp';
import type { Shape } from '../network/network.ts';
import { UserError } from '../util/user-error.ts';
import { codeOf, readBytes, reasonOf } from '../util/files.ts';

/** By their contents, whatever the file's name ends with. */
const formats: readonly string[] = ['png', 'jpeg', 'webp'];

/** Longest product of the sides that is decoded: 16,384 × 16,384. */
const pixelLimit = 268_402_689;

/** What decodes: other versions may round otherwise. */
export const decoderVersion = `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;

function failure(error: unknown, path: string): Error {
  if (error instanceof UserError || codeOf(error) === 'ABORT_ERR') return error as Error;
  const reason = reasonOf(error);
  if (/exceeds pixel limit/i.test(reason)) return new UserError(`${path}: more than ${pixelLimit} pixels, too many to decode`);
  if (/unsupported image format/i.test(reason)) return new UserError(`${path}: not a PNG, JPEG or WebP image`);
  return new UserError(`${path}: damaged or cut short (${reason})`);
}

async function openImage(path: string): Promise<{ image: Sharp; metadata: Metadata }> {
  const bytes = await readBytes(path);
  if (bytes.length === 0) throw new UserError(`${path}: an empty file`);
  // Images are decoded side by side, each in one thread: that is fastest, and nothing of sharp's is kept between them.
  sharp.concurrency(1);
  sharp.cache(false);
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: pixelLimit, autoOrient: true });
  const metadata = await image.metadata();
  if (!formats.includes(metadata.format)) throw new UserError(`${path}: not a PNG, JPEG or WebP image but ${metadata.format}`);
  return { image, metadata };
}

/** Sides in pixels as one sees the image; read from its header alone. */
export async function measureImage(path: string): Promise<{ height: number; width: number }> {
  try {
    const { metadata } = await openImage(path);
    return { height: metadata.autoOrient.height, width: metadata.autoOrient.width };
  } catch (error) {
    throw failure(error, path);
  }
}

/** Luma after Rec. 601, in whole numbers: a grey image in three channels keeps its values exactly. */
export function toGrey(colours: Uint8Array): Uint8Array {
  const area = colours.length / 3;
  const grey = new Uint8Array(area);
  for (let at = 0; at < area; at++) {
    const [red, green, blue] = [colours[at] as number, colours[area + at] as number, colours[2 * area + at] as number];
    grey[at] = Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
  }
  return grey;
}

/** (C, H, W) bytes of the image, C 1 or 3. A file that is no such image is a UserError that names it. */
export async function readImage(path: string, { channels, height, width }: Shape): Promise<Uint8Array> {
  try {
    const { image } = await openImage(path);
    const interleaved = await image
      .flatten({ background: '#000000' })
      // Without shrinking as it is decoded: a JPEG and a PNG of one photo then give nearly the same pixels.
      .resize(width, height, { fit: 'cover', position: 'centre', kernel: 'lanczos3', fastShrinkOnLoad: false })
      .raw({ depth: 'uchar' })
      .toBuffer();
    const area = height * width;
    const bands = interleaved.length / area;
    const planar = new Uint8Array(3 * area);
    for (let channel = 0; channel < 3; channel++) {
      const band = bands >= 3 ? channel : 0;
      for (let at = 0; at < area; at++) planar[channel * area + at] = interleaved[at * bands + band] as number;
    }
    return channels === 1 ? toGrey(planar) : planar;
  } catch (error) {
    throw failure(error, path);
  }
}
