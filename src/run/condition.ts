/** How a run stands: whether it has ended, or a process is on it. */
import { readFileSync } from 'node:fs';
import type { Folder } from './folder.ts';
import type { RunState } from './replay.ts';

export type Condition = 'finished' | 'interrupted' | 'running' | 'not finished';

/** Whether the process that locked the run is there still. */
function holderOf(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    if (!Number.isInteger(pid) || pid < 1) return null;
    process.kill(pid, 0);
    return pid;
  } catch {
    return null; // No lock file, or no such process.
  }
}

export function conditionOf({ state, folder }: { readonly state: RunState; readonly folder: Folder }): Condition {
  if (state.search.finished) return 'finished';
  if (state.interrupted) return 'interrupted';
  return holderOf(folder.lock) === null ? 'not finished' : 'running';
}
