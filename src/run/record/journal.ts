/** The journal: one JSON event a line, append-only, flushed before the next decision. */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { isDiskFull } from '../../util/files.ts';
import { assert } from '../../util/assert.ts';
import { RunError, UserError } from '../../util/user-error.ts';
import { entrySchema, type Entry } from './events.ts';

/** Of the journal and of config.json. A journal of a newer format is refused. */
export const format = 1;

export interface Replay {
  readonly entries: readonly Entry[];
  /** Bytes of whole lines. */
  readonly length: number;
  /** Bytes of a torn last line behind them. */
  readonly torn: number;
}

/** The entry of a journal that stands at that place in it, from its line. */
export function parseLine(text: string, path: string, index: number): Entry {
  const where = `${path}:${index + 1}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`${where}: not a line of JSON`);
  }
  const written = value as { type?: unknown; format?: unknown } | null;
  if (written?.type === 'run' && Number(written.format) > format)
    throw new UserError(
      `${where}: written by a newer Instar (journal format ${String(written.format)}, this one reads ${format})`,
    );
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) throw new UserError(`${where}: ${z.prettifyError(parsed.error).split('\n').join(' ')}`);
  const entry = parsed.data as Entry;
  if (entry.n !== index) throw new UserError(`${where}: event ${entry.n} stands where ${index} should`);
  return entry;
}

/** Reads a journal. An incomplete last line is ignored; anything else that is wrong is an error. */
export function readJournal(path: string): Replay {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UserError(`journal ${path} cannot be read: ${(error as Error).message}`);
  }
  const length = bytes.lastIndexOf(0x0a) + 1;
  const lines = bytes.toString('utf8', 0, length).split('\n').slice(0, -1);
  const entries = lines.map((line, index) => parseLine(line, path, index));
  return { entries, length, torn: bytes.length - length };
}

/** The open journal of a run that is going on. */
export class Journal {
  readonly #file: number;
  readonly #path: string;

  /** Truncates the file to its whole lines. */
  constructor(path: string, wholeLength: number) {
    this.#path = path;
    this.#file = openSync(path, wholeLength === 0 ? 'w' : 'r+');
    ftruncateSync(this.#file, wholeLength);
    this.#at = wholeLength;
  }

  #at: number;

  /** Writes and flushes; after it returns the event survives a power failure. */
  append(entry: Entry): void {
    const text = JSON.stringify(entry);
    // What could not be read back must not be written: NaN is null in JSON.
    const problem = entrySchema.safeParse(JSON.parse(text)).error;
    assert(
      problem === undefined,
      () => `an event that does not fit the journal's schema: ${text} ${z.prettifyError(problem as z.ZodError)}`,
    );
    const bytes = Buffer.from(`${text}\n`);
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(this.#file, bytes, written, bytes.length - written, this.#at + written);
      fsyncSync(this.#file);
      this.#at += bytes.length;
    } catch (error) {
      if (isDiskFull(error)) throw new RunError(`the disk is full: ${this.#path} could not be written`);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
