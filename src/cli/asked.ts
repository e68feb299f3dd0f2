/** What is searched for, read from the options that `search` and `plan` share. */
import { devices, engineNames } from '../engine/open.ts';
import type { AskedOptions } from '../run/preparing/begin.ts';
import { presetNames } from '../search/settings.ts';
import { UserError } from '../util/user-error.ts';
import type { Given } from './given.ts';
import { nameOf, readOption, settingOptions, type SettingOption } from './search-options.ts';
import { overrideOf, parseSet } from './settings.ts';
import { parseChoice, parseTime, parseWhole } from './values.ts';

/** What commander calls an option: `maxParams` of `--max-params`, `flip` of `--no-flip`. */
const keyOf = (row: SettingOption): string =>
  nameOf(row)
    .replace(/^--(no-)?/, '')
    .replaceAll(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());

/** The text given with an option; a switch's is empty; undefined where it was not given. */
function textOf(row: SettingOption, given: Given): string | undefined {
  const value = given[keyOf(row)];
  if (row.flags.startsWith('--no-')) return value === false ? '' : undefined;
  return value === true ? '' : (value as string | undefined);
}

/** What `readAsked` always gives. */
export type Asked = AskedOptions & Required<Pick<AskedOptions, 'preset' | 'settings'>>;

/** A UserError names the option that is wrong. */
export function readAsked(dataset: string, given: Given): Asked {
  const text = (key: string): string | undefined => given[key] as string | undefined;
  const read = <T>(key: string, name: string, parse: (option: string, value: string) => T): { [key: string]: T } => {
    const value = text(key);
    return value === undefined ? {} : { [key]: parse(name, value) };
  };
  const presetText = text('preset');
  const preset = presetText === undefined ? 'laptop' : parseChoice('--preset', presetText, presetNames);
  const settings = overrideOf([
    ...settingOptions.flatMap((row) => {
      const value = textOf(row, given);
      return value === undefined ? [] : readOption(row, value);
    }),
    ...((given['set'] ?? []) as readonly string[]).map(parseSet),
  ]);
  const { budget, workers, threads, engine, device, convolution, imageSize } = {
    ...read('budget', '--budget', parseTime),
    ...read('workers', '--workers', (option, value) => parseWhole(option, value, 1)),
    ...read('threads', '--threads', (option, value) => parseWhole(option, value, 1)),
    ...read('engine', '--engine', (option, value) => parseChoice(option, value, engineNames)),
    ...read('device', '--device', (option, value) => parseChoice(option, value, devices)),
    ...read('convolution', '--convolution', (option, value) => parseChoice(option, value, ['auto', 'direct'] as const)),
    ...read('imageSize', '--image-size', (option, value) => parseWhole(option, value, 1)),
  } as Partial<Pick<AskedOptions, 'budget' | 'workers' | 'threads' | 'engine' | 'device' | 'convolution' | 'imageSize'>>;
  const [data, from] = [text('data'), text('from')];
  if (from !== undefined && settings.widths !== undefined)
    throw new UserError('--widths are those of the vanilla network, which --from replaces');
  return {
    dataset,
    preset,
    settings,
    ...(budget === undefined ? {} : { budget }),
    ...(workers === undefined ? {} : { workers }),
    ...(threads === undefined ? {} : { threads }),
    ...(engine === undefined ? {} : { engine }),
    ...(device === undefined ? {} : { device }),
    ...(convolution === undefined ? {} : { convolution }),
    ...(imageSize === undefined ? {} : { imageSize }),
    ...(data === undefined ? {} : { dataFolder: data }),
    ...(from === undefined ? {} : { from }),
  };
}
