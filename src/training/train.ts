/** Trains a network for some minibatches: a job in, a checkpoint out. It knows no clock and no search. */
import { balancedOrder } from '../data/balance.ts';
import { createBatcher } from '../data/batches.ts';
import { clean } from '../data/augmentation/augmentation.ts';
import { partOf } from '../data/split.ts';
import { linearHeadOf } from '../network/head.ts';
import { companionsOf } from '../program/learning.ts';
import { assert } from '../util/assert.ts';
import { random } from '../util/random.ts';
import { checkpointTensors } from './averages.ts';
import { verifyExport } from './export.ts';
import { certificateProblem, certify, forMeasuring, grow, imagesOf, seenBy, type Grown, type Images } from './grow.ts';
import { trainHead } from './head.ts';
import { initialise } from './initialisation.ts';
import { JobFailure, passSize, type EvaluationJob, type Job, type JobContext, type TrainingJob } from './job.ts';
import { createEvaluator, evaluating, tally } from './measure.ts';
import { openMinibatches } from './minibatches.ts';
import { openTeacher } from './teacher.ts';
import { probe } from './probe.ts';
import { quantiseExport } from './quantisation.ts';
import { rateAt } from './schedule.ts';
import { evaluationTensors, restartTensors } from './weights.ts';

async function startOf(job: TrainingJob, images: Images, { engine, checkpoints, report, breathe }: JobContext): Promise<Grown> {
  const { network, start, learning } = job;
  const { from, edits, optimizerState } = start;
  if (from.kind === 'initial') {
    const { key, initialisation = 'uniform' } = from;
    return { network, tensors: await initialise(network, key, initialisation, images, breathe) };
  }
  const { tensors } = await checkpoints.read(from.hash);
  if (edits.length === 0)
    return { network, tensors: optimizerState === 'kept' ? tensors : restartTensors(network, tensors, learning) };
  const parent = { network, tensors: evaluationTensors(network, tensors) };
  const stream = random(...job.key, 'grow');
  const measuring = forMeasuring(job.augmentation, images);
  const companions = optimizerState === 'kept' ? companionsOf(learning) : [];
  const child = await grow(engine, { network, tensors }, edits, measuring, stream, breathe, { companions });
  const certificate = await certify(engine, parent, child, measuring, stream, breathe, job.evaluationWeights);
  // JSON has no NaN.
  if (!Number.isFinite(certificate.evaluation) || !Number.isFinite(certificate.training))
    throw new JobFailure('certificate', 'the logits or the loss of the child or its parent are not finite');
  report({ kind: 'grown', certificate });
  const problem = certificateProblem(certificate, edits);
  if (problem !== undefined) throw new JobFailure('certificate', problem);
  return child;
}

const withoutPart = ({ part: _part, ...job }: TrainingJob): TrainingJob => job;

/** Trains the segment from `done` to its end. Returns the hash of the last checkpoint. */
export async function train(job: TrainingJob, context: JobContext): Promise<string> {
  const { engine, checkpoints, report, breathe } = context;
  const dataset = seenBy(job, context.dataset);
  const images = imagesOf(job, dataset);
  if (job.part === 'head') {
    const head = linearHeadOf(job.network);
    if (head !== null) return trainHead(job, head, (await startOf(job, images, context)).tensors, images, context);
    return train({ ...withoutPart(job), learning: { ...job.learning, freeze: 'all-but-head' } }, context);
  }
  const pool = job.whole ? Uint32Array.from([...images.train, ...images.validation]) : images.train;
  const perEpoch = Math.floor(pool.length / job.batch);
  assert(perEpoch >= 1, () => `${pool.length} images for a batch of ${job.batch}`);

  const { network, tensors } = await startOf(job, images, context);
  // Drawn whole: what mixes images of a minibatch mixes all of them.
  const batcher = images.batch === job.batch ? images.batcher : createBatcher(dataset, job.augmentation, job.batch);
  const teacher = job.teacher === undefined ? null : await openTeacher(engine, job.teacher, job, checkpoints);
  const minibatches = await openMinibatches(engine, network, job, breathe);
  const evaluator = job.whole
    ? null
    : await createEvaluator(engine, network, images.batcher, job.engine.convolution, job.evaluationWeights);
  try {
    minibatches.load(tensors);
    let order: Uint32Array = new Uint32Array();
    let ordered = -1;
    let [sum, counted] = [0, 0];
    let hash = '';
    const { first, count, done } = job.minibatches;
    const { key, before } = job.stream ?? { key: job.key, before: 0 };
    const interval = job.interval ?? perEpoch;
    for (let index = done; index < count; index++) {
      const own = first + index;
      const minibatch = before + own;
      const [epoch, within] = [Math.floor(minibatch / perEpoch), minibatch % perEpoch];
      if (epoch !== ordered) {
        const drawn = random(...key, 'order', epoch);
        order =
          job.balanced === true
            ? balancedOrder(dataset.train.labels, pool, drawn)
            : drawn.permutation(pool.length).map((position) => pool[position] as number);
        ordered = epoch;
      }
      const loss = await minibatches.train(
        (pixels, labels) => {
          batcher.fillTraining(order, within * job.batch, random(...key, 'augmentation', minibatch), pixels, labels, epoch);
          return teacher?.teach(pixels, labels);
        },
        rateAt(job.schedule, index, count),
      );
      if (!Number.isFinite(loss)) throw new JobFailure('diverged', `the loss became ${loss} at minibatch ${own + 1}`);
      sum += loss;
      counted++;
      if ((own + 1) % interval === 0 || index === count - 1) {
        const state = await checkpointTensors(job, { network, tensors: minibatches.save() }, images, context);
        evaluator?.load(state);
        const validation =
          (await evaluator?.measure(dataset.train, images.validation, breathe, { balanced: job.balanced === true })) ?? null;
        const augmented =
          evaluator !== null && job.augmentedValidation === true
            ? await evaluator.measureAugmented(
                images.validation,
                (batch) => random(...key, 'augmented validation', minibatch, batch),
                breathe,
                epoch,
              )
            : undefined;
        if (validation !== null && !Number.isFinite(validation.loss + (augmented?.loss ?? 0)))
          throw new JobFailure('diverged', 'the validation loss is not finite');
        hash = await checkpoints.write({ network, tensors: state });
        report({
          kind: 'epoch',
          done: index + 1,
          epoch: Math.floor(own / interval) + 1,
          loss: sum / counted,
          validation,
          ...(augmented === undefined ? {} : { augmented }),
          checkpoint: hash,
        });
        [sum, counted] = [0, 0];
      } else report({ kind: 'progress', done: index + 1, loss });
      await breathe();
    }
    return hash;
  } finally {
    minibatches.dispose();
    teacher?.dispose();
    evaluator?.dispose();
  }
}

/** Loss, accuracy and confusion[label][prediction] on a part. */
export async function evaluate(
  job: EvaluationJob,
  { engine, dataset: data, checkpoints, report, breathe }: JobContext,
): Promise<void> {
  const dataset = seenBy(job, data);
  const { tensors } = await checkpoints.read(job.checkpoint);
  const batcher = createBatcher(dataset, clean(job.normalise), passSize(job));
  const { part, indices } = partOf(dataset, job.data, job.part);
  const { confusion, tell } = tally(dataset.classes.length);
  const subject = { network: job.network, tensors };
  const measured = await evaluating(engine, subject, batcher, job.engine.convolution, job.evaluationWeights, (evaluator) =>
    evaluator.measure(part, indices, breathe, { tell }),
  );
  if (!Number.isFinite(measured.loss)) throw new JobFailure('diverged', `the loss on the ${job.part} images is not finite`);
  report({ kind: 'evaluated', measured, confusion });
}

/** Runs a job of any kind. */
export async function runJob(job: Job, context: JobContext): Promise<void> {
  switch (job.kind) {
    case 'training':
      await train(job, context);
      return;
    case 'evaluation':
      return evaluate(job, context);
    case 'probe':
      return probe(job, context);
    case 'verification':
      return context.report({ kind: 'verified', verified: await verifyExport(job, context) });
    case 'quantisation':
      return context.report({ kind: 'quantised', quantised: await quantiseExport(job, context) });
  }
}
