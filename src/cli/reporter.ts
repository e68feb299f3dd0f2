/** Reports a run in progress: a live display on a terminal, lines elsewhere, the journal's entries with `--json`. */
import type { DataEvent } from '../data/source.ts';
import type { Entry } from '../run/record/events.ts';
import { formatDuration } from '../util/duration.ts';
import { dataLines, describeData, isSaid } from './data-lines.ts';
import { openDisplay } from './display.ts';
import { isLive, printLines, type Io } from './io.ts';
import { describeConfig, describeFrom, describePlan, linesFor } from '../run/display/wording.ts';
import { render, type Scene } from './render.ts';
import { truncate } from './text.ts';
import { printable } from '../util/words.ts';

/** Milliseconds between two drawings. */
const frame = 150;

/** `now`: active seconds. */
export type Shown = Omit<Scene, 'now' | 'notice'> & { now(): number };

export interface Reporter {
  /** While the data is read, before there is a run. */
  data(event: DataEvent): void;
  /** The run has a configuration. */
  begin(shown: Shown): void;
  /** An entry, after which the view is as `shown` says. */
  entry(entry: Entry, shown: Shown): void;
  /** A minibatch. */
  progress(shown: Shown): void;
  /** A message, shown at once. */
  notice(text: string): void;
  /** Before the process is ended, or the summary printed. */
  close(): void;
}

function plainReporter(io: Io): Reporter {
  const say = (lines: readonly string[]): void => printLines(io.err, lines);
  return {
    data: dataLines(say, Date.now),
    begin({ config, root }) {
      say([...describeConfig(config), `run folder ${printable(root)}`]);
      if (config.budget !== null) say([`budget ${formatDuration(config.budget)}: measuring this machine`]);
    },
    entry: (entry, { view, config }) => say(linesFor(entry, view, config)),
    progress: () => undefined,
    notice: (text) => say([text]),
    close: () => undefined,
  };
}

function liveReporter(io: Io): Reporter {
  let shown: Shown | null = null;
  let reading: string | null = null;
  let notice: string | null = null;
  const display = openDisplay(io, frame, (screen) => {
    if (shown === null) {
      const said = notice ?? reading;
      return said === null ? null : [truncate(said, screen.width)];
    }
    const { view, config, root } = shown;
    return render({ view, config, root, now: shown.now(), notice }, screen);
  });
  return {
    data(event) {
      if (isSaid(event)) return display.say(describeData(event));
      reading = describeData(event).join(' ');
      display.start();
    },
    begin(next) {
      shown = next;
      if (next.config.from !== null) display.say(describeFrom(next.config));
      display.start();
    },
    entry(entry, next) {
      shown = next;
      if (entry.type === 'plan') display.say([describePlan(entry.plan, entry.budget, next.config)]);
      if (entry.type === 'resumed' && (entry.cut > 0 || entry.mixed)) display.say(linesFor(entry, next.view, next.config));
    },
    progress(next) {
      shown = next;
    },
    notice(text) {
      notice = text;
      display.draw();
    },
    close: () => display.close(),
  };
}

export const openReporter = (io: Io, json: boolean): Reporter => (isLive(io) && !json ? liveReporter(io) : plainReporter(io));
