/**
 * CIFAR-10's binary version (Krizhevsky 2009): a folder with data_batch_1 … 5.bin and test_batch.bin, or the tar.gz of it. A
 * record is a label and 1,024 red, 1,024 green and 1,024 blue bytes, row-major 32 × 32; there are as many in each file.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { must } from '../util/assert.ts';
import { UserError } from '../util/user-error.ts';
import type { Content, Part } from './dataset.ts';
import { codeOf, factsOf, readBytes, readFailure, reasonOf } from '../util/files.ts';
import type { Listener, Source, SourceFile } from './source.ts';

export const cifarFolder = 'cifar-10-batches-bin';
export const cifarArchive = 'cifar-10-binary.tar.gz';

const trainFiles = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`);
const testFile = 'test_batch.bin';
const dataFiles = [...trainFiles, testFile];
const namesFile = 'batches.meta.txt';

const shape = { channels: 3, height: 32, width: 32 };
const pixels = 3072;
const record = 1 + pixels;
/** An archive's file of more bytes is not read: the real ones have 30,730,000. */
const fileLimit = 1 << 28;

/** What the paper normalises with; of pixels/255. */
const mean = [125.3, 123.0, 113.9].map((value) => value / 255);
const std = [63.0, 62.1, 66.7].map((value) => value / 255);

const usualClasses = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** SHA-256 of the original files. */
const original: Readonly<Record<string, string>> = {
  'data_batch_1.bin': 'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5',
  'data_batch_2.bin': 'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed',
  'data_batch_3.bin': 'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67',
  'data_batch_4.bin': '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48',
  'data_batch_5.bin': '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add',
  'test_batch.bin': '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b',
};

/** The files by name, and how to call one of them in an error message. */
interface Files {
  readonly bytes: ReadonlyMap<string, Uint8Array>;
  readonly called: (name: string) => string;
}

async function readFolder(folder: string, names: readonly string[], { signal }: Listener): Promise<Files> {
  const bytes = new Map<string, Uint8Array>();
  for (const name of names) {
    signal?.throwIfAborted();
    bytes.set(name, await readBytes(join(folder, name)));
  }
  return { bytes, called: (name) => join(folder, name) };
}

async function readArchive(archive: string, { signal }: Listener): Promise<Files> {
  const called = (name: string): string => `${archive}: ${name}`;
  const bytes = new Map<string, Uint8Array>();
  const untar = extract();
  const unpacking = pipeline(createReadStream(archive), createGunzip(), untar, ...(signal ? [{ signal }] : []));
  const reading = (async () => {
    for await (const entry of untar) {
      const name = basename(entry.header.name);
      const size = entry.header.size ?? 0;
      if (entry.header.type !== 'file' || ![...dataFiles, namesFile].includes(name)) {
        entry.resume();
        continue;
      }
      if (size > fileLimit) throw new UserError(`${called(name)} has ${size} bytes, more than can be`);
      const whole = new Uint8Array(size);
      let at = 0;
      for await (const piece of entry as AsyncIterable<Uint8Array>) {
        whole.set(piece, at);
        at += piece.length;
      }
      bytes.set(name, whole);
    }
  })();
  const [unpacked, read] = await Promise.allSettled([unpacking, reading]);
  signal?.throwIfAborted();
  for (const { error } of [read, unpacked].map((result) => ({
    error: result.status === 'rejected' ? result.reason : undefined,
  }))) {
    if (error === undefined) continue;
    if (error instanceof UserError) throw error;
    if (['ENOENT', 'EACCES', 'EISDIR'].includes(codeOf(error) ?? '')) throw readFailure(error, archive);
    throw new UserError(`${archive}: cannot be unpacked: damaged or cut short (${reasonOf(error)})`);
  }
  for (const name of dataFiles) if (!bytes.has(name)) throw new UserError(`${archive}: has no ${name} in it`);
  return { bytes, called };
}

function classesOf({ bytes, called }: Files): string[] {
  const text = bytes.get(namesFile);
  if (text === undefined) return usualClasses;
  const names = new TextDecoder().decode(text).split('\n');
  const trimmed = names.map((name) => name.trim()).filter((name) => name !== '');
  if (trimmed.length === 0 || trimmed.length > 256) throw new UserError(`${called(namesFile)}: ${trimmed.length} class names`);
  return trimmed;
}

/** The records of these files, one behind the other. */
function recordsOf(files: Files, names: readonly string[], classes: number): Part {
  const parts = names.map((name) => must(files.bytes.get(name), name));
  const count = parts.reduce((sum, bytes) => sum + bytes.length, 0) / record;
  const images = new Uint8Array(count * pixels);
  const labels = new Uint16Array(count);
  let index = 0;
  parts.forEach((bytes, part) => {
    for (let at = 0; at < bytes.length; at += record, index++) {
      const label = bytes[at] as number;
      if (label >= classes) {
        const name = files.called(names[part] as string);
        throw new UserError(`${name}: label ${label} of image ${at / record} is out of range: there are ${classes} classes`);
      }
      labels[index] = label;
      images.set(bytes.subarray(at + 1, at + record), index * pixels);
    }
  });
  return { images, labels };
}

function contentOf(files: Files, verify: boolean, { progress }: Listener): Content {
  const read = dataFiles.map((name) => ({ name, bytes: must(files.bytes.get(name), name) }));
  for (const { name, bytes } of read) {
    if (verify && createHash('sha256').update(bytes).digest('hex') !== original[name])
      throw new UserError(`${files.called(name)}: is not the original file: its SHA-256 differs`);
    if (bytes.length === 0 || bytes.length % record !== 0)
      throw new UserError(`${files.called(name)}: cut short: ${bytes.length} bytes are not a number of ${record}-byte records`);
  }
  const records = must(files.bytes.get(testFile), testFile).length / record;
  const other = read.find(({ bytes }) => bytes.length !== records * record);
  if (other !== undefined) {
    const count = other.bytes.length / record;
    throw new UserError(`${files.called(other.name)}: cut short or too long: ${count} records, ${records} in ${testFile}`);
  }
  const classes = classesOf(files);
  const train = recordsOf(files, trainFiles, classes.length);
  const test = recordsOf(files, [testFile], classes.length);
  const total = train.labels.length + test.labels.length;
  progress({ kind: 'decode', done: total, total });
  return { classes, shape, train, test, mean, std, flip: true };
}

async function fileAt(path: string): Promise<SourceFile | undefined> {
  const facts = await factsOf(path);
  return facts?.kind === 'file' ? { path, size: facts.size, changed: facts.changed } : undefined;
}

/** The archive at that path. `verify`: each of its files must be the original one. */
export async function findCifarArchive(path: string, verify = false): Promise<Source | undefined> {
  const archive = await fileAt(path);
  if (archive === undefined) return undefined;
  return {
    name: 'cifar10',
    where: path,
    files: [archive],
    options: { format: 'cifar', version: 1, verify },
    notes: [],
    decode: async (listener) => contentOf(await readArchive(path, listener), verify, listener),
  };
}

async function findBinaries(folder: string): Promise<Source | undefined> {
  const found = await Promise.all(dataFiles.map((name) => fileAt(join(folder, name))));
  if (found.every((file) => file === undefined)) return undefined;
  const missing = dataFiles.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) throw new UserError(`${folder}: has CIFAR-10 files but not all six: ${missing.join(', ')} missing`);
  const names = await fileAt(join(folder, namesFile));
  const files = [...found, names].filter((file) => file !== undefined);
  return {
    name: 'cifar10',
    where: folder,
    files,
    options: { format: 'cifar', version: 1, verify: false },
    notes: [],
    async decode(listener) {
      const read = await readFolder(
        folder,
        files.map(({ path }) => basename(path)),
        listener,
      );
      return contentOf(read, false, listener);
    },
  };
}

/** CIFAR-10 in that folder: its files, the folder of its files, or its archive. Undefined where there is none of these. */
export async function findCifar(folder: string): Promise<Source | undefined> {
  return (
    (await findBinaries(folder)) ??
    (await findBinaries(join(folder, cifarFolder))) ??
    (await findCifarArchive(join(folder, cifarArchive)))
  );
}
