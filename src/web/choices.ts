/** What a search can be begun with from the page: data that is on this machine, engines, workers. */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { factsOf } from '../util/files.ts';
import { datasetNames, findSource, usualPlaces, whyMissing } from '../data/resolve.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import { UserError } from '../util/user-error.ts';
import type { Choices, DataChoice } from './api.ts';

/** Whether a name is found without a download. */
async function isHere(name: string, folder: string | null): Promise<boolean> {
  const where = {
    cacheFolder: cacheFolder(),
    environment: process.env,
    ...(folder === null ? {} : { dataFolder: folder }),
  };
  // What would be downloaded is not here: the address leads nowhere.
  const places = { ...usualPlaces, cifar: { ...usualPlaces.cifar, url: 'http://127.0.0.1:9/', patience: 1 } };
  return (await whyMissing(name, where, places, { progress: () => undefined })) === null;
}

/** Folders in `--data` that are data sets themselves. */
async function foldersIn(folder: string): Promise<readonly DataChoice[]> {
  const found: DataChoice[] = [];
  let all: readonly string[];
  try {
    all = readdirSync(folder);
  } catch (error) {
    throw new UserError(`--data ${folder} cannot be read: ${(error as Error).message}`);
  }
  const names = all.filter((name) => !name.startsWith('.') && !datasetNames.includes(name));
  for (const name of names) {
    const path = resolve(folder, name);
    try {
      if ((await factsOf(path))?.kind !== 'folder') continue;
      await findSource(path, { cacheFolder: cacheFolder(), environment: process.env }, usualPlaces, {
        progress: () => undefined,
      });
      found.push({ id: name, name, where: path, options: [path] });
    } catch (error) {
      if (!(error instanceof UserError)) throw error; // Of something else, or leading nowhere.
    }
  }
  return found;
}

export interface OpenChoices extends Choices {
  /** Null where there is no such data set. */
  optionsFor(id: string): readonly string[] | null;
}

/** `folder`: what `instar ui --data` gave. `known`: references of earlier runs, with their `--data`. */
export async function choicesOf(
  folder: string | null,
  known: readonly { readonly name: string; readonly reference: string; readonly folder: string | null }[],
): Promise<OpenChoices> {
  const found = new Map<string, DataChoice>();
  const add = (each: DataChoice): void => {
    if (!found.has(each.id)) found.set(each.id, each);
  };
  for (const name of datasetNames) {
    if (folder !== null && (await isHere(name, folder)))
      add({ id: name, name, where: folder, options: [name, `--data=${resolve(folder)}`] });
    if (await isHere(name, null)) add({ id: name, name, where: 'on this machine', options: [name] });
  }
  if (folder !== null) for (const each of await foldersIn(folder)) add(each);
  for (const { name, reference, folder: own } of known) {
    const named = datasetNames.includes(reference);
    // Where a name leads without a folder was asked above. A path is made whole: none of them begins like an option.
    if (named && own !== null && !found.has(reference) && (await isHere(reference, own)))
      add({ id: reference, name, where: own, options: [reference, `--data=${resolve(own)}`] });
    // One that is not whole would lead elsewhere from here.
    else if (!named && isAbsolute(reference) && existsSync(reference))
      add({ id: `run:${reference}`, name, where: reference, options: [reference] });
  }
  return {
    data: [...found.values()],
    workers: availableParallelism(),
    optionsFor: (id) => found.get(id)?.options ?? null,
  };
}
