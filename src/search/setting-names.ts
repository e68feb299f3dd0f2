/** Settings by their names, such as `step.eta`. */
import { z } from 'zod';
import { presets, settingsSchema, type PresetName, type Settings, type SettingsOverride } from './settings.ts';

type Leaves = ReadonlyMap<string, z.ZodType>;

function leavesOf(schema: z.ZodObject, prefix: string): [string, z.ZodType][] {
  return Object.entries(schema.shape).flatMap(([key, member]) => {
    const group = member instanceof z.ZodDefault ? member.unwrap() : member;
    return group instanceof z.ZodObject
      ? leavesOf(group, `${prefix}${key}.`)
      : [[prefix + key, member as z.ZodType] as [string, z.ZodType]];
  });
}

/** Every setting by its name, such as `seed` and `step.eta`. */
export const settingLeaves: Leaves = new Map(leavesOf(settingsSchema, ''));

export const settingNames: readonly string[] = [...settingLeaves.keys()];

/** A value of a settings tree by its name. */
export function valueOf(settings: Settings, name: string): unknown {
  return name
    .split('.')
    .reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key], settings);
}

/** Those of the names that an override gives a value. */
export const givenNames = (override: SettingsOverride, names: readonly string[]): readonly string[] =>
  names.filter((name) => valueOf(override as Settings, name) !== undefined);

/** Those of the names, of settings or of groups of them, whose values differ. */
export const differingNames = (a: Settings, b: Settings, names: readonly string[]): readonly string[] =>
  names.filter((name) => JSON.stringify(valueOf(a, name)) !== JSON.stringify(valueOf(b, name)));

/** Names of the settings that are not the preset's. The memory limit comes from the machine and is not among them. */
export const differingSettings = (settings: Settings, preset: PresetName): readonly string[] =>
  differingNames(settings, presets[preset], settingNames).filter((name) => name !== 'limits.memory');

/** What a value must be, of an issue that the schema has with it. */
export const wanted = (issue: z.core.$ZodIssue): string => {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'string') return 'must not be empty';
      return issue.origin === 'array'
        ? `must be at least ${String(issue.minimum)} of them`
        : `must be ${issue.inclusive === true ? 'at least' : 'more than'} ${String(issue.minimum)}`;
    case 'too_big':
      return issue.origin === 'array'
        ? `must be at most ${String(issue.maximum)} of them`
        : `must be ${issue.inclusive === true ? 'at most' : 'less than'} ${String(issue.maximum)}`;
    case 'invalid_type':
      return `must be ${issue.expected === 'int' ? 'a whole number' : issue.expected === 'array' ? 'a list' : ['object', 'record'].includes(issue.expected) ? 'a group of settings' : `a ${issue.expected}`}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    default:
      return issue.message;
  }
};
