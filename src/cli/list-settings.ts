/** `instar settings`: every setting by name, with its value in each preset. */
import { presetNames, presets } from '../search/settings.ts';
import { printLines, type Io } from './io.ts';
import { settingNames, valueOf } from '../search/setting-names.ts';
import { padRight } from './text.ts';

export function settingsCommand(io: Io): number {
  const rows = [
    ['setting', ...presetNames],
    ...settingNames.map((name) => [name, ...presetNames.map((preset) => JSON.stringify(valueOf(presets[preset], name)))]),
  ].map((row) => row.map((cell) => (cell === String(Number.MAX_SAFE_INTEGER) ? 'free memory' : cell)));
  const widths = ['setting', ...presetNames].map((_name, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: readonly string[]): string => row.map((cell, column) => padRight(cell, widths[column] ?? 0)).join('  ');
  printLines(
    io.out,
    rows.map((row) => lineOf(row).trimEnd()),
  );
  return 0;
}
