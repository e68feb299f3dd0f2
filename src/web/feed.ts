/**
 * A run as it grows: its journal read from where it was read to, each line checked once and kept for all watchers, and the
 * state that it replays to. Writes nothing and locks nothing.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { readConfig, type Config } from '../run/record/config.ts';
import { folderOf, isRun, type Folder } from '../run/record/folder.ts';
import { parseLine } from '../run/record/journal.ts';
import { emptyRun, replayEntry, type RunState } from '../run/record/replay.ts';
import { copiedOnce, type Copy } from '../util/copies.ts';
import { UserError } from '../util/user-error.ts';
import { attempt, versionOf } from './disk.ts';

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
  /** Whole lines, without their ends. */
  readonly lines: readonly string[];
  readonly state: RunState;
  /** The wall clock of the first event. */
  readonly begun: number | null;
  /** Reads what is new, and returns whether anything is. Throws a UserError while the journal is damaged or gone. */
  advance(): boolean;
}

interface Reading extends Pick<Feed, 'folder' | 'config' | 'generation'> {
  readonly lines: string[];
  state: RunState;
  begun: number | null;
  /** Bytes read. */
  at: number;
  /** Of the file when it was last read. */
  version: string;
  ino: number;
  damage: UserError | null;
}

const startReading = (folder: Folder, generation: number): Reading => ({
  folder,
  config: readConfig(folder.config),
  generation,
  lines: [],
  state: emptyRun,
  begun: null,
  at: 0,
  version: '',
  ino: 0,
  damage: null,
});

function takeLine(reading: Reading, text: string, copy: Copy): void {
  const { lines, folder } = reading;
  const entry = parseLine(text, folder.journal, lines.length);
  reading.state = attempt(
    () => replayEntry(reading.state, entry, copy),
    (why) => new UserError(`${folder.journal}:${lines.length + 1}: ${why}`),
  );
  if (lines.length === 0) reading.begun = Date.parse(entry.at);
  lines.push(text);
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
      if (count === 0 || reading.at + count >= size) return;
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
  const last = Buffer.from(`${reading.lines.at(-1)}\n`);
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
    if (!stats.isFile()) throw new UserError(`${journal} is not a file`);
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
      let file: number;
      try {
        // Non-blocking: the journal's name may stand for a pipe.
        file = openSync(journal, constants.O_RDONLY | constants.O_NONBLOCK);
      } catch (error) {
        const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (isMissing && reading.lines.length === 0 && isRun(root)) return false; // The run has only just started.
        throw isMissing ? new UserError(`${root}: the run is not there any more`) : unreadable(error);
      }
      try {
        return read(file);
      } catch (error) {
        throw error instanceof UserError ? error : unreadable(error);
      } finally {
        closeSync(file);
      }
    },
  });
}
