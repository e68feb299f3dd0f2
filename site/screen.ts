/** Lines of a terminal as pieces of one style each. Pure. */

/** `style`: the numbers of its colour command, such as `1;36`; empty for none. */
export interface Piece {
  readonly text: string;
  readonly style: string;
}

export type Row = readonly Piece[];

// oxlint-disable-next-line no-control-regex
const command = /\u001b\[([\d;]*)m/;

/** A line with colour commands, as `paint` writes them. */
export function rowOf(line: string): Row {
  const parts = line.split(command);
  return parts.flatMap((text, at) => {
    const style = at === 0 ? '' : (parts[at - 1] ?? '');
    return at % 2 === 1 || text === '' ? [] : [{ text, style: style === '0' ? '' : style }];
  });
}

/** The lines as a terminal of that width wraps them. */
export const wrapped = (row: Row, columns: number): readonly Row[] => {
  const rows: { text: string; style: string }[][] = [[]];
  let column = 0;
  for (const { text, style } of row)
    for (const character of text) {
      if (column === columns) {
        rows.push([]);
        column = 0;
      }
      const line = rows.at(-1) ?? [];
      const last = line.at(-1);
      if (last?.style === style) last.text += character;
      else line.push({ text: character, style });
      column++;
    }
  return rows;
};
