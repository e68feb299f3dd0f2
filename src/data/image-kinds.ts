/** Kinds of image files: by their first bytes, and the extensions that a file's name has where it should be one. */
import { endingOf } from './file-names.ts';

/** Kinds that are read, and HEIC, which is recognised to say so. */
export type ImageKind = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'avif' | 'bmp' | 'pnm' | 'heic';

/** Those that are read, in words. */
export const readKinds = 'PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM';

/** Bytes that `kindOf` looks at. */
export const headLength = 64;

const read = ['.png', '.apng', '.jpg', '.jpeg', '.jpe', '.jif', '.jfif', '.pjpeg', '.webp', '.gif', '.tif', '.tiff', '.avif'];
const decoded = ['.bmp', '.dib', '.pbm', '.pgm', '.ppm', '.pnm'];

const heicAdvice = "a HEIC photo; convert it first, with heif-convert or, on a Mac, with 'sips -s format jpeg'";
const rawAdvice = "a camera's raw file; export it as JPEG or TIFF first";
const convertAdvice = 'this format is not read; convert it to PNG first';

/** Extensions of images that are not read, and what to do with them. */
const unread: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['.heic', '.heif', '.hif'].map((extension) => [extension, heicAdvice])),
  ...Object.fromEntries(
    ['.arw', '.cr2', '.cr3', '.dng', '.nef', '.orf', '.raf', '.rw2'].map((extension) => [extension, rawAdvice]),
  ),
  ...Object.fromEntries(['.jxl', '.jp2', '.j2k', '.jpx'].map((extension) => [extension, convertAdvice])),
};

const extensions = new Set([...read, ...decoded, ...Object.keys(unread)]);

/** Whether a file of that name should be an image. */
export const hasImageExtension = (name: string): boolean => extensions.has(endingOf(name));

/** Why an image of that name and kind is not read; undefined where it is. */
export function unreadKind(name: string, kind: ImageKind | undefined): string | undefined {
  if (kind === 'heic') return heicAdvice;
  // Raw files begin as TIFF does; other kinds by a wrong name are read.
  return kind === undefined || kind === 'tiff' ? unread[endingOf(name)] : undefined;
}

const textAt = (head: Uint8Array, from: number, to: number): string => String.fromCharCode(...head.subarray(from, to));

/** An ISO base media file's brands: AVIF, HEIC or neither. */
function brandOf(head: Uint8Array): ImageKind | undefined {
  if (textAt(head, 4, 8) !== 'ftyp') return undefined;
  const end = Math.min(head.length, new DataView(head.buffer, head.byteOffset, head.length).getUint32(0));
  const brands = [textAt(head, 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(textAt(head, at, at + 4));
  if (brands.includes('avif') || brands.includes('avis')) return 'avif';
  return brands.some((brand) => /^(hei[cxms]|hev[cxms]|mif1|msf1)$/.test(brand)) ? 'heic' : undefined;
}

/** Sizes of the header that follows a BMP file's own. */
const bitmapHeaders: readonly number[] = [12, 40, 52, 56, 64, 108, 124];

function isBitmap(head: Uint8Array): boolean {
  if (head.length < 26 || textAt(head, 0, 2) !== 'BM') return false;
  return bitmapHeaders.includes(new DataView(head.buffer, head.byteOffset, head.length).getUint32(14, true));
}

/** What a file is by its first `headLength` bytes; undefined where it is no image that is known. */
export function kindOf(head: Uint8Array): ImageKind | undefined {
  const text = textAt(head, 0, Math.min(head.length, headLength));
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  if (/^GIF8[79]a/.test(text)) return 'gif';
  if (/^(II[*+]\0|MM\0[*+])/.test(text)) return 'tiff';
  if (isBitmap(head)) return 'bmp';
  if (/^P[1-6](\s*#[^\n]*\n)*\s+(#[^\n]*|\d)/.test(text)) return 'pnm';
  return brandOf(head);
}
