/** One process a run folder. The kernel keeps the lock, so a dead process releases it. */
import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import { isFileLocked, lockFile } from '../../util/flock.ts';
import { writeFailure } from '../../util/files.ts';
import { openRunFile, readRunText } from '../../util/run-files.ts';
import { UserError } from '../../util/user-error.ts';

/** Whether a process has the lock. Where none has, it is taken and given back at once. */
export function isLocked(path: string): boolean {
  let file: number;
  try {
    file = openRunFile(path, 'read');
  } catch {
    return false; // It is gone, and with it whoever had it; or no process of ours can have it.
  }
  try {
    return isFileLocked(file);
  } finally {
    closeSync(file);
  }
}

/** Milliseconds between two tries to take a lock, and how often: whoever only looks (`isLocked`) has it for a moment. */
const pause = 10;
const tries = 10;

function take(file: number): boolean {
  for (let at = 1; !lockFile(file); at++) {
    if (at === tries) return false;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  }
  return true;
}

/** Takes the lock and returns its release; null where another process has it. */
export function tryLock(path: string): (() => void) | null {
  const file = openRunFile(path, 'change');
  if (!take(file)) {
    closeSync(file);
    return null;
  }
  try {
    ftruncateSync(file, 0);
    writeSync(file, String(process.pid), 0);
  } catch (error) {
    closeSync(file);
    throw writeFailure(error, path);
  }
  return () => closeSync(file);
}

/** The process that the file names; null where it names none. */
export function holderIn(path: string): number | null {
  try {
    const text = readRunText(path).toString('utf8').trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
  } catch {
    return null; // No run was ever here.
  }
}

/** Takes the lock and returns its release. A UserError names the process that has it. */
export function lockRun(path: string): () => void {
  const release = tryLock(path);
  if (release !== null) return release;
  const holder = holderIn(path);
  throw new UserError(`${path}: the run is in use by another process${holder === null ? '' : ` (${holder})`}`);
}
