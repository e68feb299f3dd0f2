/** What the form of a search offers: datasets that are on this machine, engines, workers. */
import { existsSync, readdirSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { factsOf, type FileFacts } from '../util/files.ts';
import { datasetNames, findSource, defaultLocations, whyMissing } from '../data/resolve.ts';
import { usableProcessors } from '../execution/resources.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import { UserError } from '../util/user-error.ts';
import { inDataFolder, type DataChoice } from './api.ts';
import { mayBeData, placeIn } from './data-folder.ts';
import { attempt } from './disk.ts';

const here = () => ({ cacheFolder: cacheFolder(), environment: process.env });
const quiet = { progress: () => undefined };

/** Whether a dataset is found without a download. */
async function isHere(name: string, folder: string | null): Promise<boolean> {
  // No server answers at this address, so nothing is downloaded.
  const places = { ...defaultLocations, cifar: { ...defaultLocations.cifar, url: 'http://127.0.0.1:9/', patience: 1 } };
  return (await whyMissing(name, folder === null ? here() : { ...here(), dataFolder: folder }, places, quiet)) === null;
}

/** Whether a folder, with the folders in it, has more than so many entries; no more of them are read. */
async function hasMore(folder: string, entries: number): Promise<boolean> {
  const folders = [folder];
  let count = 0;
  for (const path of folders)
    for await (const entry of await opendir(path)) {
      if (++count > entries) return true;
      if (entry.isDirectory()) folders.push(join(path, entry.name));
    }
  return false;
}

/**
 * Entries of a folder and bytes of a file up to which it is looked into. What is larger is offered as it is: whether it is a dataset is
 * found when a search begins with it, which says what is wrong.
 */
const mostEntries = 5000;
const mostBytes = 2 ** 24;

async function isLarge(path: string, facts: FileFacts): Promise<boolean> {
  if (facts.kind === 'file') return facts.size > mostBytes;
  // What cannot be read is no dataset, as is found next.
  return hasMore(path, mostEntries).catch(() => false);
}

/** What is in `--data`: folders, archives, tables and Parquet files that are datasets. */
async function foldersIn(folder: string): Promise<readonly DataChoice[]> {
  const found: DataChoice[] = [];
  const all = attempt(
    () => readdirSync(folder),
    (why) => new UserError(`--data ${folder} cannot be read: ${why}`),
  );
  for (const name of all.filter((each) => !each.startsWith('.') && !datasetNames.includes(each))) {
    const path = resolve(folder, name);
    try {
      const facts = await factsOf(path);
      if (facts?.kind !== 'folder' && !(facts?.kind === 'file' && mayBeData(name))) continue;
      if (!(await isLarge(path, facts))) await findSource(path, here(), defaultLocations, quiet);
      found.push({ id: name, name, where: path, options: [path] });
    } catch (error) {
      if (!(error instanceof UserError)) throw error; // Not a dataset, or a broken link.
    }
  }
  return found;
}

export type OpenChoices = Awaited<ReturnType<typeof choicesOf>>;

/** `folder`: of `instar ui --data`. `known`: the datasets of earlier runs, with their `--data`. */
export async function choicesOf(
  folder: string | null,
  known: readonly { readonly name: string; readonly reference: string; readonly folder: string | null }[],
) {
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
    // An absolute path does not begin like an option.
    if (named && own !== null && !found.has(reference) && (await isHere(reference, own)))
      add({ id: reference, name, where: own, options: [reference, `--data=${resolve(own)}`] });
    // A relative path would lead elsewhere from here.
    else if (!named && isAbsolute(reference) && existsSync(reference))
      add({ id: `run:${reference}`, name, where: reference, options: [reference] });
  }
  return {
    data: [...found.values()],
    workers: usableProcessors(),
    folder: folder === null ? null : resolve(folder),
    /** Null where there is no such dataset; a UserError for a path that does not lead into the data folder. */
    async optionsFor(id: string): Promise<readonly string[] | null> {
      if (!id.startsWith(inDataFolder) || folder === null) return found.get(id)?.options ?? null;
      return [await placeIn(folder, id.slice(inDataFolder.length))];
    },
  };
}
