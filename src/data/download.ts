/** Downloads a file: resumes an earlier try, and checks the MD5 before the file gets its name. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../util/user-error.ts';
import { codeOf, factsOf, makeFolder, reasonOf, writeFailure } from '../util/files.ts';
import type { ReadListener } from './source.ts';

export interface Download {
  readonly url: string;
  readonly md5: string;
  readonly path: string;
  /** What to do without a network; ends the error message. */
  readonly advice: string;
  /** Milliseconds without a byte after which the download fails. */
  readonly patience: number;
}

/** The code of the error's innermost cause, such as ENOTFOUND or ECONNREFUSED. */
function networkReason(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = codeOf(cause);
    if (code !== undefined) return code;
  }
  return reasonOf(error);
}

const notWritten =
  (path: string) =>
  (error: unknown): never => {
    throw writeFailure(error, path);
  };

async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5');
  for await (const piece of createReadStream(path) as AsyncIterable<Uint8Array>) hash.update(piece);
  return hash.digest('hex');
}

/** The offset of the response's bytes in the file, and the file's size (0: unknown). */
function rangeOf(response: Response, have: number): { from: number; total: number } {
  const length = Number(response.headers.get('content-length') ?? 0);
  if (response.status !== 206) return { from: 0, total: length };
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  if (range === null || Number(range[1]) !== have) throw new Error('the server sent another range than requested');
  return { from: have, total: range[2] === '*' ? 0 : Number(range[2]) };
}

/** Appends to `part` what is missing. */
async function receive({ url, patience }: Download, part: string, { progress, signal }: ReadListener): Promise<void> {
  const have = (await factsOf(part))?.size ?? 0;
  const stalled = new AbortController();
  const late = (): void => stalled.abort(new Error(`no byte came for ${patience / 1000} s`));
  let clock = setTimeout(late, patience);
  try {
    const response = await fetch(url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]),
    });
    if (response.status === 416) return; // The part is complete.
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    const { from, total } = rangeOf(response, have);
    const file = await open(part, from > 0 ? 'r+' : 'w').catch(notWritten(part));
    let received = from;
    let said = 0;
    try {
      for await (const piece of response.body as AsyncIterable<Uint8Array>) {
        clearTimeout(clock);
        clock = setTimeout(late, patience);
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
      await file.close();
    }
  } finally {
    clearTimeout(clock);
  }
}

/**
 * Downloads the file to `path`, if it is not there. A UserError where there is no network or the file is damaged; the next call
 * resumes.
 */
export async function download(wanted: Download, listener: ReadListener): Promise<void> {
  const { url, md5, path, advice } = wanted;
  if ((await factsOf(path)) !== undefined) return;
  const part = `${path}.part`;
  makeFolder(dirname(path));
  try {
    await receive(wanted, part, listener);
  } catch (error) {
    listener.signal?.throwIfAborted();
    if (error instanceof Error && 'kind' in error) throw error;
    throw new UserError(`${url}: cannot be downloaded (${networkReason(error)}): try again, or ${advice}`);
  }
  if ((await md5Of(part)) !== md5) {
    await rm(part, { force: true });
    throw new UserError(`${url}: the file is damaged (its MD5 is not ${md5}): try again, or ${advice}`);
  }
  await rename(part, path).catch(notWritten(path));
}
