/** Reads a dataset by its name or path: decoded once, then from the cache. */
import { UserError } from '../util/user-error.ts';
import { recallDataset, storeDataset } from './cache.ts';
import { datasetOf, type Dataset } from './dataset.ts';
import { findSource, defaultLocations, type DatasetLocations, type FindOptions } from './resolve.ts';
import type { DataEvent, ReadListener } from './source.ts';

export interface ReadOptions extends FindOptions {
  /** The image size of folders of images where `imageSize` is not given, pixels. */
  readonly folderSize?: number | undefined;
  readonly progress?: ((event: DataEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The dataset of a name (`cifar10`, `fashion-mnist`, `mnist`) or a path, and its file in the cache, for `loadDataset`. Throws a
 * UserError for invalid data and missing files, before anything is written, a RunError for a full disk, and an aborted signal's
 * reason.
 */
export async function readDataset(
  reference: string,
  options: ReadOptions,
  locations: DatasetLocations = defaultLocations,
): Promise<{ dataset: Dataset; path: string }> {
  const { progress = () => undefined, signal, cacheFolder, imageSize } = options;
  const listener: ReadListener = signal === undefined ? { progress } : { progress, signal };
  const size = imageSize ?? options.folderSize;
  const source = await findSource(reference, size === undefined ? options : { ...options, imageSize: size }, locations, listener);
  for (const message of source.notes) progress({ kind: 'note', message });
  const known = await recallDataset(cacheFolder, source);
  const dataset = known?.dataset ?? datasetOf(source.name, source.where, await source.decode(listener));
  const { height, width } = dataset.shape;
  if (imageSize !== undefined && (height !== imageSize || width !== imageSize))
    throw new UserError(
      `--image-size ${imageSize}: only for folders of images; the images of ${source.where} are ${height} × ${width}`,
    );
  signal?.throwIfAborted();
  return known ?? { dataset, path: await storeDataset(cacheFolder, source, dataset) };
}
