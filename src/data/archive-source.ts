/** Archives as sources: unpacked for as long as what is in them is decoded. */
import { basename } from 'node:path';
import { factsOf, readHead } from '../util/files.ts';
import { UserError } from '../util/user-error.ts';
import { formatBytes } from '../util/words.ts';
import { archiveHead, archiveKind } from './archives.ts';
import { isArchiveName } from './file-names.ts';
import type { ImageOptions } from './found-images.ts';
import { decoderVersion } from './image.ts';
import { readingKey } from './reading.ts';
import { fileAt, type DatasetSource, type SourceFile } from './source.ts';
import { unpack, withFolder, type ArchiveKind } from './unpack.ts';

const unpacked: readonly ArchiveKind[] = ['zip', 'tar', 'gzip'];

/** How the archive at that path is unpacked; undefined for anything else. A UserError for a kind that is not read. */
export async function archiveAt(path: string): Promise<ArchiveKind | undefined> {
  if ((await factsOf(path))?.kind !== 'file') return undefined;
  const kind = archiveKind(await readHead(path, archiveHead)) ?? (path.endsWith('.tar') ? 'tar' : undefined);
  if (kind === undefined && isArchiveName(path)) throw new UserError(`${path}: cannot be unpacked: damaged or no archive`);
  const own = unpacked.find((each) => each === kind);
  if (kind !== undefined && own === undefined)
    throw new UserError(
      `${path}: an archive of a kind that is not read (${kind}; zip, tar and tar.gz are): unpack it, and give the folder that it makes`,
    );
  return own;
}

/** The archive's name without extension. */
export const archiveName = (path: string): string => basename(path).replace(/(\.tar)?\.[a-z0-9]+$/i, '') || basename(path);

/** Paths in a folder of the cache, as those in the archive. */
const shownIn = (archive: string, folder: string) => (text: string) => text.replaceAll(folder, archive);

/** Unpacks an archive for `use`. Messages name its files by the archive. */
export async function withUnpacked<T>(
  archive: string,
  kind: ArchiveKind,
  cacheFolder: string,
  signal: AbortSignal | undefined,
  use: (folder: string, shown: (text: string) => string, notes: readonly string[]) => Promise<T>,
): Promise<T> {
  return withFolder(cacheFolder, async (folder) => {
    const shown = shownIn(archive, folder);
    const notes = await unpack(archive, kind, folder, signal);
    try {
      return await use(
        folder,
        shown,
        notes.map((note) => `${archive}: ${note}`),
      );
    } catch (error) {
      throw error instanceof UserError ? new UserError(shown(error.message)) : error;
    }
  });
}

/** What is in an archive. `find`: of the folder that it is unpacked to. */
export function archiveSource(
  archive: SourceFile,
  kind: ArchiveKind,
  imageSize: number | undefined,
  { reading, labels, cacheFolder }: ImageOptions,
  table: SourceFile | undefined,
  find: (folder: string) => Promise<DatasetSource>,
): DatasetSource {
  const { path, size } = archive;
  return {
    name: archiveName(path),
    where: path,
    files: table === undefined ? [archive] : [archive, table],
    notes: [],
    reading,
    options: {
      format: 'archive',
      version: 1,
      imageSize: imageSize ?? null,
      decoder: decoderVersion,
      reading: readingKey(reading),
      labels: { file: labels.file ?? null, column: labels.column ?? null },
    },
    decode(decoding) {
      decoding.progress({ kind: 'note', message: `${path}: unpacked to be read (${formatBytes(size)})` });
      return withUnpacked(path, kind, cacheFolder, decoding.signal, async (folder, shown, notes) => {
        const source = await find(folder);
        const { leftOut = [], notes: late = [], ...content } = await source.decode(decoding);
        return {
          ...content,
          leftOut: leftOut.map((each) => ({ ...each, path: shown(each.path), reason: shown(each.reason) })),
          notes: [...notes, ...[...source.notes, ...late].map(shown)],
        };
      });
    },
  };
}

/** The table of `--labels`, where it lies beside an archive and not in it. */
export const tableBeside = async (file: string | undefined): Promise<SourceFile | undefined> =>
  file === undefined ? undefined : fileAt(file);
