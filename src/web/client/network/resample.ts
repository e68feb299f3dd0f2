/**
 * Resizes an image to a network's input as `data/image.ts` does with sharp, fitted in the same ways.
 * To reduce, means over blocks of whole pixels where the image is much larger, then Lanczos resampling with three lobes; to
 * enlarge, Catmull–Rom. Pure.
 */
import { padded, type Fit } from '../../../data/fit.ts';
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

/** How one axis becomes new pixels: old ones for each new one, the first old one, and how many new ones. */
interface Axis {
  readonly scale: number;
  readonly from: number;
  readonly size: number;
}

/** Resamples rows and transposes: two calls resample both axes. */
function resampledRows({ data, width, height }: Colours, { scale, from, size }: Axis, enlarges: boolean): Colours {
  const result = new Float32Array(4 * size * height);
  const kernel = enlarges ? cubic : lanczos;
  const reach = (enlarges ? 2 : 3) * Math.max(1, scale);
  for (let x = 0; x < size; x++) {
    // As libvips does: where an axis is enlarged, both are shifted by half a new pixel.
    const centre = from + (x + (enlarges ? 0 : 0.5)) * scale - 0.5;
    const first = Math.ceil(centre - reach);
    const weights = Array.from({ length: Math.floor(centre + reach) - first + 1 }, (_none, index) =>
      kernel((first + index - centre) / Math.max(1, scale)),
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

/** An axis of `length` pixels, of which `scale` become one, cropped at its centre to `size`; before, `block` became one. */
function cropped(length: number, scale: number, block: number, size: number): Axis {
  const covered = Math.max(size, Math.round(length / scale));
  const left = scale > 1 ? (length - covered * scale) / 2 : 0;
  return { scale: scale / block, from: (left + Math.floor((covered - size + 1) / 2) * scale) / block, size };
}

/** (H, W, C) bytes, C 1 or 3. */
export function resampled(image: Colours, { channels, height, width }: Shape, fit: Fit): Uint8Array<ArrayBuffer> {
  const whole = { height, width, top: 0, left: 0 };
  const inner = fit === 'pad' ? padded(image, whole) : whole;
  const own = [image.width / inner.width, image.height / inner.height] as const;
  const [across, down] = fit === 'crop' ? [Math.min(...own), Math.min(...own)] : own;
  const blocks = (scale: number): number => Math.max(1, Math.floor(scale / gap));
  const unchanged = (size: number): Axis => ({ scale: 1, from: 0, size });
  const reduced = (length: number, scale: number, size: number): Axis =>
    scale < 1 ? unchanged(length) : cropped(length, scale, blocks(scale), size);
  const enlarged = (length: number, scale: number, size: number): Axis =>
    scale < 1 ? cropped(length, scale, 1, size) : unchanged(size);
  let colours = averaged(image, blocks(across), blocks(down));
  colours = resampledRows(colours, reduced(image.width, across, inner.width), false);
  colours = resampledRows(colours, reduced(image.height, down, inner.height), false);
  if (across < 1 || down < 1) {
    colours = resampledRows(colours, enlarged(image.width, across, inner.width), true);
    colours = resampledRows(colours, enlarged(image.height, down, inner.height), true);
  }
  const { data } = colours;
  const pixels = new Uint8Array(height * width * channels);
  const within = (at: number, before: number, size: number): number => Math.min(size - 1, Math.max(0, at - before));
  for (let at = 0; at < height * width; at++) {
    // Beyond the image its edges are repeated.
    const [y, x] = [within(Math.floor(at / width), inner.top, inner.height), within(at % width, inner.left, inner.width)];
    const from = 4 * (y * inner.width + x);
    const [red, green, blue] = [data[from] as number, data[from + 1] as number, data[from + 2] as number];
    // Luma, Rec. 601.
    if (channels === 1) pixels[at] = Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
    else pixels.set([red, green, blue], 3 * at);
  }
  return pixels;
}
