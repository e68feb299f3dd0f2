/**
 * The configurations of a study's runs, to be published with its tables: first what all runs share, then the rest of each run. Paths
 * on this machine are left out; a hash identifies the data.
 */
import { Document, visit } from 'yaml';
import { settingNames } from '../search/setting-names.ts';
import { settingsSchema, type Settings } from '../search/settings.ts';
import { canonicalJson } from '../util/json.ts';
import type { StudyRun } from './collect.ts';

type Fields = { readonly [name: string]: unknown };

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The part that all values share, member by member; undefined if they share nothing. */
function common(values: readonly unknown[]): unknown {
  const [first, ...others] = values;
  if (isFields(first) && values.every(isFields)) {
    const members = Object.keys(first)
      .map((name) => [name, common(values.map((value) => value[name]))] as const)
      .filter(([, shared]) => shared !== undefined);
    return members.length === 0 ? undefined : Object.fromEntries(members);
  }
  return others.every((other) => canonicalJson(other) === canonicalJson(first)) ? first : undefined;
}

/** The part of a value that is not in `shared`; undefined if there is none. */
function beyond(value: unknown, shared: unknown): unknown {
  if (!isFields(value) || !isFields(shared)) return shared === undefined ? value : undefined;
  const members = Object.entries(value)
    .map(([name, member]) => [name, beyond(member, shared[name])] as const)
    .filter(([, own]) => own !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/** The value without the member of that name, `step.eta` say. */
function without(value: Fields, [name = '', ...rest]: readonly string[]): Fields {
  const { [name]: member, ...others } = value;
  // In their order.
  return rest.length === 0 || !isFields(member) ? others : { ...value, [name]: without(member, rest) };
}

/** Settings without those that have a default in the schema and its value: such a setting is newer than others. */
function written(settings: Settings): Fields {
  let fields: Fields = settings;
  for (const name of settingNames) {
    const fewer = without(fields, name.split('.'));
    const parsed = settingsSchema.safeParse(fewer);
    if (parsed.success && canonicalJson(parsed.data) === canonicalJson(settings)) fields = fewer;
  }
  return Object.fromEntries(Object.entries(fields).filter(([, member]) => !isFields(member) || Object.keys(member).length > 0));
}

/** The configurations as YAML. The text does not depend on where the runs are stored. */
export function configurationsOf(runs: readonly StudyRun[]): string {
  const configurations = runs.map(({ read: { config } }) => {
    const { path: _path, folder: _folder, where: _where, ...data } = config.data;
    return { ...config, settings: written(config.settings), data, vanilla: config.vanilla === null ? null : 'shared' };
  });
  const all = common(configurations);
  const each = runs.map(({ run }, index) => [run.folder, beyond(configurations[index], all) ?? {}] as const);
  const document = new Document({ all: all ?? {}, runs: Object.fromEntries(each) });
  // Write each list on one line.
  visit(document, { Seq: (_key, list) => void (list.flow = true) });
  return document.toString({ flowCollectionPadding: false, lineWidth: 120 });
}
