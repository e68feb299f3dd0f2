/** Files beside a run's own, and errors of the disk in words. */
import { closeSync, fstatSync, readSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { openRunFile } from '../util/run-files.ts';

/** The output of a search that was started from the dashboard. */
export const logFile = (root: string): string => join(root, 'log.txt');

/** Undefined where nothing can be read. Links are followed. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** The same as long as the file was not written or replaced. */
export const versionOf = (stats: Stats | undefined): string => `${stats?.ino} ${stats?.size} ${stats?.mtimeMs}`;

/** The end of a run's log; empty where there is none, or where its name is a link. */
export function logOf(root: string, bytes = 64 << 10): string {
  try {
    const file = openRunFile(logFile(root), 'read');
    try {
      const facts = fstatSync(file);
      const buffer = Buffer.alloc(Math.min(bytes, facts.size));
      const count = readSync(file, buffer, 0, buffer.length, facts.size - buffer.length);
      // Not from the middle of a character.
      let from = 0;
      while (from < count && facts.size > bytes && ((buffer[from] as number) & 0xc0) === 0x80) from++;
      return buffer.toString('utf8', from, count);
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}

export const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/** What `act` returns. What it throws becomes the error that `failed` makes of its message. */
export function attempt<T>(act: () => T, failed: (message: string) => Error): T {
  try {
    return act();
  } catch (error) {
    throw failed((error as Error).message);
  }
}
