/** `instar resume`. */
import { resume } from '../run/driving/open.ts';
import { readRun } from '../run/record/read.ts';
import { follow } from './follow.ts';
import { elsewhereOf, elsewhereWords } from './search.ts';
import { printLines, type Io } from './io.ts';
import type { Given } from './given.ts';
import { parseTime } from './values.ts';
import { viewOf } from '../run/display/view.ts';

export function resumeCommand(root: string, given: Given, io: Io): Promise<number> {
  const more = given['budget'] as string | undefined;
  const budget = more === undefined ? undefined : parseTime('--budget', more.replace(/^\+/, ''));
  const { state } = readRun(root);
  if (state.search.finished && budget === undefined)
    printLines(io.err, [`${root}: the run has ended already; nothing is left to do`]);
  return follow(
    {
      root,
      json: given['json'] === true,
      view: viewOf(state),
      again: elsewhereWords(given),
      start: (signal, onData) =>
        resume(root, {
          signal,
          onData,
          mixed: given['mixed'] === true,
          ...elsewhereOf(given),
          ...(budget === undefined ? {} : { budget }),
        }),
    },
    io,
  );
}
