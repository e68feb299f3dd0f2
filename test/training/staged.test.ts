/** The staged network in the worker: trained, kept, grown, certified, exported. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { additionsOff } from '../../src/data/augmentation/augmentation.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { requestOf, readRequest, jobOf } from '../../src/execution/queue/messages.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import { imagesOf } from '../../src/training/grow.ts';
import { initialise } from '../../src/training/initialisation.ts';
import type { JobContext, Report, TrainingJob } from '../../src/training/job.ts';
import { runJob, train } from '../../src/training/train.ts';
import { random } from '../../src/util/random.ts';
import { chain, trainedParent } from '../support/certificates.ts';
import { memoryCheckpoints } from '../support/checkpoints.ts';
import { anyEngine, anyImages } from '../support/machine.ts';
import { classes, readQuadrants } from '../support/runs.ts';

const { dataset, path } = await readQuadrants();
const network = stagedNetwork(dataset.shape, classes, [6, 4]);
const checkpoints = memoryCheckpoints();

const contextOf = (reports: Report[] = []): JobContext => ({
  engine: reference,
  dataset,
  checkpoints,
  report: (report) => void reports.push(report),
  breathe: () => Promise.resolve(),
  now: () => 0,
});

const perEpoch = 13;
const key = ['staged', 'initial'];
const job = (fields: Partial<TrainingJob> = {}): TrainingJob => ({
  kind: 'training',
  id: 'test',
  network,
  start: { from: { kind: 'initial', key, initialisation: 'identity' }, edits: [], optimizerState: 'reset' },
  data: { path, hash: dataset.hash, images: null, validation: 0.1 },
  whole: false,
  batch: 16,
  augmentation: { flip: false, normalise: true, shift: 0.125, cutout: 0, mixup: 0 },
  learning: { momentum: 0.9, weightDecay: 5e-4 },
  schedule: { kind: 'constant', rate: 0.05 },
  key: ['line'],
  minibatches: { first: 0, count: 2 * perEpoch, done: 0 },
  engine: { name: 'reference', device: 'cpu', threads: 1, convolution: 'auto' },
  ...fields,
});

/** Two epochs: what was reported, and the last checkpoint. */
const reports: Report[] = [];
const trained = await train(job(), contextOf(reports));

await test('two epochs: the whitening filters stay to the bit, the bias of the stem learns', async () => {
  const begun = await initialise(network, key, 'identity', imagesOf(job(), dataset), () => Promise.resolve());
  const { tensors } = await checkpoints.read(trained);
  assert.deepEqual(tensors['1/kernel'], begun['1/kernel']);
  assert.ok(tensors['1/bias']?.data.every((value) => value !== 0));
  assert.notDeepEqual(tensors['3/kernel'], begun['3/kernel']);
  assert.ok(!('1/kernel/velocity' in tensors) && '1/bias/velocity' in tensors);
});

await test('cut at an epoch: the same bits; without an initialisation, as with uniform', async () => {
  const [first] = reports.flatMap((report) => (report.kind === 'epoch' ? [report.checkpoint] : []));
  const start = { from: { kind: 'checkpoint', hash: String(first) }, edits: [], optimizerState: 'kept' } as const;
  const minibatches = { first: 0, count: 2 * perEpoch, done: perEpoch };
  assert.equal(await train(job({ start, minibatches }), contextOf()), trained);
  const from = (initialisation: object): TrainingJob['start'] => ({
    from: { kind: 'initial', key, ...initialisation },
    edits: [],
    optimizerState: 'reset',
  });
  const uniform = await train(job({ start: from({ initialisation: 'uniform' }) }), contextOf());
  assert.equal(await train(job({ start: from({}) }), contextOf()), uniform);
  assert.notEqual(uniform, trained);
});

await test('the initialisation goes over the queue', () => {
  const sent = readRequest(JSON.parse(JSON.stringify(requestOf(job(), 'run'.padEnd(16, '0').replaceAll(/[^0-9a-f]/g, '0')))));
  assert.ok(typeof sent !== 'string', String(sent));
  const augmentation = { ...additionsOff, ...job().augmentation };
  assert.deepEqual(jobOf(sent, path), { ...job(), augmentation });
});

await test('a trained staged network is grown, and its children keep its stem and pass their certificates', async () => {
  const kernel = (await checkpoints.read(trained)).tensors['1/kernel'];
  const limits = { maxChannels: 16, admits: () => true };
  for (const seed of [1, 2, 3]) {
    const { edits } = sampleEdits(
      network,
      { operators: paperOperatorsWithSeparable, mutations: 4, limits },
      random('grow', seed),
    );
    const start = { from: { kind: 'checkpoint', hash: trained }, edits, optimizerState: 'reset' } as const;
    const told: Report[] = [];
    const child = await train(job({ start, minibatches: { first: 0, count: 3, done: 0 } }), contextOf(told));
    const [grown] = told;
    assert.ok(grown?.kind === 'grown' && grown.certificate.evaluation < 1e-5, JSON.stringify(grown));
    assert.deepEqual((await checkpoints.read(child)).tensors['1/kernel'], kernel);
  }
});

await test('its file gives its logits', async () => {
  const told: Report[] = [];
  const about = {
    instar: '0',
    run: 'staged',
    dataset: dataset.name,
    classes: [...dataset.classes],
    shape: dataset.shape,
    mean: [...dataset.mean],
    std: [...dataset.std],
    line: 'vanilla',
    parameters: 0,
    seed: 1,
  };
  const { data, batch } = job();
  const engine = { ...job().engine, convolution: 'direct' as const };
  await runJob(
    { kind: 'verification', id: 'file', network, checkpoint: trained, about, data, part: 'test', batch, engine },
    contextOf(told),
  );
  const verified = told.find((report) => report.kind === 'verified')?.verified;
  assert.ok(verified !== undefined && verified.difference < 1e-5 && verified.agreement === 1, JSON.stringify(verified));
});

await test('real images: children of chains of up to 20 mutations compute what a trained staged network does', async (t) => {
  const engine = await anyEngine();
  const real = await anyImages(join(tmpdir(), 'instar-test-cache'));
  const make = (shape: typeof dataset.shape, count: number) => stagedNetwork(shape, count, [12, 8, 16]);
  const { parent, images } = await trainedParent(engine, real.dataset, 20, 20, make);
  let [evaluation, training] = [0, 0];
  for (let index = 0; index < 10; index++) {
    const { certificate } = await chain(engine, parent, images, random('staged certificates', index));
    evaluation = Math.max(evaluation, certificate.evaluation);
    training = Math.max(training, certificate.training);
  }
  t.diagnostic(`worst evaluation ${evaluation.toExponential(1)}, worst training-mode loss ${(100 * training).toFixed(2)} %`);
  assert.ok(evaluation <= 1e-4 && training <= 0.02, `${evaluation}, ${training}`);
});
