/** Networks of a run as ONNX files, and the images to try them on. Only reads. */
import { existsSync } from 'node:fs';
import { openDataset } from '../data/cache.ts';
import { bytesOf, channelsLast, picked } from '../data/dataset.ts';
import { partOf } from '../data/split.ts';
import { plannedSettings } from '../run/planning/budget.ts';
import { fitsJournal, unfitting } from '../run/record/best.ts';
import { aboutOf } from '../run/record/folder.ts';
import { bestCandidate, resultOf } from '../search/ranking.ts';
import { evaluationWeightsOf } from '../search/settings.ts';
import { checkpointPath, fileCheckpoints } from '../training/checkpoint.ts';
import { exportModel } from '../training/export.ts';
import { hasOwnFolder, isThere, readRunBytes } from '../util/run-files.ts';
import { UserError } from '../util/user-error.ts';
import type { ImagesFacts, PartName } from './api.ts';
import type { Feed } from './feed.ts';

/** The ONNX file of a candidate; null where the run has no such candidate, or its checkpoint is not kept any more. */
export async function modelOf({ folder, config, state }: Feed, id: string): Promise<Uint8Array | null> {
  const { search } = state;
  const checkpoint = search.candidates.has(id) ? resultOf(search, id).checkpoint : null;
  if (checkpoint === null) return null;
  // The verified file, where it is this network's.
  if (id === bestCandidate(search) && search.finished && isThere(folder.bestModel)) {
    const bytes = await readRunBytes(folder.bestModel);
    if (!fitsJournal(state, 'model', bytes)) throw unfitting(folder.bestModel);
    return bytes;
  }
  if (!hasOwnFolder(folder.checkpoints) || !isThere(checkpointPath(folder.checkpoints, checkpoint))) return null;
  const { network, tensors } = await fileCheckpoints(folder.checkpoints).read(checkpoint);
  const { evaluationWeights: weights } = evaluationWeightsOf(config.settings);
  return exportModel(network, tensors, aboutOf(folder, config, search, id), weights);
}

/** Images of a part of a run's data, numbered from 0, read from the decoded data that the run trains on. */
export async function imagesOf({ config, state }: Feed, part: PartName) {
  const { path, hash } = config.data;
  if (!existsSync(path))
    throw new UserError(`the decoded data (${path}) does not exist any more: 'instar resume' decodes it again`);
  // What is shown is not checked against the hash, and nothing is held.
  const dataset = openDataset(path, hash, 0);
  const { validation, images: most } = plannedSettings(config.settings, state.plan);
  const { part: own, indices } = partOf(dataset, { validation, images: most }, part);
  const { images, labels } = picked(own, dataset.shape, indices);
  const size = bytesOf(dataset.shape);
  return {
    facts: { count: labels.length, labels: Array.from(labels), shape: dataset.shape } satisfies ImagesFacts,
    /** (N, H, W, C) */
    pixels: (from: number, count: number): Uint8Array =>
      channelsLast(images.subarray(from * size, Math.min(images.length, (from + count) * size)), dataset.shape),
  };
}
