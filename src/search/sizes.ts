/** What limits bound of a network, and how far it is over them. Pure. */
import { secondsOf, type OperatorTimes } from '../deploy/latency.ts';
import { deployStructure } from '../deploy/lower.ts';
import { weightBytesOf, workingBytesOf } from '../deploy/size.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import { must } from '../util/assert.ts';
import { formatMilliseconds, formatWhole } from '../util/words.ts';
import type { Settings } from './settings.ts';

export const limitedSizes = ['parameters', 'multiplyAdds', 'bytes', 'activations', 'latency'] as const;
export type LimitedSize = (typeof limitedSizes)[number];

/** Null: no limit. One of latency needs the times of operations that it is predicted from. */
export type SizeLimits = Pick<Settings['limits'], LimitedSize> & { readonly times?: OperatorTimes | undefined };

/** The limits of a search. */
export const limitsOn = ({
  settings,
  counts,
}: {
  readonly settings: Pick<Settings, 'limits'>;
  readonly counts: { readonly times?: OperatorTimes | undefined };
}): SizeLimits => ({ ...settings.limits, times: counts.times });

interface Size {
  /** The number with its unit, in a sentence. */
  readonly words: (size: number) => string;
  /** The number alone. */
  readonly number: (size: number) => string;
  readonly option: string;
  /** Besides the limit, what of a start network changes it. */
  readonly changedBy: string;
  readonly of: (network: Network, times: OperatorTimes | undefined) => number;
}

const counted = (unit: string): Pick<Size, 'words' | 'number'> => ({
  number: formatWhole,
  words: (size) => `${formatWhole(size)} ${unit}`,
});

/** One row per limit. What takes longer to count stands behind. */
export const sizes: { readonly [Name in LimitedSize]: Size } = {
  parameters: {
    ...counted('parameters'),
    option: '--max-params',
    changedBy: 'smaller --widths',
    of: countParameters,
  },
  multiplyAdds: {
    ...counted('multiply-adds an image'),
    option: '--max-macs',
    changedBy: 'smaller --widths or --image-size',
    of: countMultiplyAdds,
  },
  bytes: {
    ...counted('bytes of int8 weights'),
    option: '--max-bytes',
    changedBy: 'smaller --widths',
    of: weightBytesOf,
  },
  activations: {
    ...counted('bytes of working memory in int8'),
    option: '--max-activations',
    changedBy: 'smaller --widths or --image-size',
    of: workingBytesOf,
  },
  latency: {
    number: formatMilliseconds,
    words: (seconds) => `${formatMilliseconds(seconds)} an image`,
    option: '--max-latency',
    changedBy: 'smaller --widths or --image-size',
    of: (network, times) => secondsOf(deployStructure(network), must(times, 'times of operations')),
  },
};

export const noLimits: SizeLimits = { parameters: Infinity, multiplyAdds: null, bytes: null, activations: null, latency: null };

/** Those that have a limit. */
const limited = (limits: SizeLimits): readonly (readonly [LimitedSize, number])[] =>
  limitedSizes.flatMap((name) => {
    const most = limits[name];
    return most === null || most === Infinity ? [] : [[name, most] as const];
  });

export const keepsLimits = (network: Network, limits: SizeLimits): boolean =>
  limited(limits).every(([name, most]) => sizes[name].of(network, limits.times) <= most);

/** How many times the limits, by the one that it is furthest over; at most 1 where it keeps them. */
export const excessOf = (network: Network, limits: SizeLimits): number =>
  Math.max(0, ...limited(limits).map(([name, most]) => sizes[name].of(network, limits.times) / most));

/** A size that is over its limit. */
export interface Over {
  readonly name: LimitedSize;
  readonly size: number;
  readonly most: number;
}

export const sizesOver = (network: Network, limits: SizeLimits): readonly Over[] =>
  limited(limits)
    .map(([name, most]) => ({ name, size: sizes[name].of(network, limits.times), most }))
    .filter(({ size, most }) => size > most);
