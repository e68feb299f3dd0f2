/**
 * The operations of a random policy, with the ranges of TrivialAugment's wide space (Müller & Hutter 2021, "TrivialAugment:
 * tuning-free yet state-of-the-art data augmentation"). Each changes the bytes of one image, (C, H, W), in place. Its strength is
 * −1 … 1; operations without a direction take its size. Where an image is moved, the nearest pixel is taken, and black comes in.
 */
import type { Shape } from '../../network/network.ts';
import { lookUp, makeBrightness, makeContrast, makeSaturation, toByte } from './bytes.ts';

export type Operation = (image: Uint8Array, strength: number) => void;

/** The largest shear, in pixels a pixel, and difference of a factor from 1. */
const most = 0.99;
/** The farthest translation in pixels, if the image is as large. */
const farthest = 32;
/** The widest angle. */
const widest = (135 / 180) * Math.PI;
/** The most low bits that are dropped. */
const droppedBits = 6;

/** The pixel at the centre (x, y) becomes that at (a·x + b·y + c, d·x + e·y + f). */
type Warp = (image: Uint8Array, a: number, b: number, c: number, d: number, e: number, f: number) => void;

function makeWarp({ channels, height, width }: Shape): Warp {
  const area = height * width;
  const before = new Uint8Array(channels * area);
  const from = new Int32Array(area);
  return (image, a, b, c, d, e, f) => {
    before.set(image);
    for (let y = 0, at = 0; y < height; y++)
      for (let x = 0; x < width; x++, at++) {
        const column = Math.floor(a * (x + 0.5) + b * (y + 0.5) + c);
        const row = Math.floor(d * (x + 0.5) + e * (y + 0.5) + f);
        from[at] = column >= 0 && column < width && row >= 0 && row < height ? row * width + column : -1;
      }
    for (let start = 0; start < image.length; start += area)
      for (let at = 0; at < area; at++) {
        const source = from[at] as number;
        image[start + at] = source < 0 ? 0 : (before[start + source] as number);
      }
  };
}

/** smooth + factor · (pixel − smooth); smooth: the mean over 3×3 pixels with five times the weight in the centre. Not at the border. */
function makeSharpness({ channels, height, width }: Shape): (image: Uint8Array, factor: number) => void {
  const before = new Uint8Array(channels * height * width);
  return (image, factor) => {
    before.set(image);
    const rest = (1 - factor) / 13;
    for (let channel = 0; channel < channels; channel++)
      for (let y = 1; y < height - 1; y++) {
        const row = (channel * height + y) * width;
        for (let at = row + 1; at < row + width - 1; at++) {
          const above = at - width;
          const below = at + width;
          const centre = before[at] as number;
          const sum =
            (before[above - 1] as number) +
            (before[above] as number) +
            (before[above + 1] as number) +
            (before[at - 1] as number) +
            5 * centre +
            (before[at + 1] as number) +
            (before[below - 1] as number) +
            (before[below] as number) +
            (before[below + 1] as number);
          image[at] = toByte(rest * sum + factor * centre);
        }
      }
  };
}

/** The darkest byte of each channel becomes 0, the brightest 255. */
function makeAutocontrast(area: number): Operation {
  const table = new Uint8ClampedArray(256);
  return (image) => {
    for (let start = 0; start < image.length; start += area) {
      let [darkest, brightest] = [255, 0];
      for (let at = start; at < start + area; at++) {
        const byte = image[at] as number;
        if (byte < darkest) darkest = byte;
        if (byte > brightest) brightest = byte;
      }
      if (darkest >= brightest) continue;
      for (let byte = darkest; byte <= brightest; byte++) table[byte] = (255 * (byte - darkest)) / (brightest - darkest);
      lookUp(image, table, start, start + area);
    }
  };
}

/**
 * Spreads the bytes of each channel over 0 … 255 by their histogram: a byte becomes 255 times the share of smaller bytes among the
 * pixels that are not of the brightest byte. So the darkest becomes 0 and the brightest 255.
 */
function makeEqualization(area: number): Operation {
  const table = new Uint8ClampedArray(256);
  const histogram = new Uint32Array(256);
  return (image) => {
    for (let start = 0; start < image.length; start += area) {
      histogram.fill(0);
      for (let at = start; at < start + area; at++) (histogram[image[at] as number] as number)++;
      let brightest = 255;
      while (histogram[brightest] === 0) brightest--;
      const others = area - (histogram[brightest] as number);
      if (others === 0) continue;
      let darker = 0;
      for (let byte = 0; byte <= brightest; byte++) {
        table[byte] = (255 * darker) / others;
        darker += histogram[byte] as number;
      }
      lookUp(image, table, start, start + area);
    }
  };
}

/** Bytes from a threshold on are inverted: none at strength 0, all at 1. */
function makeSolarization(): Operation {
  const table = new Uint8ClampedArray(256);
  return (image, strength) => {
    const threshold = 256 * (1 - Math.abs(strength));
    for (let byte = 0; byte < 256; byte++) table[byte] = byte >= threshold ? 255 - byte : byte;
    lookUp(image, table);
  };
}

export const operationNames = [
  'identity',
  'shear x',
  'shear y',
  'translate x',
  'translate y',
  'rotate',
  'brightness',
  'contrast',
  'colour',
  'sharpness',
  'posterize',
  'solarize',
  'autocontrast',
  'equalize',
] as const;
export type OperationName = (typeof operationNames)[number];

/** The operations for images of that shape. */
export function makeOperations(shape: Shape): { readonly [Name in OperationName]: Operation } {
  const { height, width } = shape;
  const area = height * width;
  const warp = makeWarp(shape);
  const [brightness, contrast, saturation, sharpness] = [
    makeBrightness(),
    makeContrast(shape),
    makeSaturation(shape),
    makeSharpness(shape),
  ];
  const factor = (strength: number): number => 1 + most * strength;
  const pixels = (strength: number, side: number): number => Math.round(strength * Math.min(farthest, side));
  return {
    identity: () => undefined,
    'shear x': (image, strength) => warp(image, 1, most * strength, 0, 0, 1, 0),
    'shear y': (image, strength) => warp(image, 1, 0, 0, most * strength, 1, 0),
    'translate x': (image, strength) => warp(image, 1, 0, pixels(strength, width), 0, 1, 0),
    'translate y': (image, strength) => warp(image, 1, 0, 0, 0, 1, pixels(strength, height)),
    rotate(image, strength) {
      const [sin, cos] = [Math.sin(widest * strength), Math.cos(widest * strength)];
      const [x, y] = [width / 2, height / 2];
      warp(image, cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y);
    },
    brightness: (image, strength) => brightness(image, factor(strength)),
    contrast: (image, strength) => contrast(image, factor(strength)),
    colour: (image, strength) => saturation(image, factor(strength)),
    sharpness: (image, strength) => sharpness(image, factor(strength)),
    posterize(image, strength) {
      const kept = -(1 << Math.round(droppedBits * Math.abs(strength)));
      for (let at = 0; at < image.length; at++) image[at] = (image[at] as number) & kept;
    },
    solarize: makeSolarization(),
    autocontrast: makeAutocontrast(area),
    equalize: makeEqualization(area),
  };
}
