/** Settings by their names: `--set step.eta=3`, each value checked against the schema of settings. */
import { z } from 'zod';
import { settingLeaves, settingNames, wanted } from '../search/setting-names.ts';
import type { SettingsOverride } from '../search/settings.ts';
import { listed, nearest, suggestion } from '../util/words.ts';
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
  if (issue === undefined) return { wrong: 'is not allowed' };
  const near = issue.code === 'invalid_value' && typeof value === 'string' ? suggestion(value, issue.values.map(String)) : '';
  return { wrong: `${wanted(issue)}${near}` };
}

/** The names of a setting that holds values by name, and the schema of its values; undefined where it is another. */
function recordOf(name: string): { readonly names: readonly string[]; readonly value: z.ZodType } | undefined {
  let schema = settingLeaves.get(name);
  while (schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) schema = schema.unwrap() as z.ZodType;
  if (!(schema instanceof z.ZodRecord) || !(schema.keyType instanceof z.ZodEnum)) return undefined;
  return { names: schema.keyType.options.map(String), value: schema.valueType as z.ZodType };
}

/** A setting, or one value of a setting that holds values by name, such as `optimizer.rates.shift`. */
function schemaOf(name: string): z.ZodType | string {
  const at = name.lastIndexOf('.');
  const [setting, key] = [name.slice(0, at), name.slice(at + 1)];
  const record = recordOf(setting);
  const schema = record === undefined ? settingLeaves.get(name) : record.names.includes(key) ? record.value : undefined;
  if (schema !== undefined) return schema;
  const ending = settingNames.filter((each) => each.endsWith(`.${name}`));
  if (ending.length > 0) return `there is no setting ${name}; did you mean ${listed(ending, 'or')}?`;
  const known = record === undefined ? settingNames : record.names.map((each) => `${setting}.${each}`);
  return `there is no setting ${name}; did you mean ${nearest(name, known)}?`;
}

export function checkSetting(name: string, value: unknown): Reading<Setting> {
  const schema = schemaOf(name);
  if (typeof schema === 'string') return { wrong: schema };
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

type Tree = Readonly<Record<string, unknown>>;

/** The tree with a value at that path. */
function placed(tree: Tree, [key = '', ...rest]: readonly string[], value: unknown): Tree {
  return { ...tree, [key]: rest.length === 0 ? value : placed((tree[key] ?? {}) as Tree, rest, value) };
}

/** Later ones win. */
export const overrideOf = (settings: readonly Setting[]): SettingsOverride =>
  settings.reduce<Tree>((tree, { name, value }) => placed(tree, name.split('.'), value), {}) as SettingsOverride;
