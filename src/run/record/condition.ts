/** The condition of a run: ended, or a process is running it. */
import { readFileSync } from 'node:fs';
import type { Folder } from './folder.ts';
import { isLocked } from './lock.ts';
import type { RunState } from './replay.ts';

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

export const conditionOf = ({ state, folder }: { readonly state: RunState; readonly folder: Folder }): Condition =>
  state.search.finished ? 'finished' : openCondition(folder.lock, state.interrupted);
