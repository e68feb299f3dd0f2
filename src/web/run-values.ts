/** What the list knows of a run to compare it with others: its settings by their names, and what its operators gained. Pure. */
import type { Config } from '../run/record/config.ts';
import type { RunState } from '../run/record/replay.ts';
import { gainsOf } from '../search/gains.ts';
import { settingNames, valueOf } from '../search/setting-names.ts';
import type { OperatorGain, RunRow, SettingValue } from './api.ts';

const plain = (value: unknown): SettingValue =>
  typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string'
    ? value
    : value == null
      ? null
      : JSON.stringify(value);

/** The settings as they were asked for, and what beside them a search was begun with. The limit of memory is the machine's. */
export function settingsOf({ settings, data, engine, workers, from }: Config): Readonly<Record<string, SettingValue>> {
  const own = settingNames
    .filter((name) => name !== 'limits.memory')
    .map((name) => [name, plain(valueOf(settings, name))] as const);
  return {
    ...Object.fromEntries(own),
    'data.classes': data.classes.length,
    'data.images': data.trainImages,
    'data.side': data.shape.height,
    engine: engine.name,
    device: engine.device,
    workers,
    from: from === null ? null : from.reference,
  };
}

/** Of each operator: the gains of the children that it had a part in. */
export function gainsByName({ search }: RunState): Readonly<Record<string, OperatorGain>> {
  const gains: Record<string, OperatorGain> = {};
  for (const { child, gain } of gainsOf(search).flat())
    for (const operator of new Set(child.edits.map(({ kind }) => kind))) {
      const { children, sum, squares, winners } = gains[operator] ?? { children: 0, sum: 0, squares: 0, winners: 0 };
      const isWinner = search.steps.some(({ winner }) => winner === child.id);
      gains[operator] = {
        children: children + 1,
        sum: sum + gain,
        squares: squares + gain ** 2,
        winners: winners + Number(isWinner),
      };
    }
  return gains;
}

/** Rows with the settings alone in which they differ: those that all share tell nothing, and are many. */
export function withDiffering(rows: readonly RunRow[]): readonly RunRow[] {
  const begun = rows.filter(({ settings }) => settings !== null);
  const [first] = begun;
  const names = Object.keys(first?.settings ?? {}).filter((name) =>
    begun.some(({ settings }) => settings?.[name] !== first?.settings?.[name]),
  );
  return rows.map((row) => ({
    ...row,
    settings: row.settings === null ? null : Object.fromEntries(names.map((name) => [name, row.settings?.[name] ?? null])),
  }));
}
