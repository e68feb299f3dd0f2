/** A run as its folder holds it, and its condition: ended, or a process is running it. */
import { copiedOnce } from '../../util/copies.ts';
import { isThere } from '../../util/run-files.ts';
import { UserError } from '../../util/user-error.ts';
import { readChainedConfig, type Config } from './config.ts';
import type { Entry } from './events.ts';
import { checkBegun, folderOf, isRun, type Folder } from './folder.ts';
import { readJournal, type Replay } from './journal.ts';
import { holderIn, isLocked } from './lock.ts';
import { emptyRun, replayLine, type RunState } from './replay.ts';

export interface Read {
  readonly folder: Folder;
  readonly config: Config;
  readonly replay: Replay;
  readonly state: RunState;
}

/** The state that the entries replay to. A UserError names the line of an event that cannot follow what was before it. */
function stateOf(entries: readonly Entry[], journal: string): RunState {
  const copy = copiedOnce();
  return entries.reduce((state, entry) => replayLine(state, entry, journal, copy), emptyRun);
}

/** Reads what a run's folder holds, checked. */
export function readRun(root: string): Read {
  const folder = folderOf(root);
  if (!isRun(root)) throw new UserError(`${root} holds no run (${folder.config} is missing)`, 'INSTAR_NOT_FOUND');
  const { config, first } = readChainedConfig(folder.config);
  const nothing: Replay = { entries: [], length: 0, torn: 0, chain: first };
  const read = isThere(folder.journal) ? readJournal(folder.journal, first) : nothing;
  if (read.entries.length === 0) checkBegun(folder, config);
  return { folder, config, replay: read, state: stateOf(read.entries, folder.journal) };
}

export type Condition = 'finished' | 'interrupted' | 'running' | 'not finished';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // Another user's.
  }
}

/** The process that runs it; null where there is none. A process id alone may belong to another process by now. */
export function holderOf(lock: string): number | null {
  const pid = holderIn(lock);
  return pid !== null && isAlive(pid) && isLocked(lock) ? pid : null;
}

/** Of a run that has not finished: `interrupted` says whether its journal ends so. */
export const openCondition = (lock: string, interrupted: boolean): Condition =>
  holderOf(lock) !== null ? 'running' : interrupted ? 'interrupted' : 'not finished';

export const conditionOf = ({ state, folder }: Pick<Read, 'state' | 'folder'>): Condition =>
  state.search.finished ? 'finished' : openCondition(folder.lock, state.interrupted);
