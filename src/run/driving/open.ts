/** Starts a run from options, or resumes one from its folder. Errors are thrown before anything is written. */
import { existsSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { readDataset } from '../../data/read.ts';
import { cacheFile, loadDataset, type SpareCache } from '../../data/cache.ts';
import { leftOutLine, type LeftOut } from '../../data/left-out.ts';
import { writeWhole } from '../../util/files.ts';
import { printable } from '../../util/words.ts';
import type { Dataset } from '../../data/dataset.ts';
import { bitsOf, describeBits } from '../../engine/bits.ts';
import { openEngine } from '../../engine/open.ts';
import { createPool, type Pool } from '../../execution/pool.ts';
import { parseQueue } from '../../execution/queue/address.ts';
import { openBroker, reachQueue } from '../../execution/queue/broker.ts';
import { heterogeneousQueue, queueName } from '../../execution/queue/messages.ts';
import { createQueuePool } from '../../execution/queue/pool.ts';
import { openCheckedStore, openStore } from '../../execution/store/open.ts';
import type { Network } from '../../network/network.ts';
import type { Origin } from '../../search/next.ts';
import { passesOf } from '../../search/passes.ts';
import { fileCheckpoints, writeState } from '../../training/checkpoint.ts';
import { sha256 } from '../../util/hash.ts';
import { hasOwnFolder, readRunText } from '../../util/run-files.ts';
import { UserError } from '../../util/user-error.ts';
import { version } from '../../util/version.ts';
import {
  begin,
  cacheFolder,
  defaultPatience,
  machine,
  type AskedOptions,
  type Beginning,
  type Common,
} from '../preparing/begin.ts';
import { configOf } from '../preparing/config-of.ts';
import { contextOf } from '../preparing/check.ts';
import { unfittingFiles } from '../record/best.ts';
import { beginChain } from '../record/chain.ts';
import { bitsOfRun, readingOf, type Config } from '../record/config.ts';
import { drive, type RunItem } from './drive.ts';
import { collectCheckpoints, folderOf, givenCheckpoint, isRun, type Folder } from '../record/folder.ts';
import { format, Journal, journalText } from '../record/journal.ts';
import { liveFile } from '../display/live.ts';
import { lockRun } from '../record/lock.ts';
import { startFrom } from '../preparing/origin.ts';
import { cacheInRun, cacheOfNewRun, type TemporaryCache } from '../preparing/spare-cache.ts';
import { readRun } from '../record/read.ts';
import { emptyRun, entryOf, replayEntry, type RunState } from '../record/replay.ts';
import { createRecorder, type Recorded } from './recorder.ts';
import { makeRunFolder, refuseRun } from './run-folder.ts';
import { takeVanilla } from './shared-start.ts';
import type { Entry, RunEvent } from '../record/events.ts';

export interface Elsewhere {
  /** `redis://HOST`, `rediss://HOST`, `postgres://USER@HOST/DATABASE`; a password comes from the environment. */
  readonly queue: string;
  /** `file:DIR` or `s3://bucket/prefix`. */
  readonly store: string;
  /** Whether workers whose bits would differ may take part; then the journal says who computed what. */
  readonly mixed?: boolean;
}

interface Placed {
  /** Where jobs are put for workers on other machines, and what they travel through. Default: workers on this machine. */
  readonly elsewhere?: Elsewhere;
}

export interface SearchOptions extends AskedOptions, Placed {
  /** A run of the same data and settings, whose trained vanilla network is taken over; the seed may be another. */
  readonly vanilla?: string;
  /** The run's folder. Default: a new one in `runs/`. */
  readonly run?: string;
  /** Called with that folder once it is there. */
  readonly onRun?: (root: string) => void;
}

export interface ResumeOptions extends Common, Placed {
  /** More seconds. */
  readonly budget?: number;
  /** Whether to resume with another engine, processor or Node than the run was started with; then the bits may differ. */
  readonly mixed?: boolean;
  /** Where the run's data lies now: a path, or the folder of a named data set. Missing: where it was. */
  readonly data?: string;
}

/** Lists the images that could not be read, where there are any. */
async function writeLeftOut({ leftOut: path }: Folder, files: readonly LeftOut[], onData: Common['onData']): Promise<void> {
  if (files.length === 0) return;
  const lines = files.map((file) => `${printable(leftOutLine(file))}\n`);
  await writeWhole(path, [new TextEncoder().encode(lines.join(''))]);
  onData?.({
    kind: 'note',
    message: `${path} lists ${files.length === 1 ? 'the image' : `all ${files.length} images`} left out`,
  });
}

/**
 * A new search, as its events: each entry of its journal after it was written, and what is told in between. Ends with the
 * search; leaving the loop early, or aborting the signal, ends it in order.
 */
export async function* search(options: SearchOptions): AsyncGenerator<RunItem> {
  const begun = performance.now();
  if (options.run !== undefined) refuseRun(options.run);
  if (options.from !== undefined && options.vanilla !== undefined)
    throw new UserError('--vanilla and --from both give the start network: use one of them');
  if (options.budget !== undefined && options.vanilla !== undefined)
    throw new UserError('--budget plans the training of the start network, and --vanilla gives a trained one: use one of them');
  const note = (message: string): void => options.onData?.({ kind: 'note', message });
  if (options.elsewhere !== undefined) await reach(options.elsewhere, note);
  const spare = cacheOfNewRun(options.run);
  try {
    yield* searchFrom(await begin(options, spare), spare, options, begun);
  } finally {
    spare.remove();
  }
}

async function* searchFrom(
  beginning: Beginning,
  spare: TemporaryCache,
  options: SearchOptions,
  begun: number,
): AsyncGenerator<RunItem> {
  const { engine, engineName, dataset, settings, prepared } = beginning;
  const size = (given: Network): number =>
    settings.batch / (passesOf(contextOf(dataset, settings, null, engineName), given).passes ?? 1);
  const started = prepared === null ? null : await startFrom(prepared, engine, dataset, settings, size(prepared.network));
  for (const message of started?.notes ?? []) options.onData?.({ kind: 'note', message });

  const made = makeRunFolder(options.run, dataset.name, settings.method, new Date());
  const { root } = made;
  const folder = folderOf(root);
  hasOwnFolder(folder.checkpoints);
  const release = lockRun(folder.lock);
  let hasBegun = false;
  try {
    // Another search may have begun and ended here since it was asked.
    hasBegun = isRun(root);
    refuseRun(root);
    options.onRun?.(root);
    await writeLeftOut(folder, beginning.leftOut, options.onData);
    const { compared = null } = started ?? {};
    const origin =
      started === null
        ? null
        : { network: started.network, checkpoint: await fileCheckpoints(folder.checkpoints).write(started), compared };
    const path = spare.moveTo(resolve(folder.cache), beginning.path);
    const config = configOf(options, { ...beginning, path }, origin);
    const context = contextOf(dataset, settings, origin, engineName, config.times);
    const taken = options.vanilla === undefined ? [] : await takeVanilla(options.vanilla, config, folder, context);
    const events: readonly RunEvent[] = [{ type: 'run', format, instar: version }, ...taken];
    const entries: Entry[] = [];
    let replayed = emptyRun;
    for (const event of events) {
      const entry = entryOf(replayed, event, 0);
      entries.push(entry);
      replayed = replayEntry(replayed, entry);
    }
    // Whole and before the configuration, which makes the folder a run: none begins with a part of another's network.
    const written = `${JSON.stringify(config, null, 2)}\n`;
    const { text, chain } = journalText(entries, beginChain(JSON.parse(written)));
    await writeState(folder.journal, text);
    await writeState(folder.config, written);
    const journal = new Journal(folder.journal, Buffer.byteLength(text), chain);
    try {
      yield* entries;
      for await (const item of go({ folder, config, journal, state: replayed, dataset, origin, begun }, options, [])) {
        hasBegun = true;
        yield item;
      }
    } finally {
      journal.close();
    }
  } catch (error) {
    // A run that was refused leaves nothing behind; one that failed can be resumed.
    if (!hasBegun && (error instanceof UserError || !isRun(root))) made.remove();
    throw error;
  } finally {
    release();
  }
}

interface Going extends Omit<Recorded, 'elapsed'> {
  readonly dataset: Dataset;
  /** Null: the search starts from the vanilla network. */
  readonly origin: Origin | null;
  /** By the clock. */
  readonly begun: number;
}

/** That queue and store are there, before anything is written. */
async function reach({ queue, store }: Elsewhere, say: (line: string) => void): Promise<void> {
  await openCheckedStore(store);
  await reachQueue(parseQueue(queue), process.env, say);
}

/** The run's jobs on a queue, under names that follow from the run alone. */
async function poolElsewhere(
  folder: Folder,
  config: Config,
  { queue, store, mixed = false }: Elsewhere,
  say: (line: string) => void,
): Promise<Pool> {
  const first = readRunText(folder.journal).toString('utf8').split('\n', 1)[0] ?? '';
  const address = parseQueue(queue);
  await reachQueue(address, process.env, say);
  return createQueuePool({
    broker: await openBroker(address, process.env),
    store: await openStore(store),
    queue: mixed ? heterogeneousQueue : queueName(bitsOfRun(config)),
    run: sha256(readRunText(folder.config), first).slice(0, 16),
    checkpoints: folder.checkpoints,
    say,
  });
}

async function* go(
  { folder, config, journal, state: replayed, dataset, origin, begun }: Going,
  { signal, patience = defaultPatience, elsewhere, onData }: Common & Placed,
  opening: readonly RunEvent[],
): AsyncGenerator<RunItem> {
  const elapsed = (): number => replayed.seconds + (performance.now() - begun) / 1000;
  let state = replayed;
  for (const event of opening) {
    const entry = entryOf(state, event, elapsed());
    journal.append(entry);
    state = replayEntry(state, entry);
    yield entry;
  }
  const pool =
    elsewhere === undefined
      ? createPool({ checkpoints: folder.checkpoints, patience })
      : await poolElsewhere(folder, config, elsewhere, (message) => onData?.({ kind: 'note', message }));
  const live = liveFile(
    folder.live,
    () => performance.now(),
    () => pool.elsewhere?.(),
  );
  // Where all jobs wait for a worker, nothing else says so.
  const looking = elsewhere === undefined ? undefined : setInterval(() => live.look(elapsed()), 1000);
  try {
    const items = drive({
      folder,
      config,
      journal,
      pool,
      state,
      elapsed,
      contextFor: (settings) => contextOf(dataset, settings, origin, config.engine.name, config.times),
      signal: signal ?? new AbortController().signal,
    });
    for await (const item of items) {
      if (item.type === 'progress') live.tell(item, elapsed());
      else if ('line' in item && item.type !== 'task') live.ended(item.line);
      yield item;
    }
  } finally {
    clearInterval(looking);
    await live.close();
  }
}

/** The files that may have the run's decoded data, of those that are there: what the run began with, its own, that of this machine. */
export function cachedDataOf(root: string, { data: { path, hash } }: Config): readonly string[] {
  const { cache } = folderOf(root);
  const own = hasOwnFolder(cache) ? [cacheFile(cache, hash)] : [];
  return [...new Set([path, ...own, cacheFile(cacheFolder(), hash)])].filter((each) => existsSync(each));
}

/** A table of labels in the folder or archive of the images moves with it. */
function movedTable(file: string, before: string, now: string): string {
  if (!file.startsWith(before + sep)) return file;
  const inside = relative(before, file);
  return existsSync(join(now, inside)) ? join(now, inside) : inside;
}

/**
 * The run's data, and the file that workers read it from: in the cache that the run began with, in its own folder, or in the cache of
 * this machine. `given`: where the data lies now, a path or the folder of a named data set.
 */
export async function dataOf(
  root: string,
  config: Config,
  spare: SpareCache,
  onData?: Common['onData'],
  given?: string,
): Promise<{ dataset: Dataset; path: string }> {
  const { data, from } = config;
  const { hash, reference, where, imageSize, folder, labels = {} } = data;
  for (const path of cachedDataOf(root, config))
    try {
      return { dataset: await loadDataset(path, hash), path };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  // No cache has it, or what it has is damaged: the data is decoded again and must be the same.
  const isNamed = where === undefined;
  const place = {
    cacheFolder: cacheFolder(),
    environment: process.env,
    dataFolder: (isNamed ? given : undefined) ?? folder ?? undefined,
  };
  const size = { imageSize: imageSize ?? undefined, folderSize: from?.imageSize ?? undefined };
  const source = isNamed ? reference : (given ?? where);
  const file = where === undefined || labels.file === undefined ? undefined : movedTable(labels.file, where, source);
  const how = { reading: readingOf(config), labels: { file, column: labels.column } };
  const hint = `; 'instar resume RUN --data PATH' says where the run's data lies now`;
  const read = await readDataset(source, { ...place, ...size, ...how, spare, progress: onData, machine: machine() }).catch(
    (error: unknown) => {
      throw error instanceof UserError && given === undefined ? new UserError(`${error.message}${hint}`) : error;
    },
  );
  if (read.dataset.hash !== hash)
    throw new UserError(`${source}: the data is not that of the run's beginning${given === undefined ? hint : ''}`);
  return read;
}

function extend(state: RunState, config: Config, more: number): RunEvent[] {
  // Before the plan is made, the configuration alone knows the budget.
  const before = state.budget ?? config.budget;
  if (before === null) throw new UserError('--budget +TIME: the run has no budget; steps and epochs limit it');
  const budget = before + more;
  const { finished, stop } = state.search;
  /** Of the added time, what the search gets where it goes on. */
  const share = 0.6;
  if (finished) return [{ type: 'extended', budget, searchUntil: state.seconds + share * more }, { type: 'reopened' }];
  const until = state.searchUntil ?? 0;
  return [{ type: 'extended', budget, searchUntil: stop === null ? until + share * more : until }];
}

/** The given network of a run: from its first event, or before that from its checkpoint. */
async function originOf(folder: Folder, { from }: Config, state: RunState): Promise<Origin | null> {
  if (from === null) return null;
  const { checkpoint, compared } = from;
  const network =
    state.search.candidates.get('vanilla')?.network ?? (await fileCheckpoints(folder.checkpoints).read(checkpoint)).network;
  return { network, checkpoint, compared };
}

/** Writes the files of a finished run's network again, where they were lost or damaged. */
async function* bestAgain(
  run: Pick<Recorded, 'folder' | 'config' | 'state'>,
  { length, chain }: ReturnType<typeof readRun>['replay'],
): AsyncGenerator<RunItem> {
  const journal = new Journal(run.folder.journal, length, chain);
  try {
    const entry = await createRecorder({ ...run, journal, elapsed: () => run.state.seconds }).keepBest();
    if (entry !== null) yield entry;
  } finally {
    journal.close();
  }
}

/** Resumes a run where its journal ends. */
export async function* resume(root: string, options: ResumeOptions = {}): AsyncGenerator<RunItem> {
  const begun = performance.now();
  if (!isRun(root)) throw new UserError(`${root} holds no run (${folderOf(root).config} is missing)`, 'INSTAR_NOT_FOUND');
  hasOwnFolder(folderOf(root).checkpoints);
  const release = lockRun(folderOf(root).lock);
  try {
    const { folder, config, replay: read, state } = readRun(root);
    const { name, device } = config.engine;
    const { fingerprint } = await openEngine(name, { threads: 1, environment: process.env, device });
    const then = describeBits(bitsOfRun(config));
    const now = describeBits(bitsOf(fingerprint, process.versions.node));
    if (then !== now && options.mixed !== true)
      throw new UserError(`${root} was computed by ${then}; here it is ${now}: the bits would differ (--mixed resumes anyway)`);
    const opening: RunEvent[] = [];
    if (read.entries.length === 0) opening.push({ type: 'run', format, instar: version });
    opening.push({ type: 'resumed', cut: read.torn, mixed: then !== now });
    if (options.budget !== undefined) opening.push(...extend(state, config, options.budget));
    else if (state.search.finished) {
      // It may have been ended between its last event and its tidying up.
      collectCheckpoints(folder, state.search, givenCheckpoint(config));
      if ((await unfittingFiles(root, state)).length > 0) yield* bestAgain({ folder, config, state }, read);
      return;
    }
    const { dataset, path } = await dataOf(root, config, cacheInRun(folder.cache), options.onData, options.data);
    const here: Config = { ...config, data: { ...config.data, path } };
    const journal = new Journal(folder.journal, read.length, read.chain);
    try {
      const origin = await originOf(folder, config, state);
      yield* go({ folder, config: here, journal, state, dataset, origin, begun }, options, opening);
    } finally {
      journal.close();
    }
  } finally {
    release();
  }
}
