/**
 * Runs a study: starts missing runs, resumes stopped ones, and skips finished ones, several side by side. If a run fails, the others
 * continue.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../util/files.ts';
import type { DataEvent } from '../data/source.ts';
import { readConfig, readingOf, type Config } from '../run/record/config.ts';
import type { RunItem } from '../run/driving/drive.ts';
import { folderOf, isRun } from '../run/record/folder.ts';
import { resume, search, type SearchOptions } from '../run/driving/open.ts';
import { readRun } from '../run/record/read.ts';
import { determining } from '../run/driving/shared-start.ts';
import { differingNames, settingNames, valueOf } from '../search/setting-names.ts';
import type { Settings } from '../search/settings.ts';
import { channel } from '../util/channel.ts';
import { RunError, UserError } from '../util/user-error.ts';
import { folderName, type Study } from './file.ts';

export interface PlannedRun {
  /** Null for the shared vanilla network that the others start from. */
  readonly arm: string | null;
  /** From 1. */
  readonly repetition: number;
  /** The name of its folder in the study's folder. */
  readonly folder: string;
  readonly settings: Settings;
}

/** The run of the shared vanilla network, if any, and the other runs. All arms of a repetition come before the next repetition. */
export function plannedRuns(study: Study): { readonly vanilla: PlannedRun | null; readonly runs: readonly PlannedRun[] } {
  const runs = Array.from({ length: study.repetitions }, (_none, index) =>
    study.arms.map(({ name, settings }) => ({
      arm: name,
      repetition: index + 1,
      folder: `${folderName(name)}-${index + 1}`,
      settings: { ...settings, seed: study.seed + index },
    })),
  ).flat();
  const first = study.arms[0];
  if (study.kind === 'vanilla' || first === undefined) return { vanilla: null, runs };
  const { settings } = first;
  const alone: Settings = {
    ...settings,
    method: 'vanilla',
    limits: { ...settings.limits, steps: 0 },
    final: { ...settings.final, epochs: 0 },
    baseline: false,
  };
  return { vanilla: { arm: null, repetition: 1, folder: 'vanilla', settings: alone }, runs };
}

export interface StudyOptions {
  /** The study's folder. */
  readonly root: string;
  /** The number of runs side by side. */
  readonly jobs: number;
  /** The folder of a named dataset; overrides the study's file. */
  readonly data?: string;
  /** The table of labels and its column, in place of the file's. */
  readonly labels?: string;
  readonly labelColumn?: string;
  /** Also resumes runs that were started with another processor, engine or Node. Their bits may then differ. */
  readonly mixed?: boolean;
  readonly signal: AbortSignal;
  readonly onData?: (event: DataEvent) => void;
}

export type StudyItem =
  | { readonly kind: 'begun'; readonly run: PlannedRun; readonly resumed: boolean }
  | { readonly kind: 'item'; readonly run: PlannedRun; readonly item: RunItem }
  /** The run ended; `finished` is false if it was stopped. */
  | { readonly kind: 'ended'; readonly run: PlannedRun; readonly finished: boolean }
  | { readonly kind: 'failed'; readonly run: PlannedRun; readonly message: string };

/** Whether the settings give the batch size. Otherwise small datasets have a smaller one. */
const hasBatch = ({ batchGiven, preset }: Study): boolean => batchGiven || preset === 'paper';

/** Checks that an existing run has the settings of the study's file. */
function checkSame(root: string, { arm, settings }: PlannedRun, config: Config, study: Study): void {
  const { data, engine, settings: own } = config;
  const { fit } = readingOf(config);
  const refuse = (what: string, then: unknown, now: unknown): never => {
    throw new UserError(
      `${root} was started with ${what} ${then}, the file says ${now}: give the study another folder (--folder)`,
    );
  };
  const given = [
    ['the dataset', data.reference, study.dataset],
    ['engine', engine.name, study.engine === 'auto' ? engine.name : study.engine],
    ['imageSize', data.imageSize, study.imageSize],
    ['fit', fit, study.fit ?? fit],
  ] as const;
  for (const [what, then, now] of given) if (then !== now) refuse(what, then, now);
  // For the shared vanilla network, compare only the settings that its training depends on.
  const names = arm === null ? [...determining, 'seed'] : settingNames;
  const [name] = differingNames(own, settings, names).filter((each) => each !== 'batch' || hasBatch(study));
  if (name === undefined) return;
  const [then, now] = [own, settings].map((each) => JSON.stringify(valueOf(each, name)));
  refuse(name, then, now);
}

/** The configurations of the existing runs in a study's folder. */
function configsIn(
  study: Study,
  root: string,
): readonly { readonly run: PlannedRun; readonly folder: string; readonly config: Config }[] {
  const { vanilla, runs } = plannedRuns(study);
  return [...(vanilla === null ? [] : [vanilla]), ...runs].flatMap((run) => {
    const folder = join(root, run.folder);
    return isRun(folder) ? [{ run, folder, config: readConfig(folderOf(folder).config) }] : [];
  });
}

/** Checks the existing runs in a study's folder. Call it before anything is written. */
export function checkFolder(study: Study, root: string): void {
  const all = configsIn(study, root);
  for (const { run, folder, config } of all) {
    checkSame(folder, run, config, study);
    if (config.data.hash !== all[0]?.config.data.hash)
      throw new UserError(`${folder} was started with other images than the other runs of the study`);
  }
}

/** The runs in a study's folder that do not belong to it, such as those of methods that were removed from the file. The folder exists. */
export function strangersIn(study: Study, root: string): readonly string[] {
  const { vanilla, runs } = plannedRuns(study);
  const planned = new Set([vanilla, ...runs].map((run) => run?.folder));
  return readdirSync(root).filter((name) => !planned.has(name) && isRun(join(root, name)));
}

export async function* runStudy(study: Study, options: StudyOptions): AsyncGenerator<StudyItem> {
  const { root, jobs, onData } = options;
  const { vanilla, runs } = plannedRuns(study);
  const left = new AbortController();
  const signal = AbortSignal.any([options.signal, left.signal]);
  makeFolder(root);
  const folder = options.data ?? study.data;
  const labels = options.labels ?? study.labels;
  const labelColumn = options.labelColumn ?? study.labelColumn;
  const shared = vanilla === null ? null : join(root, vanilla.folder);
  const said = onData === undefined ? {} : { onData };
  // Runs that are added later read the images as those before them did.
  const earlier = configsIn(study, root).find(({ config }) => config.data.reading !== undefined)?.config;
  const fit = study.fit ?? (earlier === undefined ? null : readingOf(earlier).fit);

  const searchOptions = (run: PlannedRun): SearchOptions => {
    const { batch: _batch, ...withoutBatch } = run.settings;
    return {
      dataset: study.dataset,
      preset: study.preset,
      settings: hasBatch(study) ? run.settings : withoutBatch,
      engine: study.engine,
      // One worker, also for the vanilla network: its bits must not depend on the number of runs side by side.
      workers: 1,
      run: join(root, run.folder),
      signal,
      ...said,
      ...(folder === null ? {} : { dataFolder: folder }),
      ...(labels === null ? {} : { labels }),
      ...(labelColumn === null ? {} : { labelColumn }),
      ...(study.imageSize === null ? {} : { imageSize: study.imageSize }),
      ...(fit === null ? {} : { fit }),
      ...(run.arm === null || shared === null ? {} : { vanilla: shared }),
    };
  };

  async function follow(run: PlannedRun, put: (item: StudyItem) => void): Promise<void> {
    const path = join(root, run.folder);
    const resumed = isRun(path);
    if (resumed && readRun(path).state.search.finished) return;
    put({ kind: 'begun', run, resumed });
    const events = resumed ? resume(path, { signal, mixed: options.mixed ?? false, ...said }) : search(searchOptions(run));
    for await (const item of events) put({ kind: 'item', run, item });
    put({ kind: 'ended', run, finished: readRun(path).state.search.finished });
  }

  if (vanilla !== null) {
    yield* together([vanilla], 1);
    // The other runs need the vanilla network.
    if (!isRun(shared as string) || !readRun(shared as string).state.search.finished) return;
  }
  yield* together(runs, jobs);

  /** Runs these runs, `lanes` at a time, and yields their items. If the caller stops iterating, the runs are stopped in order. */
  async function* together(all: readonly PlannedRun[], lanes: number): AsyncGenerator<StudyItem> {
    const items = channel<StudyItem | Error | null>();
    const waiting = [...all];
    const lane = async (): Promise<void> => {
      for (;;) {
        const run = signal.aborted ? undefined : waiting.shift();
        if (run === undefined) return;
        try {
          await follow(run, (item) => items.put(item));
        } catch (error) {
          if (signal.aborted && error === signal.reason) return;
          // Errors of a single run do not stop the study. Others are bugs.
          if (!(error instanceof RunError) && !(error instanceof UserError)) return items.put(error as Error);
          items.put({ kind: 'failed', run, message: error.message });
        }
      }
    };
    const open = Array.from({ length: Math.min(lanes, all.length) }, () => lane().finally(() => items.put(null)));
    let done = false;
    try {
      for (let ended = 0; ended < open.length;) {
        const item = await items.take();
        if (item === null) ended++;
        else if (item instanceof Error) throw item;
        else yield item;
      }
      done = true;
    } finally {
      if (!done) left.abort(new Error('left'));
      await Promise.all(open);
    }
  }
}
