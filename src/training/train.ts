/** The training of one network for some minibatches: a job in, a checkpoint out. It knows no clock and no search. */
import type { Batcher } from '../data/batches.ts';
import { createBatcher } from '../data/batches.ts';
import { clean, type AugmentationSettings } from '../data/augmentation/augmentation.ts';
import type { Dataset } from '../data/dataset.ts';
import { partOf, splitDataset } from '../data/split.ts';
import { initialTensors } from '../network/parameters.ts';
import { lower } from '../program/lower.ts';
import { assert, must } from '../util/assert.ts';
import { random } from '../util/random.ts';
import { withoutVelocities } from './checkpoint.ts';
import { verifyExport } from './export.ts';
import { certify, grow, type Grown, type Images } from './grow.ts';
import { JobFailure, tolerance, type EvaluationJob, type Job, type ProbeJob, type TrainingJob } from './job.ts';
import { createEvaluator } from './measure.ts';
import type { Surroundings } from './surroundings.ts';
import { rateAt } from './schedule.ts';

/** The data as the job's network sees it. */
const seenBy = ({ data }: Job, dataset: Dataset): Dataset =>
  data.normalisation === undefined ? dataset : { ...dataset, ...data.normalisation };

function imagesOf(job: TrainingJob | ProbeJob, dataset: Dataset): Images {
  const { validation, images } = job.data;
  const split = splitDataset(dataset, images === null ? { validation } : { validation, images });
  const batcher: Batcher = createBatcher(dataset, job.augmentation, job.batch);
  return { dataset, batcher, batch: job.batch, ...split };
}

/** Images a batch when a child is calibrated and certified, where there are so many. */
const measuringBatch = 128;

/**
 * The same images in batches that are large enough to measure with: the statistics of a small batch differ so much from
 * those of the next that a child which computes exactly what its parent does would fail its certificate by chance.
 */
export function forMeasuring(augmentation: AugmentationSettings, images: Images): Images {
  const batch = Math.max(images.batch, Math.min(measuringBatch, images.train.length));
  return batch === images.batch ? images : { ...images, batch, batcher: createBatcher(images.dataset, augmentation, batch) };
}

async function startOf(job: TrainingJob, images: Images, { engine, checkpoints, report, breathe }: Surroundings): Promise<Grown> {
  const { from, edits, velocities } = job.start;
  if (from.kind === 'initial') return { network: job.network, tensors: initialTensors(job.network, random(...from.key)) };
  const { tensors } = await checkpoints.read(from.hash);
  const parent = { network: job.network, tensors: velocities ? tensors : withoutVelocities(tensors) };
  if (edits.length === 0) return parent;
  const stream = random(...job.key, 'grow');
  const measuring = forMeasuring(job.augmentation, images);
  const child = await grow(engine, parent, edits, measuring, stream, breathe);
  const certificate = await certify(engine, parent, child, measuring, stream, breathe);
  // JSON holds no NaN: what is not a number would not survive the journal.
  if (!Number.isFinite(certificate.evaluation) || !Number.isFinite(certificate.training))
    throw new JobFailure('certificate', 'the logits or the loss of the child or its parent are not finite');
  report({ kind: 'grown', certificate });
  if (!(certificate.evaluation <= tolerance.evaluation && certificate.training <= tolerance.training))
    throw new JobFailure(
      'certificate',
      `not its parent's function: logits differ by ${certificate.evaluation.toExponential(1)}, the loss by ${(100 * certificate.training).toFixed(1)} %`,
    );
  return child;
}

/** Trains the slice from `done` to its end. Gives the hash of the last checkpoint. */
export async function train(job: TrainingJob, surroundings: Surroundings): Promise<string> {
  const { engine, checkpoints, report, breathe } = surroundings;
  const dataset = seenBy(job, surroundings.dataset);
  const images = imagesOf(job, dataset);
  const pool = job.whole ? Uint32Array.from([...images.train, ...images.validation]) : images.train;
  const perEpoch = Math.floor(pool.length / job.batch);
  assert(perEpoch >= 1, () => `${pool.length} images for a batch of ${job.batch}`);

  const { network, tensors } = await startOf(job, images, surroundings);
  const program = lower(network, job.batch, { kind: 'training', learning: job.learning });
  const [imageBuffer, labelBuffer, rateBuffer, lossBuffer] = [
    program.images,
    must(program.labels, 'labels'),
    must(program.rate, 'rate'),
    must(program.loss, 'loss'),
  ];
  const session = await engine.compile(program, job.engine.convolution);
  const evaluator = job.whole ? null : await createEvaluator(engine, network, images.batcher, job.batch, job.engine.convolution);
  try {
    session.load(tensors);
    let order = new Uint32Array();
    let ordered = -1;
    let [sum, counted] = [0, 0];
    let hash = '';
    const { first, count, done } = job.minibatches;
    for (let index = done; index < count; index++) {
      const minibatch = first + index;
      const [epoch, within] = [Math.floor(minibatch / perEpoch), minibatch % perEpoch];
      if (epoch !== ordered) {
        order = random(...job.key, 'order', epoch)
          .permutation(pool.length)
          .map((position) => pool[position] as number);
        ordered = epoch;
      }
      images.batcher.fillTraining(
        order,
        within * job.batch,
        random(...job.key, 'augmentation', minibatch),
        session.input(imageBuffer),
        session.input(labelBuffer),
      );
      session.input(rateBuffer)[0] = rateAt(job.schedule, index, count);
      await session.run();
      const loss = session.output(lossBuffer)[0] as number;
      if (!Number.isFinite(loss)) throw new JobFailure('diverged', `the loss became ${loss} at minibatch ${minibatch + 1}`);
      sum += loss;
      counted++;
      if (within === perEpoch - 1 || index === count - 1) {
        const state = session.save();
        evaluator?.load(state);
        const validation = (await evaluator?.measure(dataset.train, images.validation, breathe)) ?? null;
        const augmented =
          evaluator !== null && job.augmentedValidation === true
            ? await evaluator.measureAugmented(
                images.validation,
                (batch) => random(...job.key, 'augmented validation', minibatch, batch),
                breathe,
              )
            : undefined;
        if (validation !== null && !Number.isFinite(validation.loss + (augmented?.loss ?? 0)))
          throw new JobFailure('diverged', 'the validation loss is not finite');
        hash = await checkpoints.write({ network, tensors: state });
        report({
          kind: 'epoch',
          done: index + 1,
          epoch: epoch + 1,
          loss: sum / counted,
          validation: validation === null ? null : { loss: validation.loss, accuracy: validation.accuracy },
          ...(augmented === undefined ? {} : { augmented }),
          checkpoint: hash,
        });
        [sum, counted] = [0, 0];
      } else report({ kind: 'progress', done: index + 1, loss });
      await breathe();
    }
    return hash;
  } finally {
    session.dispose();
    evaluator?.dispose();
  }
}

/** Loss, accuracy and confusion on a part. */
export async function evaluate(
  job: EvaluationJob,
  { engine, dataset: data, checkpoints, report, breathe }: Surroundings,
): Promise<void> {
  const dataset = seenBy(job, data);
  const { tensors } = await checkpoints.read(job.checkpoint);
  const batcher = createBatcher(dataset, clean(job.normalise), job.batch);
  const evaluator = await createEvaluator(engine, job.network, batcher, job.batch, job.engine.convolution);
  try {
    evaluator.load(tensors);
    const { part, indices } = partOf(dataset, job.data, job.part);
    const { confusion, loss, accuracy } = await evaluator.measure(part, indices, breathe);
    if (!Number.isFinite(loss)) throw new JobFailure('diverged', `the loss on the ${job.part} images is not finite`);
    report({ kind: 'evaluated', measured: { loss, accuracy }, confusion });
  } finally {
    evaluator.dispose();
  }
}

/** Trains for some minibatches and reports the progress of each. */
async function probe(job: ProbeJob, { engine, dataset, report, breathe }: Surroundings): Promise<void> {
  const images = imagesOf(job, seenBy(job, dataset));
  const program = lower(job.network, job.batch, { kind: 'training', learning: job.learning });
  const session = await engine.compile(program, job.engine.convolution);
  try {
    session.load(initialTensors(job.network, random('probe')));
    for (let index = 0; index < job.minibatches; index++) {
      const order = Uint32Array.from({ length: job.batch }, (_none, i) => images.train[i % images.train.length] as number);
      images.batcher.fillTraining(
        order,
        0,
        random('probe', index),
        session.input(program.images),
        session.input(must(program.labels, 'labels')),
      );
      await session.run();
      report({ kind: 'progress', done: index + 1, loss: 0 });
      await breathe();
    }
  } finally {
    session.dispose();
  }
}

/** Does a job, whatever its kind. */
export async function runJob(job: Job, surroundings: Surroundings): Promise<void> {
  switch (job.kind) {
    case 'training':
      await train(job, surroundings);
      return;
    case 'evaluation':
      return evaluate(job, surroundings);
    case 'probe':
      return probe(job, surroundings);
    case 'verification':
      return surroundings.report({ kind: 'verified', verified: await verifyExport(job, surroundings) });
  }
}
