/** How the pixels of a model of any origin are scaled, as far as options and the file say it; and the words for people. Pure. */
import {
  describeScaling,
  givenScaling,
  ofRange,
  pixelScales,
  rangeIn,
  seenThrough,
  type PixelOptions,
  type Scaling,
} from '../../data/pixel-scales.ts';
import type { Affine } from '../../network/affine.ts';
import { flagOf } from '../../options/option.ts';
import { UserError } from '../../util/user-error.ts';
import type { Chosen } from './pixel-evidence.ts';

/** What was read of a model. */
export interface ReadPixels {
  /** How people know it. */
  readonly called: string;
  readonly takesBytes: boolean;
  readonly channelsLast: boolean;
  readonly channels: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** As the importer read them; null where there is nothing inside, or where it cannot be read. */
  readonly inside: Affine | null;
  readonly normalisation: Scaling | null;
  readonly brightest: 255 | 1 | null;
}

export interface KnownPixels {
  /** The model's input is (pixel/255 − mean)/std. */
  readonly input: Scaling;
  /** What its first layer reads. */
  readonly seen: Scaling;
  /** For people. */
  readonly line: string;
}

const overriding = '(--pixels, --mean, --std say otherwise)';

/** The option that says something; undefined where none does. */
export const pixelOptionIn = (given: PixelOptions): keyof PixelOptions | undefined =>
  (['pixels', 'mean', 'std'] as const).find((name) => given[name] !== undefined);

/** What options or the file say; null where neither does. `own`: the mean and deviation of the data. */
export function knownPixels(read: ReadPixels, given: PixelOptions, own: Scaling | null): KnownPixels | null {
  const { called, takesBytes, channels, metadata, inside, normalisation, brightest } = read;
  const option = pixelOptionIn(given);
  const saysBytes = given.mean === undefined && given.std === undefined && ['raw', '0-255'].includes(given.pixels ?? '');
  if (takesBytes && option !== undefined && !saysBytes)
    throw new UserError(`${flagOf(option)} ${String(given[option])}: the model takes bytes; use raw`);
  const last = read.channelsLast ? ', channels last' : '';
  const through = (scaling: Scaling): Scaling => (inside === null ? scaling : seenThrough(scaling, inside));
  const asked = takesBytes ? null : givenScaling(given, channels, own);
  if (asked !== null) {
    const seen = through(asked);
    const itself = inside === null ? '' : `, which it normalises itself (${describeScaling(seen)})`;
    return { input: asked, seen, line: `${called} is given ${asked.words}${itself}${last}: as the options say` };
  }
  if (takesBytes || brightest !== null) {
    const input = ofRange(takesBytes || brightest === 255 ? '0-255' : '0-1', channels);
    const itself = normalisation === null ? '' : ` and normalises them itself (${describeScaling(normalisation)})`;
    const what = takesBytes ? 'bytes' : `pixels from 0 to ${brightest}`;
    const how = takesBytes ? '' : `: read from the file ${overriding}`;
    return { input, seen: normalisation ?? input, line: `${called} takes ${what}${itself}${last}${how}` };
  }
  const range = rangeIn(metadata);
  if (range === null) return null;
  const input = ofRange(range, channels);
  return { input, seen: input, line: `${called} takes ${pixelScales[range]}${last}: its metadata says so ${overriding}` };
}

/** Of a choice where nothing is said. */
export const assumedLine = (
  { called, channelsLast }: Pick<ReadPixels, 'called' | 'channelsLast'>,
  { scaling, why }: Chosen,
): string =>
  `${called} does not say how its pixels are scaled; assumed: ${scaling.words}${channelsLast ? ', channels last' : ''}, ${why} ${overriding}`;
