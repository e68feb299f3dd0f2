/**
 * Settings by their names: what `--set step.eta=3` and the shorter options mean, each value checked against the schema of
 * settings, so that a mistake is said with the option that made it.
 */
import { z } from 'zod';

import { settingLeaves as leaves, settingNames, valueOf, wanted } from '../search/setting-names.ts';
import { presetNames, presets, type SettingsOverride } from '../search/settings.ts';
import { UserError } from '../util/user-error.ts';
import { nearest } from '../util/words.ts';
import { invalid } from './values.ts';

export interface Setting {
  readonly name: string;
  readonly value: unknown;
}

/** The setting with that value, or one line that begins with the option that gave it. */
export function checkSetting(option: string, text: string, name: string, value: unknown): Setting {
  const schema = leaves.get(name);
  if (schema === undefined) throw new Error(`bug: no setting ${name}`);
  const parsed = schema.safeParse(value);
  if (parsed.success) return { name, value: parsed.data };
  const [issue] = parsed.error.issues;
  throw invalid(option, text, issue === undefined ? 'not allowed' : wanted(issue));
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // `8,16,32` and words are no JSON.
    return text.includes(',') ? text.split(',').map(readValue) : text;
  }
}

/** Of `--set group.key=value`. */
export function parseSet(text: string): Setting {
  const at = text.indexOf('=');
  if (at < 1) throw invalid('--set', text, 'must be a setting and its value, such as step.eta=3');
  const name = text.slice(0, at).trim();
  if (!leaves.has(name))
    throw new UserError(`--set ${text}: there is no setting ${name}; did you mean ${nearest(name, settingNames)}?`);
  const value = readValue(text.slice(at + 1).trim());
  return checkSetting('--set', text, name, leaves.get(name) instanceof z.ZodArray && !Array.isArray(value) ? [value] : value);
}

/** Later ones win. */
export function overrideOf(settings: readonly Setting[]): SettingsOverride {
  const override: Record<string, unknown> = {};
  for (const { name, value } of settings) {
    const [group = '', key] = name.split('.');
    override[group] = key === undefined ? value : { ...(override[group] as object | undefined), [key]: value };
  }
  return override as SettingsOverride;
}

const show = (name: string, value: unknown): string => {
  if (value === null) return name.startsWith('limits.') ? 'no limit' : 'all';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'number' && value >= 1000 ? value.toLocaleString('en-US') : String(value);
};

/** What help says of a setting: `(64; paper 160, quick 12)`, the default's first. */
export function describeDefault(name: string): string {
  const [own, ...others] = [presets.laptop, presets.paper, presets.quick].map((settings) => show(name, valueOf(settings, name)));
  const different = presetNames.filter((preset) => preset !== 'laptop').filter((_preset, index) => others[index] !== own);
  const rest = different.map((preset) => `${preset} ${show(name, valueOf(presets[preset], name))}`).join(', ');
  return `(${own}${rest === '' ? '' : `; ${rest}`})`;
}
