/**
 * Checkpoints: a network and its tensors in a safetensors file that is named by the hash of its content. Files are written under
 * another name and renamed, so that a file is complete or does not exist.
 */
import { join } from 'node:path';
import { isDiskFull, reasonOf, replaceFile, writeFailure } from '../util/files.ts';
import { decodeSafetensors, encodeSafetensors, f32, fromF32 } from '../formats/safetensors.ts';
import { parseNetwork } from '../network/check.ts';
import type { Network } from '../network/network.ts';
import { parametersOf } from '../network/parameters.ts';
import type { Tensors } from '../network/tensor.ts';
import { sha256 } from '../util/hash.ts';
import { canonicalJson } from '../util/json.ts';
import { hasOwnFolder, readRunBytes } from '../util/run-files.ts';
import { RunError, UserError } from '../util/user-error.ts';

export interface Checkpoint {
  readonly network: Network;
  /**
   * Parameters and running statistics, the optimizer's states as `<parameter>/<state>`, moving averages of parameters as
   * `<parameter>/average` (to be divided by `<parameter>/average weight`), and statistics under those as `<statistic>/average`.
   */
  readonly tensors: Tensors;
}

export interface CheckpointStore {
  /** Returns the hash that names it. Idempotent. */
  write(checkpoint: Checkpoint): Promise<string>;
  /** A UserError that names the file where it is missing or damaged. */
  read(hash: string): Promise<Checkpoint>;
}

export function encodeCheckpoint({ network, tensors }: Checkpoint, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const stored = Object.fromEntries(Object.entries(tensors).map(([name, { shape, data }]) => [name, fromF32(shape, data)]));
  return encodeSafetensors(stored, { ...metadata, network: canonicalJson(network) });
}

/** `where`: the file's name in error messages. */
export function decodeCheckpoint(
  bytes: Uint8Array,
  where: string,
): Checkpoint & { readonly metadata: Readonly<Record<string, string>> } {
  const { tensors: stored, metadata } = decodeSafetensors(bytes, where);
  let json: unknown;
  try {
    json = JSON.parse(metadata['network'] ?? '');
  } catch {
    throw new UserError(`${where}: holds no network`);
  }
  const network = parseNetwork(json);
  if (typeof network === 'string') throw new UserError(`${where}: ${network}`);
  const tensors = Object.fromEntries(
    Object.entries(stored).map(([name, tensor]) => {
      if (tensor.dtype !== 'F32') throw new UserError(`${where}: tensor ${name} is ${tensor.dtype}, not F32`);
      return [name, { shape: tensor.shape, data: f32(tensor) }];
    }),
  );
  for (const { name, shape } of parametersOf(network)) {
    const found = tensors[name]?.shape.join('×');
    if (found !== shape.join('×'))
      throw new UserError(`${where}: tensor ${name} is ${found ?? 'missing'}, not ${shape.join('×')}`);
  }
  return { network, tensors, metadata };
}

/** Writes a file atomically. */
export async function writeState(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await replaceFile(path, [typeof content === 'string' ? new TextEncoder().encode(content) : content]);
  } catch (error) {
    if (isDiskFull(error)) throw new RunError(`the disk is full: ${path} could not be written`);
    throw writeFailure(error, path);
  }
}

export const checkpointPath = (folder: string, hash: string): string => join(folder, `${hash}.safetensors`);

/** The content of a checkpoint, checked against its hash. A UserError that names the file where it is missing or damaged. */
export async function readCheckpointBytes(folder: string, hash: string): Promise<Uint8Array> {
  const path = checkpointPath(folder, hash);
  let bytes: Uint8Array;
  try {
    hasOwnFolder(folder);
    bytes = await readRunBytes(path);
  } catch (error) {
    throw new UserError(`checkpoint ${path} cannot be read: ${reasonOf(error)}`);
  }
  if (sha256(bytes) !== hash) throw new UserError(`checkpoint ${path} is damaged: its content does not fit its name`);
  return bytes;
}

/** Checkpoints as files in a folder, which several processes may share. */
export function fileCheckpoints(folder: string): CheckpointStore {
  return {
    async write(checkpoint) {
      const bytes = encodeCheckpoint(checkpoint);
      const hash = sha256(bytes);
      hasOwnFolder(folder);
      await writeState(checkpointPath(folder, hash), bytes);
      return hash;
    },
    read: async (hash) => decodeCheckpoint(await readCheckpointBytes(folder, hash), checkpointPath(folder, hash)),
  };
}
