/** A run as its folder holds it, and its condition: ended, or a process is running it. */
import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../../util/user-error.ts';
import { readConfig, type Config } from './config.ts';
import { folderOf, isRun, type Folder } from './folder.ts';
import { readJournal, type Replay } from './journal.ts';
import { isLocked } from './lock.ts';
import { replay, type RunState } from './replay.ts';

export interface Read {
  readonly folder: Folder;
  readonly config: Config;
  readonly replay: Replay;
  readonly state: RunState;
}

/** Reads what a run's folder holds, checked. */
export function readRun(root: string): Read {
  const folder = folderOf(root);
  if (!isRun(root)) throw new UserError(`${root} holds no run (${folder.config} is missing)`);
  const config = readConfig(folder.config);
  const read: Replay = existsSync(folder.journal) ? readJournal(folder.journal) : { entries: [], length: 0, torn: 0 };
  return { folder, config, replay: read, state: replay(read.entries) };
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
  let text: string;
  try {
    text = readFileSync(lock, 'utf8').trim();
  } catch {
    return null; // No run was ever here.
  }
  const pid = Number(text);
  return Number.isInteger(pid) && pid > 0 && isAlive(pid) && isLocked(lock) ? pid : null;
}

/** Of a run that has not finished: `interrupted` says whether its journal ends so. */
export const openCondition = (lock: string, interrupted: boolean): Condition =>
  holderOf(lock) !== null ? 'running' : interrupted ? 'interrupted' : 'not finished';

export const conditionOf = ({ state, folder }: Pick<Read, 'state' | 'folder'>): Condition =>
  state.search.finished ? 'finished' : openCondition(folder.lock, state.interrupted);
