/**
 * Runs each stage of a network's life just long enough to be timed: growth, certificate, training, evaluation, export. It reports
 * each stage; the receiver takes the time. Nothing is kept or written.
 */
import { clean } from '../data/augmentation/augmentation.ts';
import { createBatcher } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { initialTensors } from '../network/parameters.ts';
import { sha256 } from '../util/hash.ts';
import { random } from '../util/random.ts';
import { checkpointTensors } from './averages.ts';
import { encodeCheckpoint, type CheckpointStore } from './checkpoint.ts';
import { verifyExport } from './export.ts';
import { certify, forMeasuring, grow, imagesOf, seenBy, type Grown, type Images } from './grow.ts';
import { passSize, type JobContext, type ProbeJob } from './job.ts';
import { evaluating } from './measure.ts';
import { openMinibatches } from './minibatches.ts';

/** Minibatches that run whatever the time limit. */
const fewestMinibatches = 3;

export async function probe(job: ProbeJob, context: JobContext): Promise<void> {
  const { engine, report, breathe } = context;
  report({ kind: 'reached', stage: 'begun' });
  const images = imagesOf(job, seenBy(job, context.dataset));
  const parent: Grown = { network: job.network, tensors: initialTensors(job.network, random('probe')) };
  report({ kind: 'reached', stage: 'drawn' });
  let subject = parent;
  const { edits = [], evaluations = 0, verification = false } = job;
  if (edits.length > 0) {
    const measuring = forMeasuring(job.augmentation, images);
    subject = await grow(engine, parent, edits, measuring, random('probe', 'grow'), breathe, { untrained: true });
    report({ kind: 'reached', stage: 'grown' });
    if (job.minibatches > 0) {
      await certify(engine, parent, subject, measuring, random('probe', 'grow'), breathe, job.evaluationWeights);
      report({ kind: 'reached', stage: 'certified' });
    }
  }
  if (job.minibatches > 0) await trainSome(job, subject, images, context);
  if (evaluations > 0) await evaluateSome(job, subject, images, evaluations, context);
  if (verification) await verifySome(job, subject, images.dataset, context);
}

/** Reports the progress of each minibatch. */
async function trainSome(job: ProbeJob, subject: Grown, images: Images, context: JobContext): Promise<void> {
  const { engine, report, breathe, now } = context;
  const batcher = images.batch === job.batch ? images.batcher : createBatcher(images.dataset, job.augmentation, job.batch);
  const minibatches = await openMinibatches(engine, subject.network, job, breathe);
  try {
    minibatches.load(subject.tensors);
    const until = now() + 1000 * (job.seconds ?? Infinity);
    for (let index = 0; index < job.minibatches && (index < fewestMinibatches || now() < until); index++) {
      const order = Uint32Array.from({ length: job.batch }, (_none, i) => images.train[i % images.train.length] as number);
      await minibatches.train((pixels, labels) => batcher.fillTraining(order, 0, random('probe', index), pixels, labels), 0);
      report({ kind: 'progress', done: index + 1, loss: 0 });
      await breathe();
    }
    // As at the end of an epoch, without writing the file.
    report({ kind: 'reached', stage: 'trained' });
    const trained = { network: subject.network, tensors: minibatches.save() };
    const tensors = await checkpointTensors({ ...job, key: ['probe'] }, trained, images, context);
    sha256(encodeCheckpoint({ network: subject.network, tensors }));
    report({ kind: 'reached', stage: 'saved' });
  } finally {
    minibatches.dispose();
  }
}

/** Evaluates one batch of validation images, and then `batches`. */
async function evaluateSome(
  job: ProbeJob,
  { network, tensors }: Grown,
  { dataset, batcher, validation }: Images,
  batches: number,
  { engine, report, breathe }: JobContext,
): Promise<void> {
  await evaluating(engine, { network, tensors }, batcher, job.engine.convolution, job.evaluationWeights, async (evaluator) => {
    // Repeated if there are too few.
    const indices = (count: number): Uint32Array =>
      Uint32Array.from({ length: count * job.batch }, (_none, at) => validation[at % validation.length] as number);
    await evaluator.measure(dataset.train, indices(1), breathe);
    report({ kind: 'reached', stage: 'evaluating' });
    await evaluator.measure(dataset.train, indices(batches), breathe);
    report({ kind: 'reached', stage: 'evaluated' });
  });
}

/** Exports it and verifies the file on one batch of test images, or of training images where there are none. */
async function verifySome(job: ProbeJob, subject: Grown, dataset: Dataset, context: JobContext): Promise<void> {
  const { network, tensors } = subject;
  const { shape, mean, std, classes, name, train, test } = dataset;
  const some = test.labels.length > 0 ? test : train;
  const count = Math.min(job.batch, some.labels.length);
  const pixels = shape.channels * shape.height * shape.width;
  const part = { images: some.images.subarray(0, count * pixels), labels: some.labels.subarray(0, count) };
  const batcher = createBatcher(dataset, clean(true), passSize(job));
  await evaluating(context.engine, subject, batcher, 'direct', job.evaluationWeights, async (evaluator) => {
    const indices = Uint32Array.from(part.labels, (_label, at) => at);
    await evaluator.logits(part, indices, context.breathe);
    context.report({ kind: 'reached', stage: 'comparing' });
    await evaluator.logits(part, indices, context.breathe);
    context.report({ kind: 'reached', stage: 'compared' });
  });
  const kept: CheckpointStore = {
    read: () => Promise.resolve({ network, tensors }),
    write: () => Promise.reject(new Error('bug: a probe keeps nothing')),
  };
  const about = { instar: '', run: '', dataset: name, classes: [...classes], shape, mean: [...mean], std: [...std] };
  const verified = await verifyExport(
    {
      kind: 'verification',
      id: job.id,
      network,
      checkpoint: '',
      about: { ...about, line: '', parameters: 0, seed: 0 },
      data: job.data,
      part: 'test',
      batch: job.batch,
      ...(job.passes === undefined ? {} : { passes: job.passes }),
      engine: { ...job.engine, convolution: 'direct' },
      ...(job.evaluationWeights === undefined ? {} : { evaluationWeights: job.evaluationWeights }),
    },
    { ...context, dataset: { ...dataset, test: part }, checkpoints: kept },
  );
  context.report({ kind: 'verified', verified });
}
