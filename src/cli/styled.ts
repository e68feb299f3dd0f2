/** Lines of styled text, fitted to a width, as plain text or with the terminal's colours. */
import { printable } from '../util/words.ts';
import { columnsOf, truncate } from './text.ts';

const codes = { plain: '', bold: '1', dim: '2', good: '32', bad: '31', warn: '33', accent: '36', strong: '1;36' } as const;

/** The colours of `paint`. */
// oxlint-disable-next-line no-control-regex
const ownCodes = /(\u001b\[(?:0|1|2|31|32|33|36|1;36)m)/;

/** A line for a terminal: the colours of `paint` stay, other commands are shown as `?`. */
export const shown = (line: string): string =>
  line
    .split(ownCodes)
    .map((part, at) => (at % 2 === 1 ? part : printable(part)))
    .join('');

export type Style = keyof typeof codes;
export type Span = readonly [text: string, style?: Style];
export type Line = readonly Span[];

export const lineWidth = (line: Line): number => line.reduce((sum, [text]) => sum + columnsOf(text), 0);

/** The line in at most `width` columns. */
export function fit(line: Line, width: number): Line {
  const kept: Span[] = [];
  let left = width;
  for (const [index, [text, style]] of line.entries()) {
    const follows = line.slice(index + 1).some(([rest]) => rest !== '');
    const columns = columnsOf(text);
    if (columns < left || (columns === left && !follows)) {
      kept.push([text, style ?? 'plain']);
      left -= columns;
      continue;
    }
    kept.push([truncate(columns <= left ? `${text} ` : text, left), style ?? 'plain']);
    break;
  }
  return kept;
}

/** Left and right on one line; the left gives way. */
export function spread(left: Line, right: Line, width: number): Line {
  const rightWidth = lineWidth(right);
  if (rightWidth === 0) return fit(left, width);
  const fitted = fit(left, Math.max(0, width - rightWidth - 2));
  return [...fitted, [' '.repeat(Math.max(2, width - lineWidth(fitted) - rightWidth))], ...right];
}

export function paint(line: Line, colour: boolean): string {
  const text = line
    .map(([said, style = 'plain']) => {
      const part = printable(said);
      return colour && codes[style] !== '' && part.trim() !== '' ? `\u001b[${codes[style]}m${part}\u001b[0m` : part;
    })
    .join('');
  return colour ? text : text.trimEnd();
}
