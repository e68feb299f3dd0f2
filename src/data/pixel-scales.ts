/**
 * How pixels become the numbers that a network takes: (pixel/255 − mean)/std for each channel. What can be chosen, and what an option
 * or a file says.
 */
import type { Affine } from '../network/affine.ts';
import { UserError } from '../util/user-error.ts';

/** For each channel. */
export interface Scaling {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** ImageNet's, of pixels from 0 to 1, as torchvision and most others have them. */
const imagenet: Scaling = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

export const pixelScales = {
  '0-255': 'pixels from 0 to 255',
  '0-1': 'pixels from 0 to 1',
  '-1-1': 'pixels from −1 to 1',
  imagenet: "pixels normalised by ImageNet's mean and deviation",
  normalised: "pixels normalised by the mean and deviation of the dataset's training images",
  raw: 'as 0-255',
  unit: 'as 0-1',
} as const;
export type PixelScale = keyof typeof pixelScales;

/** The two names of a range. */
const rangeOf = { '0-255': '0-255', raw: '0-255', '0-1': '0-1', unit: '0-1', '-1-1': '-1-1' } as const;
export type Range = (typeof rangeOf)[keyof typeof rangeOf];

/** The number of a pixel of 0, and of 255. */
const ends: { readonly [R in Range]: readonly [number, number] } = { '0-255': [0, 255], '0-1': [0, 1], '-1-1': [-1, 1] };

const each = (channels: number, value: number): readonly number[] => Array.from({ length: channels }, () => value);

/** A range, of which a mean is taken and which is divided by a deviation. */
function within(range: Range, mean: readonly number[], std: readonly number[]): Scaling {
  const [low, high] = ends[range];
  const length = high - low;
  return { mean: mean.map((value) => (value - low) / length), std: std.map((value) => value / length) };
}

export const ofRange = (range: Range, channels: number): Scaling => within(range, each(channels, 0), each(channels, 1));

/** A way to scale pixels, in words that complete `takes …`. */
export interface NamedScaling extends Scaling {
  readonly words: string;
  /** The value of `--pixels`. */
  readonly name: PixelScale;
}

const named = (name: PixelScale, scaling: Scaling): NamedScaling => ({ ...scaling, name, words: pixelScales[name] });

/** What networks usually take, where nothing says it. `own`: of the images, where they are many. */
export function usualScalings(channels: number, own: Scaling | null): readonly NamedScaling[] {
  const ranges = (['0-1', '-1-1', '0-255'] as const).map((range) => named(range, ofRange(range, channels)));
  return [
    ...(channels === imagenet.mean.length ? [named('imagenet', imagenet)] : []),
    ...ranges,
    ...(own === null ? [] : [named('normalised', own)]),
  ];
}

/** What the options say of pixels. */
export interface PixelOptions {
  readonly pixels?: PixelScale | undefined;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

/** Numbers above are of pixels from 0 to 255. */
const mostOfUnit = 2;

const listed = (numbers: readonly number[]): string => numbers.map((value) => Number(value.toPrecision(4))).join(', ');

/** `mean 0.485, 0.456, 0.406, deviation 0.229, 0.224, 0.225`. */
export const describeScaling = ({ mean, std }: Scaling): string => {
  const short = (numbers: readonly number[]): readonly number[] => (new Set(numbers).size === 1 ? numbers.slice(0, 1) : numbers);
  return `mean ${listed(short(mean))}, deviation ${listed(short(std))}`;
};

function perChannel(option: string, numbers: readonly number[], channels: number): readonly number[] {
  const [only] = numbers;
  if (only !== undefined && numbers.length === 1) return each(channels, only);
  if (numbers.length !== channels)
    throw new UserError(`${option}: ${numbers.length} numbers, but images have ${channels} channels; give one, or one for each`);
  return numbers;
}

/** What the options say; null where that is nothing. `own`: the mean and deviation of the data, which `normalised` needs. */
export function givenScaling({ pixels, mean, std }: PixelOptions, channels: number, own: Scaling | null): NamedScaling | null {
  if (pixels === undefined && mean === undefined && std === undefined) return null;
  const isRange = pixels === undefined || pixels in rangeOf;
  if (!isRange && (mean !== undefined || std !== undefined))
    throw new UserError(`--pixels ${pixels}: has a mean and deviation of its own; with --mean and --std use 0-1, -1-1 or 0-255`);
  if (pixels === 'imagenet') {
    if (channels !== imagenet.mean.length) throw new UserError('--pixels imagenet: is of three channels');
    return named(pixels, imagenet);
  }
  if (pixels === 'normalised') {
    if (own === null) throw new UserError('--pixels normalised needs the images of a dataset; use evaluate');
    return named(pixels, own);
  }
  const means = perChannel('--mean', mean ?? [0], channels);
  const deviations = perChannel('--std', std ?? [1], channels);
  const largest = Math.max(...means.map(Math.abs), ...(std ?? []));
  const range = pixels === undefined ? (largest > mostOfUnit ? '0-255' : '0-1') : rangeOf[pixels as keyof typeof rangeOf];
  const scaling = within(range, means, deviations);
  const also =
    mean === undefined && std === undefined ? '' : `, normalised: ${describeScaling({ mean: means, std: deviations })}`;
  return { ...scaling, name: range, words: `${pixelScales[range]}${also}` };
}

/** The pixels that a first layer sees behind input·scale + shift, where the input is scaled so. */
export function seenThrough({ mean, std }: Scaling, { scale, shift }: Affine): Scaling {
  const stds = std.map((value, channel) => value / (scale[channel] as number));
  return { mean: mean.map((value, channel) => value - (shift[channel] as number) * (stds[channel] as number)), std: stds };
}

/** Names of the ONNX standard for the range of pixels; others are not known here. */
const nominalRanges: Readonly<Record<string, Range>> = {
  NominalRange_0_255: '0-255',
  Normalized_0_1: '0-1',
  Normalized_1_1: '-1-1',
};

/** What a file's metadata says, by the ONNX standard (`Image.NominalPixelRange`). */
export function rangeIn(metadata: Readonly<Record<string, string>>): Range | null {
  const said = metadata['Image.NominalPixelRange'] ?? '';
  return Object.hasOwn(nominalRanges, said) ? (nominalRanges[said] as Range) : null;
}
