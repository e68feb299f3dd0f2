/** The journal: one JSON event a line, append-only, flushed before the next decision. */
import { closeSync, fsyncSync, ftruncateSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { isDiskFull } from '../../util/files.ts';
import { assert } from '../../util/assert.ts';
import { openRunFile, readRunText } from '../../util/run-files.ts';
import { RunError, UserError } from '../../util/user-error.ts';
import { chained, follows, linkOf, type Chain } from './chain.ts';
import { entrySchema, type Entry } from './events.ts';

/** Of the journal and of config.json. A journal of a newer format is refused. */
export const format = 1;

export interface Replay {
  readonly entries: readonly Entry[];
  /** Bytes of whole lines. */
  readonly length: number;
  /** Bytes of a torn last line behind them. */
  readonly torn: number;
  /** Behind the whole lines. */
  readonly chain: Chain;
}

/** A whole line of a journal. */
export interface Line {
  readonly entry: Entry;
  /** Without its hash. */
  readonly content: string;
  readonly chain: Chain;
}

/**
 * The entry of a journal that stands at that place in it, from its line. `before`: the chain of the lines before it; for the first
 * line that of the configuration.
 */
export function parseLine(text: string, path: string, index: number, before: Chain): Line {
  const where = `${path}:${index + 1}`;
  const link = before === null ? { content: text, hash: null } : linkOf(text);
  let value: unknown;
  try {
    value = JSON.parse(link.content);
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
  if (before === null || (index === 0 && link.hash === null)) return { entry, content: text, chain: null };
  if (link.hash === null)
    throw new UserError(`${where}: has no hash, though the lines before it have one: the journal is damaged`);
  if (!follows(before, link))
    throw new UserError(
      index === 0
        ? `${where}: the hash of the first line does not fit it and config.json: one of the two is damaged or was changed`
        : `${where}: the hash of the line does not fit it and the line before: the journal is damaged or was changed`,
    );
  return { entry, content: link.content, chain: link.hash };
}

/** Whether the text is an object of JSON. */
function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Checks what follows the last whole line: the beginning of a line that was being written. It is ignored, and cut off by the next
 * writer. Zeros, and a whole event with another byte in place of its line end, are damage.
 */
export function checkTorn(bytes: Buffer, path: string, index: number): void {
  const where = `${path}:${index + 1}`;
  if (bytes.includes(0)) throw new UserError(`${where}: zeros stand in place of an event: the journal is damaged`);
  if (bytes.length === 0) return;
  const text = bytes.toString('utf8');
  if (!text.startsWith('{') || isWhole(text.slice(0, -1)))
    throw new UserError(`${where}: neither an event nor the beginning of one: the journal is damaged`);
}

/** Reads a journal. An incomplete last line is ignored; anything else that is wrong is an error. `first`: as of `beginChain`. */
export function readJournal(path: string, first: string): Replay {
  let bytes: Buffer;
  try {
    bytes = readRunText(path);
  } catch (error) {
    throw new UserError(`journal ${(error as Error).message}`);
  }
  const length = bytes.lastIndexOf(0x0a) + 1;
  let chain: Chain = first;
  const entries: Entry[] = [];
  for (const text of bytes.toString('utf8', 0, length).split('\n').slice(0, -1)) {
    const line = parseLine(text, path, entries.length, chain);
    entries.push(line.entry);
    chain = line.chain;
  }
  checkTorn(bytes.subarray(length), path, entries.length);
  return { entries, length, torn: bytes.length - length, chain };
}

/** The text of a journal that begins with these entries. */
export function journalText(entries: readonly Entry[], first: Chain): { readonly text: string; readonly chain: Chain } {
  let chain = first;
  let text = '';
  for (const entry of entries) {
    const next = chained(JSON.stringify(entry), chain);
    chain = next.chain;
    text += `${next.line}\n`;
  }
  return { text, chain };
}

/** The open journal of a run that is going on. */
export class Journal {
  readonly #file: number;
  readonly #path: string;
  #at: number;
  #chain: Chain;

  /** Truncates the file to its whole lines. `chain`: behind them. */
  constructor(path: string, wholeLength: number, chain: Chain) {
    this.#path = path;
    this.#file = openRunFile(path, 'change');
    ftruncateSync(this.#file, wholeLength);
    this.#at = wholeLength;
    this.#chain = chain;
  }

  /** Writes and flushes; after it returns the event survives a power failure. */
  append(entry: Entry): void {
    const text = JSON.stringify(entry);
    // What could not be read back must not be written: NaN is null in JSON.
    const problem = entrySchema.safeParse(JSON.parse(text)).error;
    assert(
      problem === undefined,
      () => `an event that does not fit the journal's schema: ${text} ${z.prettifyError(problem as z.ZodError)}`,
    );
    const { line, chain } = chained(text, this.#chain);
    const bytes = Buffer.from(`${line}\n`);
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(this.#file, bytes, written, bytes.length - written, this.#at + written);
      fsyncSync(this.#file);
      this.#at += bytes.length;
      this.#chain = chain;
    } catch (error) {
      if (isDiskFull(error)) throw new RunError(`the disk is full: ${this.#path} could not be written`);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
