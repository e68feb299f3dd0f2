/** The options of `search` that are settings: one row each, for help and for reading. */
import type { Settings } from '../search/settings.ts';
import { methodNames } from '../search/methods/table.ts';
import { checkSetting, type Setting } from './settings.ts';
import { parseBytes, parseChoice, parseCount, parseNumber } from './values.ts';

export interface SettingOption {
  readonly flags: string;
  readonly group: string;
  readonly text: string;
  /** Names of the settings that it gives their value; help shows the first one's default. */
  readonly settings: readonly string[];
  /** What the text behind it means; for a switch, `text` is empty. */
  read(option: string, text: string): unknown;
  /** Whether help says the default. */
  readonly quiet?: boolean;
}

const widths = (option: string, text: string): Settings['widths'] =>
  text.split(',').map((part) => parseNumber(option, part.trim()));

export const groups = { limits: 'Limits:', search: 'Search:', data: 'Data:', training: 'Training:', run: 'Run:' } as const;

export const settingOptions: readonly SettingOption[] = [
  {
    flags: '--method <name>',
    group: groups.search,
    text: 'nash, sh, shr or shrsep; to compare with: random (growth without selection), vanilla (no growth)',
    settings: ['method'],
    read: (option, text) => parseChoice(option, text, methodNames),
  },
  { flags: '--seed <n>', group: groups.search, text: 'names all random numbers', settings: ['seed'], read: parseNumber },
  { flags: '--steps <n>', group: groups.search, text: 'evolutionary steps', settings: ['limits.steps'], read: parseNumber },
  { flags: '--children <n>', group: groups.search, text: 'children a step', settings: ['step.children'], read: parseNumber },
  { flags: '--mutations <n>', group: groups.search, text: 'mutations a child', settings: ['step.mutations'], read: parseNumber },
  {
    flags: '--epochs <n>',
    group: groups.search,
    text: 'epochs a step, over all children',
    settings: ['step.epochs'],
    read: parseNumber,
  },
  { flags: '--eta <n>', group: groups.search, text: 'one in so many survives a rung', settings: ['step.eta'], read: parseNumber },
  {
    flags: '--widths <list>',
    group: groups.search,
    text: "channels of the vanilla network's blocks",
    settings: ['widths'],
    read: widths,
  },
  {
    flags: '--baseline',
    group: groups.search,
    text: 'give the vanilla network the same epochs, to compare',
    settings: ['baseline'],
    read: () => true,
    quiet: true,
  },
  {
    flags: '--max-params <n>',
    group: groups.limits,
    text: 'parameters, such as 500k',
    settings: ['limits.parameters'],
    read: parseCount,
  },
  {
    flags: '--max-macs <n>',
    group: groups.limits,
    text: 'multiply-adds an image, such as 60M',
    settings: ['limits.multiplyAdds'],
    read: parseCount,
  },
  {
    flags: '--max-memory <bytes>',
    group: groups.limits,
    text: 'of one worker, such as 2G (85 % of what is free, shared)',
    settings: ['limits.memory'],
    read: parseBytes,
    quiet: true,
  },
  { flags: '--images <n>', group: groups.data, text: 'training images used', settings: ['images'], read: parseCount },
  {
    flags: '--no-flip',
    group: groups.data,
    text: 'never mirror images',
    settings: ['augmentation.flip'],
    read: () => false,
    quiet: true,
  },
  {
    flags: '--no-shift',
    group: groups.data,
    text: 'never shift images',
    settings: ['augmentation.shift'],
    read: () => 0,
    quiet: true,
  },
  {
    flags: '--no-cutout',
    group: groups.data,
    text: 'never cut squares out',
    settings: ['augmentation.cutout'],
    read: () => 0,
    quiet: true,
  },
  {
    flags: '--no-mixup',
    group: groups.data,
    text: 'never mix two images',
    settings: ['augmentation.mixup'],
    read: () => 0,
    quiet: true,
  },
  {
    flags: '--no-normalise',
    group: groups.data,
    text: 'take pixels from 0 to 1 as they are',
    settings: ['augmentation.normalise'],
    read: () => false,
    quiet: true,
  },
  { flags: '--batch <n>', group: groups.training, text: 'images a minibatch', settings: ['batch'], read: parseNumber },
  {
    flags: '--vanilla-epochs <n>',
    group: groups.training,
    text: 'epochs of the vanilla network',
    settings: ['vanilla.epochs'],
    read: parseNumber,
  },
  {
    flags: '--final-epochs <n>',
    group: groups.training,
    text: 'epochs of the final training',
    settings: ['final.epochs'],
    read: parseNumber,
  },
  {
    flags: '--rate <x>',
    group: groups.training,
    text: 'learning rate of vanilla network and steps',
    settings: ['step.rate', 'vanilla.rate'],
    read: parseNumber,
  },
  {
    flags: '--final-rate <x>',
    group: groups.training,
    text: 'learning rate of the final training',
    settings: ['final.rate'],
    read: parseNumber,
  },
];

/** `--max-params` of `--max-params <n>`. */
export const nameOf = ({ flags }: SettingOption): string => flags.split(' ')[0] ?? flags;

/** The settings that an option with that text gives. */
export function readOption(row: SettingOption, text: string): Setting[] {
  const name = nameOf(row);
  const value = row.read(name, text);
  return row.settings.map((setting) => checkSetting(name, text, setting, value));
}
