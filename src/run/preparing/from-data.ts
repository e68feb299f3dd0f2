/** What follows from the data where it is not given: whether classes are balanced, images mirrored and shifted. Each is said. */
import { farthestShift } from '../../data/augmentation/shift.ts';
import { imbalanceOf } from '../../data/balance.ts';
import type { Dataset } from '../../data/dataset.ts';
import { testMirror, type MirrorTest } from '../../data/mirror.ts';
import { findMovedClass, type MovedClass } from '../../data/moved.ts';
import { datasetNames } from '../../data/resolve.ts';
import type { DataEvent } from '../../data/source.ts';
import { mergeSettings, type PresetName, type Settings, type SettingsOverride } from '../../search/settings.ts';
import { plural } from '../../util/words.ts';

/** What was asked, as far as it decides. */
interface Asked {
  readonly dataset: string;
  readonly preset?: PresetName;
  readonly settings?: SettingsOverride;
  readonly onData?: (event: DataEvent) => void;
}

/** From here on, the largest class over the smallest one, classes are balanced. */
const imbalanced = 10;

/** Balances classes that differ much, where the preset is not the paper's and the choice is not given; says so. */
export function withBalance(settings: Settings, options: Asked, { train, classes }: Dataset): Settings {
  if (options.preset === 'paper' || options.settings?.balance !== undefined) return settings;
  const factor = imbalanceOf(train.labels);
  if (factor < imbalanced) return settings;
  options.onData?.({
    kind: 'note',
    message: `the largest of ${classes.length} classes has ${Math.round(factor)} times as many training images as the smallest: all get as many places in an epoch, and candidates are ranked by balanced accuracy (--no-balance turns this off)`,
  });
  return { ...settings, balance: true };
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Why images are, or are not, mirrored in training. */
function mirrorWords({ keepsClasses, original, mirrored, pair }: MirrorTest): string {
  const found = `the nearest neighbours of ${percent(original)} of a sample have their class, of their mirror images ${percent(mirrored)}`;
  if (keepsClasses) return `images are also mirrored in training: ${found} (--no-flip turns this off)`;
  const swap = pair === null ? '' : `; mirror images of ${pair.from} look like ${pair.to}`;
  return `images are not mirrored in training: ${found}${swap} (--flip mirrors them)`;
}

/** Does not mirror images whose classes mirroring would mix up, where the choice is not given and the data is not a known one. */
export function withFlip(settings: Settings, options: Asked, dataset: Dataset): Settings {
  const { flip } = settings.augmentation;
  const isDecided = options.preset === 'paper' || options.settings?.augmentation?.flip !== undefined;
  if (isDecided || !flip || !dataset.flip || datasetNames.includes(options.dataset)) return settings;
  const found = testMirror(dataset);
  options.onData?.({ kind: 'note', message: mirrorWords(found) });
  return found.keepsClasses ? settings : mergeSettings(settings, { augmentation: { flip: false } });
}

/** Such as `2 pixels down and 2 pixels to the left`. */
function moveWords({ down, right }: MovedClass): string {
  const part = (pixels: number, words: string): readonly string[] =>
    pixels === 0 ? [] : [`${plural(Math.abs(pixels), 'pixel')} ${words}`];
  return [...part(down, down < 0 ? 'up' : 'down'), ...part(right, right < 0 ? 'to the left' : 'to the right')].join(' and ');
}

/** Does not shift images whose classes a shift would mix up, where the choice is not given and the data is not a known one. */
export function withShift(settings: Settings, options: Asked, dataset: Dataset): Settings {
  const { shift } = settings.augmentation;
  const { down, right } = farthestShift(shift, dataset.shape);
  const isDecided = options.preset === 'paper' || options.settings?.augmentation?.shift !== undefined;
  if (isDecided || Math.max(down, right) === 0 || datasetNames.includes(options.dataset)) return settings;
  const found = findMovedClass(dataset, shift);
  const message =
    found === null
      ? `images are also shifted in training, by up to ${plural(Math.max(down, right), 'pixel')}: no class of a sample that was moved so looks like another (--no-shift turns this off)`
      : `images are not shifted in training: images of ${found.from} look like ${found.to} when they are moved ${moveWords(found)} (--set augmentation.shift=${shift} shifts them)`;
  options.onData?.({ kind: 'note', message });
  return found === null ? settings : mergeSettings(settings, { augmentation: { shift: 0 } });
}
