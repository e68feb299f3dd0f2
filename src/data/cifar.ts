/**
 * CIFAR-10's binary version (Krizhevsky 2009): a folder with data_batch_1 … 5.bin and test_batch.bin, or its tar.gz. A record
 * is a label and 1,024 red, 1,024 green and 1,024 blue bytes, row-major 32 × 32; all files have the same number of records.
 */
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { must } from '../util/assert.ts';
import { UserError } from '../util/user-error.ts';
import type { Content, Part } from './dataset.ts';
import { codeOf, factsOf, readBytes, readFailure, reasonOf } from '../util/files.ts';
import { sha256 } from '../util/hash.ts';
import { fileAt, type DatasetSource, type ReadListener, type SourceFile } from './source.ts';

const cifarFolder = 'cifar-10-batches-bin';
export const cifarArchive = 'cifar-10-binary.tar.gz';

const trainFiles = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`);
const testFile = 'test_batch.bin';
const dataFiles = [...trainFiles, testFile];
const namesFile = 'batches.meta.txt';

const shape = { channels: 3, height: 32, width: 32 };
const pixels = 3072;
const record = 1 + pixels;
/** Largest file of an archive that is read, bytes; the original ones have 30,730,000. */
const fileLimit = 1 << 28;

/** The paper's normalisation, for pixels/255. */
const mean = [125.3, 123.0, 113.9].map((value) => value / 255);
const std = [63.0, 62.1, 66.7].map((value) => value / 255);

const defaultClasses = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** SHA-256 of the original files. */
const original: Readonly<Record<string, string>> = {
  'data_batch_1.bin': 'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5',
  'data_batch_2.bin': 'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed',
  'data_batch_3.bin': 'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67',
  'data_batch_4.bin': '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48',
  'data_batch_5.bin': '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add',
  'test_batch.bin': '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b',
};

/** Files by name, each with how it is called in error messages. */
type Files = ReadonlyMap<string, { readonly where: string; readonly bytes: Uint8Array }>;

async function readFolder(folder: string, names: readonly string[], { signal }: ReadListener): Promise<Files> {
  const files = new Map<string, { where: string; bytes: Uint8Array }>();
  for (const name of names) {
    signal?.throwIfAborted();
    const where = join(folder, name);
    const size = (await factsOf(where))?.size ?? 0;
    if (size > fileLimit) throw new UserError(`${where} has ${size} bytes, more than can be`);
    files.set(name, { where, bytes: await readBytes(where) });
  }
  return files;
}

/** The archive's files of those names. */
async function unpack(archive: string, names: readonly string[], signal: AbortSignal | undefined): Promise<Files> {
  const files = new Map<string, { where: string; bytes: Uint8Array }>();
  const untar = extract();
  const unpacking = pipeline(createReadStream(archive), createGunzip(), untar, ...(signal ? [{ signal }] : []));
  const reading = (async () => {
    for await (const entry of untar) {
      const name = basename(entry.header.name);
      const where = `${archive}: ${name}`;
      const size = entry.header.size ?? 0;
      if (entry.header.type !== 'file' || !names.includes(name)) {
        entry.resume();
        continue;
      }
      if (size > fileLimit) throw new UserError(`${where} has ${size} bytes, more than can be`);
      const bytes = new Uint8Array(size);
      let at = 0;
      for await (const part of entry as AsyncIterable<Uint8Array>) {
        bytes.set(part, at);
        at += part.length;
      }
      files.set(name, { where, bytes });
    }
  })();
  // Both, the reader's error first: it may be the cause of the other.
  for (const result of await Promise.allSettled([reading, unpacking])) if (result.status === 'rejected') throw result.reason;
  return files;
}

async function readArchive(archive: string, { signal }: ReadListener): Promise<Files> {
  let files: Files;
  try {
    files = await unpack(archive, [...dataFiles, namesFile], signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError) throw error;
    if (['ENOENT', 'EACCES', 'EISDIR'].includes(codeOf(error) ?? '')) throw readFailure(error, archive);
    throw new UserError(`${archive}: cannot be unpacked: damaged or cut short (${reasonOf(error)})`);
  }
  if (!dataFiles.some((name) => files.has(name)))
    throw new UserError(`${archive}: an archive without CIFAR-10's binaries: unpack it, and give the folder that it makes`);
  for (const name of dataFiles) if (!files.has(name)) throw new UserError(`${archive}: has no ${name} in it`);
  return files;
}

function classesOf(files: Files): string[] {
  const file = files.get(namesFile);
  if (file === undefined) return defaultClasses;
  const names = new TextDecoder().decode(file.bytes).split('\n');
  const trimmed = names.map((name) => name.trim()).filter((name) => name !== '');
  if (trimmed.length === 0 || trimmed.length > 256) throw new UserError(`${file.where}: ${trimmed.length} class names`);
  return trimmed;
}

/** The records of those files, in order. */
function recordsOf(files: Files, names: readonly string[], classes: number): Part {
  const parts = names.map((name) => must(files.get(name), name));
  const count = parts.reduce((sum, { bytes }) => sum + bytes.length, 0) / record;
  const images = new Uint8Array(count * pixels);
  const labels = new Uint16Array(count);
  let index = 0;
  for (const { where, bytes } of parts)
    for (let at = 0; at < bytes.length; at += record, index++) {
      const label = bytes[at] as number;
      if (label >= classes)
        throw new UserError(`${where}: label ${label} of image ${at / record} is out of range: there are ${classes} classes`);
      labels[index] = label;
      images.set(bytes.subarray(at + 1, at + record), index * pixels);
    }
  return { images, labels };
}

function contentOf(files: Files, verify: boolean, { progress }: ReadListener): Content {
  const read = dataFiles.map((name) => ({ name, ...must(files.get(name), name) }));
  for (const { name, where, bytes } of read) {
    if (verify && sha256(bytes) !== original[name])
      throw new UserError(`${where}: is not the original file: its SHA-256 differs`);
    if (bytes.length === 0 || bytes.length % record !== 0)
      throw new UserError(`${where}: cut short: ${bytes.length} bytes are not a number of ${record}-byte records`);
  }
  const records = must(files.get(testFile), testFile).bytes.length / record;
  for (const { where, bytes } of read)
    if (bytes.length !== records * record)
      throw new UserError(`${where}: cut short or too long: ${bytes.length / record} records, ${records} in ${testFile}`);
  const classes = classesOf(files);
  const train = recordsOf(files, trainFiles, classes.length);
  const test = recordsOf(files, [testFile], classes.length);
  const total = train.labels.length + test.labels.length;
  progress({ kind: 'decode', done: total, total });
  return { classes, shape, train, test, mean, std, flip: true };
}

const sourceOf = (
  where: string,
  files: readonly SourceFile[],
  verify: boolean,
  read: (listener: ReadListener) => Promise<Files>,
): DatasetSource => ({
  name: 'cifar10',
  where,
  files,
  options: { format: 'cifar', version: 1, verify },
  classCount: 10,
  shape,
  notes: [],
  decode: async (listener) => contentOf(await read(listener), verify, listener),
});

/** The archive at that path. `verify`: each of its files must be the original one. */
export async function findCifarArchive(path: string, verify = false): Promise<DatasetSource | undefined> {
  const archive = await fileAt(path);
  return archive && sourceOf(path, [archive], verify, (listener) => readArchive(path, listener));
}

async function findBinaries(folder: string): Promise<DatasetSource | undefined> {
  const found = await Promise.all(dataFiles.map((name) => fileAt(join(folder, name))));
  if (found.every((file) => file === undefined)) return undefined;
  const missing = dataFiles.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) throw new UserError(`${folder}: has CIFAR-10 files but not all six: ${missing.join(', ')} missing`);
  const files = [...found, await fileAt(join(folder, namesFile))].filter((file) => file !== undefined);
  const names = files.map(({ path }) => basename(path));
  return sourceOf(folder, files, false, (listener) => readFolder(folder, names, listener));
}

/** CIFAR-10 in that folder: its files, the folder of its files, or its archive. Undefined where there is none of these. */
export async function findCifar(folder: string): Promise<DatasetSource | undefined> {
  return (
    (await findBinaries(folder)) ??
    (await findBinaries(join(folder, cifarFolder))) ??
    (await findCifarArchive(join(folder, cifarArchive)))
  );
}
