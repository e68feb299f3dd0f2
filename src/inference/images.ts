/** Images that a network is given: files, their bytes, or pixels that were decoded before. */
import { bytesOf, type Part } from '../data/dataset.ts';
import { decodeImage, renderRaw, type RawImage } from '../data/image.ts';
import type { MemoryLimit } from '../data/memory-limit.ts';
import type { renderingIn } from '../data/reading.ts';
import type { Shape } from '../network/network.ts';

export type { RawImage };

/** A path; the bytes of a file (PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP, PNM); or pixels. */
export type ImageInput = string | Uint8Array | ArrayBuffer | RawImage;

function decode(
  image: ImageInput,
  called: string,
  shape: Shape,
  { background, bits = 16, fit }: ReturnType<typeof renderingIn>,
  limit: MemoryLimit,
): Promise<Uint8Array> {
  const how = { background, bits, fit };
  if (typeof image === 'object' && 'data' in image) return renderRaw(image, shape, how, called);
  const file = typeof image === 'string' ? { path: image } : { path: called, bytes: new Uint8Array(image) };
  // The bits are known.
  return decodeImage(file, shape, how, limit) as Promise<Uint8Array>;
}

/**
 * (N, C, H, W) bytes, as the network's training images were made; without labels. `called`: the image of an index in messages, where it
 * has no path. The UserError is that of the first image that cannot be read.
 */
export async function readImages(
  images: readonly ImageInput[],
  called: (index: number) => string,
  shape: Shape,
  how: ReturnType<typeof renderingIn>,
  limit: MemoryLimit,
): Promise<Part> {
  const size = bytesOf(shape);
  const bytes = new Uint8Array(images.length * size);
  const read = await Promise.allSettled(
    images.map(async (image, index) => {
      bytes.set(await decode(image, called(index), shape, how, limit), index * size);
    }),
  );
  for (const one of read) if (one.status === 'rejected') throw one.reason;
  return { images: bytes, labels: new Uint16Array(images.length) };
}
