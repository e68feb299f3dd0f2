/**
 * The runs and studies below a folder, by names that requests may use: whatever is asked for is looked up here, so that no
 * path of a request reaches the disk. Rows are made anew only where a journal has changed.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readSync, statSync, type Stats } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isStudy, readStudyFile, studyFile } from '../report/collect-study.ts';
import { conditionOf, openCondition } from '../run/record/condition.ts';
import { folderOf, isRun } from '../run/record/folder.ts';
import { bestCandidate, currentParent } from '../search/ranking.ts';
import { lineage, candidateOf, validationOf } from '../search/state.ts';
import { plannedRuns } from '../study/run.ts';
import { UserError } from '../util/user-error.ts';
import type { RunRow, StudyRow } from './api.ts';
import { openFeed, type Feed } from './feed.ts';

/** What a search that was begun here says, beside its run. */
export const logFile = (root: string): string => join(root, 'log.txt');

/** What stands in the folder of a search that did not begin, at most. */
export const beginnings: readonly string[] = ['log.txt', 'lock', 'checkpoints'];

export interface RunPlace {
  readonly id: string;
  readonly root: string;
  readonly study: string | null;
}

export interface Catalogue {
  readonly folder: string;
  /** Looks at the disk. */
  list(): { readonly runs: readonly RunRow[]; readonly studies: readonly StudyRow[] };
  /** Makes the rows beforehand, one at a time between whatever else is asked, until `signal` says that it is enough. */
  warm(signal: AbortSignal): Promise<void>;
  /** Null where there is none of that name. */
  run(id: string): RunPlace | null;
  study(id: string): string | null;
  /** The run as it goes on, shared; a UserError where it is damaged. */
  feed(place: RunPlace): Feed;
}

/** A feed that nobody asked for so long is let go, in milliseconds. */
const keptFor = 20_000;
const longestSparkline = 60;

/** At most so many, evenly taken, the last among them. */
function thinned(values: readonly number[], most: number): readonly number[] {
  if (values.length <= most) return values;
  return Array.from({ length: most }, (_none, at) => values[Math.round((at * (values.length - 1)) / (most - 1))] as number);
}

function emptyRow({ id, root, study }: RunPlace, changed: number): RunRow {
  return {
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
  };
}

function rowOf(place: RunPlace, { state, config, begun, folder }: Feed, changed: number): RunRow {
  const { search } = state;
  const grown = search.candidates.has('vanilla') ? (search.stop?.line ?? currentParent(search)) : null;
  const best = bestCandidate(search) ?? grown;
  const line = best === null ? null : candidateOf(search, best);
  const way = grown === null ? [] : lineage(search, grown);
  const accuracies = way.flatMap(({ epochs }) => epochs.flatMap(({ validation }) => validation?.accuracy ?? []));
  return {
    ...emptyRow(place, changed),
    state: conditionOf({ state, folder }),
    method: config.settings.method,
    data: config.data.name,
    preset: config.preset,
    seed: config.settings.seed,
    best:
      line === null || grown === null
        ? null
        : {
            line: line.id,
            accuracy: validationOf(search, grown)?.accuracy ?? null,
            parameters: line.parameters,
            multiplyAdds: line.multiplyAdds,
          },
    test: search.tests.get('final')?.measured.accuracy ?? null,
    steps: search.steps.filter(({ winner }) => winner !== null).length,
    seconds: state.seconds,
    budget: state.budget ?? config.budget,
    begun,
    events: state.events,
    sparkline: thinned(accuracies, longestSparkline),
  };
}

/** The end of a text file; empty where there is none. A link is not followed: a log is written here and is none. */
export function endOf(path: string, bytes: number): string {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const facts = fstatSync(file);
      if (!facts.isFile()) return '';
      const buffer = Buffer.alloc(Math.min(bytes, facts.size));
      const count = readSync(file, buffer, 0, buffer.length, facts.size - buffer.length);
      // Not from the middle of a letter.
      let from = 0;
      while (from < count && facts.size > bytes && ((buffer[from] as number) & 0xc0) === 0x80) from++;
      return buffer.toString('utf8', from, count);
    } finally {
      closeSync(file);
    }
  } catch {
    return ''; // No such file.
  }
}

/** Undefined where nothing is, or nothing that may be looked at. */
function factsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

export interface Surroundings {
  /** Milliseconds since 1970. */
  now(): number;
  /** Whether a process that was started from here in that folder is alive. */
  isStarted(root: string): boolean;
  isWatched(feed: Feed): boolean;
}

/** Whether the folder holds a run, or what is left of one that did not begin, and nothing else. */
function isPlace(root: string): boolean {
  if (isRun(root)) return true;
  try {
    return existsSync(logFile(root)) && readdirSync(root).every((name) => beginnings.includes(name));
  } catch {
    return false;
  }
}

export function openCatalogue(top: string, { now, isStarted, isWatched }: Surroundings): Catalogue {
  const folder = resolve(top);
  const runs = new Map<string, RunPlace>();
  const studies = new Map<string, string>();
  const feeds = new Map<string, { readonly feed: Feed; asked: number }>();
  const rows = new Map<string, { readonly key: string; readonly row: RunRow; readonly interrupted: boolean }>();
  const plans = new Map<string, { readonly key: string; readonly title: string; readonly planned: ReadonlySet<string> }>();

  /** Folders in it, links followed; what cannot be looked at is none. */
  function foldersIn(path: string): readonly string[] {
    let names: readonly string[];
    try {
      names = readdirSync(path);
    } catch (error) {
      if (path === folder) throw new UserError(`${path} cannot be read: ${(error as Error).message}`);
      return [];
    }
    return names.filter((name) => !name.startsWith('.') && (factsOf(join(path, name))?.isDirectory() ?? false));
  }

  function look(): void {
    runs.clear();
    studies.clear();
    if (isRun(folder)) {
      runs.set(basename(folder), { id: basename(folder), root: folder, study: null });
      return;
    }
    const addStudy = (id: string, root: string): void => {
      studies.set(id, root);
      for (const name of foldersIn(root)) {
        const path = join(root, name);
        if (isPlace(path)) runs.set(`${id}/${name}`, { id: `${id}/${name}`, root: path, study: id });
      }
    };
    if (isStudy(folder)) return addStudy(basename(folder), folder);
    for (const name of foldersIn(folder)) {
      const path = join(folder, name);
      if (isPlace(path)) runs.set(name, { id: name, root: path, study: null });
      if (isStudy(path)) addStudy(name, path);
    }
  }

  function letGo(): void {
    for (const [root, { feed: each, asked }] of feeds) if (now() - asked > keptFor && !isWatched(each)) feeds.delete(root);
  }

  function feed(place: RunPlace): Feed {
    const kept = feeds.get(place.root);
    if (kept !== undefined) {
      kept.asked = now();
      return kept.feed;
    }
    letGo();
    const made = openFeed(place.root);
    feeds.set(place.root, { feed: made, asked: now() });
    return made;
  }

  function row(place: RunPlace): RunRow {
    const { root } = place;
    const { journal, config, lock } = folderOf(root);
    const facts = [config, journal].map(factsOf);
    const changed = Math.max(0, ...facts.map((each) => each?.mtimeMs ?? 0));
    if (facts[0] === undefined) {
      const text = endOf(logFile(root), 2000).trim();
      const problem = text.split('\n').at(-1) ?? '';
      const logged = factsOf(logFile(root))?.mtimeMs ?? 0;
      const empty = emptyRow(place, logged);
      return isStarted(root) ? { ...empty, state: 'starting' } : { ...empty, problem };
    }
    const key = facts.map((each) => `${each?.ino} ${each?.size} ${each?.mtimeMs}`).join();
    let known = rows.get(root);
    if (known?.key !== key) {
      try {
        const from = feeds.get(root)?.feed ?? openFeed(root);
        from.advance();
        known = { key, row: rowOf(place, from, changed), interrupted: from.state.interrupted };
        // It will change again, and goes on from there and not from the start.
        const kept = feeds.get(root);
        if (kept !== undefined) kept.asked = now();
        else if (known.row.state === 'running') feeds.set(root, { feed: from, asked: now() });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        const damaged: RunRow = { ...emptyRow(place, changed), state: 'damaged', problem: error.message };
        known = { key, row: damaged, interrupted: false };
      }
      rows.set(root, known);
    }
    const { row: made, interrupted } = known;
    // A process may begin or end without a word in the journal.
    const isOpen = made.state === 'running' || made.state === 'not finished' || made.state === 'interrupted';
    return isOpen ? { ...made, state: openCondition(lock, interrupted) } : made;
  }

  function studyRow(id: string, root: string, own: readonly RunRow[]): StudyRow {
    const changed = Math.max(0, ...own.map((each) => each.changed));
    try {
      const facts = factsOf(studyFile(root));
      const key = `${facts?.ino} ${facts?.size} ${facts?.mtimeMs}`;
      let known = plans.get(root);
      if (known?.key !== key) {
        const { study } = readStudyFile(studyFile(root));
        known = { key, title: study.title, planned: new Set(plannedRuns(study).runs.map((run) => run.folder)) };
        plans.set(root, known);
      }
      const { title, planned } = known;
      const finished = own.filter(({ state, name }) => state === 'finished' && planned.has(name)).length;
      return { id, title, problem: null, finished, planned: planned.size, changed };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { id, title: basename(root), problem: error.message, finished: 0, planned: own.length, changed };
    }
  }

  return {
    folder,
    list() {
      look();
      letGo();
      const there = new Set([...runs.values()].map(({ root }) => root));
      for (const root of rows.keys()) if (!there.has(root)) rows.delete(root);
      const all = [...runs.values()].map(row);
      return {
        runs: all,
        studies: [...studies].map(([id, root]) =>
          studyRow(
            id,
            root,
            all.filter(({ study }) => study === id),
          ),
        ),
      };
    },
    async warm(signal) {
      look();
      // As they are now: who asks for the list meanwhile looks anew.
      const places = [...runs.values()];
      for (const place of places) {
        if (signal.aborted) return;
        row(place);
        await new Promise((done) => setImmediate(done));
      }
    },
    run(id) {
      const known = runs.get(id);
      if (known === undefined || !isPlace(known.root)) look();
      return runs.get(id) ?? null;
    },
    study(id) {
      const known = studies.get(id);
      if (known === undefined || !isStudy(known)) look();
      return studies.get(id) ?? null;
    },
    feed,
  };
}

/** What the search in that folder has said, the last of it. */
export const logOf = (root: string): string => (existsSync(logFile(root)) ? endOf(logFile(root), 64 << 10) : '');
