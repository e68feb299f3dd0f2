/**
 * The runs and studies below a folder, by names that requests may use: whatever is asked for is looked up here, so that no
 * path of a request reaches the disk. Rows are made anew only where a journal has changed.
 */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isStudy, readStudyFile, studyFile } from '../report/collect-study.ts';
import { conditionOf, openCondition } from '../run/condition.ts';
import { folderOf, isRun } from '../run/folder.ts';
import { bestLine, currentParent } from '../search/standing.ts';
import { lineage, lineOf, validationOf } from '../search/state.ts';
import { plannedRuns } from '../study/run.ts';
import { UserError } from '../util/user-error.ts';
import type { RunRow, StudyRow } from './api.ts';
import { openFeed, type Feed } from './feed.ts';

/** What a search that was begun here says, beside its run. */
export const logFile = (root: string): string => join(root, 'log.txt');

export interface RunPlace {
  readonly id: string;
  readonly root: string;
  readonly study: string | null;
}

export interface Catalogue {
  readonly folder: string;
  /** Looks at the disk. */
  list(): { readonly runs: readonly RunRow[]; readonly studies: readonly StudyRow[] };
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
  const grown = search.lines.has('vanilla') ? (search.stop?.line ?? currentParent(search)) : null;
  const best = bestLine(search) ?? grown;
  const line = best === null ? null : lineOf(search, best);
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

/** The end of a text file; empty where there is none. */
export function endOf(path: string, bytes: number): string {
  try {
    const { size } = statSync(path);
    const file = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(Math.min(bytes, size));
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8');
    } finally {
      closeSync(file);
    }
  } catch {
    return ''; // No such file.
  }
}

export interface Surroundings {
  /** Milliseconds since 1970. */
  now(): number;
  /** Whether a process that was started from here in that folder is alive. */
  isStarted(root: string): boolean;
  isWatched(feed: Feed): boolean;
}

export function openCatalogue(top: string, { now, isStarted, isWatched }: Surroundings): Catalogue {
  const folder = resolve(top);
  const runs = new Map<string, RunPlace>();
  const studies = new Map<string, string>();
  const feeds = new Map<string, { readonly feed: Feed; asked: number }>();
  const rows = new Map<string, { readonly key: string; readonly row: RunRow }>();

  /** Folders in it, links followed; what cannot be looked at is none. */
  function foldersIn(path: string): readonly string[] {
    let names: readonly string[];
    try {
      names = readdirSync(path);
    } catch (error) {
      if (path === folder) throw new UserError(`${path} cannot be read: ${(error as Error).message}`);
      return [];
    }
    return names.filter(
      (name) => !name.startsWith('.') && (statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory() ?? false),
    );
  }

  const isPlace = (root: string): boolean => isRun(root) || existsSync(logFile(root));

  function look(): void {
    runs.clear();
    studies.clear();
    if (isRun(folder)) {
      runs.set(basename(folder), { id: basename(folder), root: folder, study: null });
      return;
    }
    const inside = (root: string, prefix: string, study: string | null): void => {
      for (const name of foldersIn(root)) {
        const [id, path] = [`${prefix}${name}`, join(root, name)];
        if (isPlace(path)) runs.set(id, { id, root: path, study });
      }
    };
    const addStudy = (id: string, root: string): void => {
      studies.set(id, root);
      inside(root, `${id}/`, id);
    };
    if (isStudy(folder)) return addStudy(basename(folder), folder);
    inside(folder, '', null);
    for (const name of foldersIn(folder)) if (isStudy(join(folder, name))) addStudy(name, join(folder, name));
  }

  function feed(place: RunPlace): Feed {
    const kept = feeds.get(place.root);
    if (kept !== undefined) {
      kept.asked = now();
      return kept.feed;
    }
    const made = openFeed(place.root);
    feeds.set(place.root, { feed: made, asked: now() });
    return made;
  }

  function row(place: RunPlace): RunRow {
    const { root } = place;
    const { journal, config, lock } = folderOf(root);
    const facts = [config, journal].map((path) => statSync(path, { throwIfNoEntry: false }));
    const changed = Math.max(0, ...facts.map((each) => each?.mtimeMs ?? 0));
    if (facts[0] === undefined) {
      const text = endOf(logFile(root), 2000).trim();
      const problem = text.split('\n').at(-1) ?? '';
      const logged = statSync(logFile(root), { throwIfNoEntry: false })?.mtimeMs ?? 0;
      const empty = emptyRow(place, logged);
      return isStarted(root) ? { ...empty, state: 'starting' } : { ...empty, problem };
    }
    const key = facts.map((each) => `${each?.ino} ${each?.size} ${each?.mtimeMs}`).join();
    const known = rows.get(root);
    let next = known?.key === key ? known.row : null;
    if (next === null) {
      try {
        const from = feeds.get(root)?.feed ?? openFeed(root);
        from.advance();
        next = rowOf(place, from, changed);
        // Who changes now will change again: it goes on from there and not from the start.
        if (now() - changed < keptFor && !feeds.has(root)) feeds.set(root, { feed: from, asked: now() });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        next = { ...emptyRow(place, changed), state: 'damaged', problem: error.message };
      }
      rows.set(root, { key, row: next });
    }
    // A process may begin or end without a word in the journal.
    const isOpen = next.state === 'running' || next.state === 'not finished' || next.state === 'interrupted';
    return isOpen ? { ...next, state: openCondition(lock, next.state === 'interrupted') } : next;
  }

  function studyRow(id: string, root: string, own: readonly RunRow[]): StudyRow {
    const finished = own.filter(({ state, name }) => state === 'finished' && name !== 'vanilla').length;
    const changed = Math.max(0, ...own.map((each) => each.changed));
    try {
      const { study } = readStudyFile(studyFile(root));
      return { id, title: study.title, problem: null, finished, planned: plannedRuns(study).runs.length, changed };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { id, title: basename(root), problem: error.message, finished, planned: own.length, changed };
    }
  }

  return {
    folder,
    list() {
      look();
      for (const [root, { feed: each, asked }] of feeds) if (now() - asked > keptFor && !isWatched(each)) feeds.delete(root);
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
    run(id) {
      if (!runs.has(id)) look();
      return runs.get(id) ?? null;
    },
    study(id) {
      if (!studies.has(id)) look();
      return studies.get(id) ?? null;
    },
    feed,
  };
}

/** What the search in that folder has said, the last of it. */
export const logOf = (root: string): string => (existsSync(logFile(root)) ? endOf(logFile(root), 64 << 10) : '');
