/**
 * What several augmentations do to the bytes of one image, (C, H, W), in place. Each maker allocates its scratch memory once.
 * Results are rounded to the nearest byte, and limited to 0 … 255. A factor of 1 changes nothing.
 */
import type { Shape } from '../../network/network.ts';
import type { Random } from '../../util/random.ts';

/** Changes an image by a factor of 0 or more. */
export type ByFactor = (image: Uint8Array, factor: number) => void;

/** Weights of red, green and blue in luma (ITU-R BT.601). */
export const luma = { red: 0.299, green: 0.587, blue: 0.114 } as const;

/** A factor uniform in 1 ± `range`. Draws one float. */
export const drawFactor = (range: number, random: Random): number => 1 + range * (2 * random.float() - 1);

/** Each byte from `start` up to `end` becomes its entry of the table. */
export function lookUp(image: Uint8Array, table: Uint8ClampedArray, start = 0, end = image.length): void {
  for (let at = start; at < end; at++) image[at] = table[image[at] as number] as number;
}

/** factor · pixel. */
export function makeBrightness(): ByFactor {
  const table = new Uint8ClampedArray(256);
  return (image, factor) => {
    for (let byte = 0; byte < 256; byte++) table[byte] = factor * byte;
    lookUp(image, table);
  };
}

/** The mean luma of an image; of a grey one the mean. */
function meanLuma(image: Uint8Array, channels: number, area: number): number {
  let mean = 0;
  for (let channel = 0, at = 0; channel < channels; channel++) {
    let sum = 0;
    for (const end = at + area; at < end; at++) sum += image[at] as number;
    mean += ((channels === 1 ? 1 : channel === 0 ? luma.red : channel === 1 ? luma.green : luma.blue) * sum) / area;
  }
  return mean;
}

/** mean + factor · (pixel − mean), with the image's mean luma. */
export function makeContrast({ channels, height, width }: Shape): ByFactor {
  const table = new Uint8ClampedArray(256);
  return (image, factor) => {
    const rest = (1 - factor) * meanLuma(image, channels, height * width);
    for (let byte = 0; byte < 256; byte++) table[byte] = rest + factor * byte;
    lookUp(image, table);
  };
}

/** The nearest byte. */
export const toByte = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0);

/** luma + factor · (pixel − luma), with the luma of each position. Nothing for grey images. */
export function makeSaturation({ channels, height, width }: Shape): ByFactor {
  const area = height * width;
  if (channels !== 3) return () => undefined;
  return (image, factor) => {
    for (let at = 0; at < area; at++) {
      const second = at + area;
      const third = second + area;
      const red = image[at] as number;
      const green = image[second] as number;
      const blue = image[third] as number;
      const rest = (1 - factor) * (luma.red * red + luma.green * green + luma.blue * blue);
      image[at] = toByte(rest + factor * red);
      image[second] = toByte(rest + factor * green);
      image[third] = toByte(rest + factor * blue);
    }
  };
}
