/**
 * Downloads a file whose hash is known: resumes an earlier try, and checks the hash before the file gets its name. Of two processes
 * that want the same file, one downloads it.
 */
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, factsOf, makeFolder, reasonOf, writeFailure } from '../util/files.ts';
import { isSafe } from '../util/file-address.ts';
import { lockFile } from '../util/flock.ts';
import { must } from '../util/assert.ts';
import { UserError } from '../util/user-error.ts';
import { formatBytes } from '../util/words.ts';
import type { ReadListener } from './source.ts';

/** Names of hashes, for people. */
const hashNames = { md5: 'MD5', sha256: 'SHA-256' } as const;

export interface Hash {
  readonly kind: keyof typeof hashNames;
  /** Lower-case hexadecimal digits. */
  readonly digits: string;
}

interface Asked {
  readonly url: string;
  /** Bytes, at most. */
  readonly most: number;
  /** What to do without a network; ends the error message. */
  readonly advice: string;
  /** Milliseconds without a byte after which the download fails. */
  readonly patience: number;
}

export interface Download extends Asked {
  readonly hash: Hash;
  readonly path: string;
}

/** The code of the error's innermost cause, such as ENOTFOUND or ECONNREFUSED; what it says where it has none. */
function networkReason(error: unknown): string {
  let innermost = error;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = codeOf(cause);
    if (code !== undefined) return code;
    innermost = cause;
  }
  return reasonOf(innermost);
}

const notWritten =
  (path: string) =>
  (error: unknown): never => {
    throw writeFailure(error, path);
  };

async function digitsOf(path: string, kind: Hash['kind']): Promise<string> {
  const hash = createHash(kind);
  for await (const piece of createReadStream(path) as AsyncIterable<Uint8Array>) hash.update(piece);
  return hash.digest('hex');
}

/** Whether the file is there and has that hash. */
export const hasHash = async (path: string, { kind, digits }: Hash): Promise<boolean> =>
  (await factsOf(path))?.kind === 'file' && (await digitsOf(path, kind)) === digits;

const mostRedirects = 10;
const redirects: readonly number[] = [301, 302, 303, 307, 308];

/** Where a redirect leads; an error where it leaves https, or comes from elsewhere to this machine. */
export function redirected(from: URL, location: string): URL {
  const to = new URL(location, from);
  if (to.protocol !== 'https:' && !(isSafe(to) && from.protocol === 'http:'))
    throw new Error(`it leads to ${to.origin}, which is not https`);
  return to;
}

/** The response behind redirects. */
async function ask(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
  let at = new URL(url);
  for (let hops = 0; hops <= mostRedirects; hops++) {
    const response = await fetch(at, { headers, signal, redirect: 'manual' });
    const location = response.headers.get('location');
    if (!redirects.includes(response.status) || location === null) return response;
    await response.body?.cancel();
    at = redirected(at, location);
  }
  throw new Error(`more than ${mostRedirects} redirects`);
}

/** The offset of the response's bytes in the file, and the file's size (0: unknown). */
function rangeOf(response: Response, have: number): { from: number; total: number } {
  const length = Number(response.headers.get('content-length') ?? 0);
  if (response.status !== 206) return { from: 0, total: length };
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  if (range === null || Number(range[1]) !== have) throw new Error('the server sent another range than requested');
  return { from: have, total: range[2] === '*' ? 0 : Number(range[2]) };
}

/** The file is none that may be downloaded: trying again does not help. */
class TooLarge extends Error {}

/** Appends to `file`, which is `part`, what is missing. */
async function receive(
  { url, patience, most }: Asked,
  part: string,
  file: FileHandle,
  { progress, signal }: ReadListener,
): Promise<void> {
  const have = (await file.stat()).size;
  const stalled = new AbortController();
  const late = (): void => stalled.abort(new Error(`no byte came for ${patience / 1000} s`));
  let clock = setTimeout(late, patience);
  try {
    const response = await ask(
      url,
      // Compressed, its lengths would be others.
      { 'accept-encoding': 'identity', ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
      signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]),
    );
    if (response.status === 416) return; // The part is complete.
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    const { from, total } = rangeOf(response, have);
    if (total > most) throw new TooLarge();
    if (from === 0) await file.truncate(0).catch(notWritten(part));
    let received = from;
    let said = 0;
    for await (const piece of response.body as AsyncIterable<Uint8Array>) {
      clearTimeout(clock);
      clock = setTimeout(late, patience);
      if (received + piece.length > most) throw new TooLarge();
      for (let at = 0; at < piece.length;) {
        const { bytesWritten } = await file.write(piece, at, piece.length - at, received).catch(notWritten(part));
        at += bytesWritten;
        received += bytesWritten;
      }
      if (received - said < total / 200 && received !== total) continue;
      said = received;
      progress({ kind: 'download', url, received, total });
    }
    if (total > 0 && received < total) throw new Error('the connection ended early');
  } finally {
    clearTimeout(clock);
    // What was not read of the response would keep its connection.
    stalled.abort();
  }
}

/** Milliseconds between two looks at a file that another process downloads. */
const pause = 200;

/** Opens the part with its lock, once no other process downloads it; null where one has finished it meanwhile. */
async function openPart(
  { url, path }: Pick<Download, 'url' | 'path'>,
  part: string,
  { progress, signal }: ReadListener,
): Promise<FileHandle | null> {
  for (let tries = 0; ; tries++) {
    if ((await factsOf(path)) !== undefined) return null;
    const file = await open(part, constants.O_RDWR | constants.O_CREAT).catch(notWritten(part));
    if (lockFile(file.fd)) {
      // Whoever had the lock may have renamed or removed what was opened here.
      const isDone = (await factsOf(path)) !== undefined;
      if (isDone) await rm(part, { force: true });
      else if ((await file.stat()).nlink > 0) return file;
    }
    await file.close();
    signal?.throwIfAborted();
    if (tries === 0) progress({ kind: 'note', message: `${url}: is being downloaded already: waiting for that` });
    await sleep(pause, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

async function receiveAll(wanted: Asked, part: string, file: FileHandle, listener: ReadListener): Promise<void> {
  const { url, most, advice } = wanted;
  try {
    await receive(wanted, part, file, listener);
  } catch (error) {
    listener.signal?.throwIfAborted();
    if (error instanceof Error && 'kind' in error) throw error;
    const isTooLarge = error instanceof TooLarge;
    if (isTooLarge || (await file.stat()).size === 0) await rm(part, { force: true });
    throw new UserError(
      isTooLarge
        ? `${url}: is not downloaded: larger than ${formatBytes(most)}`
        : `${url}: cannot be downloaded (${networkReason(error)}): try again, or ${advice}`,
    );
  }
}

async function complete(wanted: Download, part: string, file: FileHandle, listener: ReadListener): Promise<void> {
  const { url, hash, path, advice } = wanted;
  await receiveAll(wanted, part, file, listener);
  const digits = await digitsOf(part, hash.kind);
  if (digits !== hash.digits) {
    await rm(part, { force: true });
    throw new UserError(
      `${url}: damaged, or another file than was meant: its ${hashNames[hash.kind]} is ${digits}, not ${hash.digits}: try again, or ${advice}`,
    );
  }
  await rename(part, path).catch(notWritten(path));
}

/**
 * Downloads the file to `path`, if it is not there. A UserError where there is no network, or the file is damaged, another one or too
 * large; the next call resumes.
 */
export async function download(wanted: Download, listener: ReadListener): Promise<void> {
  const part = `${wanted.path}.part`;
  makeFolder(dirname(part));
  const file = await openPart(wanted, part, listener);
  if (file === null) return;
  try {
    await complete(wanted, part, file, listener);
  } finally {
    await file.close();
  }
}

/**
 * Downloads a file of which no hash is known, from its beginning: what came before may be of another file. It is kept in `folder` under its
 * SHA-256, with that ending, for whoever asks by the hash. Returns the digits.
 */
export async function downloadUnknown(wanted: Asked, folder: string, ending: string, listener: ReadListener): Promise<string> {
  const { url } = wanted;
  // No file has this name.
  const path = join(folder, createHash('sha256').update(url).digest('hex'));
  const part = `${path}.part`;
  makeFolder(folder);
  const file = must(await openPart({ url, path }, part, listener), 'part');
  try {
    await file.truncate(0);
    await receiveAll(wanted, part, file, listener);
    const digits = await digitsOf(part, 'sha256');
    const kept = join(folder, `${digits}${ending}`);
    await rename(part, kept).catch(notWritten(kept));
    return digits;
  } finally {
    await file.close();
    await rm(part, { force: true });
  }
}
