/** A dataset of noise with the shape and size of CIFAR-10, for benchmarks that measure only time or memory. */
import { storeDataset } from '../src/data/cache.ts';
import { datasetOf, type Dataset, type Part } from '../src/data/dataset.ts';

function noise(): Dataset {
  const shape = { channels: 3, height: 32, width: 32 };
  const part = (count: number): Part => ({
    images: new Uint8Array(count * 3 * 32 * 32).map((_none, index) => (index * 2654435761) >>> 24),
    labels: new Uint16Array(count).map((_none, index) => index % 10),
  });
  const classes = Array.from({ length: 10 }, (_none, index) => String(index));
  const [mean, std] = [
    [0.5, 0.5, 0.5],
    [0.25, 0.25, 0.25],
  ];
  return datasetOf('noise', 'memory', { classes, shape, flip: true, train: part(50_000), test: part(10_000), mean, std });
}

/** Stores the dataset in a cache in that folder. */
export async function storedNoise(folder: string): Promise<{ readonly path: string; readonly dataset: Dataset }> {
  const dataset = noise();
  const decode = (): Promise<Dataset> => Promise.resolve(dataset);
  const source = { name: 'noise', where: 'memory', files: [], options: null, notes: [], decode };
  return { path: await storeDataset(folder, source, { dataset }), dataset };
}
