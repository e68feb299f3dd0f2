/** Networks of a run as ONNX files, and the images to try them on. Only reads. */
import { existsSync } from 'node:fs';
import { openImages, type StoredImages } from '../data/stored-images.ts';
import { splitDataset } from '../data/split.ts';
import { plannedSettings } from '../run/planning/budget.ts';
import { fitsJournal, unfitting } from '../run/record/best.ts';
import { aboutOf } from '../run/record/folder.ts';
import { bestCandidate } from '../search/ranking.ts';
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
  const checkpoint = search.candidates.get(id)?.checkpoint ?? null;
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
  const { path, hash, classes, validationImages } = config.data;
  if (!existsSync(path))
    throw new UserError(`the decoded data (${path}) does not exist any more: 'instar resume' decodes it again`);
  const images: StoredImages = await openImages(path);
  const { validation, images: most } = plannedSettings(config.settings, state.plan);
  const own = part === 'test' ? 'test' : 'train';
  const split = most === null ? { validation } : { validation, images: most };
  const train = { classes, hash, validationImages, train: { labels: images.labels.train } };
  const positions = Array.from(part === 'test' ? images.labels.test.keys() : splitDataset(train, split).validation);
  return {
    facts: {
      count: positions.length,
      labels: positions.map((at) => images.labels[own][at] as number),
      shape: images.shape,
    } satisfies ImagesFacts,
    /** (N, H, W, C) */
    pixels: (from: number, count: number): Promise<Uint8Array> => images.read(own, positions.slice(from, from + count)),
  };
}
