/** Settings by their names: `--set step.eta=3`, each value checked against the schema of settings. */
import { z } from 'zod';
import { settingLeaves, settingNames, wanted } from '../search/setting-names.ts';
import type { SettingsOverride } from '../search/settings.ts';
import { nearest } from '../util/words.ts';
import type { Kind, Reading } from './kinds.ts';

export interface Setting {
  readonly name: string;
  readonly value: unknown;
}

/** The value as the schema gives it. */
export function checkValue<Value>(schema: z.ZodType<Value>, value: unknown): Reading<Value> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  return { wrong: issue === undefined ? 'is not allowed' : wanted(issue) };
}

export function checkSetting(name: string, value: unknown): Reading<Setting> {
  const schema = settingLeaves.get(name);
  if (schema === undefined) return { wrong: `there is no setting ${name}; did you mean ${nearest(name, settingNames)}?` };
  const checked = checkValue(schema, value);
  return 'wrong' in checked ? checked : { value: { name, value: checked.value } };
}

function valueIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // `8,16,32` and words are no JSON.
    return text.includes(',') ? text.split(',').map(valueIn) : text;
  }
}

/** `step.eta=3`: one setting as a list of one, since the option can be repeated. */
export const assignments: Kind<readonly Setting[]> = {
  argument: '<name=value>',
  field: 'text',
  schema: z.array(z.any()),
  repeated: true,
  read(text) {
    const at = text.indexOf('=');
    if (at < 1) return { wrong: 'must be a setting and its value, such as step.eta=3' };
    const name = text.slice(0, at).trim();
    const value = valueIn(text.slice(at + 1).trim());
    const list = settingLeaves.get(name) instanceof z.ZodArray && !Array.isArray(value);
    const checked = checkSetting(name, list ? [value] : value);
    return 'wrong' in checked ? checked : { value: [checked.value] };
  },
};

/** Later ones win. */
export function overrideOf(settings: readonly Setting[]): SettingsOverride {
  const override: Record<string, unknown> = {};
  for (const { name, value } of settings) {
    const [group = '', key] = name.split('.');
    override[group] = key === undefined ? value : { ...(override[group] as object | undefined), [key]: value };
  }
  return override as SettingsOverride;
}
