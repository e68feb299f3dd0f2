/** A part of the terminal that is drawn again in place. Knows ANSI, nothing of what is drawn. */

export interface Live {
  /** Replaces what was drawn. Each line must fit the width. */
  draw(lines: readonly string[]): void;
  /** Lines that stay, above what is drawn. */
  say(lines: readonly string[]): void;
  /** Forgets what was drawn, because something else has been on the screen since; the cursor is hidden again at the next. */
  forget(): void;
  /** Takes away what was drawn and shows the cursor. Harmless when called again. */
  close(): void;
}

const escape = '\u001b[';
const hide = `${escape}?25l`;
const show = `${escape}?25h`;
/** Terminals that know it show what is between at once; the others pass it over. */
const begin = `${escape}?2026h`;
const end = `${escape}?2026l`;
const toEndOfLine = `${escape}K`;
const toEndOfScreen = `${escape}J`;

// oxlint-disable-next-line no-control-regex
const plainLength = (line: string): number => line.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '').length;

export function openLive(stream: NodeJS.WriteStream): Live {
  let drawn: readonly string[] = [];
  let hidden = false;

  /** To the start of what was drawn: a terminal that became narrower has wrapped its lines. */
  const toStart = (): string => {
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(plainLength(line) / Math.max(1, stream.columns))), 0);
    return rows === 0 ? '' : `${escape}${rows}A\r`;
  };

  return {
    draw(lines) {
      const text = lines.map((line) => `${line}${toEndOfLine}\n`).join('');
      stream.write(`${begin}${hidden ? '' : hide}${toStart()}${text}${toEndOfScreen}${end}`);
      hidden = true;
      drawn = lines;
    },
    say(lines) {
      const again = drawn;
      const text = [...lines, ...again].map((line) => `${line}${toEndOfLine}\n`).join('');
      stream.write(`${begin}${toStart()}${text}${toEndOfScreen}${end}`);
    },
    forget() {
      drawn = [];
      if (hidden) stream.write(show);
      hidden = false;
    },
    close() {
      if (drawn.length > 0 || hidden) stream.write(`${begin}${toStart()}${toEndOfScreen}${end}${show}`);
      drawn = [];
      hidden = false;
    },
  };
}
