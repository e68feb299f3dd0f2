/** A run as its folder holds it. */
import { existsSync } from 'node:fs';
import { UserError } from '../../util/user-error.ts';
import { readConfig, type Config } from './config.ts';
import { folderOf, isRun, type Folder } from './folder.ts';
import { readJournal, type Replay } from './journal.ts';
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
