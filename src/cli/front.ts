/** `instar front`: the networks of a run that no other beats in accuracy and size. Nothing is locked and nothing written. */
import type { Given } from '../options/commands.ts';
import { frontRows, type FrontRow } from '../run/display/front-rows.ts';
import { shownName } from '../run/display/names.ts';
import type { Config } from '../run/record/config.ts';
import { keptCandidates } from '../run/record/folder.ts';
import { readRun } from '../run/record/read.ts';
import { hypervolume } from '../search/front.ts';
import { quoted } from '../util/quoted.ts';
import { formatBytes, formatCount, formatPercent } from '../util/words.ts';
import { exitCodes, printJson, printLines, type Io } from './io.ts';
import { padLeft, padRight } from './text.ts';

const columns = ['network', 'accuracy', 'parameters', 'multiply-adds', 'int8 weights', 'working memory', 'export by'] as const;

const cellsOf = (config: Config, { candidate, accuracy, part, ...size }: FrontRow, isKept: boolean): readonly string[] => [
  shownName(config, candidate),
  `${formatPercent(accuracy)} ${part}`,
  formatCount(size.parameters),
  formatCount(size.multiplyAdds),
  formatBytes(size.bytes),
  formatBytes(size.activations),
  isKept ? `--child ${candidate}` : 'its tensors are not kept',
];

/** `kept`: networks whose tensors are on disk. */
export function frontLines(
  config: Config,
  rows: readonly FrontRow[],
  kept: ReadonlySet<string>,
  root: string,
): readonly string[] {
  if (rows.length === 0) return ['no network has been validated yet'];
  const first = rows.find(({ candidate }) => kept.has(candidate));
  const table = [columns, ...rows.map((row) => cellsOf(config, row, kept.has(row.candidate)))];
  const widths = columns.map((_name, column) => Math.max(...table.map((cells) => (cells[column] ?? '').length)));
  const isText = (column: number): boolean => column === 0 || column === columns.length - 1;
  return [
    ...table.map((cells) =>
      cells
        .map((cell, column) => (isText(column) ? padRight : padLeft)(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
    '',
    `hypervolume ${hypervolume(rows).toFixed(3)}`,
    ...(first === undefined ? [] : [`instar export ${quoted(root)} --child ${first.candidate} --onnx FILE`]),
  ];
}

export function frontCommand(root: string, given: Given<'front'>, io: Io): number {
  const { folder, config, state } = readRun(root);
  const rows = frontRows(state.search);
  const kept = new Set(keptCandidates(folder, state.search));
  if (given.json === true) {
    const networks = rows.map((row) => ({ ...row, kept: kept.has(row.candidate) }));
    printJson(io.out, { hypervolume: hypervolume(rows), networks });
  } else printLines(io.out, frontLines(config, rows, kept, root));
  return exitCodes.done;
}
