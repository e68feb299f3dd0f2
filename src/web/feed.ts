/**
 * A run as it goes on: its journal read as it grows, checked once and kept as lines for all who watch, with the state that it
 * replays to. Nothing is written and nothing locked.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Config } from '../run/config.ts';
import { readConfig } from '../run/config.ts';
import { folderOf, type Folder } from '../run/folder.ts';
import { parseLine } from '../run/journal.ts';
import { emptyRun, replayEntry, type RunState } from '../run/replay.ts';
import { UserError } from '../util/user-error.ts';

/** Bytes read at once. */
const chunk = 1 << 20;

export interface Feed {
  readonly folder: Folder;
  readonly config: Config;
  /** Tells a journal from another one at the same place. */
  readonly generation: string;
  /** The whole lines, without their ends. */
  readonly lines: readonly string[];
  readonly state: RunState;
  /** The wall clock of the first event. */
  readonly begun: number | null;
  /** Reads what is new. Throws a UserError where the journal is damaged, and does so again. Says whether anything was. */
  advance(): boolean;
}

/** Opens the run in a folder. A damaged configuration or journal is a UserError. */
export function openFeed(root: string): Feed {
  const folder = folderOf(root);
  const config = readConfig(folder.config);
  let lines: string[] = [];
  let state: RunState = emptyRun;
  let begun: number | null = null;
  let generation = '';
  let at = 0;
  let damage: UserError | null = null;

  function take(text: string): void {
    const entry = parseLine(text, `${folder.journal}:${lines.length + 1}`);
    if (entry.n !== lines.length)
      throw new UserError(`${folder.journal}:${lines.length + 1}: event ${entry.n} stands where ${lines.length} should`);
    try {
      state = replayEntry(state, entry);
    } catch (error) {
      throw new UserError(`${folder.journal}:${lines.length + 1}: ${(error as Error).message}`);
    }
    begun ??= Date.parse(entry.at);
    lines.push(text);
  }

  /** Up to the last whole line: what stands behind it may be cut off and written otherwise. */
  function read(file: number): boolean {
    const { ino, size, birthtimeMs } = fstatSync(file);
    const own = `${ino.toString(36)}.${Math.floor(birthtimeMs).toString(36)}`;
    // Another journal, or one that was cut behind our back: from the start.
    if (own !== generation || size < at) [lines, state, begun, generation, at] = [[], emptyRun, null, own, 0];
    const before = lines.length;
    for (let room = chunk; at < size;) {
      const buffer = Buffer.alloc(Math.min(room, size - at));
      const count = readSync(file, buffer, 0, buffer.length, at);
      const end = buffer.lastIndexOf(0x0a, count - 1) + 1;
      if (count === 0 || (end === 0 && at + count >= size)) break;
      // A line that is longer than the buffer.
      if (end === 0) room *= 2;
      const text = buffer.toString('utf8', 0, end);
      for (let from = 0; from < text.length;) {
        const to = text.indexOf('\n', from);
        take(text.slice(from, to));
        from = to + 1;
      }
      at += end;
    }
    return lines.length !== before;
  }

  const feed: Feed = {
    folder,
    config,
    get generation() {
      return generation;
    },
    get lines() {
      return lines;
    },
    get state() {
      return state;
    },
    get begun() {
      return begun;
    },
    advance() {
      if (damage !== null) throw damage;
      let file: number;
      try {
        file = openSync(folder.journal, 'r');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false; // The run has only just begun.
        throw new UserError(`${folder.journal} cannot be read: ${(error as Error).message}`);
      }
      try {
        return read(file);
      } catch (error) {
        if (error instanceof UserError) damage = error;
        throw error;
      } finally {
        closeSync(file);
      }
    },
  };
  return feed;
}
