/** A run's files in the store: the data and checkpoints that its jobs read, and the checkpoints that workers have trained. */
import { existsSync } from 'node:fs';
import { checkpointPath } from '../../training/checkpoint.ts';
import { JobFailure, type Job } from '../../training/job.ts';
import { sha256 } from '../../util/hash.ts';
import { checkRunFile, hasOwnFolder, readRunBytes } from '../../util/run-files.ts';
import type { Store } from '../store/store.ts';
import { checkpointKey, checkpointsOf, dataKey } from './messages.ts';

export interface RunFiles {
  readonly store: Store;
  /** Names the run: 16 hexadecimal digits. */
  readonly run: string;
  /** The folder of the run's checkpoints on this machine. */
  readonly checkpoints: string;
  /** Keys known to be in the store. */
  readonly uploaded: Set<string>;
  /** Keys whose content a worker has found missing or damaged. */
  readonly damaged: Set<string>;
}

const inputsOf = ({ run, checkpoints }: RunFiles, job: Job): readonly (readonly [key: string, path: string])[] => [
  [dataKey(job.data.hash), job.data.path],
  ...checkpointsOf(job).map((hash) => [checkpointKey(run, hash), checkpointPath(checkpoints, hash)] as const),
];

/** Puts those inputs of the job into the store that are not there. */
export async function uploadInputs(files: RunFiles, job: Job): Promise<void> {
  const { store, uploaded, damaged, checkpoints } = files;
  hasOwnFolder(checkpoints);
  for (const [key, path] of inputsOf(files, job)) {
    if (uploaded.has(key)) continue;
    if (path !== job.data.path) checkRunFile(path);
    if (damaged.has(key) || !(await store.has(key))) await store.put(key, path);
    damaged.delete(key);
    uploaded.add(key);
  }
}

/** The next upload of the job's inputs replaces them. */
export function markDamaged(files: RunFiles, job: Job): void {
  for (const [key] of inputsOf(files, job)) {
    files.uploaded.delete(key);
    files.damaged.add(key);
  }
}

/** Copies a checkpoint from the store to the run's folder. A JobFailure makes the run train it again. */
export async function download({ store, run, checkpoints, uploaded }: RunFiles, hash: string): Promise<void> {
  const path = checkpointPath(checkpoints, hash);
  if (existsSync(path)) return;
  const key = checkpointKey(run, hash);
  if (!(await store.get(key, path)))
    throw new JobFailure('crashed', `${store.address}: ${key} is missing, though a worker has reported it`);
  if (sha256(await readRunBytes(path)) !== hash)
    throw new JobFailure('crashed', `${store.address}: ${key} is damaged: its content does not match its hash`);
  uploaded.add(key);
}

/** Removes from the store those of the checkpoints that the run has deleted: a later epoch is in its journal. */
export async function removeDeleted({ store, run, checkpoints }: RunFiles, stored: Set<string>): Promise<void> {
  for (const hash of stored)
    if (!existsSync(checkpointPath(checkpoints, hash))) {
      stored.delete(hash);
      await store.remove(checkpointKey(run, hash)).catch(() => undefined); // Removed with the run.
    }
}

/** Removes the run's checkpoints from the store, as far as it is reachable. */
export async function removeAll({ store, run }: RunFiles): Promise<void> {
  const keys = await store.list(`runs/${run}/`).catch(() => []);
  for (const key of keys) await store.remove(key).catch(() => undefined);
}
