/** Networks of a run as they can be taken away, and the images that they are tried on. Only reads. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { openImages, type StoredImages } from '../data/stored-images.ts';
import { splitDataset } from '../data/split.ts';
import { plannedSettings } from '../run/planning/budget.ts';
import { aboutOf } from '../run/record/folder.ts';
import { bestCandidate } from '../search/ranking.ts';
import { checkpointPath, fileCheckpoints } from '../training/checkpoint.ts';
import { exportModel } from '../training/export.ts';
import { UserError } from '../util/user-error.ts';
import type { ImagesFacts, PartName } from './api.ts';
import type { Feed } from './feed.ts';

/** The ONNX file of a line; null where the run has no such line, or its numbers are not kept any more. */
export async function modelOf({ folder, config, state: { search } }: Feed, id: string): Promise<Uint8Array | null> {
  const line = search.candidates.get(id);
  if (line === undefined || line.checkpoint === null) return null;
  // What was verified, where it is this one.
  if (id === bestCandidate(search) && search.finished && existsSync(folder.bestModel)) return readFile(folder.bestModel);
  if (!existsSync(checkpointPath(folder.checkpoints, line.checkpoint))) return null;
  const { network, tensors } = await fileCheckpoints(folder.checkpoints).read(line.checkpoint);
  return exportModel(network, tensors, aboutOf(folder, config, search, id));
}

/** Images of a part of a run's data, from 0. */
export interface Pictures {
  readonly facts: ImagesFacts;
  /** (N, H, W, C) */
  pixels(from: number, count: number): Promise<Uint8Array>;
}

/** From the decoded data where the run found it. */
export async function picturesOf({ config, state }: Feed, part: PartName): Promise<Pictures> {
  const { path, hash, classes } = config.data;
  if (!existsSync(path))
    throw new UserError(`the decoded data (${path}) is not there any more: 'instar resume' decodes it again`);
  const images: StoredImages = await openImages(path);
  const { validation, images: most } = plannedSettings(config.settings, state.plan);
  const own = part === 'test' ? 'test' : 'train';
  const positions =
    part === 'test'
      ? Array.from(images.labels.test.keys())
      : Array.from(
          splitDataset(
            { classes, hash, train: { labels: images.labels.train } },
            most === null ? { validation } : { validation, images: most },
          ).validation,
        );
  return {
    facts: { count: positions.length, labels: positions.map((at) => images.labels[own][at] as number), shape: images.shape },
    pixels: (from, count) => images.read(own, positions.slice(from, from + count)),
  };
}
