/** Jobs whose minibatches are computed in several passes: what they learn, count and evaluate is that of whole ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reference } from '../../src/engine/reference/engine.ts';
import { jobOf as queuedJob, readRequest, requestOf } from '../../src/execution/queue/messages.ts';
import { freeze, type Network } from '../../src/network/network.ts';
import { convolution, maxPool, vanillaNetwork } from '../../src/network/vanilla.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import { fewestPasses, largestTensor, predictMemory } from '../../src/program/memory.ts';
import type { JobContext, Report, TrainingJob } from '../../src/training/job.ts';
import { evaluate, train } from '../../src/training/train.ts';
import { must } from '../../src/util/assert.ts';
import { memoryCheckpoints } from '../support/checkpoints.ts';
import { norm } from '../support/comparing.ts';
import { classes, place, readQuadrants } from '../support/runs.ts';

assert.ok(place);
const { dataset, path } = await readQuadrants();
const checkpoints = memoryCheckpoints();

function contextOf(reports: Report[]): JobContext {
  const report = (said: Report): void => void reports.push(said);
  return { engine: reference, dataset, checkpoints, report, breathe: () => Promise.resolve(), now: () => 0 };
}

const plain: Network = freeze([
  { id: 0, layer: { kind: 'image', shape: dataset.shape }, inputs: [] },
  { id: 1, layer: convolution(4, 3), inputs: [0] },
  { id: 2, layer: { kind: 'relu' }, inputs: [1] },
  { id: 3, layer: maxPool(2), inputs: [2] },
  { id: 4, layer: { kind: 'dense', features: classes }, inputs: [3] },
]);
const normalised = vanillaNetwork(dataset.shape, classes, [3, 4]);

const jobOf = (network: Network, fields: Partial<TrainingJob> = {}): TrainingJob => ({
  kind: 'training',
  id: 'test',
  network,
  start: { from: { kind: 'initial', key: ['initial'] }, edits: [], optimizerState: 'reset' },
  data: { path, hash: dataset.hash, images: null, validation: 0.1 },
  whole: false,
  batch: 24,
  augmentation: { flip: false, normalise: true, shift: 0.125, cutout: 0.25, mixup: 1 },
  learning: { momentum: 0.9, weightDecay: 5e-4 },
  schedule: { kind: 'cosine', rate: 0.05, from: 0, to: 1 },
  key: ['line'],
  // 9 an epoch.
  minibatches: { first: 0, count: 18, done: 0 },
  engine: { name: 'reference', device: 'cpu', threads: 1, convolution: 'auto' },
  ...fields,
});

const epochsIn = (reports: readonly Report[]) => reports.flatMap((report) => (report.kind === 'epoch' ? [report] : []));

await test('without batch normalisation: augmentation, mixup, loss and weights are those of whole minibatches', async () => {
  const whole: Report[] = [];
  const expected = (await checkpoints.read(await train(jobOf(plain), contextOf(whole)))).tensors;
  const begun = jobOf(plain, { minibatches: { first: 0, count: 18, done: 0 }, schedule: { kind: 'constant', rate: 0 } });
  const before = (await checkpoints.read(await train(begun, contextOf([])))).tensors;
  for (const passes of [2, 3, 6]) {
    const reports: Report[] = [];
    const hash = await train(jobOf(plain, { passes }), contextOf(reports));
    const { tensors } = await checkpoints.read(hash);
    for (const [name, { data }] of Object.entries(expected)) {
      const difference = norm(must(tensors[name], name).data, data);
      const change = norm(data, must(before[name], name).data);
      assert.ok(difference <= 1e-4 * change + 1e-6, `${passes} passes, ${name}: off by ${difference} of ${change}`);
    }
    assert.equal(reports.length, whole.length, 'as many reports');
    for (const [at, { done, epoch, loss, validation }] of epochsIn(reports).entries()) {
      const own = must(epochsIn(whole)[at], 'epoch');
      assert.deepEqual([done, epoch, validation?.accuracy], [own.done, own.epoch, own.validation?.accuracy]);
      assert.ok(Math.abs(loss - own.loss) < 1e-5 && Math.abs((validation?.loss ?? 0) - (own.validation?.loss ?? 1)) < 1e-5);
    }
  }
});

await test('cut at an epoch: the same bits; whole minibatches have others', async () => {
  for (const learning of [
    { momentum: 0.9, weightDecay: 5e-4 },
    { momentum: 0.9, weightDecay: 5e-4, average: 0.9 },
  ]) {
    const job = jobOf(normalised, { passes: 3, learning, evaluationWeights: 'average' in learning ? 'average' : 'raw' });
    const reports: Report[] = [];
    const expected = await train(job, contextOf(reports));
    const [first] = epochsIn(reports);
    const { done, checkpoint } = must(first, 'epoch');
    const start = { from: { kind: 'checkpoint', hash: checkpoint }, edits: [], optimizerState: 'kept' } as const;
    assert.equal(await train({ ...job, start, minibatches: { ...job.minibatches, done } }, contextOf([])), expected);
    const { passes: _passes, ...whole } = job;
    assert.notEqual(await train(whole, contextOf([])), expected);
  }
});

await test('it learns with batch normalisation, and a test evaluation in passes says what a whole one says', async () => {
  const reports: Report[] = [];
  const job = jobOf(normalised, { passes: 3, minibatches: { first: 0, count: 90, done: 0 } });
  const checkpoint = await train(job, contextOf(reports));
  const losses = epochsIn(reports).map(({ loss }) => loss);
  assert.ok((losses.at(-1) ?? 1) < 0.95 * (losses[0] ?? 0), losses.join());
  const { data, batch, engine } = job;
  const evaluation = {
    kind: 'evaluation',
    id: 't',
    network: normalised,
    checkpoint,
    data,
    part: 'test',
    normalise: true,
  } as const;
  const told: Report[] = [];
  await evaluate({ ...evaluation, batch, engine }, contextOf(told));
  await evaluate({ ...evaluation, batch, passes: 3, engine }, contextOf(told));
  assert.deepEqual(told[1], told[0]);
});

test('a job that travels by a queue keeps its passes', () => {
  const job = jobOf(normalised, { passes: 3 });
  const request = readRequest(JSON.parse(JSON.stringify(requestOf(job, '0123456789abcdef'))));
  assert.ok(typeof request !== 'string', String(request));
  const received = queuedJob(request, path);
  assert.ok(typeof received !== 'string', String(received));
  assert.equal(received.passes, 3);
});

test('memory: what passes save is in the prediction, with the sums of gradients and a whole minibatch of images', () => {
  const network = stagedNetwork({ channels: 3, height: 64, width: 64 }, 5, [16, 32, 64]);
  const memory = (passes: number): number => predictMemory(network, { training: 64 / passes, passes, measuring: 8 }, 0);
  const bytes = [1, 2, 4, 8].map(memory);
  const state = predictMemory(network, { training: 1, measuring: 1 }, 0);
  for (let at = 1; at < bytes.length; at++) {
    const [more, fewer] = [must(bytes[at - 1], 'bytes'), must(bytes[at], 'bytes')];
    assert.ok(fewer < more, `${bytes.join()}`);
  }
  // What grows with the images of a pass is halved; the minibatch of images, 3 MiB, and the sums stay.
  const arena = must(bytes[0], 'bytes') - state;
  assert.ok(must(bytes[1], 'bytes') - state < 0.5 * arena + 6 * 2 ** 20, `${bytes.join()} ${state}`);
});

test('the fewest passes that fit: they divide the minibatch, and have eight images or more', () => {
  const asked: [number, number, number][] = [];
  const passes = (batch: number, most: number, images: number): number | null =>
    fewestPasses(batch, most, (each) => {
      asked.push([batch, each, batch / each]);
      return batch / each <= images;
    });
  assert.deepEqual(
    [
      passes(128, 16, 128),
      passes(128, 16, 127),
      passes(128, 16, 40),
      passes(128, 16, 8),
      passes(128, 16, 7),
      passes(128, 4, 16),
      passes(96, 16, 20),
      passes(100, 16, 12),
      passes(4, 16, 4),
      passes(4, 16, 3),
      passes(128, 1, 64),
    ],
    [1, 2, 4, 16, null, null, 6, 10, 1, null, null],
  );
  assert.ok(asked.every(([batch, each, images]) => batch % each === 0 && (each === 1 || images >= 8)));
});

test('the largest tensor counts channels as they are padded', () => {
  const network = vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [20, 40]);
  assert.equal(largestTensor(network, 2), 4 * 2 * 32 * 32 * 32);
});
