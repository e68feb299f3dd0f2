/**
 * One image file as the bytes of a given shape: PNG, JPEG, WebP, GIF, TIFF and AVIF through sharp, BMP and PNM through decoders of
 * our own. Turned as EXIF says, transparency on a background, converted to sRGB, resized (Lanczos) and fitted to the shape
 * (`fit.ts`). An animated image gives its first frame. Knows nothing of classes and datasets.
 */
import { basename } from 'node:path';
import sharp, { type ResizeOptions, type Sharp, type SharpOptions } from 'sharp';
import type { Shape } from '../network/network.ts';
import { asNumbers } from '../util/bytes.ts';
import { RunError, UserError } from '../util/user-error.ts';
import { codeOf, factsOf, readBytes, reasonOf, type FilePath } from '../util/files.ts';
import { formatBytes } from '../util/words.ts';
import { bitmapSides, decodeBitmap } from './bitmap.ts';
import { padded, type Fit, type Sides } from './fit.ts';
import { kindOf, readKinds, unreadKind, type ImageKind } from './image-kinds.ts';
import { unlimitedMemory, type MemoryLimit } from './memory-limit.ts';
import { Undecodable } from './pixels.ts';
import { decodePnm, pnmSides } from './pnm.ts';
import type { SourceFile } from './source.ts';

type ImageFile = Pick<SourceFile, 'path' | 'raw' | 'bytes' | 'problem'>;

/** Longest product of the sides that is decoded: 16,384 × 16,384. */
const pixelLimit = 268_402_689;

/** What decodes: other versions may round otherwise. */
export const decoderVersion = `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;

/** A limit of the system, and no fault of the image. */
const ofSystem = /creating thread|temporarily unavailable|cannot allocate|out of memory/i;

const wrong = 'INSTAR_WRONG_IMAGE';

/** Bytes of a file: all are read before its kind is known. The largest image that is decoded has no more with 4 bytes a pixel. */
const largestFile = 2 ** 30;

export function failure(error: unknown, path: string): Error {
  if (error instanceof UserError || codeOf(error) === 'ABORT_ERR') return error as Error;
  if (error instanceof Undecodable) return new UserError(`${path}: cannot be decoded: ${error.message}`, wrong);
  const reason = reasonOf(error);
  if (/exceeds pixel limit/i.test(reason))
    return new UserError(`${path}: more than ${pixelLimit} pixels, too many to decode`, wrong);
  if (ofSystem.test(reason))
    return new RunError(
      `${path}: cannot be decoded: ${reason}: the system's limits of processes or memory are too low (ulimit -u, -v)`,
    );
  return new UserError(`${path}: damaged or cut short (${reason})`, wrong);
}

interface Opened {
  /** Decodes BMP and PNM; other kinds are decoded where they are used. */
  readonly image: () => Sharp;
  /** As one sees the image, pixels. */
  readonly height: number;
  readonly width: number;
  /** The file where it has 16 bits a channel whose range is not known. */
  readonly deep: Uint8Array | null;
  /** Bytes of memory that decoding takes, about. */
  readonly memory: number;
}

/** Bytes of memory for each byte of an image's pixels, measured; less where they pass in strips, which few files say. */
const memoryABytes: { readonly [K in Exclude<ImageKind, 'heic'> | 'deep']: number } = {
  png: 1.5,
  jpeg: 1.1,
  webp: 2.7,
  gif: 1.5,
  tiff: 1.5,
  avif: 6,
  bmp: 2,
  pnm: 2,
  // Decoded here, beside an image before that the process has not freed yet.
  deep: 3,
};

const sharpOptions: SharpOptions = { failOn: 'error', limitInputPixels: pixelLimit, autoOrient: true };

async function fileBytes(path: FilePath, shown: string): Promise<Uint8Array> {
  const size = (await factsOf(path, shown))?.size ?? 0;
  if (size > largestFile) throw new UserError(`${shown}: ${formatBytes(size)}, more than an image may have`, wrong);
  return readBytes(path, shown);
}

async function openImage({ path, raw = undefined, bytes: own, problem }: ImageFile): Promise<Opened> {
  if (problem !== undefined) throw new UserError(`${path}: ${problem}`, wrong);
  const bytes = own ?? (await fileBytes(raw ?? path, path));
  if (bytes.length === 0) throw new UserError(`${path}: an empty file`, wrong);
  const kind = kindOf(bytes);
  const advice = unreadKind(basename(path), kind);
  if (advice !== undefined) throw new UserError(`${path}: ${advice}`, wrong);
  if (kind === undefined || kind === 'heic') throw new UserError(`${path}: not an image (${readKinds})`, wrong);
  const memoryFor = (pixels: number, as: keyof typeof memoryABytes = kind): number => bytes.length + memoryABytes[as] * pixels;
  // Images are decoded side by side, each in one thread: that is fastest, and nothing of sharp's is kept between them.
  sharp.concurrency(1);
  sharp.cache(false);
  if (kind === 'bmp' || kind === 'pnm') {
    const { height, width } = kind === 'bmp' ? bitmapSides(bytes) : pnmSides(bytes);
    const image = (): Sharp => {
      const { bytes: pixels, ...shape } = kind === 'bmp' ? decodeBitmap(bytes) : decodePnm(bytes);
      return sharp(pixels, { raw: shape });
    };
    return { image, height, width, deep: null, memory: memoryFor(height * width * 4) };
  }
  const image = sharp(bytes, sharpOptions);
  const { depth, autoOrient, channels } = await image.metadata();
  if (depth !== 'uchar' && depth !== 'ushort')
    throw new UserError(`${path}: its pixels are numbers of the kind ${depth}; save it with 8 or 16 bits a channel`, wrong);
  const deep = depth === 'ushort' && (kind === 'png' || kind === 'tiff') ? bytes : null;
  const { height, width } = autoOrient;
  const pixels = height * width * channels * (depth === 'ushort' ? 2 : 1);
  return { image: () => image, height, width, deep, memory: memoryFor(pixels, deep === null ? kind : 'deep') };
}

/** Sides in pixels as one sees the image; read from its header alone where that says it. */
export async function measureImage(file: ImageFile): Promise<Sides> {
  try {
    const { image, height, width } = await openImage(file);
    // Finds damage of kinds that are decoded here.
    image();
    return { height, width };
  } catch (error) {
    throw failure(error, file.path);
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

/** Pixels of 16 bits a channel, turned as one sees the image. */
interface DeepPixels {
  readonly values: Uint16Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}

async function deepPixels(bytes: Uint8Array): Promise<DeepPixels> {
  const image = sharp(bytes, sharpOptions);
  const { channels } = await image.metadata();
  const { data, info } = await image
    .toColourspace(channels < 3 ? 'grey16' : 'rgb16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  return {
    values: asNumbers(data, Uint16Array),
    width: info.width,
    height: info.height,
    channels: info.channels as 1 | 2 | 3 | 4,
  };
}

/** Whether a value at that place is an opacity. */
const isOpacity = (channels: number, at: number): boolean => channels % 2 === 0 && at % channels === channels - 1;

/** Bits that the colours use, at least 8. */
function bitsUsed({ values, channels }: DeepPixels): number {
  let most = 0;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (value > most && !isOpacity(channels, at)) most = value;
  }
  return Math.max(8, 32 - Math.clz32(most));
}

/** As 8 bits a channel, of values that use so many bits. */
function scaled({ values, width, height, channels }: DeepPixels, bits: number): Sharp {
  const most = 2 ** bits - 1;
  // `Uint8Array.from` would hold all values as a list.
  const bytes = new Uint8Array(values.length);
  for (let at = 0; at < bytes.length; at++) {
    const value = values[at] as number;
    bytes[at] = isOpacity(channels, at) ? value >> 8 : Math.min(255, Math.round((255 * value) / most));
  }
  return sharp(bytes, { raw: { width, height, channels } });
}

/** How an image is made of its file. */
export interface Rendering {
  /** What transparent images lie on: `#rrggbb`. */
  readonly background: string;
  /** Of 16 bits a channel, how many are used; null where that is to be found. */
  readonly bits: number | null;
  readonly fit: Fit;
}

export const usualRendering = { background: '#ffffff', bits: 16, fit: 'crop' } as const satisfies Rendering;

// Without shrinking as it is decoded: a JPEG and a PNG of one photo then give nearly the same pixels.
const resizing: ResizeOptions = { kernel: 'lanczos3', fastShrinkOnLoad: false };

/** `sides`: of the image. */
const fitted: { readonly [F in Fit]: (image: Sharp, sides: Sides, shape: Sides) => Sharp } = {
  crop: (image, _sides, { height, width }) => image.resize(width, height, { ...resizing, fit: 'cover', position: 'centre' }),
  pad(image, sides, shape) {
    const { height, width, top, left } = padded(sides, shape);
    const [bottom, right] = [shape.height - height - top, shape.width - width - left];
    return image.resize(width, height, { ...resizing, fit: 'fill' }).extend({ top, bottom, left, right, extendWith: 'copy' });
  },
  stretch: (image, _sides, { height, width }) => image.resize(width, height, { ...resizing, fit: 'fill' }),
};

/** (C, H, W) bytes, C 1 or 3. */
async function render(image: Sharp, sides: Sides, shape: Shape, { background, fit }: Rendering): Promise<Uint8Array> {
  const { channels, height, width } = shape;
  const interleaved = await fitted[fit](image.flatten({ background }), sides, shape).raw({ depth: 'uchar' }).toBuffer();
  const area = height * width;
  const bands = interleaved.length / area;
  const planar = new Uint8Array(3 * area);
  for (let channel = 0; channel < 3; channel++) {
    const band = bands >= 3 ? channel : 0;
    for (let at = 0; at < area; at++) planar[channel * area + at] = interleaved[at * bands + band] as number;
  }
  return channels === 1 ? toGrey(planar) : planar;
}

/**
 * (C, H, W) bytes of the image, C 1 or 3; where `bits` is null and the image has 16 bits a channel, the bits that it uses instead. A
 * file that is no such image is a UserError that names it.
 */
export async function decodeImage(
  file: ImageFile,
  shape: Shape,
  rendering: Rendering,
  limit: MemoryLimit = unlimitedMemory,
): Promise<Uint8Array | number> {
  const { bits } = rendering;
  try {
    const { image, deep, memory, ...sides } = await openImage(file);
    return await limit.within(memory, file.path, async () => {
      if (deep === null || bits === 16) return render(image(), sides, shape, rendering);
      const pixels = await deepPixels(deep);
      return bits === null ? bitsUsed(pixels) : render(scaled(pixels, bits), sides, shape, rendering);
    });
  } catch (error) {
    throw failure(error, file.path);
  }
}

/** Pixels that were decoded before: rows from the top, each pixel red, green, blue, and with four channels its opacity. */
export interface RawImage extends Sides {
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** The same of pixels. `called`: the image in messages. A UserError where the data is not as long as the sides say. */
export async function renderRaw(
  { data, width, height }: RawImage,
  shape: Shape,
  how: Rendering,
  called: string,
): Promise<Uint8Array> {
  const area = width * height;
  const channels = data.length / area;
  if (area > pixelLimit) throw new UserError(`${called}: more than ${pixelLimit} pixels, too many`, wrong);
  if (channels !== 3 && channels !== 4)
    throw new UserError(
      `${called}: ${data.length} bytes are no image of ${width} × ${height} pixels: RGB has ${3 * area}, RGBA ${4 * area}`,
      wrong,
    );
  sharp.concurrency(1);
  sharp.cache(false);
  return render(sharp(data, { raw: { width, height, channels } }), { height, width }, shape, how);
}

/** The same of a path, where the bits are known. */
export async function readImage(path: string, shape: Shape, rendering: Rendering & { readonly bits: number } = usualRendering) {
  return (await decodeImage({ path }, shape, rendering)) as Uint8Array;
}
