/** From what a person calls a dataset to the dataset: found, decoded once, kept. */
import { UserError } from '../util/user-error.ts';
import { recallDataset, storeDataset } from './cache.ts';
import { datasetOf, type Dataset } from './dataset.ts';
import { findSource, defaultLocations, type DatasetLocations, type FindOptions } from './resolve.ts';
import type { DataEvent, ReadListener } from './source.ts';

export interface ReadOptions extends FindOptions {
  /** Pixels a side that folders of images are brought to where `imageSize` does not say; other formats have their own. */
  readonly folderSize?: number;
  readonly progress?: (event: DataEvent) => void;
  readonly signal?: AbortSignal;
}

/**
 * The dataset of a name (`cifar10`, `fashion-mnist`, `mnist`) or a path, and the file in the cache that `loadDataset` reads
 * it from. Bad data and missing files are UserErrors in one line, before anything is written; a full disk is a RunError; an
 * aborted signal throws its reason.
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
      `--image-size ${imageSize}: only for folders of images; those of ${source.where} are ${height} × ${width}`,
    );
  signal?.throwIfAborted();
  return known ?? { dataset, path: await storeDataset(cacheFolder, source, dataset) };
}
