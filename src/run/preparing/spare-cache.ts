/** Where decoded data is kept if the cache cannot be written. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { SpareCache } from '../../data/cache.ts';
import { reasonOf } from '../../util/files.ts';
import { UserError } from '../../util/user-error.ts';
import { make, removeEmpty } from '../driving/run-folder.ts';

export interface TemporaryCache extends SpareCache {
  /** Makes it the cache of a run, and gives the place of a file of it; files elsewhere stay where they are. */
  moveTo(cache: string, file: string): string;
  /** Removes what was not moved. */
  remove(): void;
}

function spareIn(parent: string, words: string): TemporaryCache {
  let made: string | null = null;
  let above: string | undefined;
  return {
    words,
    folder() {
      if (made !== null) return made;
      above = make(parent);
      try {
        return (made = mkdtempSync(join(parent, '.instar-cache-')));
      } catch (error) {
        throw new UserError(`${parent} cannot be written: ${reasonOf(error)}`);
      }
    },
    moveTo(cache, file) {
      if (made === null || dirname(file) !== made) return file;
      // What was downloaded is in the decoded file.
      rmSync(join(made, 'downloads'), { recursive: true, force: true });
      rmSync(cache, { recursive: true, force: true });
      renameSync(made, cache);
      made = null;
      return join(cache, basename(file));
    },
    remove() {
      if (made !== null) rmSync(made, { recursive: true, force: true });
      if (above !== undefined) removeEmpty(parent, above);
    },
  };
}

/** Until a command ends. */
export const temporaryCache = (): TemporaryCache => spareIn(tmpdir(), 'a temporary folder');

/** Beside a run that is to be made, so that it becomes a part of it. `asked`: its folder; default: a new one in `runs/`. */
export const cacheOfNewRun = (asked = join('runs', 'new')): TemporaryCache =>
  spareIn(dirname(resolve(asked)), "the run's folder");

/** In a run that is there. */
export const cacheInRun = (cache: string): SpareCache => ({ words: "the run's folder", folder: () => cache });
