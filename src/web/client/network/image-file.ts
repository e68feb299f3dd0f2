/** An image file as the bytes that a network takes: decoded by the browser, turned as EXIF says, on black. It stays here. */
import type { Shape } from '../../../network/network.ts';
import { resampled } from './resample.ts';

/** Shorter side in pixels: what is larger is made smaller by the browser first. */
const largestSide = 2048;

/** (H, W, C). A file that is no image that this browser can read is an Error that names it. */
export async function readImageFile(file: File, shape: Shape): Promise<Uint8Array<ArrayBuffer>> {
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    throw new Error(`${file.name}: no image that this browser can read`);
  }
  const shrink = Math.min(1, largestSide / Math.min(image.width, image.height));
  const [width, height] = [Math.round(shrink * image.width), Math.round(shrink * image.height)];
  const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (context === null) throw new Error('this browser cannot draw images');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return resampled(context.getImageData(0, 0, canvas.width, canvas.height), shape);
}
