/** Searches as other programs see them: options checked, and items that begin with the run's folder and end with what has become of it. */
import { checkPlan, checkResume, checkRoot, checkSearch } from '../options/check.ts';
import { inLibraryWords, libraryError, saying, type LibraryCall } from '../options/library-words.ts';
import type { DataEvent } from '../data/source.ts';
import { balancedAccuracy } from '../util/confusion.ts';
import * as driving from '../run/driving/open.ts';
import type { ResumeOptions as RunResumeOptions, SearchOptions as RunSearchOptions } from '../run/driving/open.ts';
import type { RunItem } from '../run/driving/drive.ts';
import * as planning from '../run/planning/plan.ts';
import type { PlanOptions as RunPlanOptions, PlanReport } from '../run/planning/plan.ts';
import { folderOf } from '../run/record/folder.ts';
import { readRun } from '../run/record/read.ts';
import { bestCandidate, resultOf } from '../search/ranking.ts';
import { candidateOf } from '../search/state.ts';
import { must } from '../util/assert.ts';
import { isThere } from '../util/run-files.ts';
import type { BeginEvent, DoneEvent, RunFiles, SearchItem, StopReason } from './events.ts';
import { reportIn } from './report.ts';

/**
 * What `search` takes; only `dataset` must be given. The options of the command line have the same names; those that are settings
 * (`instar settings` lists them) are given in `settings`.
 */
export interface SearchOptions extends Omit<RunSearchOptions, 'budget' | 'onRun'> {
  /** For everything, the final training included: seconds, or a time such as `'30m'`. */
  readonly budget?: number | string;
}

/** What `plan` takes: the options of the search that it forecasts. */
export interface PlanOptions extends Omit<RunPlanOptions, 'budget'> {
  /** For everything, the final training included: seconds, or a time such as `'30m'`. */
  readonly budget?: number | string;
}

/** What `resume` takes. */
export interface ResumeOptions extends Omit<RunResumeOptions, 'budget'> {
  /** What is added: seconds, or a time such as `'10m'`. */
  readonly budget?: number | string;
}

/** What is there of a run. */
function filesOf(root: string): RunFiles {
  const folder = folderOf(root);
  const there = (path: string): string | null => (isThere(path) ? path : null);
  return {
    onnx: there(folder.bestModel),
    weights: there(folder.best),
    network: there(folder.bestNetwork),
    config: folder.config,
    journal: folder.journal,
    report: there(reportIn(root)),
    leftOut: there(folder.leftOut),
  };
}

/** What is told of the data, in the words of the library. */
function withNotes<Options extends { readonly onData?: (event: DataEvent) => void }>(
  call: LibraryCall,
  options: Options,
): Options {
  const { onData } = options;
  if (onData === undefined) return options;
  const tell = (event: DataEvent): void =>
    onData('message' in event ? { ...event, message: inLibraryWords(call, event.message) } : event);
  return { ...options, onData: tell };
}

function doneOf(root: string): DoneEvent {
  const { search: found, seconds } = readRun(root).state;
  const line = bestCandidate(found);
  const test = line === null ? undefined : found.tests.get(line);
  const candidate = line === null ? null : candidateOf(found, line);
  return {
    type: 'done',
    folder: root,
    finished: found.finished,
    reason: (found.stop?.reason ?? null) as StopReason | null,
    files: filesOf(root),
    best:
      line === null || candidate === null
        ? null
        : { line, parameters: candidate.parameters, multiplyAdds: candidate.multiplyAdds },
    accuracy: {
      test: test?.measured.accuracy ?? null,
      validation: line === null ? null : (resultOf(found, line).validation?.accuracy ?? null),
      balanced: test === undefined ? null : balancedAccuracy(test.confusion),
      baseline: found.tests.get('baseline')?.measured.accuracy ?? null,
    },
    seconds,
  };
}

async function* told(call: LibraryCall, items: AsyncIterable<RunItem>, folder: () => string | null): AsyncGenerator<SearchItem> {
  try {
    yield* framed(items, folder);
  } catch (error) {
    throw libraryError(call, error);
  }
}

async function* framed(items: AsyncIterable<RunItem>, folder: () => string | null): AsyncGenerator<SearchItem> {
  const begin = (): BeginEvent => ({ type: 'begin', folder: must(folder(), "the run's folder") });
  let hasBegun = false;
  for await (const item of items) {
    if (!hasBegun) yield begin();
    hasBegun = true;
    // The same, with names for what the schemas infer.
    yield item as SearchItem;
  }
  if (!hasBegun) yield begin();
  yield doneOf(must(folder(), "the run's folder"));
}

/**
 * Starts a search, and yields what happens: `begin`, entries of the journal, progress, `done`. The search goes on while items are asked
 * for. Leaving the loop early, or aborting `signal`, interrupts it: the best network is kept, and `resume` goes on. Aborting it before
 * the run has a folder, while the data is read, throws the signal's reason.
 *
 * An option that is wrong is a UserError thrown by the call itself, before anything is read and without an item being asked for. Data that
 * is wrong is a UserError of the first item; a RunError says that the run cannot go on.
 *
 * ```ts
 * for await (const item of search({ dataset: './photos', budget: '30m' })) if (item.type === 'done') console.log(item.files.onnx);
 * ```
 */
export function search(options: SearchOptions): AsyncGenerator<SearchItem> {
  const checked = withNotes('search', checkSearch(options) as RunSearchOptions);
  let root: string | null = null;
  const onRun = (made: string): void => void (root = made);
  return told('search', driving.search({ ...checked, onRun }), () => root);
}

/**
 * Resumes a run where its journal ends, and yields the same items. Of a finished run without a `budget` they are `begin` and `done`.
 * Arguments that are wrong are a UserError thrown by the call itself.
 */
export function resume(run: string, options: ResumeOptions = {}): AsyncGenerator<SearchItem> {
  const root = checkRoot('run', run);
  const checked = withNotes('resume', checkResume(options) as RunResumeOptions);
  return told('resume', driving.resume(root, checked), () => root);
}

/**
 * Forecasts the search with the same options: its phases, and how long each would take on this machine. Starts no run. Options that are
 * wrong reject before anything is read.
 */
export async function plan(options: PlanOptions): Promise<PlanReport> {
  const checked = withNotes('search', checkPlan(options) as RunPlanOptions);
  return saying('search', () => planning.plan(checked));
}
