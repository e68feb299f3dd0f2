/**
 * A network tried out and thrown away: grown, certified, trained, evaluated, exported, each only as far as it takes to see
 * how long it takes. It tells what it has reached; who hears it holds the clock against that. Nothing is kept or written.
 */
import { clean } from '../data/augmentation/augmentation.ts';
import { createBatcher } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { initialTensors } from '../network/parameters.ts';
import { lower } from '../program/lower.ts';
import { must } from '../util/assert.ts';
import { sha256 } from '../util/hash.ts';
import { random } from '../util/random.ts';
import { encodeCheckpoint, type CheckpointStore } from './checkpoint.ts';
import { verifyExport } from './export.ts';
import { certify, grow, type Grown, type Images } from './grow.ts';
import { forMeasuring, imagesOf, seenBy } from './images.ts';
import type { ProbeJob } from './job.ts';
import { createEvaluator } from './measure.ts';
import type { Surroundings } from './surroundings.ts';

/** Minibatches that are trained in any case, however long they take. */
const fewestMinibatches = 3;

export async function probe(job: ProbeJob, surroundings: Surroundings): Promise<void> {
  const { engine, report, breathe } = surroundings;
  report({ kind: 'reached', stage: 'begun' });
  const images = imagesOf(job, seenBy(job, surroundings.dataset));
  const parent: Grown = { network: job.network, tensors: initialTensors(job.network, random('probe')) };
  report({ kind: 'reached', stage: 'drawn' });
  let subject = parent;
  const { edits = [], evaluations = 0, verification = false } = job;
  if (edits.length > 0) {
    const measuring = forMeasuring(job.augmentation, images);
    subject = await grow(engine, parent, edits, measuring, random('probe', 'grow'), breathe, true);
    report({ kind: 'reached', stage: 'grown' });
    if (job.minibatches > 0) {
      await certify(engine, parent, subject, measuring, random('probe', 'grow'), breathe);
      report({ kind: 'reached', stage: 'certified' });
    }
  }
  if (job.minibatches > 0) await trainSome(job, subject, images, surroundings);
  if (evaluations > 0) await evaluateSome(job, subject, images, evaluations, surroundings);
  if (verification) await verifySome(job, subject, images.dataset, surroundings);
}

/** Reports the progress of each minibatch. */
async function trainSome(job: ProbeJob, subject: Grown, images: Images, around: Surroundings): Promise<void> {
  const { engine, report, breathe, now } = around;
  const program = lower(subject.network, job.batch, { kind: 'training', learning: job.learning });
  const session = await engine.compile(program, job.engine.convolution);
  try {
    session.load(subject.tensors);
    const until = now() + 1000 * (job.seconds ?? Infinity);
    for (let index = 0; index < job.minibatches && (index < fewestMinibatches || now() < until); index++) {
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
    // As at the end of an epoch, but for the disk.
    report({ kind: 'reached', stage: 'trained' });
    sha256(encodeCheckpoint({ network: subject.network, tensors: session.save() }));
    report({ kind: 'reached', stage: 'saved' });
  } finally {
    session.dispose();
  }
}

/** Validation images of so many batches, after those of one; the last batch may be filled in part. */
async function evaluateSome(
  job: ProbeJob,
  { network, tensors }: Grown,
  { dataset, batcher, batch, validation }: Images,
  batches: number,
  { engine, report, breathe }: Surroundings,
): Promise<void> {
  const evaluator = await createEvaluator(engine, network, batcher, batch, job.engine.convolution);
  try {
    evaluator.load(tensors);
    // Repeated where there are too few.
    const indices = (count: number): Uint32Array =>
      Uint32Array.from({ length: count * batch }, (_none, at) => validation[at % validation.length] as number);
    await evaluator.measure(dataset.train, indices(1), breathe);
    report({ kind: 'reached', stage: 'evaluating' });
    await evaluator.measure(dataset.train, indices(batches), breathe);
    report({ kind: 'reached', stage: 'evaluated' });
  } finally {
    evaluator.dispose();
  }
}

/** Exports it and verifies the file on one batch of test images, or of training images where there are none. */
async function verifySome(job: ProbeJob, subject: Grown, dataset: Dataset, surroundings: Surroundings): Promise<void> {
  const { network, tensors } = subject;
  const { shape, mean, std, classes, name, train, test } = dataset;
  const some = test.labels.length > 0 ? test : train;
  const count = Math.min(job.batch, some.labels.length);
  const pixels = shape.channels * shape.height * shape.width;
  const part = { images: some.images.subarray(0, count * pixels), labels: some.labels.subarray(0, count) };
  const evaluator = await createEvaluator(
    surroundings.engine,
    network,
    createBatcher(dataset, clean(true), job.batch),
    job.batch,
    'direct',
  );
  try {
    evaluator.load(tensors);
    const indices = Uint32Array.from(part.labels, (_label, at) => at);
    await evaluator.logits(part, indices, surroundings.breathe);
    surroundings.report({ kind: 'reached', stage: 'comparing' });
    await evaluator.logits(part, indices, surroundings.breathe);
    surroundings.report({ kind: 'reached', stage: 'compared' });
  } finally {
    evaluator.dispose();
  }
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
      engine: { ...job.engine, convolution: 'direct' },
    },
    { ...surroundings, dataset: { ...dataset, test: part }, checkpoints: kept },
  );
  surroundings.report({ kind: 'verified', verified });
}
