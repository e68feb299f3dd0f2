/** Bars and sparklines as text, and how many columns a text takes. Knows nothing of runs. */

const levels = '▁▂▃▄▅▆▇█';

/** The values over their own range; where there are more than `width`, each column is the mean of its share. */
export function sparkline(values: readonly number[], width: number): string {
  if (values.length === 0 || width < 1) return '';
  const columns = Math.min(width, values.length);
  const means = Array.from({ length: columns }, (_none, column) => {
    const from = Math.floor((column * values.length) / columns);
    const part = values.slice(from, Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns)));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  return means.map((value) => levels[high === low ? 3 : Math.round(((value - low) / (high - low)) * 7)]).join('');
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` columns, `share` of it full. */
export function bar(share: number, width: number): { readonly full: string; readonly empty: string } {
  const steps = Math.round(Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * width * 8);
  const full = '█'.repeat(steps >> 3) + (eighths[steps & 7] ?? '');
  return { full, empty: ' '.repeat(width - full.length) };
}

const isWide = (code: number): boolean =>
  (code >= 0x1100 && code <= 0x115f) ||
  (code >= 0x2e80 && code <= 0xa4cf) ||
  (code >= 0xac00 && code <= 0xd7a3) ||
  (code >= 0xf900 && code <= 0xfaff) ||
  (code >= 0xfe30 && code <= 0xfe6f) ||
  (code >= 0xff00 && code <= 0xff60) ||
  (code >= 0xffe0 && code <= 0xffe6) ||
  (code >= 0x1f300 && code <= 0x1faff) ||
  code >= 0x20000;

const isMark = (character: string): boolean => /\p{M}|\p{Cf}/u.test(character);

/** Columns that a text takes on a terminal: East Asian characters take two, combining marks none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += isMark(character) ? 0 : isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
  return columns;
}

/** The text in at most so many columns; what is cut off shows as `…`. */
export function truncate(text: string, width: number): string {
  if (columnsOf(text) <= width) return text;
  let kept = '';
  let columns = 0;
  for (const character of text) {
    const next = columns + columnsOf(character);
    if (next > width - 1) break;
    kept += character;
    columns = next;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** Filled up with blanks to so many columns. */
export const padRight = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columnsOf(text)));
export const padLeft = (text: string, width: number): string => ' '.repeat(Math.max(0, width - columnsOf(text))) + text;

/** The text in lines of at most so many columns, broken at blanks; a longer word has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && columnsOf(line) + 1 + columnsOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
