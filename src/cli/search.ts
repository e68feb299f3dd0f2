/** `instar search`. */
import { basename, join, resolve } from 'node:path';
import { parseQueue } from '../execution/queue/address.ts';
import { newRunName } from '../run/record/folder.ts';
import { search, type Elsewhere, type SearchOptions } from '../run/driving/open.ts';
import { emptyView } from '../run/display/view.ts';
import { presets } from '../search/settings.ts';
import type { MethodName } from '../search/methods/table.ts';
import { quoted } from '../util/quoted.ts';
import { UserError } from '../util/user-error.ts';
import { readAsked } from './asked.ts';
import { follow } from './follow.ts';
import type { Io } from './io.ts';
import type { Given } from './given.ts';

function newFolder(dataset: string, method: MethodName, date: Date): string {
  const name = basename(resolve(dataset))
    .replace(/\.(tar\.gz|tgz)$/, '')
    .replaceAll(/[^\w.-]+/g, '-');
  return join('runs', newRunName(name === '' ? 'run' : name, method, date));
}

/** The queue and the store, which belong together. */
export function elsewhereOf(given: Given): { readonly elsewhere?: Elsewhere } {
  const [queue, store] = [given['queue'], given['store']] as readonly (string | undefined)[];
  const mixed = given['mixed'] === true;
  if (queue === undefined && store === undefined) return {};
  if (queue === undefined || store === undefined)
    throw new UserError('--queue and --store belong together: what is put on the queue travels through the store');
  parseQueue(queue);
  return { elsewhere: { queue, store, ...(mixed ? { mixed } : {}) } };
}

/** The options of these that a run which goes on needs too: they are of the machine, and not of the run. */
export const elsewhereWords = (given: Given): readonly string[] =>
  ['queue', 'store', 'mixed'].flatMap((name) => {
    const value = given[name];
    return value === undefined || value === false ? [] : value === true ? [`--${name}`] : [`--${name} ${quoted(String(value))}`];
  });

/** Of a new search, in which no other bits can be mixed. */
function elsewhereFor(given: Given): { readonly elsewhere?: Elsewhere } {
  const found = elsewhereOf(given);
  if (given['mixed'] === true && found.elsewhere === undefined)
    throw new UserError('--mixed lets workers of a --queue differ, and there is none');
  return found;
}

export function readSearch(dataset: string, given: Given, date: Date): SearchOptions & { readonly run: string } {
  const asked = readAsked(dataset, given);
  const [run, vanilla] = [given['run'], given['vanilla']] as (string | undefined)[];
  return {
    ...asked,
    run: run ?? newFolder(dataset, asked.settings.method ?? presets[asked.preset].method, date),
    ...(vanilla === undefined ? {} : { vanilla }),
    ...elsewhereFor(given),
  };
}

export function searchCommand(dataset: string, given: Given, io: Io): Promise<number> {
  const options = readSearch(dataset, given, io.date());
  return follow(
    {
      root: options.run,
      json: given['json'] === true,
      view: emptyView,
      again: elsewhereWords(given),
      start: (signal, onData) => search({ ...options, signal, onData }),
    },
    io,
  );
}
