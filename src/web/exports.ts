/** What runs are given away as: the report of one or several as one page, and an archive with the network and the report of each. */
import { once } from 'node:events';
import { join } from 'node:path';
import { ReadableStream } from 'node:stream/web';
import { fileURLToPath } from 'node:url';
import tar from 'tar-stream';
import { fitsJournal, unfitting } from '../run/record/best.ts';
import { folderOf } from '../run/record/folder.ts';
import { readRun } from '../run/record/read.ts';
import { isThere, readRunBytes } from '../util/run-files.ts';
import { UserError } from '../util/user-error.ts';
import { outputOf } from './actions.ts';
import type { RunPlace } from './catalogue.ts';
import { cleanName } from './upload-names.ts';

const program = fileURLToPath(new URL('report-process.js', import.meta.url));
/** Bytes. */
const longestPage = 256 << 20;

/** The end of the last report that was asked for: they are made one after another, however many pages ask. */
let last: Promise<unknown> = Promise.resolve();

/** The report of runs, or of one study, as one page that needs nothing beside it. */
export function reportOf(roots: readonly string[], signal: AbortSignal): Promise<string> {
  const made = last.then(() => {
    signal.throwIfAborted();
    return outputOf(process.execPath, [program, ...roots], {
      signal,
      longest: longestPage,
      failed: (line) => new UserError(line),
    });
  });
  last = made.catch(() => undefined);
  return made;
}

/** The verified network of a run. A UserError where there is none. */
async function bestOf(root: string): Promise<Uint8Array> {
  const { state } = readRun(root);
  const { bestModel } = folderOf(root);
  if (!isThere(bestModel)) throw new UserError('no best.onnx: it is written when the search has found a network');
  const bytes = await readRunBytes(bestModel);
  if (!fitsJournal(state, 'model', bytes)) throw unfitting(bestModel);
  return bytes;
}

/** Names of folders in the archive, each once. */
function namesFor(places: readonly RunPlace[]): readonly string[] {
  const taken = new Set<string>();
  return places.map(({ id }) => {
    const plain = id
      .split('/')
      .map((name) => cleanName(name))
      .join('-');
    for (let count = 1; ; count++) {
      const name = count === 1 ? plain : `${plain}-${count}`;
      if (taken.has(name)) continue;
      taken.add(name);
      return name;
    }
  });
}

/** The archive, made as it is read. What a run does not have is said in `missing.txt`. */
export function archiveOf(places: readonly RunPlace[], signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pack = tar.pack();
  const missing: string[] = [];
  async function add(name: string, bytes: Uint8Array): Promise<void> {
    const entry = pack.entry({ name, size: bytes.length, mtime: new Date(0) });
    entry.end(bytes);
    await once(entry, 'finish', { signal });
  }
  async function addAll(): Promise<void> {
    const names = namesFor(places);
    for (const [at, { id, root }] of places.entries()) {
      const folder = names[at] as string;
      signal.throwIfAborted();
      for (const [name, make] of [
        ['best.onnx', () => bestOf(root)],
        ['report.html', async () => Buffer.from(await reportOf([root], signal))],
      ] as const) {
        let bytes: Uint8Array;
        try {
          bytes = await make();
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          missing.push(`${id}: ${name}: ${error.message}`);
          continue;
        }
        await add(join(folder, name), bytes);
      }
    }
    if (missing.length > 0) await add('missing.txt', Buffer.from(`${missing.join('\n')}\n`));
    pack.finalize();
  }
  addAll().catch((error: Error) => pack.destroy(error));
  return ReadableStream.from(pack as AsyncIterable<Uint8Array<ArrayBuffer>>);
}
