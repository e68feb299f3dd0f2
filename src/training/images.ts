/** The images of a job: split, normalised and in batches. Knows no engine. */
import type { AugmentationSettings } from '../data/augmentation/augmentation.ts';
import { createBatcher, type Batcher } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { splitDataset } from '../data/split.ts';
import type { Shape } from '../network/network.ts';
import type { Images } from './grow.ts';
import type { Job, ProbeJob, TrainingJob } from './job.ts';

/** The dataset with the job's normalisation. */
export const seenBy = ({ data }: Job, dataset: Dataset): Dataset =>
  data.normalisation === undefined ? dataset : { ...dataset, ...data.normalisation };

export function imagesOf(job: TrainingJob | ProbeJob, dataset: Dataset): Images {
  const { validation, images } = job.data;
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  const batcher: Batcher = createBatcher(dataset, job.augmentation, job.batch);
  return { dataset, batcher, batch: job.batch, ...split };
}

/** Images in a batch of calibration and certification, if there are enough, and they are small. */
const measuringBatch = 128;
/** Pixels in a batch: with large images fewer suffice, and more would need more memory than training. */
const measuringPositions = measuringBatch * 64 * 64;

/**
 * Images in a batch of calibration and certification: the statistics of small batches vary so much that a child that computes
 * exactly its parent's function could fail its certificate. `train`: the number of training images.
 */
export function measuringBatchOf(batch: number, { height, width }: Shape, train: number): number {
  const wanted = Math.min(measuringBatch, Math.floor(measuringPositions / (height * width)));
  return Math.max(batch, Math.min(wanted, train));
}

/** The same images in such batches. */
export function forMeasuring(augmentation: AugmentationSettings, images: Images): Images {
  const batch = measuringBatchOf(images.batch, images.dataset.shape, images.train.length);
  return batch === images.batch ? images : { ...images, batch, batcher: createBatcher(images.dataset, augmentation, batch) };
}
