/** The record of a run while it goes on: the journal, the state that is its replay, checkpoints, and the files of the best network. */
import { rmSync } from 'node:fs';
import { bestNetwork } from '../../search/ranking.ts';
import { checkpointPath } from '../../training/checkpoint.ts';
import type { Config } from '../record/config.ts';
import type { Entry, RunEvent } from '../record/events.ts';
import { neededCheckpoints, writeBest, type Folder } from '../record/folder.ts';
import type { Journal } from '../record/journal.ts';
import { entryOf, replayEntry, type RunState } from '../record/replay.ts';

export interface Recorder {
  readonly state: RunState;
  /** Writes the event down; removes checkpoints that no decision can read any more. */
  append(event: RunEvent): Entry;
  /** Writes the files of the best network, where it is another one than before. */
  keepBest(): Promise<void>;
}

export interface Recorded {
  readonly folder: Folder;
  readonly config: Config;
  readonly journal: Journal;
  readonly state: RunState;
  /** Active seconds since the run began. */
  elapsed(): number;
}

export function createRecorder({ folder, config, journal, state: first, elapsed }: Recorded): Recorder {
  const origin = config.from?.checkpoint ?? null;
  let state = first;
  let needed = neededCheckpoints(state.search, origin);
  let written: string | null = null;
  return {
    get state() {
      return state;
    },
    append(event) {
      const entry = entryOf(state, event, elapsed());
      journal.append(entry);
      state = replayEntry(state, entry);
      const before = needed;
      needed = neededCheckpoints(state.search, origin);
      for (const hash of before) if (!needed.has(hash)) rmSync(checkpointPath(folder.checkpoints, hash), { force: true });
      return entry;
    },
    async keepBest() {
      const { search } = state;
      const best = bestNetwork(search);
      if (best === null) return;
      const mark = `${best.checkpoint} ${search.tests.has(best.candidate)}`;
      if (mark === written) return;
      await writeBest(folder, config, search, best);
      written = mark;
    },
  };
}
