/** How a run is told while it goes on: a live display on a terminal, lines elsewhere, the journal's entries with `--json`. */
import type { DataEvent } from '../data/source.ts';
import type { Config } from '../run/config.ts';
import type { Entry } from '../run/events.ts';
import { formatDuration } from '../util/duration.ts';
import { hasColour, isLive, printLines, type Io } from './io.ts';
import { describeFrom, describePlan } from '../run/words.ts';
import { describeConfig, linesFor } from '../run/lines.ts';
import { openLive } from './live.ts';
import { render } from './render.ts';
import { truncate } from './text.ts';
import { formatBytes, formatWhole, printable } from '../util/words.ts';
import type { View } from '../run/view.ts';

/** Milliseconds between two drawings. */
const frame = 150;
/** The most columns that a display makes use of. */
const widest = 160;

export interface Shown {
  readonly config: Config;
  readonly root: string;
  readonly view: View;
  /** Active seconds now. */
  now(): number;
}

export interface Reporter {
  /** While the data is read, before there is a run. */
  data(event: DataEvent): void;
  /** The run is known. `resumed`: it went on before. */
  begin(shown: Shown): void;
  /** An entry, after which the view is as `shown` says. */
  entry(entry: Entry, shown: Shown): void;
  /** What was told in between. */
  progress(shown: Shown): void;
  /** Something else that a person should know, at once. */
  notice(text: string): void;
  /** Before the process is ended, or the summary printed. */
  close(): void;
}

function describeData(event: DataEvent): string {
  switch (event.kind) {
    case 'note':
      return printable(event.message);
    case 'download':
      return `downloading ${event.url}: ${formatBytes(event.received)}${event.total > 0 ? ` of ${formatBytes(event.total)}` : ''}`;
    case 'decode':
      return `decoding images: ${formatWhole(event.done)} of ${formatWhole(event.total)}`;
  }
}

const shareOf = (event: DataEvent): number => {
  if (event.kind === 'download') return event.total > 0 ? event.received / event.total : 0;
  return event.kind === 'decode' && event.total > 0 ? event.done / event.total : 0;
};

function plainReporter(io: Io): Reporter {
  const say = (lines: readonly string[]): void => printLines(io.err, lines);
  let told = -1;
  return {
    data(event) {
      if (event.kind === 'note') return say([describeData(event)]);
      // A line at each quarter.
      const quarter = Math.floor(4 * shareOf(event));
      if (quarter === told) return;
      told = quarter;
      say([describeData(event)]);
    },
    begin({ config, root }) {
      say([...describeConfig(config), `run folder ${printable(root)}`]);
      if (config.budget !== null) say([`budget ${formatDuration(config.budget)}: measuring what it buys on this machine`]);
    },
    entry: (entry, { view, config }) => say(linesFor(entry, view, config)),
    progress: () => undefined,
    notice: (text) => say([text]),
    close: () => undefined,
  };
}

function liveReporter(io: Io): Reporter {
  const live = openLive(io.err);
  const colour = hasColour(io, io.err);
  let shown: Shown | null = null;
  let reading: string | null = null;
  let notice: string | null = null;
  let timer: NodeJS.Timeout | null = null;

  const draw = (): void => {
    const width = Math.min(widest, io.err.columns) - 1;
    if (shown === null) {
      const said = notice ?? reading;
      if (said !== null) live.draw([truncate(said, width)]);
      return;
    }
    const { view, config, root } = shown;
    live.draw(render({ view, config, root, now: shown.now(), notice }, { width, height: io.err.rows, colour }));
  };
  const start = (): void => {
    timer ??= setInterval(draw, frame);
  };
  const onPause = (): void => {
    live.forget();
    io.pause();
  };
  io.on('SIGTSTP', onPause);
  io.on('SIGCONT', draw);
  return {
    data(event) {
      if (event.kind === 'note') return live.say([describeData(event)]);
      reading = describeData(event);
      start();
    },
    begin(next) {
      shown = next;
      if (next.config.from !== null) live.say(describeFrom(next.config));
      start();
    },
    entry(entry, next) {
      shown = next;
      if (entry.type === 'plan') live.say([describePlan(entry.plan, entry.budget, next.config)]);
      if (entry.type === 'resumed' && (entry.cut > 0 || entry.mixed)) live.say(linesFor(entry, next.view, next.config));
    },
    progress(next) {
      shown = next;
    },
    notice(text) {
      notice = text;
      draw();
    },
    close() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      io.off('SIGTSTP', onPause);
      io.off('SIGCONT', draw);
      live.close();
    },
  };
}

export const openReporter = (io: Io, json: boolean): Reporter => (isLive(io) && !json ? liveReporter(io) : plainReporter(io));
