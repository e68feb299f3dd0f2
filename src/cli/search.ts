/** `instar search` and `instar resume`. */
import { parseQueue } from '../execution/queue/address.ts';
import { flagOf, type Values } from '../options/option.ts';
import type { queueOptions } from '../options/table.ts';
import { emptyView, viewOf } from '../run/display/view.ts';
import { resume, search, type Elsewhere, type SearchOptions } from '../run/driving/open.ts';
import { optionsFrom } from '../run/preparing/asked.ts';
import { unfittingFiles } from '../run/record/best.ts';
import { readRun } from '../run/record/read.ts';
import { quoted } from '../util/quoted.ts';
import { UserError } from '../util/user-error.ts';
import { follow } from './follow.ts';
import { printLines, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';

type QueueValues = Values<typeof queueOptions>;

/** The queue and the store, which belong together. */
function elsewhereOf({ queue, store, mixed = false }: QueueValues): { readonly elsewhere?: Elsewhere } {
  if (queue === undefined && store === undefined) return {};
  if (queue === undefined || store === undefined) throw new UserError('--queue and --store belong together: give both');
  parseQueue(queue);
  return { elsewhere: { queue, store, ...(mixed ? { mixed } : {}) } };
}

/** The same options for `resume`: they are not kept in the run. */
const elsewhereWords = (values: QueueValues): readonly string[] =>
  (['queue', 'store', 'mixed'] as const).flatMap((key) => {
    const value = values[key];
    return value === undefined ? [] : [value === true ? flagOf(key) : `${flagOf(key)} ${quoted(String(value))}`];
  });

export function readSearch(dataset: string, given: Given<'search'>): SearchOptions {
  const options = optionsFrom(dataset, given);
  const elsewhere = elsewhereOf(given);
  if (given.mixed === true && elsewhere.elsewhere === undefined) throw new UserError('--mixed needs a --queue');
  return {
    ...options,
    ...(given.run === undefined ? {} : { run: given.run }),
    ...(given.vanilla === undefined ? {} : { vanilla: given.vanilla }),
    ...elsewhere,
  };
}

export function searchCommand(dataset: string, given: Given<'search'>, io: Io): Promise<number> {
  const options = readSearch(dataset, given);
  return follow(io, {
    root: null,
    json: given.json === true,
    view: emptyView,
    again: elsewhereWords(given),
    start: (signal, onData, onRun) => search({ ...options, signal, onData, onRun }),
  });
}

export async function resumeCommand(root: string, given: Given<'resume'>, io: Io): Promise<number> {
  const { budget, data, mixed = false } = given;
  const { state } = readRun(root);
  if (state.search.finished && budget === undefined) {
    const lost = await unfittingFiles(root, state);
    printLines(io.err, [
      `${root}: the run is finished; --budget +TIME gives it more time`,
      ...(lost.length === 0 ? [] : [`${root}: ${lost.join(', ')}: missing, damaged or changed, and written again`]),
    ]);
  }
  const options = {
    mixed,
    ...elsewhereOf(given),
    ...(budget === undefined ? {} : { budget }),
    ...(data === undefined ? {} : { data }),
  };
  return follow(io, {
    root,
    json: given.json === true,
    view: viewOf(state),
    again: elsewhereWords(given),
    start: (signal, onData) => resume(root, { ...options, signal, onData }),
  });
}
