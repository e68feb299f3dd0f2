/** The training of one network: a golden run, cuts that change nothing, what is measured, what diverges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { reference } from '../../src/engine/reference/engine.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { JobFailure, type EvaluationJob, type JobContext, type Report, type TrainingJob } from '../../src/training/job.ts';
import { runJob, train } from '../../src/training/train.ts';
import { accuracyByClass } from '../../src/run/display/classes.ts';
import { picked } from '../../src/data/dataset.ts';
import { splitDataset } from '../../src/data/split.ts';
import { must } from '../../src/util/assert.ts';
import { sha256 } from '../../src/util/hash.ts';
import { memoryCheckpoints } from '../support/checkpoints.ts';
import { anyEngine, anyImages } from '../support/machine.ts';
import { classes, place, readQuadrants } from '../support/runs.ts';

const { dataset, path } = await readQuadrants();
const network = vanillaNetwork(dataset.shape, classes, [3, 4]);

const checkpoints = memoryCheckpoints();

function contextOf(reports: Report[], fields: Partial<JobContext> = {}): JobContext {
  const report = (said: Report): void => void (said.kind === 'progress' || reports.push(said));
  return { engine: reference, dataset, checkpoints, report, breathe: () => Promise.resolve(), now: () => 0, ...fields };
}

/** 13 minibatches of 16 an epoch. */
const perEpoch = 13;

function jobOf(fields: Partial<TrainingJob> = {}): TrainingJob {
  return {
    kind: 'training',
    id: 'test',
    network,
    start: { from: { kind: 'initial', key: ['initial'] }, edits: [], optimizerState: 'reset' },
    data: { path, hash: dataset.hash, images: null, validation: 0.1 },
    whole: false,
    batch: 16,
    augmentation: { flip: false, normalise: true, shift: 0.125, cutout: 0.25, mixup: 1 },
    learning: { momentum: 0.9, weightDecay: 5e-4 },
    schedule: { kind: 'cosine', rate: 0.05, from: 0, to: 1 },
    key: ['line'],
    minibatches: { first: 0, count: 4 * perEpoch, done: 0 },
    engine: { name: 'reference', device: 'cpu', threads: 1, convolution: 'auto' },
    ...fields,
  };
}

const draw = (reports: readonly Report[]): string =>
  reports
    .map((report) =>
      report.kind === 'epoch'
        ? `epoch ${report.epoch} (${report.done}): ${report.loss.toFixed(4)} ${report.validation?.loss.toFixed(4)} ${report.validation?.accuracy.toFixed(3)}`
        : report.kind,
    )
    .join('\n');

await test('a golden run: four epochs, every augmentation', async () => {
  const reports: Report[] = [];
  await runJob(jobOf(), contextOf(reports));
  assert.equal(
    draw(reports),
    [
      'epoch 1 (13): 1.3956 1.3756 0.292',
      'epoch 2 (26): 1.3800 1.3452 0.333',
      'epoch 3 (39): 1.3599 1.2991 0.500',
      'epoch 4 (52): 1.3449 1.2908 0.500',
    ].join('\n'),
  );
});

await test('in one go or cut at any epoch: the same bits', async () => {
  const whole: Report[] = [];
  const expected = await train(jobOf(), contextOf(whole));
  const ends = whole.flatMap((report) => (report.kind === 'epoch' ? [report] : []));
  assert.equal(ends.length, 4);
  for (const { done, checkpoint } of ends.slice(0, -1)) {
    const rest: Report[] = [];
    const start = { from: { kind: 'checkpoint', hash: checkpoint }, edits: [], optimizerState: 'kept' } as const;
    const hash = await train(jobOf({ start, minibatches: { first: 0, count: 4 * perEpoch, done } }), contextOf(rest));
    assert.equal(hash, expected, `cut at ${done}`);
    assert.deepEqual(rest, whole.slice(-rest.length));
  }
});

await test('cut with the optimizer begun anew, or under another key: other bits', async () => {
  const reports: Report[] = [];
  const expected = await train(jobOf(), contextOf(reports));
  const hash = must(reports.flatMap((report) => (report.kind === 'epoch' ? [report.checkpoint] : []))[0], 'checkpoint');
  const minibatches = { first: 0, count: 4 * perEpoch, done: perEpoch };
  const from = { kind: 'checkpoint', hash } as const;
  const again = (fields: Partial<TrainingJob>): Promise<string> => train(jobOf({ minibatches, ...fields }), contextOf([]));
  assert.notEqual(await again({ start: { from, edits: [], optimizerState: 'reset' } }), expected);
  assert.notEqual(await again({ start: { from, edits: [], optimizerState: 'kept' }, key: ['another'] }), expected);
});

await test('segments that follow one another are the schedule in one piece, where they go on with momentum', async () => {
  const reports: Report[] = [];
  await train(jobOf(), contextOf(reports));
  const [count, cut] = [4 * perEpoch, 20];
  const schedule = { kind: 'cosine', rate: 0.05 } as const;
  const first = await train(
    jobOf({ schedule: { ...schedule, from: 0, to: cut / count }, minibatches: { first: 0, count: cut, done: 0 } }),
    contextOf([]),
  );
  const second: Report[] = [];
  await train(
    jobOf({
      start: { from: { kind: 'checkpoint', hash: first }, edits: [], optimizerState: 'kept' },
      schedule: { ...schedule, from: cut / count, to: 1 },
      minibatches: { first: cut, count: count - cut, done: 0 },
    }),
    contextOf(second),
  );
  // The rates differ in the last bit of an f64, as f32 they may in one: the losses are equal to rounding.
  const last = (all: readonly Report[]): number =>
    all.flatMap((report) => (report.kind === 'epoch' ? [report.loss] : [])).at(-1) ?? 0;
  assert.ok(Math.abs(last(second) - last(reports)) < 1e-5);
});

await test('a shared stream: another candidate at the same place of it sees the same minibatches', async () => {
  const first = jobOf();
  const own = await train(first, contextOf([]));
  // The second half, as a candidate of its own whose parent had the first.
  const half = 2 * perEpoch;
  const reports: Report[] = [];
  const checkpoint = await train(
    jobOf({ schedule: { kind: 'cosine', rate: 0.05, from: 0, to: 0.5 }, minibatches: { first: 0, count: half, done: 0 } }),
    contextOf([]),
  );
  const rest = {
    start: { from: { kind: 'checkpoint', hash: checkpoint }, edits: [], optimizerState: 'kept' },
    schedule: { kind: 'cosine', rate: 0.05, from: 0.5, to: 1 },
    minibatches: { first: 0, count: half, done: 0 },
  } as const;
  const shared = await train(jobOf({ ...rest, key: ['other'], stream: { key: first.key, before: half } }), contextOf(reports));
  assert.equal(shared, own);
  assert.deepEqual(
    reports.flatMap((report) => (report.kind === 'epoch' ? [report.epoch] : [])),
    [1, 2],
    'epochs are its own',
  );
  assert.notEqual(await train(jobOf({ ...rest, key: ['other'] }), contextOf([])), own);
});

await test('rounds: a validation after so many minibatches, and the same bits', async () => {
  const reports: Report[] = [];
  const whole = await train(jobOf(), contextOf([]));
  assert.equal(await train(jobOf({ interval: 5 }), contextOf(reports)), whole);
  const seen = reports.flatMap((report) => (report.kind === 'epoch' ? [[report.epoch, report.done]] : []));
  assert.deepEqual(seen.slice(0, 3), [
    [1, 5],
    [2, 10],
    [3, 15],
  ]);
  assert.deepEqual(seen.at(-1), [Math.ceil((4 * perEpoch) / 5), 4 * perEpoch]);
});

await test('the whole of the data: more minibatches an epoch, and nothing is validated', async () => {
  const reports: Report[] = [];
  await train(jobOf({ whole: true, minibatches: { first: 0, count: 20, done: 0 } }), contextOf(reports));
  assert.deepEqual(
    reports.map((report) => report.kind === 'epoch' && [report.done, report.epoch, report.validation]),
    [
      [15, 1, null],
      [20, 2, null],
    ],
  );
});

await test('a rate that is far too high: diverged, and no checkpoint of it', async () => {
  const reports: Report[] = [];
  const store = memoryCheckpoints();
  await assert.rejects(
    train(jobOf({ schedule: { kind: 'constant', rate: 1e12 } }), contextOf(reports, { checkpoints: store })),
    (error: Error) => error instanceof JobFailure && error.failure === 'diverged' && /minibatch|loss/.test(error.message),
  );
  assert.equal(store.written.size, 0);
});

await test('what is awaited after each minibatch can stop the job', async () => {
  let breaths = 0;
  const breathe = (): Promise<void> => (++breaths === 5 ? Promise.reject(new Error('left')) : Promise.resolve());
  await assert.rejects(train(jobOf(), contextOf([], { breathe })), /left/);
});

await test('an evaluation counts every image once, its accuracy is the diagonal, and an epoch’s validation is one', async () => {
  const epochs: Report[] = [];
  const checkpoint = await train(jobOf(), contextOf(epochs));
  for (const part of ['test', 'validation'] as const) {
    const reports: Report[] = [];
    const { data, batch } = jobOf();
    const job: EvaluationJob = {
      kind: 'evaluation',
      id: 'test',
      network,
      checkpoint,
      data,
      part,
      normalise: true,
      batch,
      engine: jobOf().engine,
    };
    await runJob(job, contextOf(reports));
    const [report] = reports;
    assert.ok(report?.kind === 'evaluated' && reports.length === 1);
    const labels =
      part === 'test'
        ? [...dataset.test.labels]
        : [...splitDataset(dataset, { validation: 0.1 }).validation].map((index) => dataset.train.labels[index]);
    const rows = report.confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
    assert.deepEqual(
      rows,
      [0, 1, 2, 3].map((label) => labels.filter((other) => other === label).length),
    );
    const right = report.confusion.reduce((sum, row, label) => sum + (row[label] ?? 0), 0);
    assert.equal(report.measured.accuracy, right / labels.length);
    // What a training says of its epochs is this same measurement: clean images, running statistics.
    const last = epochs.at(-1);
    if (part === 'validation') assert.deepEqual(last?.kind === 'epoch' && last.validation, report.measured);
    // Another batch size is the same measurement; without normalisation it is another.
    const other: Report[] = [];
    await runJob({ ...job, batch: 7 }, contextOf(other));
    assert.deepEqual(other[0]?.kind === 'evaluated' && other[0].confusion, report.confusion);
    await runJob({ ...job, normalise: false }, contextOf(other));
    assert.notDeepEqual(other[1], report);
  }
});

await test('a damaged checkpoint in an evaluation: not finite is said', async () => {
  const hash = await train(jobOf({ minibatches: { first: 0, count: 1, done: 0 } }), contextOf([]));
  const { tensors } = await checkpoints.read(hash);
  const [name = '', tensor] = Object.entries(tensors).find(([key]) => key.endsWith('kernel')) ?? [];
  const broken = {
    ...tensors,
    [name]: { shape: must(tensor, 'kernel').shape, data: must(tensor, 'kernel').data.map(() => Number.NaN) },
  };
  const checkpoint = await checkpoints.write({ network, tensors: broken });
  const { data, batch, engine: on } = jobOf();
  const job: EvaluationJob = {
    kind: 'evaluation',
    id: '',
    network,
    checkpoint,
    data,
    part: 'test',
    normalise: true,
    batch,
    engine: on,
  };
  await assert.rejects(runJob(job, contextOf([])), (error: Error) => error instanceof JobFailure && error.failure === 'diverged');
});

await test('a probe says each of its minibatches and writes nothing', async () => {
  const store = memoryCheckpoints();
  const said: Report[] = [];
  const { data, batch, augmentation, learning, engine: on } = jobOf();
  await runJob(
    { kind: 'probe', id: '', network, data, batch, augmentation, learning, minibatches: 5, engine: on },
    { ...contextOf([], { checkpoints: store }), report: (report) => void said.push(report) },
  );
  assert.deepEqual(
    said.map((report) => (report.kind === 'progress' ? report.done : report.kind === 'reached' && report.stage)),
    ['begun', 'drawn', 1, 2, 3, 4, 5, 'trained', 'saved'],
  );
  assert.equal(store.written.size, 0);
});

await test('a job is its inputs: run twice, the same bits, whatever else was run', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 5 }), fc.integer({ min: 1, max: 15 }), async (seed, count) => {
      const job = jobOf({ key: [seed], minibatches: { first: 0, count, done: 0 } });
      const one = await train(job, contextOf([]));
      await train(jobOf({ key: ['between'], minibatches: { first: 3, count: 2, done: 0 } }), contextOf([]));
      assert.equal(await train(job, contextOf([])), one);
    }),
    { numRuns: 4 },
  );
});

/** The reference engine, which tells each batch of images that a training session is run on. */
const told = (tell: (images: Float32Array) => void): JobContext['engine'] => ({
  ...reference,
  async compile(program, convolution) {
    const session = await reference.compile(program, convolution);
    if (program.labels === null) return session;
    const run = session.run.bind(session);
    return Object.assign(session, {
      run() {
        tell(session.input(program.images));
        return run();
      },
    });
  },
});

await test('alternating flips follow the epochs of the candidate, also after a cut', async () => {
  const { height, width, channels } = dataset.shape;
  const size = channels * height * width;
  const rowsOf = async (fields: Partial<TrainingJob>): Promise<readonly string[]> => {
    const rows: string[] = [];
    const engine = told((images) => {
      for (let at = 0; at < images.length; at += size) rows.push(sha256(new Uint8Array(images.slice(at, at + size).buffer)));
    });
    const augmentation = { flip: true, normalise: true, shift: 0, cutout: 0, mixup: 0, alternate: true };
    const flipping = { ...dataset, flip: true };
    await train(jobOf({ augmentation, ...fields }), contextOf([], { engine, dataset: flipping }));
    return rows;
  };
  const all = await rowsOf({ minibatches: { first: 0, count: 3 * perEpoch, done: 0 } });
  const epoch = (index: number): Set<string> => new Set(all.slice(16 * perEpoch * index, 16 * perEpoch * (index + 1)));
  const shared = (a: Set<string>, b: Set<string>): number => [...a].filter((row) => b.has(row)).length;
  assert.equal(epoch(0).size, 16 * perEpoch);
  assert.equal(shared(epoch(0), epoch(1)), 0);
  // An epoch leaves out 8 images of 216.
  assert.ok(shared(epoch(0), epoch(2)) >= 200, `${shared(epoch(0), epoch(2))}`);
  assert.deepEqual(
    await rowsOf({ minibatches: { first: perEpoch, count: perEpoch, done: 0 } }),
    all.slice(16 * perEpoch, 32 * perEpoch),
  );
});

await test('it learns: 2,000 real images, five epochs', async () => {
  const real = await anyImages(`${place}/cache`);
  const engine = await anyEngine();
  const reports: Report[] = [];
  await train(
    jobOf({
      network: vanillaNetwork(real.dataset.shape, 10, [8, 16]),
      data: { path: real.path, hash: real.dataset.hash, images: 2000, validation: 0.02 },
      batch: 32,
      augmentation: { flip: real.dataset.flip, normalise: true, shift: 0, cutout: 0, mixup: 0 },
      minibatches: { first: 0, count: 5 * 62, done: 0 },
      engine: { name: engine.fingerprint.engine, device: 'cpu', threads: 1, convolution: 'auto' },
    }),
    contextOf(reports, { dataset: real.dataset, engine }),
  );
  const accuracies = reports.flatMap((report) => (report.kind === 'epoch' ? [report.validation?.accuracy ?? 0] : []));
  assert.equal(accuracies.length, 5);
  // Digits take such a network longer: 0.48 against 0.64.
  const enough = real.dataset.name === 'mnist' ? 0.4 : 0.55;
  assert.ok((accuracies.at(-1) ?? 0) > enough, `${accuracies.join(' ')} of 1 that 0.1 would be by chance`);
});

await test('balanced: classes of different sizes count alike in validation, and learn alike', async () => {
  const seen = new Map<number, number>();
  const kept = Array.from(dataset.train.labels, (label, index) => ({ label, index })).filter(({ label }) => {
    const before = seen.get(label) ?? 0;
    seen.set(label, before + 1);
    return label < 2 || before < 8;
  });
  const few = picked(
    dataset.train,
    dataset.shape,
    Uint32Array.from(kept, ({ index }) => index),
  );
  const uneven = { ...dataset, train: few };
  const data = { path, hash: dataset.hash, images: null, validation: 0.25 };
  const outcomeOf = async (balanced: boolean) => {
    const reports: Report[] = [];
    const augmentation = { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 };
    const job = jobOf({
      data,
      augmentation,
      balanced,
      schedule: { kind: 'constant', rate: 0.05 },
      minibatches: { first: 0, count: 90, done: 0 },
    });
    const checkpoint = await runJob(job, contextOf(reports, { dataset: uneven })).then(() => {
      const last = reports.findLast((each) => each.kind === 'epoch');
      return last?.kind === 'epoch' ? last : assert.fail('no epoch');
    });
    const evaluation: EvaluationJob = {
      kind: 'evaluation',
      id: 'test',
      network,
      checkpoint: checkpoint.checkpoint,
      data,
      part: 'validation',
      normalise: true,
      batch: 16,
      engine: job.engine,
    };
    await runJob(evaluation, contextOf(reports, { dataset: uneven }));
    const found = reports.at(-1);
    const { confusion } = found?.kind === 'evaluated' ? found : assert.fail('not evaluated');
    return { validation: must(checkpoint.validation ?? undefined, 'validation'), confusion };
  };
  const [even, plain] = [await outcomeOf(true), await outcomeOf(false)];
  assert.equal(plain.validation.balanced, undefined);
  const { balanced = -1, accuracy } = even.validation;
  assert.ok(Math.abs(balanced - (accuracyByClass(even.confusion, dataset.classes).balanced ?? -2)) < 1e-12);
  const right = even.confusion.reduce((sum, row, index) => sum + (row[index] ?? 0), 0);
  assert.equal(accuracy, right / even.confusion.flat().reduce((sum, count) => sum + count, 0));
  const before = accuracyByClass(plain.confusion, dataset.classes).balanced ?? 1;
  assert.ok(balanced > before + 0.05, `${balanced}, ${before} without`);
});
