/**
 * What deeper rooms say in the words of the command line, in those of the library: `--max-params` is `settings.limits.parameters`. Both
 * names come from the tables of options. Pure.
 */
import { RunError, UserError } from '../util/user-error.ts';
import { commandOptions } from './commands.ts';
import { flagOf, type Option, type Options } from './option.ts';
import { planOptions, queueOptions, runOptions } from './table.ts';

/** What a program writes for an option: its name there, or the settings that it gives. */
export function libraryName(key: string, { settings, library = key }: Option): string {
  if (settings === undefined) return library;
  return settings.length === 0 ? 'settings' : settings.map((name) => `settings.${name}`).join(' and ');
}

const namesOf = (rows: Options): readonly (readonly [string, string])[] =>
  Object.entries(rows).map(([key, option]) => [flagOf(key), libraryName(key, option)] as const);

const { search, resume, evaluate, predict, export: exporting, report } = commandOptions;
const queueNames = Object.keys(queueOptions).map((key) => [flagOf(key), `elsewhere.${key}`] as const);
const searching = [...namesOf({ ...search, ...planOptions, ...runOptions }), ...queueNames];
const resuming = [...namesOf(resume), ...queueNames.filter(([flag]) => flag !== '--mixed')];

/** Names in each kind of call. What a call does not take itself is named as in others, such as `from` by `evaluate`. */
const others = [...namesOf(exporting), ...namesOf(report), ...namesOf(predict), ...namesOf(evaluate), ...searching];
const callNames = {
  search: searching,
  resume: resuming,
  model: [...namesOf(predict), ...namesOf(evaluate)],
  export: namesOf(exporting),
  report: namesOf(report),
} as const;

export type LibraryCall = keyof typeof callNames;

/** A flag, but none inside a path or a word. */
const flags = /(?<![\w/.-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*/g;

export function inLibraryWords(call: LibraryCall, message: string): string {
  const names = new Map([...others, ...callNames[call]]);
  return message.replaceAll(flags, (flag) => names.get(flag) ?? flag);
}

/** The error in the words of the library; any that has none of the others is returned as it is. */
export function libraryError(call: LibraryCall, error: unknown): unknown {
  if (!(error instanceof UserError || error instanceof RunError)) return error;
  const message = inLibraryWords(call, error.message);
  if (message === error.message) return error;
  const said = error instanceof UserError ? new UserError(message, error.code) : new RunError(message);
  return Object.assign(said, { cause: error });
}

/** Runs a part of a call, so that its failures are said in the words of the library. */
export async function saying<Value>(call: LibraryCall, act: () => Promise<Value>): Promise<Value> {
  try {
    return await act();
  } catch (error) {
    throw libraryError(call, error);
  }
}
