/** Checks the arguments of calls of the library by the table. A UserError names the one that is wrong, in one line. */
import { types } from 'node:util';
import { z } from 'zod';
import type { SettingsOverride } from '../search/settings.ts';
import { UserError } from '../util/user-error.ts';
import { nearest } from '../util/words.ts';
import { commandOptions } from './commands.ts';
import { text, type Reading } from './kinds.ts';
import { libraryError } from './library-words.ts';
import { checkOption, readOption, type Option, type Options } from './option.ts';
import { checkSetting, checkValue } from './setting-values.ts';
import { planOptions, queueOptions, runOptions } from './table.ts';

const isGroup = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text is read where its kind has units: `budget: '30m'`. */
function readValue(option: Option, value: unknown): Reading<unknown> {
  if (option.kind.units !== true || typeof value === 'number') return checkOption(option, value);
  return readOption(option, typeof value === 'string' ? value : '');
}

function checkSettings(value: unknown, prefix = ''): Reading<unknown> {
  if (!isGroup(value)) return { wrong: 'must be a group of settings' };
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const checked = isGroup(member) && prefix === '' ? checkSettings(member, `${key}.`) : checkSetting(prefix + key, member);
    if ('wrong' in checked) return { wrong: isGroup(member) ? checked.wrong : `${prefix}${key}: ${checked.wrong}` };
  }
  return { value };
}

type Checks = Readonly<Record<string, (value: unknown) => Reading<unknown>>>;

/** Checks of the options of the run, by their names in the library. An option that gives settings says where they go. */
function checksOf(rows: Options): Checks {
  const checks: Record<string, (value: unknown) => Reading<unknown>> = {};
  for (const [key, option] of Object.entries(rows)) {
    const { settings, library = key } = option;
    if (settings === undefined) checks[library] = (value) => readValue(option, value);
    else if (settings.length > 0)
      checks[key] = () => ({ wrong: `is a setting; write it as ${settings.join(' and ')} in settings` });
  }
  return checks;
}

const wrong = (what: string, why: string): UserError => new UserError(`${what}: ${why}`, 'INSTAR_WRONG_OPTION');

/** The options with every value as the run takes it. Options that are undefined are left out. */
export function checkOptions<Given extends object>(options: Given, rows: Options, others: Checks = {}): Given {
  if (!isGroup(options)) throw wrong('options', 'must be an object');
  const checks: Checks = { ...others, ...checksOf(rows) };
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
      if (check === undefined) {
        const near = nearest(key, Object.keys(checks));
        const hint = near === undefined ? 'there are none here' : `did you mean ${near}?`;
        throw new UserError(`there is no option ${key}; ${hint}`, 'INSTAR_UNKNOWN_OPTION');
      }
      const checked = check(value);
      if ('wrong' in checked) throw wrong(key, checked.wrong);
      return [key, checked.value];
    }),
  ) as Given;
}

/** A path, or an address where `row` takes one, that is an argument of its own. */
export function checkArgument(name: string, value: unknown, row: Option = { kind: text('<path>'), help: '' }): string {
  if (value === undefined) throw new UserError(`${name}: is missing`, 'INSTAR_MISSING_OPTION');
  const checked = checkOption(row, value);
  if ('wrong' in checked) throw wrong(name, checked.wrong);
  return checked.value as string;
}

export const checkRoot = (name: string, value: unknown): string => checkArgument(name, value);

const by =
  (schema: z.ZodType) =>
  (value: unknown): Reading<unknown> =>
    checkValue(schema, value);
const listener = by(z.custom((value) => typeof value === 'function', 'must be a function'));

const common: Checks = {
  signal: by(z.custom((value) => value instanceof AbortSignal, 'must be an AbortSignal')),
  patience: by(z.number().positive()),
  onData: listener,
};
const asked: Checks = { ...common, dataset: by(text('').schema), settings: checkSettings };
function checkElsewhere(value: unknown): Reading<unknown> {
  if (!isGroup(value)) return { wrong: 'must be an object with queue and store' };
  const checked: Readonly<Record<string, unknown>> = checkOptions(value, queueOptions);
  const missing = ['queue', 'store'].find((name) => checked[name] === undefined);
  if (missing !== undefined) throw new UserError(`elsewhere: ${missing} is missing`, 'INSTAR_MISSING_OPTION');
  return { value: checked };
}
const elsewhere: Checks = { elsewhere: checkElsewhere };

/** `from` replaces the start network, and with it its kind, its initialisation and its widths. */
export function refuseStart(from: unknown, settings: SettingsOverride | undefined): void {
  if (from === undefined || settings === undefined) return;
  if (settings.widths !== undefined)
    throw new UserError('--widths are those of the vanilla network, which --from replaces', 'INSTAR_WRONG_OPTION');
  if (settings.start !== undefined)
    throw new UserError('--start names a start network, which --from replaces', 'INSTAR_WRONG_OPTION');
}

function checkAsked<Given extends object>(options: Given, rows: Options, others: Checks): Given {
  const checked = checkOptions(options, rows, { ...asked, ...others });
  const { dataset, from, settings } = checked as { dataset?: string; from?: string; settings?: SettingsOverride };
  if (dataset === undefined) throw new UserError('dataset: is missing; give a name or a path', 'INSTAR_MISSING_OPTION');
  try {
    refuseStart(from, settings);
  } catch (error) {
    throw libraryError('search', error);
  }
  return checked;
}

export const checkPlan = <Given extends object>(options: Given): Given =>
  checkAsked(options, planOptions, { onMeasuring: listener });

export const checkSearch = <Given extends object>(options: Given): Given =>
  checkAsked(options, { ...planOptions, ...runOptions }, elsewhere);

const { resume, evaluate, predict, export: exporting, report } = commandOptions;

export const checkResume = <Given extends object>(options: Given): Given =>
  checkOptions(options, { budget: resume.budget, mixed: resume.mixed, data: resume.data }, { ...common, ...elsewhere });

const { engine, pixels, mean, std, fit, maxMemory, timeout } = predict;
/** Options of whatever opens a network. */
const opening = { engine, pixels, mean, std, fit, maxMemory, timeout };
const { part, views, data, labels, labelColumn } = evaluate;
const { signal, onData } = common as { readonly [Name in 'signal' | 'onData']: Checks[string] };

export const checkNetwork = (value: unknown): string => checkArgument('network', value, planOptions.from);

export const checkLoad = <Given extends object>(options: Given): Given => checkOptions(options, opening, { signal, onData });

export const checkPredict = <Given extends object>(options: Given): Given =>
  checkOptions(options, { top: predict.top, views: predict.views }, { signal });

/** `isOpen`: of a model that was loaded, where the options of opening were given. */
export function checkEvaluate<Given extends object>(options: Given, isOpen: boolean): Given {
  const checked = checkOptions(options, { part, views, data, labels, labelColumn, ...opening }, { signal, onData });
  const late = isOpen ? Object.keys(opening).find((name) => name in checked) : undefined;
  if (late !== undefined) throw wrong(late, 'is an option of load, where the model was opened');
  return checked;
}

interface ExportFiles {
  readonly onnx?: string;
  readonly tflite?: string;
  readonly numbers?: string;
  readonly views?: string;
}

export function checkExport<Given extends ExportFiles>(options: Given): Given {
  const { onnx, tflite, step, child, views: averaged } = exporting;
  const numbers = by(z.enum(['float', 'int8']));
  const checked = checkOptions(options, { onnx, tflite, step, child, views: averaged }, { signal, numbers });
  if (checked.onnx === undefined && checked.tflite === undefined)
    throw new UserError('onnx: is missing; give the file to write, or tflite', 'INSTAR_MISSING_OPTION');
  if (checked.tflite === undefined && checked.numbers !== undefined) throw wrong('numbers', 'is for tflite, which is missing');
  if (checked.tflite !== undefined && (checked.views ?? 'image') !== 'image')
    throw wrong('views', 'an ONNX file averages over views, a TensorFlow Lite file does not');
  return checked;
}

/** `out: false` writes nothing. */
export const checkReport = <Given extends object>(options: Given): Given =>
  checkOptions(
    options,
    { figures: report.figures },
    { out: (value) => (value === false ? { value } : checkOption<unknown>(report.out, value)) },
  );

const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

/** Whether it is an image: a path, bytes, or pixels. */
function isImage(value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && !value.includes('\0');
  if (types.isUint8Array(value) || types.isAnyArrayBuffer(value)) return true;
  if (!isGroup(value)) return false;
  const { data: pixelData, width, height } = value;
  return (types.isUint8Array(pixelData) || types.isUint8ClampedArray(pixelData)) && isWhole(width) && isWhole(height);
}

/** `called`: the image in messages. */
export function checkImage(value: unknown, called: string): void {
  if (value === undefined) throw new UserError(`${called}: is missing`, 'INSTAR_MISSING_OPTION');
  if (!isImage(value))
    throw wrong(called, 'must be a path, the bytes of an image file, or pixels: { data, width, height } of RGB or RGBA bytes');
}
