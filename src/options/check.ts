/** Checks the options of a call of the library by the table. A UserError names the option that is wrong, in one line. */
import { z } from 'zod';
import type { SettingsOverride } from '../search/settings.ts';
import { UserError } from '../util/user-error.ts';
import { nearest } from '../util/words.ts';
import { text, type Reading } from './kinds.ts';
import { checkOption, readOption, type Option, type Options } from './option.ts';
import { checkSetting, checkValue } from './setting-values.ts';
import { planOptions, queueOptions, runOptions } from './table.ts';

const isGroup = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text is read where its kind has units: `budget: '30m'`. */
const readValue = (option: Option, value: unknown): Reading<unknown> =>
  typeof value === 'string' && option.kind.units === true ? readOption(option, value) : checkOption(option, value);

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

/** The options with every value as the run takes it. Options that are undefined are left out. */
export function checkOptions<Given extends object>(options: Given, rows: Options, others: Checks = {}): Given {
  const checks: Checks = { ...others, ...checksOf(rows) };
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const check = checks[key];
      if (check === undefined)
        throw new UserError(`there is no option ${key}; did you mean ${nearest(key, Object.keys(checks))}?`);
      const checked = check(value);
      if ('wrong' in checked) throw new UserError(`${key}: ${checked.wrong}`);
      return [key, checked.value];
    }),
  ) as Given;
}

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
const elsewhere: Checks = {
  elsewhere: (value) =>
    isGroup(value) ? { value: checkOptions(value, queueOptions) } : { wrong: 'must be an object with queue and store' },
};

/** `from` replaces the start network, and with it its kind, its initialisation and its widths. */
export function refuseStart(from: unknown, settings: SettingsOverride | undefined): void {
  if (from === undefined || settings === undefined) return;
  if (settings.widths !== undefined) throw new UserError('--widths are those of the vanilla network, which --from replaces');
  if (settings.start !== undefined) throw new UserError('--start names a start network, which --from replaces');
}

function checkAsked<Given extends object>(options: Given, rows: Options, others: Checks): Given {
  const checked = checkOptions(options, rows, { ...asked, ...others });
  const { dataset, from, settings } = checked as { dataset?: string; from?: string; settings?: SettingsOverride };
  if (dataset === undefined) throw new UserError('dataset: is missing; give a name or a path');
  refuseStart(from, settings);
  return checked;
}

export const checkPlan = <Given extends object>(options: Given): Given =>
  checkAsked(options, planOptions, { onMeasuring: listener });

export const checkSearch = <Given extends object>(options: Given): Given =>
  checkAsked(options, { ...planOptions, ...runOptions }, { ...elsewhere, onRun: listener });

export const checkResume = <Given extends object>(options: Given): Given =>
  checkOptions(options, { budget: planOptions.budget, mixed: queueOptions.mixed }, { ...common, ...elsewhere });
