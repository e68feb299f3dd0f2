/**
 * A run as it goes on: its journal read as it grows, checked once and kept as lines for all who watch, with the state that it
 * replays to. Nothing is written and nothing locked.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import type { Config } from '../run/record/config.ts';
import { readConfig } from '../run/record/config.ts';
import { folderOf, isRun, type Folder } from '../run/record/folder.ts';
import { parseLine } from '../run/record/journal.ts';
import { emptyRun, replayEntry, type RunState } from '../run/record/replay.ts';
import { copiedOnce, type Copy } from '../util/copies.ts';
import { UserError } from '../util/user-error.ts';

/** Bytes read at once. */
const chunk = 1 << 20;
/** Bytes of a line that is believed to be an event. */
const longestLine = 64 << 20;
const lineEnd = 0x0a;

export interface Feed {
  readonly folder: Folder;
  readonly config: Config;
  /** Counts the journals that were read from their start at this place. */
  readonly generation: number;
  /** The whole lines, without their ends. */
  readonly lines: readonly string[];
  readonly state: RunState;
  /** The wall clock of the first event. */
  readonly begun: number | null;
  /** Reads what is new. Throws a UserError while the journal is damaged or gone. Says whether anything is new. */
  advance(): boolean;
}

interface Reading {
  readonly config: Config;
  readonly generation: number;
  readonly lines: string[];
  state: RunState;
  begun: number | null;
  /** Bytes read. */
  at: number;
  /** What the file was when it was last read: its number, its size, its time. */
  facts: string;
  ino: number;
  damage: UserError | null;
}

/** Opens the run in a folder. A damaged configuration is a UserError. */
export function openFeed(root: string): Feed {
  const folder = folderOf(root);
  const begin = (generation: number): Reading => ({
    config: readConfig(folder.config),
    generation,
    lines: [],
    state: emptyRun,
    begun: null,
    at: 0,
    facts: '',
    ino: 0,
    damage: null,
  });
  let reading = begin(0);

  function take(text: string, copy: Copy): void {
    const { lines } = reading;
    const entry = parseLine(text, folder.journal, lines.length);
    try {
      reading.state = replayEntry(reading.state, entry, copy);
    } catch (error) {
      throw new UserError(`${folder.journal}:${lines.length + 1}: ${(error as Error).message}`);
    }
    if (lines.length === 0) reading.begun = Date.parse(entry.at);
    lines.push(text);
  }

  /** Up to the last whole line: what stands behind it may be cut off and written otherwise. */
  function takeLines(file: number, size: number): void {
    // Whoever was given the state before keeps it as it was.
    const copy = copiedOnce();
    for (let room = chunk; reading.at < size;) {
      const buffer = Buffer.alloc(Math.min(room, size - reading.at));
      const count = readSync(file, buffer, 0, buffer.length, reading.at);
      const end = count === 0 ? 0 : buffer.lastIndexOf(lineEnd, count - 1) + 1;
      if (end === 0) {
        if (count === 0 || reading.at + count >= size) return;
        if (room > longestLine) throw new UserError(`${folder.journal}:${reading.lines.length + 1}: too long for an event`);
        room *= 2;
        continue;
      }
      const text = buffer.toString('utf8', 0, end);
      for (let from = 0; from < text.length;) {
        const to = text.indexOf('\n', from);
        take(text.slice(from, to), copy);
        from = to + 1;
      }
      reading.at += end;
      room = chunk;
    }
  }

  /** Whether what was read of it stands in the file still: it is as long, and a line ends where one did, and is the same one. */
  function isSame(file: number, { ino, size }: Stats): boolean {
    if (reading.lines.length === 0) return true;
    if (ino !== reading.ino || size < reading.at) return false;
    const last = Buffer.from(`${reading.lines.at(-1)}\n`);
    const there = Buffer.alloc(last.length);
    readSync(file, there, 0, there.length, reading.at - there.length);
    return there.equals(last);
  }

  function read(file: number): boolean {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new UserError(`${folder.journal} is no file`);
    const facts = `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
    if (facts === reading.facts) {
      if (reading.damage !== null) throw reading.damage;
      return false;
    }
    const before = reading;
    if (reading.damage !== null || !isSame(file, stats)) reading = begin(reading.generation + 1);
    const count = before === reading ? reading.lines.length : 0;
    [reading.facts, reading.ino] = [facts, stats.ino];
    try {
      takeLines(file, stats.size);
    } catch (error) {
      if (error instanceof UserError) reading.damage = error;
      else reading.facts = '';
      throw error;
    }
    return before !== reading || reading.lines.length !== count;
  }

  return {
    folder,
    get config() {
      return reading.config;
    },
    get generation() {
      return reading.generation;
    },
    get lines() {
      return reading.lines;
    },
    get state() {
      return reading.state;
    },
    get begun() {
      return reading.begun;
    },
    advance() {
      let file: number;
      try {
        // Whatever stands there, opening it does not wait.
        file = openSync(folder.journal, constants.O_RDONLY | constants.O_NONBLOCK);
      } catch (error) {
        const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (isMissing && reading.lines.length === 0 && isRun(root)) return false; // The run has only just begun.
        throw new UserError(isMissing ? `${root}: the run is not there any more` : unreadable(error));
      }
      try {
        return read(file);
      } catch (error) {
        throw error instanceof UserError ? error : new UserError(unreadable(error));
      } finally {
        closeSync(file);
      }
    },
  };

  function unreadable(error: unknown): string {
    return `${folder.journal} cannot be read: ${(error as Error).message}`;
  }
}
