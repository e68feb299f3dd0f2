/** A table as Markdown, with its caption and notes (the tables of GitHub's dialect). */
import { alignments, askCell, missing, plainCells, type Column, type Table } from './table.ts';

/** Whatever a name holds stays text: no markup, no link, no end of a cell or of a line. */
export const escapeMarkdown = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\\`*_[\]<>#|~&$]/g, String.raw`\$&`)
    // An address would become a link by itself.
    .replaceAll('://', String.raw`\://`)
    .replaceAll(/www\./gi, (address) => `${address.slice(0, -1)}\\.`)
    .replaceAll('@', String.raw`\@`)
    // The beginning of a list, a rule, a heading's line.
    .replace(/^(\s*)([-+](?=\s|$)|-(?=--)|=)/, String.raw`$1\$2`)
    .replace(/^(\s*\d+)([.)])(?=\s|$)/, String.raw`$1\$2`);

const rules = { left: ':---', centre: ':---:', right: '---:' } as const;

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

export function markdownTable({ title: heading, caption, scale, columns, groups, notes }: Table): string {
  const words = (column: Column, cell: Parameters<typeof askCell>[2]): string =>
    escapeMarkdown(askCell(plainCells, column, cell) ?? missing);
  const rows = groups.flatMap(({ title, rows: own }) => [
    ...(title === null ? [] : [line([`*${escapeMarkdown(title)}*`, ...columns.slice(1).map(() => '')])]),
    ...own.map((cells) => line(columns.map((column, index) => words(column, cells[index] ?? null)))),
  ]);
  return [
    `**${escapeMarkdown(heading)}.** ${escapeMarkdown(`${caption} ${scale}`.trim())}`,
    '',
    line(columns.map(({ title }) => escapeMarkdown(title))),
    line(columns.map(({ kind }) => rules[alignments[kind]])),
    ...rows,
    '',
    ...notes.flatMap((note) => [escapeMarkdown(note), '']),
  ].join('\n');
}
