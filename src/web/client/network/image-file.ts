/** An image file as a network's input: decoded by the browser, rotated by its EXIF orientation, on black. */
import type { Shape } from '../../../network/network.ts';
import { resampled } from './resample.ts';

/** The shorter side in pixels to which the browser reduces a larger image first. */
const largestSide = 2048;

/** (H, W, C). Rejects where the browser cannot read the file. */
export async function readImageFile(file: File, shape: Shape): Promise<Uint8Array<ArrayBuffer>> {
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    throw new Error(`${file.name}: this browser cannot read it as an image`);
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
