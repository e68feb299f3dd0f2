/** `instar resume`. */
import { resume } from '../run/driving/open.ts';
import { readRun } from '../run/record/read.ts';
import { follow } from './follow.ts';
import { elsewhereOf, elsewhereWords } from './search.ts';
import { printLines, type Io } from './io.ts';
import type { Given } from './options.ts';
import { viewOf } from '../run/display/view.ts';

export function resumeCommand(root: string, given: Given<'resume'>, io: Io): Promise<number> {
  const { budget, mixed = false } = given;
  const { state } = readRun(root);
  if (state.search.finished && budget === undefined)
    printLines(io.err, [`${root}: the run is finished; --budget +TIME gives it more time`]);
  return follow(
    {
      root,
      json: given.json === true,
      view: viewOf(state),
      again: elsewhereWords(given),
      start: (signal, onData) =>
        resume(root, {
          signal,
          onData,
          mixed,
          ...elsewhereOf(given),
          ...(budget === undefined ? {} : { budget }),
        }),
    },
    io,
  );
}
