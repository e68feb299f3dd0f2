/**
 * Unpacks zip, tar and tar.gz archives into a folder of the cache, for as long as they are decoded. Nothing is written outside of that
 * folder: names that lead out of it are refused, links and devices are not unpacked. Limits on files, bytes and the free disk.
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readdir, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { crc32, createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { openPromise, type Entry } from 'yauzl';
import { codeOf, factsOf, isDiskFull, makeFolder, makeFolders, readFailure, reasonOf, writeFailure } from '../util/files.ts';
import { RunError, UserError } from '../util/user-error.ts';
import { formatBytes, plural } from '../util/words.ts';
import { macFolder } from './file-names.ts';

export interface UnpackLimits {
  /** Files, at most. */
  readonly files: number;
  /** Bytes that an archive may always have. */
  readonly bytes: number;
  /** Beyond these, how many times its own size. */
  readonly ratio: number;
  /** Share of the free disk that is used, at most. */
  readonly disk: number;
}

export const usualLimits: UnpackLimits = { files: 2_000_000, bytes: 2 ** 30, ratio: 100, disk: 0.9 };

/** Bytes of the disk that the smallest file takes. */
const block = 4096;
/** Unpacked folders that a killed process left are removed after so many milliseconds. */
const stale = 48 * 3600 * 1000;

const foldersIn = (cacheFolder: string): string => join(cacheFolder, 'unpacked');

/** Removes what killed processes left. `now`: when the newest folder was made. */
async function removeStale(cacheFolder: string, now: number): Promise<void> {
  for (const name of await readdir(foldersIn(cacheFolder))) {
    const path = join(foldersIn(cacheFolder), name);
    const facts = await stat(path).catch(() => undefined); // Another process may remove it.
    if (facts !== undefined && now - facts.mtimeMs > stale) await rm(path, { recursive: true, force: true });
  }
}

/** A new folder in the cache for `use`, removed afterwards. */
export async function withFolder<T>(cacheFolder: string, use: (folder: string) => Promise<T>): Promise<T> {
  const { folder, remove } = await newFolder(cacheFolder);
  try {
    return await use(folder);
  } finally {
    await remove();
  }
}

/** A new folder in the cache, and how to remove it. */
export async function newFolder(cacheFolder: string): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const parents = [foldersIn(cacheFolder), cacheFolder];
  const isNew = (await factsOf(cacheFolder)) === undefined;
  makeFolder(foldersIn(cacheFolder));
  const folder = await mkdtemp(join(foldersIn(cacheFolder), 'x')).catch((error: unknown): never => {
    throw writeFailure(error, foldersIn(cacheFolder));
  });
  const remove = async (): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    // A refused archive leaves nothing; what others use is not empty.
    if (isNew) for (const parent of parents) await rmdir(parent).catch(() => undefined);
  };
  await removeStale(cacheFolder, (await stat(folder)).mtimeMs);
  return { folder, remove };
}

/** Counts what is written; a UserError for more than is allowed. */
export async function openAllowance(source: string, folder: string, limits: UnpackLimits = usualLimits) {
  const { size = 0 } = (await factsOf(source)) ?? {};
  const { bavail, bsize } = await statfs(folder);
  const free = limits.disk * bavail * bsize;
  const most = Math.max(limits.bytes, limits.ratio * size);
  let [files, bytes, disk] = [0, 0, 0];
  const check = (more: number): void => {
    if (bytes + more > most)
      throw new UserError(
        `${source}: more than ${formatBytes(most)} unpacked, ${limits.ratio} times its size: it looks like a trap`,
      );
    if (disk + more > free)
      throw new RunError(
        `${source}: does not fit unpacked on the disk of ${folder}: ${formatBytes(free)} can be used (INSTAR_CACHE names another folder)`,
      );
  };
  return {
    /** A further file. */
    file(): void {
      if (++files > limits.files) throw new UserError(`${source}: more than ${plural(limits.files, 'file')}`);
      disk += block;
      check(0);
    },
    /** Further bytes. */
    bytes(count: number): void {
      check(count);
      bytes += count;
      disk += count;
    },
  };
}

type Allowance = Awaited<ReturnType<typeof openAllowance>>;

/** The folders and the file of a name in an archive; null for the folder itself. A UserError for one that leads elsewhere. */
export function segmentsOf(archive: string, name: string): readonly string[] | null {
  const forward = name.replaceAll('\\', '/');
  const segments = forward.split('/').filter((each) => each !== '' && each !== '.');
  if (forward.startsWith('/') || /^[a-z]:/i.test(forward) || segments.includes('..') || name.includes('\0'))
    throw new UserError(`${archive}: holds a file called ${name.slice(0, 100)}, which leads out of the folder: not unpacked`);
  return segments.length === 0 ? null : segments;
}

/** What is written of an archive. */
interface Target {
  readonly archive: string;
  readonly folder: string;
  readonly allowance: Allowance;
  readonly signal: AbortSignal | undefined;
}

/** Writes one file. The last one of a name stays. */
async function writeEntry(
  { archive, folder, allowance, signal }: Target,
  name: string,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const segments = segmentsOf(archive, name);
  if (segments === null || segments[0] === macFolder) {
    for await (const piece of content) allowance.bytes(piece.length);
    return;
  }
  allowance.file();
  const path = join(folder, ...segments);
  const refuse = (error: unknown): never => {
    if (isDiskFull(error)) throw writeFailure(error, path);
    throw new UserError(`${archive}: ${name.slice(0, 200)} cannot be unpacked (${codeOf(error) ?? reasonOf(error)})`);
  };
  try {
    makeFolders(dirname(path));
  } catch (error) {
    refuse(error);
  }
  const file = await open(path, 'w').catch(refuse);
  try {
    for await (const piece of content) {
      signal?.throwIfAborted();
      allowance.bytes(piece.length);
      for (let at = 0; at < piece.length;) at += (await file.write(piece, at).catch(refuse)).bytesWritten;
    }
  } finally {
    await file.close();
  }
}

/** Whether an entry of a zip is a regular file, by what Unix wrote into it. */
function zipKind({ externalFileAttributes, fileName }: Entry): 'file' | 'folder' | 'other' {
  const kind = (externalFileAttributes >>> 16) & 0o170000;
  if (fileName.endsWith('/') || kind === 0o040000) return 'folder';
  return kind === 0 || kind === 0o100000 ? 'file' : 'other';
}

/** The content of an entry; an error where it is not that of its checksum. */
async function* checked(content: AsyncIterable<Uint8Array>, { crc32: expected }: Entry): AsyncGenerator<Uint8Array> {
  let sum = 0;
  for await (const piece of content) {
    sum = crc32(piece, sum);
    yield piece;
  }
  if (sum !== expected) throw new Error('a checksum differs');
}

/** Ways to pack the files of a zip that are not read; deflated and stored ones are. */
const methods: Readonly<Record<number, string>> = { 9: 'Deflate64', 12: 'bzip2', 14: 'LZMA', 93: 'Zstandard', 95: 'xz' };

/** Returns how many links and devices were not unpacked. */
async function unpackZip(target: Target): Promise<number> {
  const { archive, signal } = target;
  const zip = await openPromise(archive, { autoClose: false, lazyEntries: true, strictFileNames: false });
  let left = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      const kind = zipKind(entry);
      if (kind === 'other') left++;
      if (kind !== 'file') continue;
      if (entry.isEncrypted()) throw new UserError(`${archive}: is encrypted: unpack it, and give the folder that it makes`);
      if (![0, 8].includes(entry.compressionMethod))
        throw new UserError(
          `${archive}: is packed in a way that is not read (${methods[entry.compressionMethod] ?? `method ${entry.compressionMethod}`}): unpack it, and give the folder that it makes`,
        );
      const content = await zip.openReadStreamPromise(entry);
      await writeEntry(target, entry.fileName, checked(content as AsyncIterable<Uint8Array>, entry));
    }
  } finally {
    zip.close();
  }
  return left;
}

/** What is said of a packed file that is no archive, such as `labels.csv.gz`; other errors as they are. */
const noTar = (archive: string, error: unknown): unknown =>
  /invalid tar header|unexpected end of data/i.test(reasonOf(error))
    ? new UserError(`${archive}: holds no tar archive, or a damaged one: unpack it, and give what it makes`)
    : error;

async function unpackTar(target: Target, isGzip: boolean): Promise<number> {
  const { archive, signal } = target;
  const untar = extract();
  let entries = 0;
  const bytes = createReadStream(archive);
  const options = signal === undefined ? {} : { signal };
  const unpacking = isGzip ? pipeline(bytes, createGunzip(), untar, options) : pipeline(bytes, untar, options);
  const reading = (async () => {
    let left = 0;
    for await (const entry of untar) {
      entries++;
      const { name, type } = entry.header;
      if (type === 'file' || type === 'contiguous-file') await writeEntry(target, name, entry as AsyncIterable<Uint8Array>);
      else {
        if (type !== 'directory') left++;
        entry.resume();
      }
    }
    return left;
  })();
  // Both, the reader's error first: it may be the cause of the other.
  const [read, unpacked] = await Promise.allSettled([reading, unpacking]);
  if (read.status === 'rejected') throw isGzip && entries === 0 ? noTar(archive, read.reason) : read.reason;
  if (unpacked.status === 'rejected') throw unpacked.reason;
  return read.value;
}

export type ArchiveKind = 'zip' | 'tar' | 'gzip';

/** Unpacks an archive into a folder that exists. Returns lines for the user. A UserError for one that is damaged or hostile. */
export async function unpack(
  archive: string,
  kind: ArchiveKind,
  folder: string,
  signal?: AbortSignal,
  limits: UnpackLimits = usualLimits,
): Promise<readonly string[]> {
  try {
    const target: Target = { archive, folder, allowance: await openAllowance(archive, folder, limits), signal };
    const left = await (kind === 'zip' ? unpackZip(target) : unpackTar(target, kind === 'gzip'));
    return left === 0
      ? []
      : [`${plural(left, 'link or device', 'links and devices')} in it ${left === 1 ? 'is' : 'are'} not unpacked`];
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError || error instanceof RunError) throw error;
    if (['ENOENT', 'EACCES', 'EISDIR', 'EPERM'].includes(codeOf(error) ?? '')) throw readFailure(error, archive);
    const reason = reasonOf(error);
    if (/invalid relative path|absolute path|invalid characters in fileName/i.test(reason))
      throw new UserError(`${archive}: holds a name that leads out of the folder (${reason}): not unpacked`);
    throw new UserError(`${archive}: cannot be unpacked: damaged or cut short (${reason})`);
  }
}
