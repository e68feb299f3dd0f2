/** The options on a page: their fields, the schema of the form, and the command line that it stands for. Runs in a browser. */
import { z } from 'zod';
import type { PresetName } from '../search/settings.ts';
import { defaultOf, flagOf, labelOf, readOption, type Option, type Options } from './option.ts';

/** Texts as they are typed, and switches; an option that is not given is missing. */
export type FormValues = Readonly<Record<string, string | boolean | undefined>>;

/** The options that a page asks for. */
export const pageOptions = (rows: Options): readonly (readonly [key: string, option: Option])[] =>
  Object.entries(rows).filter(([, { page }]) => page !== 'no');

/** What is wrong with a text, as the end of a sentence; null where nothing is. */
export function problemOf(option: Option, text: string): string | null {
  const reading = readOption(option, text);
  return 'wrong' in reading ? reading.wrong : null;
}

/** Characters of a text: addresses are long. */
const longestText = 2000;

export const fieldSchema = (option: Option): z.ZodType<string> =>
  z
    .union([z.string().max(longestText), z.number()])
    .transform(String)
    .superRefine((text, context) => {
      const message = problemOf(option, text);
      if (message !== null) context.addIssue({ code: 'custom', message });
    });

/** A schema for each option, for `z.strictObject`. */
export const formShape = (rows: Options): Readonly<Record<string, z.ZodType<string | boolean | undefined>>> =>
  Object.fromEntries(
    pageOptions(rows).map(([key, option]) => [
      key,
      (option.kind.field === 'checkbox' ? z.boolean() : fieldSchema(option)).optional(),
    ]),
  );

export const wordsOf = (rows: Options, form: FormValues): readonly string[] =>
  pageOptions(rows).flatMap(([key]) => {
    const value = form[key];
    if (value === undefined || value === false) return [];
    return [value === true ? flagOf(key) : `${flagOf(key)}=${value}`];
  });

/** The field of an option on a page. */
export interface Field {
  readonly id: string;
  readonly label: string;
  readonly kind: Option['kind']['field'];
  readonly help: string;
  /** The default under the preset, in words. */
  readonly usual: string;
  /** Names and what each is; the empty name is the default. */
  readonly choices: readonly (readonly [name: string, words: string])[];
  problem(text: string): string | null;
}

export const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

/** Whether the form has a value of that option. */
export const isGiven = (form: FormValues, key: string): boolean => ![undefined, '', false].includes(form[key]);

/** `form`: what is chosen and typed so far. */
export function fieldOf(key: string, option: Option, preset: PresetName, form: FormValues): Field {
  const usual = defaultOf(option, preset);
  const { choices = {}, field: kind } = option.kind;
  const chosen = isGiven(form, key) ? String(form[key]) : usual;
  const summary = choices[chosen];
  const names = Object.keys(choices).filter((name) => {
    const other = option.goesWith?.[name];
    return other === undefined || isGiven(form, other);
  });
  const offered = names.map((name) => (name === usual ? (['', `${name} (default)`] as const) : ([name, name] as const)));
  return {
    id: flagOf(key).slice(2),
    label: labelOf(key, option),
    kind,
    help: `${sentence(option.help)}${summary === undefined ? '' : ` ${chosen}: ${summary}.`}`,
    usual,
    // A default that is no choice is one of its own.
    choices: names.length === 0 || names.includes(usual) ? offered : [['', usual], ...offered],
    problem: (text) => (text === '' ? null : problemOf(option, text)),
  };
}
