/** `instar search`. */
import { basename, join, resolve } from 'node:path';
import { devices, engineNames } from '../engine/open.ts';
import { parseQueue } from '../execution/queue/address.ts';
import { newRunName } from '../run/folder.ts';
import { search, type Elsewhere, type SearchOptions } from '../run/open.ts';
import { presetNames, presets, type MethodName } from '../search/settings.ts';
import { UserError } from '../util/user-error.ts';
import { follow } from './follow.ts';
import type { Io } from './io.ts';
import type { Given } from './given.ts';
import { nameOf, readOption, settingOptions, type SettingOption } from './search-options.ts';
import { overrideOf, parseSet } from './settings.ts';
import { parseChoice, parseTime, parseWhole } from './values.ts';
import { emptyView } from '../run/view.ts';

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

function newFolder(dataset: string, method: MethodName, date: Date): string {
  const name = basename(resolve(dataset))
    .replace(/\.(tar\.gz|tgz)$/, '')
    .replaceAll(/[^\w.-]+/g, '-');
  return join('runs', newRunName(name === '' ? 'run' : name, method, date));
}

/** The queue and the store, which belong together. */
export function elsewhereOf(given: Given): { readonly elsewhere?: Elsewhere } {
  const [queue, store] = [given['queue'], given['store']] as readonly (string | undefined)[];
  if (queue === undefined && store === undefined) return {};
  if (queue === undefined || store === undefined)
    throw new UserError('--queue and --store belong together: what is put on the queue travels through the store');
  parseQueue(queue);
  return { elsewhere: { queue, store } };
}

export function readSearch(dataset: string, given: Given, date: Date): SearchOptions & { readonly run: string } {
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
  const { budget, workers, engine, device, convolution, imageSize } = {
    ...read('budget', '--budget', parseTime),
    ...read('workers', '--workers', (option, value) => parseWhole(option, value, 1)),
    ...read('engine', '--engine', (option, value) => parseChoice(option, value, engineNames)),
    ...read('device', '--device', (option, value) => parseChoice(option, value, devices)),
    ...read('convolution', '--convolution', (option, value) => parseChoice(option, value, ['auto', 'direct'] as const)),
    ...read('imageSize', '--image-size', (option, value) => parseWhole(option, value, 1)),
  } as Partial<Pick<SearchOptions, 'budget' | 'workers' | 'engine' | 'device' | 'convolution' | 'imageSize'>>;
  const [data, from, vanilla] = [text('data'), text('from'), text('vanilla')];
  if (from !== undefined && settings.widths !== undefined)
    throw new UserError('--widths are those of the vanilla network, which --from replaces');
  return {
    dataset,
    preset,
    settings,
    run: text('run') ?? newFolder(dataset, settings.method ?? presets[preset].method, date),
    ...(budget === undefined ? {} : { budget }),
    ...(workers === undefined ? {} : { workers }),
    ...(engine === undefined ? {} : { engine }),
    ...(device === undefined ? {} : { device }),
    ...(convolution === undefined ? {} : { convolution }),
    ...(imageSize === undefined ? {} : { imageSize }),
    ...(data === undefined ? {} : { dataFolder: data }),
    ...(from === undefined ? {} : { from }),
    ...(vanilla === undefined ? {} : { vanilla }),
    ...elsewhereOf(given),
  };
}

export function searchCommand(dataset: string, given: Given, io: Io): Promise<number> {
  const options = readSearch(dataset, given, io.date());
  return follow(
    {
      root: options.run,
      json: given['json'] === true,
      view: emptyView,
      start: (signal, onData) => search({ ...options, signal, onData }),
    },
    io,
  );
}
