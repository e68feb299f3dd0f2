/** The runs and studies' runs in a folder. Nothing is locked and nothing written. */
import { existsSync, statSync } from 'node:fs';
import { UserError } from '../util/user-error.ts';
import type { RunRow } from './api.ts';
import { openCatalogue } from './catalogue.ts';

export interface ListedRun extends RunRow {
  /** The run's folder. */
  readonly folder: string;
}

/** The latest first. A UserError where there is no such folder. `now`: milliseconds since 1970. */
export function listRuns(folder: string, now: () => number): readonly ListedRun[] {
  if (!existsSync(folder)) throw new UserError(`${folder}: does not exist`, 'INSTAR_NOT_FOUND');
  if (!statSync(folder).isDirectory()) throw new UserError(`${folder}: not a folder`);
  const catalogue = openCatalogue(folder, { now, isStarted: () => false, isWatched: () => false });
  return catalogue
    .list()
    .runs.map((row) => ({ ...row, folder: catalogue.run(row.id)?.root ?? folder }))
    .toSorted((a, b) => b.changed - a.changed);
}
