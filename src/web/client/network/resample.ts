/**
 * Resizes an image to a network's input as `data/image.ts` does with sharp: scaled to cover the size, and cropped at the centre.
 * To reduce, means over blocks of whole pixels where the image is much larger, then Lanczos resampling with three lobes; to
 * enlarge, Catmull–Rom. Pure.
 */
import type { Shape } from '../../../network/network.ts';

/** (H, W, 4): red, green, blue, and a fourth value that is not read. */
export interface Colours {
  readonly data: Uint8ClampedArray | Float32Array;
  readonly width: number;
  readonly height: number;
}

/** Pixels that remain for each new one after the means over blocks. */
const gap = 2;

/** Means over blocks of `across`×`down` pixels. */
function averaged({ data, width, height }: Colours, across: number, down: number): Colours {
  if (across === 1 && down === 1) return { data, width, height };
  const [columns, rows] = [Math.ceil(width / across), Math.ceil(height / down)];
  const result = new Float32Array(4 * columns * rows);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      for (let band = 0; band < 3; band++) {
        let sum = 0;
        // Beyond the edge, the last pixel is repeated.
        for (let dy = 0; dy < down; dy++)
          for (let dx = 0; dx < across; dx++) {
            const at = Math.min(height - 1, y * down + dy) * width + Math.min(width - 1, x * across + dx);
            sum += data[4 * at + band] as number;
          }
        result[4 * (y * columns + x) + band] = sum / (across * down);
      }
  return { data: result, width: columns, height: rows };
}

/** Three lobes; `x` in pixels of the smaller image. */
function lanczos(x: number): number {
  const angle = Math.PI * x;
  return x === 0 ? 1 : Math.abs(x) >= 3 ? 0 : (3 * Math.sin(angle) * Math.sin(angle / 3)) / angle ** 2;
}

/** Catmull–Rom. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/** Resamples rows to `size` pixels, `scale` old pixels apart, from `from` on, and transposes: two calls resample both axes. */
function resampledRows({ data, width, height }: Colours, scale: number, from: number, size: number): Colours {
  const result = new Float32Array(4 * size * height);
  const kernel = scale > 1 ? lanczos : cubic;
  const stretch = Math.max(1, scale);
  const reach = (scale > 1 ? 3 : 2) * stretch;
  for (let x = 0; x < size; x++) {
    // As libvips does: enlarged images are shifted by half a new pixel.
    const centre = from + (x + (scale < 1 ? 0 : 0.5)) * scale - 0.5;
    const first = Math.ceil(centre - reach);
    const weights = Array.from({ length: Math.floor(centre + reach) - first + 1 }, (_none, index) =>
      kernel((first + index - centre) / stretch),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let y = 0; y < height; y++)
      for (let band = 0; band < 3; band++) {
        let sum = 0;
        weights.forEach((weight, index) => {
          const at = Math.min(width - 1, Math.max(0, first + index));
          sum += weight * (data[4 * (y * width + at) + band] as number);
        });
        // Rounded to bytes after each axis, as libvips does.
        result[4 * (x * height + y) + band] = Math.min(255, Math.max(0, Math.round(sum / total)));
      }
  }
  return { data: result, width: height, height: size };
}

/** (H, W, C) bytes, C 1 or 3. */
export function resampled(image: Colours, { channels, height, width }: Shape): Uint8Array<ArrayBuffer> {
  const cover = Math.max(width / image.width, height / image.height);
  const whole = Math.max(1, Math.floor(1 / cover / gap));
  const smaller = averaged(image, whole, whole);
  const scale = 1 / cover / whole;
  /** What is cropped in front, in pixels of `smaller`. */
  const skipped = (length: number, size: number): number => {
    const covered = Math.max(size, Math.round(cover * length));
    const left = cover < 1 ? (length / whole - covered * scale) / 2 : 0;
    return left + Math.floor((covered - size + 1) / 2) * scale;
  };
  const columns = resampledRows(smaller, scale, skipped(image.width, width), width);
  const { data } = resampledRows(columns, scale, skipped(image.height, height), height);
  const pixels = new Uint8Array(height * width * channels);
  for (let at = 0; at < height * width; at++) {
    const [red, green, blue] = [data[4 * at] as number, data[4 * at + 1] as number, data[4 * at + 2] as number];
    // Luma, Rec. 601.
    if (channels === 1) pixels[at] = Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
    else pixels.set([red, green, blue], 3 * at);
  }
  return pixels;
}
