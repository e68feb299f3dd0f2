/** A part of the terminal that is redrawn at a fixed rate. It survives Ctrl-Z. */
import { hasColour, type Io } from './io.ts';
import { openLive } from './live.ts';

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
