/** The images of a job, as its network sees them: the split, normalised and in batches. Knows no engine. */
import type { AugmentationSettings } from '../data/augmentation/augmentation.ts';
import { createBatcher, type Batcher } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { splitDataset } from '../data/split.ts';
import type { Shape } from '../network/network.ts';
import type { Images } from './grow.ts';
import type { Job, ProbeJob, TrainingJob } from './job.ts';

/** The data as the job's network sees it. */
export const seenBy = ({ data }: Job, dataset: Dataset): Dataset =>
  data.normalisation === undefined ? dataset : { ...dataset, ...data.normalisation };

export function imagesOf(job: TrainingJob | ProbeJob, dataset: Dataset): Images {
  const { validation, images } = job.data;
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  const batcher: Batcher = createBatcher(dataset, job.augmentation, job.batch);
  return { dataset, batcher, batch: job.batch, ...split };
}

/** Images a batch when a child is calibrated and certified, where there are so many, and they are small. */
const measuringBatch = 128;
/** Positions a batch: of large images fewer measure as well, and more would need more memory than training does. */
const measuringPositions = measuringBatch * 64 * 64;

/**
 * Images a batch that are enough to measure with: the statistics of a small batch differ so much from those of the next that
 * a child which computes exactly what its parent does would fail its certificate by chance. `train`: how many images train.
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
