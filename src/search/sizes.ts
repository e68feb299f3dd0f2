/** What limits bound of a network, and how far it is over them. Pure. */
import { weightBytesOf, workingBytesOf } from '../deploy/size.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import type { Settings } from './settings.ts';

export const limitedSizes = ['parameters', 'multiplyAdds', 'bytes', 'activations'] as const;
export type LimitedSize = (typeof limitedSizes)[number];

/** Null: no limit. */
export type SizeLimits = Pick<Settings['limits'], LimitedSize>;

interface Size {
  /** After the number, in a sentence. */
  readonly unit: string;
  readonly option: string;
  /** Besides the limit, what of a start network changes it. */
  readonly changedBy: string;
  readonly of: (network: Network) => number;
}

/** One row per limit. What takes longer to count stands behind. */
export const sizes: { readonly [Name in LimitedSize]: Size } = {
  parameters: { unit: 'parameters', option: '--max-params', changedBy: 'smaller --widths', of: countParameters },
  multiplyAdds: {
    unit: 'multiply-adds an image',
    option: '--max-macs',
    changedBy: 'smaller --widths or --image-size',
    of: countMultiplyAdds,
  },
  bytes: { unit: 'bytes of int8 weights', option: '--max-bytes', changedBy: 'smaller --widths', of: weightBytesOf },
  activations: {
    unit: 'bytes of working memory in int8',
    option: '--max-activations',
    changedBy: 'smaller --widths or --image-size',
    of: workingBytesOf,
  },
};

export const noLimits: SizeLimits = { parameters: Infinity, multiplyAdds: null, bytes: null, activations: null };

/** Those that have a limit. */
const limited = (limits: SizeLimits): readonly (readonly [LimitedSize, number])[] =>
  limitedSizes.flatMap((name) => {
    const most = limits[name];
    return most === null || most === Infinity ? [] : [[name, most] as const];
  });

export const keepsLimits = (network: Network, limits: SizeLimits): boolean =>
  limited(limits).every(([name, most]) => sizes[name].of(network) <= most);

/** How many times the limits, by the one that it is furthest over; at most 1 where it keeps them. */
export const excessOf = (network: Network, limits: SizeLimits): number =>
  Math.max(0, ...limited(limits).map(([name, most]) => sizes[name].of(network) / most));

/** A size that is over its limit. */
export interface Over {
  readonly name: LimitedSize;
  readonly size: number;
  readonly most: number;
}

export const sizesOver = (network: Network, limits: SizeLimits): readonly Over[] =>
  limited(limits)
    .map(([name, most]) => ({ name, size: sizes[name].of(network), most }))
    .filter(({ size, most }) => size > most);
