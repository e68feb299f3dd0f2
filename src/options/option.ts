/** An option, and what each user of the table makes of it: command line, help, library. Pure. */
import type { z } from 'zod';
import { settingLeaves, valueOf } from '../search/setting-names.ts';
import { plannedByWork, presetNames, presets, type PresetName, type SettingsOverride } from '../search/settings.ts';
import { UserError } from '../util/user-error.ts';
import type { Kind, Reading } from './kinds.ts';
import { assignments, checkValue, overrideOf, type Setting } from './setting-values.ts';

export interface Option<Value = unknown> {
  readonly kind: Kind<Value>;
  /** One sentence without its capital and its full stop. */
  readonly help: string;
  readonly group?: string;
  /** Bounds of the value, where it is no setting. */
  readonly bounds?: z.ZodType<Value>;
  /**
   * The settings that get the value; the first one has the bounds and the default. Empty where the value names them. Without it
   * the option is one of the run.
   */
  readonly settings?: readonly string[];
  /** What the settings of a switch become. */
  readonly sets?: unknown;
  /** The default in words, where it is not the preset's. */
  readonly usual?: string;
  /** Its name in the library, where that differs from its key. */
  readonly library?: string;
  /** Of its field on a page; default: made from its key. */
  readonly label?: string;
  /** A page shows it in a fold. */
  readonly advanced?: true;
  /** Choices that go with another option, by its key: a page offers them where that is given. */
  readonly goesWith?: Readonly<Record<string, string>>;
  /** `no`: for whoever sits at the machine, such as a path. */
  readonly page?: 'no';
}

/** Options by their keys in camel case: `maxParams` is `--max-params`, `noFlip` is `--no-flip`. */
export type Options = Readonly<Record<string, Option>>;

/** Values by the same keys; an option that is not given is missing. */
export type Values<Rows extends Options = Options> = {
  readonly [Key in keyof Rows]?: Rows[Key] extends { readonly kind: Kind<infer Value> } ? Value : never;
};

export const flagOf = (key: string): string => `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Checks a value against its bounds. */
export function checkOption<Value>({ kind, bounds, settings, sets }: Option<Value>, value: unknown): Reading<Value> {
  const [setting] = sets === undefined ? (settings ?? []) : [];
  const schema = bounds ?? (setting === undefined ? undefined : (settingLeaves.get(setting) as z.ZodType<Value> | undefined));
  return checkValue(schema ?? kind.schema, value);
}

export function readOption<Value>(option: Option<Value>, text: string): Reading<Value> {
  const reading = option.kind.read(text);
  return 'wrong' in reading ? reading : checkOption(option, reading.value);
}

/** Reads the texts of a command line; a switch has the text ''. A UserError names the option that is wrong. */
export function readTexts<Rows extends Options>(rows: Rows, texts: Readonly<Record<string, readonly string[]>>): Values<Rows> {
  const values = Object.entries(rows).flatMap(([key, option]) => {
    const read = (texts[key] ?? []).map((text) => {
      const reading = readOption(option, text);
      if ('wrong' in reading) throw new UserError(`${flagOf(key)}${text === '' ? '' : ` ${text}`}: ${reading.wrong}`);
      return reading.value;
    });
    return read.length === 0 ? [] : [[key, option.kind.repeated === true ? read.flat() : read.at(-1)] as const];
  });
  return Object.fromEntries(values) as Values<Rows>;
}

/** The settings that the values give. */
export const settingsIn = (rows: Options, values: Values): SettingsOverride =>
  overrideOf(
    Object.entries(rows).flatMap(([key, { kind, settings = [], sets }]): readonly Setting[] => {
      const value = values[key];
      if (value === undefined) return [];
      if (kind === assignments) return value as readonly Setting[];
      return settings.map((name) => ({ name, value: sets ?? value }));
    }),
  );

/** The values that are options of the run, by their names in the library. */
export const runOptionsIn = (rows: Options, values: Values): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(rows).flatMap(([key, { settings, library = key }]) =>
      values[key] === undefined || settings !== undefined ? [] : [[library, values[key]]],
    ),
  );

/** The default under a preset, in words; empty where there is nothing to say. */
export function defaultOf({ kind, settings, sets, usual }: Option, preset: PresetName): string {
  if (usual !== undefined) return usual;
  const [name] = settings ?? [];
  if (name === undefined || sets !== undefined) return '';
  if (preset === 'auto' && plannedByWork.includes(name) && !name.startsWith('augmentation.')) return 'planned';
  const value = valueOf(presets[preset], name);
  if (value === null) return name.startsWith('limits.') ? 'no limit' : 'all';
  return kind.write?.(value) ?? String(value);
}

/** The sentence of help and the defaults: `(64; paper 160, quick 12)`, that of the preset auto first. */
export function describeOption(option: Option): string {
  const own = defaultOf(option, 'auto');
  const others = presetNames.filter((preset) => defaultOf(option, preset) !== own);
  const rest = others.map((preset) => `${preset} ${defaultOf(option, preset)}`).join(', ');
  return `${option.help}${own === '' ? '' : ` (${own}${rest === '' ? '' : `; ${rest}`})`}`;
}

/** `Final epochs` of `finalEpochs`. */
export const labelOf = (key: string, { label }: Option): string =>
  label ?? `${key.charAt(0).toUpperCase()}${key.slice(1).replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
