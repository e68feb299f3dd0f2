/** Follows a run to its last event: reports it, listens for Ctrl-C, and returns the exit code. */
import type { DataEvent } from '../data/source.ts';
import { readConfig, type Config } from '../run/record/config.ts';
import type { RunItem } from '../run/driving/drive.ts';
import { folderOf, isRun } from '../run/record/folder.ts';
import { must } from '../util/assert.ts';
import { RunError } from '../util/user-error.ts';
import { interrupted, listenForInterrupts } from './interrupt.ts';
import { exitCodes, hasColour, printJson, printLines, type Io } from './io.ts';
import { openReporter, type Shown } from './reporter.ts';
import { quoted } from '../util/quoted.ts';
import { summary } from './summary.ts';
import { observe, type View } from '../run/display/view.ts';

export interface Following {
  /** Null for a new run, which is given its folder. */
  readonly root: string | null;
  readonly json: boolean;
  /** Of a run that is resumed: the state of its journal. */
  readonly view: View;
  /** Options that `resume` needs too. */
  readonly again: readonly string[];
  start(signal: AbortSignal, onData: (event: DataEvent) => void, onRun: (root: string) => void): AsyncIterable<RunItem>;
}

export async function follow(io: Io, following: Following): Promise<number> {
  const { json } = following;
  let { root } = following;
  const resumptionOf = (run: string): string => ['instar resume', quoted(run), ...following.again].join(' ');
  const reporter = openReporter(io, json);
  let view = following.view;
  let config: Config | null = null;
  // Active seconds, as the last entry had them, and the clock then.
  let clock = { t: view.run.seconds, at: io.now() };
  const now = (): number => clock.t + (io.now() - clock.at) / 1000;

  const interruption = listenForInterrupts(
    io,
    () => reporter.notice('stopping: the best network is kept (Ctrl-C again ends at once)'),
    () => reporter.close(),
  );

  const readFrom = (run: string): Config => readConfig(folderOf(run).config);
  try {
    const items = following.start(
      interruption.signal,
      (event) => reporter.data(event),
      (made) => (root = made),
    );
    for await (const item of items) {
      root = must(root, "the run's folder");
      if (config === null) {
        config = readFrom(root);
        reporter.begin({ config, root, view, now });
      }
      if (item.type !== 'progress') clock = { t: item.t, at: io.now() };
      view = observe(view, item, now());
      const shown: Shown = { config, root, view, now };
      if (item.type === 'progress') reporter.progress(shown);
      else {
        if (json) printJson(io.out, item);
        reporter.entry(item, shown);
      }
    }
  } catch (error) {
    if (error instanceof RunError && config !== null)
      throw new RunError(`${error.message} ('${resumptionOf(root ?? '')}' tries again)`);
    if (error !== interrupted) throw error;
  } finally {
    reporter.close();
    interruption.stop();
  }

  config ??= root !== null && isRun(root) ? readFrom(root) : null;
  if (root === null || config === null) {
    printLines(io.err, ['instar: interrupted before the run began; nothing was written']);
    return exitCodes.interrupted;
  }
  const stream = json ? io.err : io.out;
  printLines(stream, summary(view.run, config, root, resumptionOf(root), hasColour(io, stream)));
  return view.run.search.finished ? exitCodes.done : exitCodes.interrupted;
}
