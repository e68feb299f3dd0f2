/** Limits that no start network keeps are refused with the least that is possible, before an image is decoded where that is known. Pure. */
import type { OperatorTimes } from '../../deploy/latency.ts';
import type { Shape } from '../../network/network.ts';
import { smallestSide } from '../../network/vanilla.ts';
import { startNetworks } from '../../network/start.ts';
import type { Settings, SettingsOverride } from '../../search/settings.ts';
import { sizes, sizesOver, type SizeLimits } from '../../search/sizes.ts';
import { leastWidths } from '../../search/work-plan.ts';
import { UserError } from '../../util/user-error.ts';
import { plural } from '../../util/words.ts';

/** What is known of images when they are found; null: not yet. */
export interface Found {
  readonly classes: number | null;
  readonly size: { readonly height: number; readonly width: number } | null;
  readonly channels: number | null;
  /** Missing: not yet. */
  readonly times?: OperatorTimes | undefined;
}

/** What no network is over for certain, where the size of the images is not known. */
const withoutSize = (limits: SizeLimits): SizeLimits => ({ ...limits, multiplyAdds: null, activations: null, latency: null });

/**
 * A UserError where the smallest start network that may be planned is over a limit: with the widths that are given, else the least. What is
 * not known counts as least. `settings`: with the stages for the images' size.
 */
export function refuseSmallest(
  settings: Settings,
  given: SettingsOverride | undefined,
  { classes, size, channels, times }: Found,
): void {
  const { start, work } = settings;
  // Without times nothing is known of the latency.
  const limits = { ...settings.limits, times, ...(times === undefined ? { latency: null } : {}) };
  const { label, make } = startNetworks[start.network];
  const isPlanned = work !== null && given?.widths === undefined;
  const least = smallestSide(settings.widths.length);
  // Too small for its blocks: that is said elsewhere (`check.ts`).
  if (start.network === 'vanilla' && size !== null && Math.min(size.height, size.width) < least) return;
  const shape: Shape = { channels: channels ?? 1, ...(size ?? { height: least, width: least }) };
  const network = make(shape, classes ?? 2, isPlanned ? leastWidths(settings.widths) : settings.widths);
  const over = sizesOver(network, size === null ? withoutSize(limits) : limits);
  if (over.length === 0) return;
  const isExact = classes !== null && size !== null && channels !== null;
  const problems = over.map(({ name, size: has, most }) => {
    const { number, words, option, changedBy } = sizes[name];
    const options = isPlanned ? option : `${option}, or ${changedBy}`;
    return `${isExact ? '' : 'at least '}${words(has)}, over the limit of ${number(most)} (${options})`;
  });
  const images = size === null ? '' : ` for images of ${size.height}×${size.width}`;
  const inClasses = classes === null ? '' : `${size === null ? ' for images' : ''} in ${plural(classes, 'class', 'classes')}`;
  throw new UserError(`the ${isPlanned ? 'smallest ' : ''}${label}${images}${inClasses} has ${problems.join(' and ')}`);
}
