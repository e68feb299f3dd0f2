/**
 * The runs and studies below a folder, by the names that requests use: a request names a run, never a path. A row is made
 * again only when its journal has changed.
 */
import { readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isStudy, readStudyIn, studyFile } from '../report/collect-study.ts';
import { conditionOf, openCondition } from '../run/record/read.ts';
import { folderOf, isRun } from '../run/record/folder.ts';
import { bestCandidate, currentParent } from '../search/ranking.ts';
import { candidateOf, lineage, validationOf } from '../search/state.ts';
import { keptRuns, placeOfRun } from '../study/collect.ts';
import { plannedRuns } from '../study/run.ts';
import { factsOfRunFile, isThere } from '../util/run-files.ts';
import { UserError } from '../util/user-error.ts';
import type { RunNotes, RunRow, StudyRow } from './api.ts';
import { attempt, lastLine, logFile, logOf, statOf, versionOf } from './disk.ts';
import { openFeed, type Feed } from './feed.ts';
import { noNotes, notesFile, readNotes } from './notes.ts';
import { gainsByName, settingsOf } from './run-values.ts';

/** All that the folder of a search that did not begin may hold. */
export const remains: readonly string[] = ['log.txt', 'lock', 'checkpoints'];

export type Catalogue = ReturnType<typeof openCatalogue>;

interface CatalogueOptions {
  /** Milliseconds since 1970. */
  now(): number;
  /** Whether a process that this server started in that folder is alive. */
  isStarted(root: string): boolean;
  isWatched(feed: Feed): boolean;
}

/** Milliseconds for which a feed is kept after it was last used. */
const keptFor = 20_000;

export interface RunPlace {
  readonly id: string;
  readonly root: string;
  readonly study: string | null;
}

const longestSparkline = 60;

/** At most so many, evenly spaced, the last one included. */
function thinned(values: readonly number[], most: number): readonly number[] {
  if (values.length <= most) return values;
  return Array.from({ length: most }, (_none, at) => values[Math.round((at * (values.length - 1)) / (most - 1))] as number);
}

/** Of a folder without a readable run. */
const emptyRow = ({ id, root, study }: RunPlace, changed: number): RunRow => ({
  id,
  name: basename(root),
  study,
  state: 'not begun',
  problem: null,
  method: null,
  data: null,
  preset: null,
  seed: null,
  best: null,
  test: null,
  steps: 0,
  seconds: 0,
  budget: null,
  begun: null,
  changed,
  events: 0,
  sparkline: [],
  settings: null,
  gains: {},
  notes: noNotes,
});

function rowOf(place: RunPlace, { state, config, begun, folder }: Feed, changed: number): RunRow {
  const { search } = state;
  const parent = search.candidates.has('vanilla') ? (search.stop?.line ?? currentParent(search)) : null;
  const path = parent === null ? [] : lineage(search, parent);
  const accuracies = path.flatMap(({ epochs }) => epochs.flatMap(({ validation }) => validation?.accuracy ?? []));
  const best = parent === null ? null : candidateOf(search, bestCandidate(search) ?? parent);
  const accuracy = parent === null ? null : ((search.best?.validation ?? validationOf(search, parent))?.accuracy ?? null);
  return {
    ...emptyRow(place, changed),
    state: conditionOf({ state, folder }),
    method: config.settings.method,
    data: config.data.name,
    preset: config.preset,
    seed: config.settings.seed,
    best: best === null ? null : { accuracy, parameters: best.parameters, multiplyAdds: best.multiplyAdds },
    test: search.tests.get('final')?.measured.accuracy ?? null,
    steps: search.steps.filter(({ winner }) => winner !== null).length,
    seconds: state.seconds,
    budget: state.budget ?? config.budget,
    begun,
    events: state.events,
    sparkline: thinned(accuracies, longestSparkline),
    settings: settingsOf(config),
    gains: gainsByName(state),
  };
}

/** Whether the folder holds a run, or only what is left of one that did not begin. */
function isPlace(root: string): boolean {
  if (isRun(root)) return true;
  try {
    return isThere(logFile(root)) && readdirSync(root).every((name) => remains.includes(name));
  } catch {
    return false;
  }
}

interface Places {
  readonly runs: ReadonlyMap<string, RunPlace>;
  readonly studies: ReadonlyMap<string, string>;
}

/** The folders in a folder, links followed. Throws where `path` cannot be read. */
const foldersIn = (path: string): readonly string[] =>
  readdirSync(path).filter((name) => !name.startsWith('.') && (statOf(join(path, name))?.isDirectory() ?? false));

function findPlaces(folder: string): Places {
  const runs = new Map<string, RunPlace>();
  const studies = new Map<string, string>();
  const addRun = (id: string, root: string, study: string | null): void => {
    if (isPlace(root)) runs.set(id, { id, root, study });
  };
  const addStudy = (id: string, root: string): void => {
    studies.set(id, root);
    try {
      const names = foldersIn(root);
      const kept = names.includes(keptRuns) && !isPlace(join(root, keptRuns)) ? foldersIn(join(root, keptRuns)) : [];
      for (const name of [...names, ...kept]) addRun(`${id}/${name}`, placeOfRun(root, name), id);
    } catch (error) {
      if (root === folder) throw error;
    }
  };
  if (isRun(folder)) addRun(basename(folder), folder, null);
  else if (isStudy(folder)) addStudy(basename(folder), folder);
  else
    for (const name of foldersIn(folder)) {
      addRun(name, join(folder, name), null);
      if (isStudy(join(folder, name))) addStudy(name, join(folder, name));
    }
  return { runs, studies };
}

/** Keeps what was made of each folder until its version is another. */
function keptByVersion<T>() {
  const kept = new Map<string, { readonly version: string; readonly value: T }>();
  return {
    get(root: string, version: string, make: () => T): T {
      const known = kept.get(root);
      if (known?.version === version) return known.value;
      const value = make();
      kept.set(root, { version, value });
      return value;
    },
    keepOnly(roots: ReadonlySet<string>): void {
      for (const root of kept.keys()) if (!roots.has(root)) kept.delete(root);
    },
  };
}

interface KnownRow {
  readonly row: RunRow;
  readonly interrupted: boolean;
}

function readPlan(root: string): { readonly title: string; readonly planned: ReadonlySet<string> } {
  const { study } = readStudyIn(root);
  return { title: study.title, planned: new Set(plannedRuns(study).runs.map((run) => run.folder)) };
}

export function openCatalogue(top: string, { now, isStarted, isWatched }: CatalogueOptions) {
  const folder = resolve(top);
  const feeds = new Map<string, { readonly feed: Feed; readonly used: number }>();
  const rows = keptByVersion<KnownRow>();
  const plans = keptByVersion<ReturnType<typeof readPlan>>();
  const notes = keptByVersion<RunNotes>();
  let places: Places = { runs: new Map(), studies: new Map() };

  function look(): void {
    places = attempt(
      () => findPlaces(folder),
      (why) => new UserError(`${folder} cannot be read: ${why}`),
    );
  }

  function dropFeeds(): void {
    for (const [root, { feed, used }] of feeds) if (now() - used > keptFor && !isWatched(feed)) feeds.delete(root);
  }

  function keepFeed(root: string, feed: Feed): Feed {
    feeds.set(root, { feed, used: now() });
    return feed;
  }

  function readRow(place: RunPlace, changed: number): KnownRow {
    const { root } = place;
    try {
      const feed = feeds.get(root)?.feed ?? openFeed(root);
      feed.advance();
      const made = rowOf(place, feed, changed);
      // The journal of a running run will change again: the feed is kept, so that it is read from where it is.
      if (feeds.has(root) || made.state === 'running') keepFeed(root, feed);
      return { row: made, interrupted: feed.state.interrupted };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { row: { ...emptyRow(place, changed), state: 'damaged', problem: error.message }, interrupted: false };
    }
  }

  function row(place: RunPlace): RunRow {
    const { root } = place;
    const { journal, config, lock } = folderOf(root);
    const stats = [config, journal].map(factsOfRunFile);
    if (stats[0] === undefined) {
      const empty = emptyRow(place, factsOfRunFile(logFile(root))?.mtimeMs ?? 0);
      return isStarted(root) ? { ...empty, state: 'starting' } : { ...empty, problem: lastLine(logOf(root, 2000)) };
    }
    const changed = Math.max(...stats.map((each) => each?.mtimeMs ?? 0));
    const known = rows.get(root, stats.map(versionOf).join(), () => readRow(place, changed));
    const own = { ...known.row, notes: notes.get(root, versionOf(factsOfRunFile(notesFile(root))), () => readNotes(root)) };
    // A process may begin or end without an event in the journal.
    const isOpen = ['running', 'not finished', 'interrupted'].includes(own.state);
    return isOpen ? { ...own, state: openCondition(lock, known.interrupted) } : own;
  }

  function studyRow(id: string, root: string, own: readonly RunRow[]): StudyRow {
    const changed = Math.max(0, ...own.map((each) => each.changed));
    try {
      const { title, planned } = plans.get(root, versionOf(factsOfRunFile(studyFile(root))), () => readPlan(root));
      const finished = own.filter(({ state, name }) => state === 'finished' && planned.has(name)).length;
      return { id, title, problem: null, finished, planned: planned.size, changed };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { id, title: basename(root), problem: error.message, finished: 0, planned: own.length, changed };
    }
  }

  return {
    folder,
    /** Reads the folder. */
    list() {
      look();
      dropFeeds();
      const roots = new Set([...places.runs.values()].map(({ root }) => root));
      rows.keepOnly(roots);
      notes.keepOnly(roots);
      const runs = [...places.runs.values()].map(row);
      const ofStudy = (id: string): readonly RunRow[] => runs.filter(({ study }) => study === id);
      return { runs, studies: [...places.studies].map(([id, root]) => studyRow(id, root, ofStudy(id))) };
    },
    /** Makes the rows in advance, one per turn of the event loop, until `signal` is aborted. */
    async warm(signal: AbortSignal): Promise<void> {
      look();
      for (const place of places.runs.values()) {
        if (signal.aborted) return;
        row(place);
        await new Promise((done) => setImmediate(done));
      }
    },
    /** Null where there is no run of that name. */
    run(id: string): RunPlace | null {
      const known = places.runs.get(id);
      if (known === undefined || !isPlace(known.root)) look();
      return places.runs.get(id) ?? null;
    },
    /** The folder of a study; null where there is none of that name. */
    study(id: string): string | null {
      const known = places.studies.get(id);
      if (known === undefined || !isStudy(known)) look();
      return places.studies.get(id) ?? null;
    },
    /** The run's feed, shared by all who ask. A damaged run is a UserError. */
    feed({ root }: RunPlace): Feed {
      if (!feeds.has(root)) dropFeeds();
      return keepFeed(root, feeds.get(root)?.feed ?? openFeed(root));
    },
  };
}
