/** The file of a network that a person names: a path as it is, an address once downloaded into the cache, under its hash. */
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { download, downloadUnknown, hasHash, type Hash } from '../../data/download.ts';
import type { ReadListener } from '../../data/source.ts';
import { filesBeside, noFiles, type ExternalFiles } from '../../formats/onnx/read/external.ts';
import { isAddress, readAddress, type FileAddress } from '../../util/file-address.ts';
import { quoted } from '../../util/quoted.ts';
import { UserError } from '../../util/user-error.ts';

export interface NamedFile {
  /** Where it is on this machine. */
  readonly path: string;
  /** In messages: the path as it was given, or the address without its hash. */
  readonly where: string;
  /** Its name, or that of a run's folder. */
  readonly name: string;
  /** What a model may read beside it; `where` begins the messages. */
  beside(where: string): ExternalFiles;
}

/** With what an address is downloaded. */
export interface Fetching {
  readonly cacheFolder: string;
  /** The cache, or where downloads are kept if it cannot be written. */
  writable(): Promise<string>;
  readonly listener: ReadListener;
}

/** Bytes: the largest protobuf message. */
export const largestModel = 2 ** 31 - 1;
/** Milliseconds without a byte. */
const patience = 60_000;

/** Of a run's best.safetensors; whatever else an address names is a model. */
const isCheckpoint = (name: string): boolean => name.endsWith('.safetensors');

function addressIn(reference: string): FileAddress {
  const address = readAddress(reference);
  if ('wrong' in address) throw new UserError(`${reference}: ${address.wrong}`);
  return address.value;
}

/** Whether it is a model of any origin by its name, and no run. A UserError for an address that is not valid. */
export const namesModel = (reference: string): boolean =>
  isAddress(reference) ? !isCheckpoint(addressIn(reference).name) : /\.onnx$/i.test(reference);

/** A UserError for an address that is not valid, or cannot be downloaded. Whether a path exists is up to the caller. */
export async function namedFile(reference: string, { cacheFolder, writable, listener }: Fetching): Promise<NamedFile> {
  if (!isAddress(reference))
    return {
      path: reference,
      where: reference,
      name: basename(reference),
      beside: (where) => filesBeside(reference, where),
    };
  const { url, sha256, name } = addressIn(reference);
  const ending = isCheckpoint(name) ? '.safetensors' : '.onnx';
  const folderIn = (folder: string): string => join(folder, 'downloads');
  const asked = { url, most: largestModel, advice: 'download it yourself and give its path', patience };
  if (sha256 === null) {
    // What it gives today, it may not give tomorrow: a person decides which file is meant, and nothing is done with it before.
    const found = await downloadUnknown(asked, folderIn(await writable()), ending, listener);
    throw new UserError(
      `${url}: an address needs the SHA-256 of its file. What it gives now has ${found}; if that is what its publisher says, give ${quoted(`${url}#sha256=${found}`)}`,
    );
  }
  const hash: Hash = { kind: 'sha256', digits: sha256 };
  const pathIn = (folder: string): string => join(folderIn(folder), `${sha256}${ending}`);
  let path = pathIn(cacheFolder);
  if (!(await hasHash(path, hash))) {
    path = pathIn(await writable());
    // What is there is damaged.
    await rm(path, { force: true });
    await download({ ...asked, hash, path }, listener);
  }
  const why = 'in a file beside it, and an address is of one file: download both into one folder and give the path';
  return { path, where: url, name, beside: (where) => noFiles(where, why) };
}
