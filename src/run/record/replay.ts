/** The state of a run: the replay of its journal, for display and reports. */
import { emptyState, reduce, type SearchState } from '../../search/state.ts';
import type { SearchEvent } from '../../search/events.ts';
import { alwaysCopied, copiedOnce, type Copy } from '../../util/copies.ts';
import { UserError } from '../../util/user-error.ts';
import type { BestFiles, ComputedBy, Entry, Exported, Plan, RunEvent } from './events.ts';

export interface RunState {
  readonly search: SearchState;
  readonly plan: Plan | null;
  /** Seconds; as extended. */
  readonly budget: number | null;
  /** Active seconds until which a budgeted search may go on. */
  readonly searchUntil: number | null;
  /** Active seconds until the last event. */
  readonly seconds: number;
  readonly events: number;
  readonly interrupted: boolean;
  /** Active seconds at which tasks began and lines had their epochs, for speeds. */
  readonly taskStarted: ReadonlyMap<string, number>;
  /** Of lines whose minibatches are computed in several passes, how many. */
  readonly passes: ReadonlyMap<string, number>;
  /** Of tasks that other machines' workers computed, whose they were, in order. */
  readonly computedBy: ReadonlyMap<string, readonly ComputedBy[]>;
  /** The last export of each line that was verified, or could not be. */
  readonly exports: ReadonlyMap<string, Exported>;
  /** What the files of the best network are to hold; null before there are any, and in journals that do not say it. */
  readonly best: BestFiles | null;
  /** Hashes of all that these files have held, as far as the journal says it. */
  readonly written: ReadonlyMap<string, keyof BestFiles>;
}

export const emptyRun: RunState = {
  search: emptyState,
  plan: null,
  budget: null,
  searchUntil: null,
  seconds: 0,
  events: 0,
  interrupted: false,
  taskStarted: new Map(),
  passes: new Map(),
  computedBy: new Map(),
  exports: new Map(),
  best: null,
  written: new Map(),
};

/** The event as the journal's next entry, at so many active seconds. */
export const entryOf = (state: RunState, event: RunEvent, elapsed: number): Entry =>
  ({ n: state.events, t: Number(elapsed.toFixed(3)), at: new Date().toISOString(), ...event }) as Entry;

/** The state after an entry. `copy`: of its maps. */
export function replayEntry(state: RunState, entry: Entry, copy: Copy = alwaysCopied): RunState {
  const next = { ...state, seconds: entry.t, events: entry.n + 1, interrupted: entry.type === 'interrupted' };
  switch (entry.type) {
    case 'run':
    case 'interrupted':
    case 'resumed':
      return next;
    case 'plan':
      return { ...next, plan: entry.plan, budget: entry.budget, searchUntil: entry.plan.searchUntil };
    case 'extended':
      return { ...next, budget: entry.budget, searchUntil: entry.searchUntil };
    case 'exported': {
      const { verified } = entry;
      const written = verified === null ? state.written : copy(state.written).set(verified.file, 'model');
      return { ...next, exports: copy(state.exports).set(entry.line, entry), written };
    }
    case 'best': {
      const { model, tensors, network } = entry.files;
      const written = copy(state.written).set(model, 'model').set(tensors, 'tensors').set(network, 'network');
      return { ...next, best: entry.files, written };
    }
    case 'worker': {
      const { task, name, bits, instar } = entry;
      const before = state.computedBy.get(task) ?? [];
      return { ...next, computedBy: copy(state.computedBy).set(task, [...before, { name, bits, instar }]) };
    }
    case 'task': {
      const { task, line, passes } = entry;
      const begun = { ...next, taskStarted: copy(state.taskStarted).set(task, entry.t) };
      return passes === undefined ? begun : { ...begun, passes: copy(state.passes).set(line, passes) };
    }
    default:
      return { ...next, search: reduce(state.search, entry as SearchEvent, copy) };
  }
}

/** As `replayEntry`. A UserError names the line of a journal whose event cannot follow what was before it. */
export function replayLine(state: RunState, entry: Entry, journal: string, copy: Copy): RunState {
  try {
    return replayEntry(state, entry, copy);
  } catch (error) {
    throw new UserError(
      `${journal}:${entry.n + 1}: cannot follow the lines before it: ${(error as Error).message.split('\n')[0]}`,
    );
  }
}

/** In time that grows as the entries do, where one after another would copy all that was before. */
export function replay(entries: readonly Entry[]): RunState {
  const copy = copiedOnce();
  return entries.reduce((state, entry) => replayEntry(state, entry, copy), emptyRun);
}
