/** Reads single images of a decoded dataset from its file. Checks the header and labels, but not the hash. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { readSafetensorsHeader, safetensorsHeaderEnd, u16 } from '../formats/safetensors.ts';
import type { Shape } from '../network/network.ts';
import { UserError } from '../util/user-error.ts';
import { bytesOf, channelsLast } from './dataset.ts';
import { readFailure } from '../util/files.ts';

export interface StoredImages {
  readonly shape: Shape;
  readonly labels: { readonly train: Uint16Array; readonly test: Uint16Array };
  /** Images of a part by their indices: (N, H, W, C). */
  read(part: 'train' | 'test', positions: readonly number[]): Promise<Uint8Array>;
}

async function bytesAt(file: FileHandle, from: number, length: number, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, from);
  if (bytesRead !== length) throw new UserError(`${path}: ends before it should`);
  return bytes;
}

async function opened<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  // Non-blocking: the name may stand for a pipe.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown): never => {
    throw readFailure(error, path);
  });
  try {
    if (!(await file.stat()).isFile()) throw new UserError(`${path}: is not a file`);
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Opens a file of `storeDataset`. A UserError for a missing or invalid file. */
export async function openImages(path: string): Promise<StoredImages> {
  const header = await opened(path, async (file) => {
    const { size } = await file.stat();
    const end = safetensorsHeaderEnd(await bytesAt(file, 0, Math.min(8, size), path), size, path);
    const read = readSafetensorsHeader(await bytesAt(file, 0, end, path), size, path);
    const labelsOf = async (part: string): Promise<Uint16Array> => {
      const entry = read.entries.find(({ name }) => name === `${part}.labels`);
      if (entry?.dtype !== 'U16') throw new UserError(`${path}: not a dataset of this program: no labels`);
      const { dtype, shape, begin, end: to } = entry;
      return u16({ dtype, shape, data: await bytesAt(file, read.data + begin, to - begin, path) });
    };
    return { ...read, labels: { train: await labelsOf('train'), test: await labelsOf('test') } };
  });
  const { data, labels } = header;
  const imagesOf = (part: 'train' | 'test') => {
    const entry = header.entries.find(({ name }) => name === `${part}.images`);
    if (entry?.dtype !== 'U8' || entry.shape.length !== 4 || entry.shape[0] !== labels[part].length)
      throw new UserError(`${path}: not a dataset of this program: no images`);
    return entry;
  };
  const entries = { train: imagesOf('train'), test: imagesOf('test') };
  const [, channels = 0, height = 0, width = 0] = entries.train.shape;
  const shape: Shape = { channels, height, width };
  const size = bytesOf(shape);
  return {
    shape,
    labels,
    read: (part, positions) =>
      opened(path, async (file) => {
        const pixels = new Uint8Array(positions.length * size);
        for (const [at, position] of positions.entries())
          pixels.set(await bytesAt(file, data + entries[part].begin + position * size, size, path), at * size);
        return channelsLast(pixels, shape);
      }),
  };
}
