/** `instar list`: the runs in a folder, one line each. Nothing is locked and nothing written. */
import { formatCount, formatPercent, printable } from '../util/words.ts';
import type { RunRow } from '../web/api.ts';
import { listRuns } from '../web/list-runs.ts';
import { printLines, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';
import { padLeft, padRight, truncate } from './text.ts';

const longestName = 60;

/** The best accuracy and what it was measured on. */
function accuracyOf({ test, best }: RunRow): string {
  if (test !== null) return `${formatPercent(test)} test`;
  const accuracy = best?.accuracy ?? null;
  return accuracy === null ? '–' : `${formatPercent(accuracy)} validation`;
}

const minutes = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ');

const cellsOf = (row: RunRow): readonly string[] => [
  truncate(printable(row.id), longestName),
  row.state,
  accuracyOf(row),
  row.best === null ? '–' : `${formatCount(row.best.parameters)}`,
  row.method ?? '–',
  row.changed === 0 ? '–' : minutes(row.changed),
];

const columns = ['run', 'state', 'accuracy', 'parameters', 'method', 'last change, UTC'];

export function listLines(rows: readonly RunRow[]): readonly string[] {
  const table = [columns, ...rows.map(cellsOf)];
  const widths = columns.map((_name, column) => Math.max(...table.map((cells) => [...(cells[column] ?? '')].length)));
  return table.map((cells) =>
    cells
      .map((cell, column) => (columns[column] === 'parameters' ? padLeft : padRight)(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function listCommand(folder: string, given: Given<'list'>, io: Io): number {
  const runs = listRuns(folder, () => io.date().getTime());
  if (given.json === true) printLines(io.out, [JSON.stringify(runs)]);
  else if (runs.length === 0) printLines(io.err, [`${printable(folder)}: no runs`]);
  else printLines(io.out, listLines(runs));
  return 0;
}
