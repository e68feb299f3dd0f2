/** A part of the terminal that is redrawn in place, at a fixed rate. It survives Ctrl-Z. */
import { hasColour, type Io } from './io.ts';
import { shown } from './styled.ts';

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
      const text = lines.map((line) => `${shown(line)}${toEndOfLine}\n`).join('');
      stream.write(`${begin}${hidden ? '' : hide}${toStart()}${text}${toEndOfScreen}${end}`);
      hidden = true;
      drawn = lines;
    },
    say(lines) {
      const again = drawn;
      const text = [...lines, ...again].map((line) => `${shown(line)}${toEndOfLine}\n`).join('');
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

/** Columns of a display, at most. */
const widest = 160;

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly colour: boolean;
}

export interface Display {
  /** Draws now. */
  draw(): void;
  /** Draws from now on, each frame. Harmless when called again. */
  start(): void;
  /** Lines that stay, above what is drawn. */
  say(lines: readonly string[]): void;
  /** Takes it away. Harmless when called again. */
  close(): void;
}

/** `frame`: milliseconds between two drawings. `lines`: null for nothing yet. */
export function openDisplay(io: Io, frame: number, lines: (screen: Screen) => readonly string[] | null): Display {
  const live = openLive(io.err);
  const colour = hasColour(io, io.err);
  let timer: NodeJS.Timeout | null = null;

  const draw = (): void => {
    const drawn = lines({ width: Math.min(widest, io.err.columns) - 1, height: io.err.rows, colour });
    if (drawn !== null) live.draw(drawn);
  };
  const onPause = (): void => {
    live.forget();
    io.pause();
  };
  io.on('SIGTSTP', onPause);
  io.on('SIGCONT', draw);
  return {
    draw,
    start: () => void (timer ??= setInterval(draw, frame)),
    say: (said) => live.say(said),
    close() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      io.off('SIGTSTP', onPause);
      io.off('SIGCONT', draw);
      live.close();
    },
  };
}
