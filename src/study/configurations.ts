/**
 * The configurations of a study's runs, to be published beside its tables: what all runs share once, and of each what it has for
 * itself. Where the data lies on this machine is left out; its hash says which it was.
 */
import { Document, visit } from 'yaml';
import { canonicalJson } from '../util/json.ts';
import type { StudyRun } from './collect.ts';

type Fields = { readonly [name: string]: unknown };

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What all have in common, a member at a time; undefined where that is nothing. */
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

/** What that value says beyond `shared`; undefined where that is nothing. */
function beyond(value: unknown, shared: unknown): unknown {
  if (!isFields(value) || !isFields(shared)) return shared === undefined ? value : undefined;
  const members = Object.entries(value)
    .map(([name, member]) => [name, beyond(member, shared[name])] as const)
    .filter(([, own]) => own !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/** As YAML. The same runs give the same text wherever they lie. */
export function configurationsOf(runs: readonly StudyRun[]): string {
  const configurations = runs.map(({ read: { config } }) => {
    const { path: _path, folder: _folder, where: _where, ...data } = config.data;
    return { ...config, data, vanilla: config.vanilla === null ? null : 'shared' };
  });
  const all = common(configurations);
  const each = runs.map(({ run }, index) => [run.folder, beyond(configurations[index], all) ?? {}] as const);
  const document = new Document({ all: all ?? {}, runs: Object.fromEntries(each) });
  // A list stands in one line.
  visit(document, { Seq: (_key, list) => void (list.flow = true) });
  return document.toString({ flowCollectionPadding: false, lineWidth: 120 });
}
