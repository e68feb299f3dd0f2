/** The record of a run while it goes on: the journal, the state that is its replay, checkpoints, and the files of the best network. */
import { rmSync } from 'node:fs';
import { bestNetwork } from '../../search/ranking.ts';
import { checkpointPath } from '../../training/checkpoint.ts';
import { canonicalJson } from '../../util/json.ts';
import type { Config } from '../record/config.ts';
import type { Entry, RunEvent } from '../record/events.ts';
import { bestContent, givenCheckpoint, neededCheckpoints, type Folder } from '../record/folder.ts';
import type { Journal } from '../record/journal.ts';
import { entryOf, replayEntry, type RunState } from '../record/replay.ts';

export interface Recorder {
  readonly state: RunState;
  /** Writes the event down; removes checkpoints that no decision can read any more. */
  append(event: RunEvent): Entry;
  /** Writes the files of the best network, where it is another one than before, after their hashes: the event, if they are others. */
  keepBest(): Promise<Entry | null>;
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
  const given = givenCheckpoint(config);
  let state = first;
  let needed = neededCheckpoints(state.search, given);
  let written: string | null = null;
  const append = (event: RunEvent): Entry => {
    const entry = entryOf(state, event, elapsed());
    journal.append(entry);
    state = replayEntry(state, entry);
    const before = needed;
    needed = neededCheckpoints(state.search, given);
    for (const hash of before) if (!needed.has(hash)) rmSync(checkpointPath(folder.checkpoints, hash), { force: true });
    return entry;
  };
  return {
    get state() {
      return state;
    },
    append,
    async keepBest() {
      const { search } = state;
      const best = bestNetwork(search);
      if (best === null) return null;
      const mark = `${best.checkpoint} ${search.tests.has(best.candidate)}`;
      if (mark === written) return null;
      const content = await bestContent(folder, config, search, best);
      const isKnown = canonicalJson(content.hashes) === canonicalJson(state.best);
      const entry = isKnown
        ? null
        : append({ type: 'best', line: best.candidate, checkpoint: best.checkpoint, files: content.hashes });
      await content.write();
      written = mark;
      return entry;
    },
  };
}
