/**
 * A run as it grows: its journal read from where it was read to, each line checked once and kept for all watchers, and the
 * state that it replays to. Writes nothing and locks nothing.
 */
import { closeSync, fstatSync, readSync, type Stats } from 'node:fs';
import type { Chain } from '../run/record/chain.ts';
import { readChainedConfig, type Config } from '../run/record/config.ts';
import { checkBegun, folderOf, isRun, type Folder } from '../run/record/folder.ts';
import { checkTorn, parseLine } from '../run/record/journal.ts';
import { emptyRun, replayLine, type RunState } from '../run/record/replay.ts';
import { copiedOnce, type Copy } from '../util/copies.ts';
import { isThere, openRunFile } from '../util/run-files.ts';
import { UserError } from '../util/user-error.ts';
import { versionOf } from './disk.ts';

/** Bytes per read. */
const chunk = 1 << 20;
/** Bytes of the longest line that is accepted as an event. */
const longestLine = 64 << 20;
const lineEnd = 0x0a;

export interface Feed {
  readonly folder: Folder;
  readonly config: Config;
  /** Counts the journals that were read from their start at this place. */
  readonly generation: number;
  /** Whole lines, without their hashes and ends. */
  readonly lines: readonly string[];
  readonly state: RunState;
  /** The wall clock of the first event. */
  readonly begun: number | null;
  /** Reads what is new, and returns whether anything is. Throws a UserError while the journal is damaged or gone. */
  advance(): boolean;
}

interface Reading extends Pick<Feed, 'folder' | 'config' | 'generation'> {
  readonly lines: string[];
  /** Behind the lines. */
  chain: Chain;
  /** The last line as it stands in the file. */
  last: string;
  state: RunState;
  begun: number | null;
  /** Bytes read. */
  at: number;
  /** Of the file when it was last read. */
  version: string;
  ino: number;
  damage: UserError | null;
}

function startReading(folder: Folder, generation: number): Reading {
  const { config, first: chain } = readChainedConfig(folder.config);
  const nothing = { lines: [], chain, last: '', state: emptyRun, begun: null };
  return { folder, config, generation, ...nothing, at: 0, version: '', ino: 0, damage: null };
}

function takeLine(reading: Reading, text: string, copy: Copy): void {
  const { lines, folder } = reading;
  const { entry, content, chain } = parseLine(text, folder.journal, lines.length, reading.chain);
  reading.state = replayLine(reading.state, entry, folder.journal, copy);
  if (lines.length === 0) reading.begun = Date.parse(entry.at);
  lines.push(content);
  Object.assign(reading, { chain, last: text });
}

/** Up to the last whole line: a torn one may be cut off and written again. */
function takeLines(reading: Reading, file: number, size: number): void {
  // States that were handed out before stay as they are.
  const copy = copiedOnce();
  for (let room = chunk; reading.at < size;) {
    const buffer = Buffer.alloc(Math.min(room, size - reading.at));
    const count = readSync(file, buffer, 0, buffer.length, reading.at);
    const end = count === 0 ? 0 : buffer.lastIndexOf(lineEnd, count - 1) + 1;
    if (end === 0) {
      if (count === 0 || reading.at + count >= size)
        return checkTorn(buffer.subarray(0, count), reading.folder.journal, reading.lines.length);
      if (room > longestLine) throw new UserError(`${reading.folder.journal}:${reading.lines.length + 1}: too long for an event`);
      room *= 2;
      continue;
    }
    for (const text of buffer.toString('utf8', 0, end - 1).split('\n')) takeLine(reading, text, copy);
    reading.at += end;
    room = chunk;
  }
}

/** Whether the file still holds what was read: it is no shorter, and the last line is where it was. */
function isSame(reading: Reading, file: number, { ino, size }: Stats): boolean {
  if (reading.lines.length === 0) return true;
  if (ino !== reading.ino || size < reading.at) return false;
  const last = Buffer.from(`${reading.last}\n`);
  const there = Buffer.alloc(last.length);
  readSync(file, there, 0, there.length, reading.at - there.length);
  return there.equals(last);
}

/** Opens the run in a folder. A damaged configuration is a UserError. */
export function openFeed(root: string): Feed {
  const reading = startReading(folderOf(root), 0);
  const { journal } = reading.folder;
  const unreadable = (error: unknown): UserError => new UserError(`${journal} cannot be read: ${(error as Error).message}`);

  function read(file: number): boolean {
    const stats = fstatSync(file);
    const version = versionOf(stats);
    if (version === reading.version) {
      if (reading.damage !== null) throw reading.damage;
      return false;
    }
    const isNew = reading.damage !== null || !isSame(reading, file, stats);
    if (isNew) Object.assign(reading, startReading(reading.folder, reading.generation + 1));
    const before = reading.lines.length;
    Object.assign(reading, { version, ino: stats.ino });
    try {
      takeLines(reading, file, stats.size);
    } catch (error) {
      if (error instanceof UserError) reading.damage = error;
      else reading.version = '';
      throw error;
    }
    return isNew || reading.lines.length !== before;
  }

  return Object.assign(reading, {
    advance(): boolean {
      if (!isThere(journal)) {
        if (reading.lines.length > 0 || !isRun(root)) throw new UserError(`${root}: the run is not there any more`);
        checkBegun(reading.folder, reading.config);
        return false; // The run has only just started.
      }
      const file = openRunFile(journal, 'read');
      try {
        const isNew = read(file);
        if (reading.lines.length === 0) checkBegun(reading.folder, reading.config);
        return isNew;
      } catch (error) {
        throw error instanceof UserError ? error : unreadable(error);
      } finally {
        closeSync(file);
      }
    },
  });
}
