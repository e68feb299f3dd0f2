/** Averages of weights: their numbers against f64, their statistics against a pass of their own, what is evaluated and exported. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBatcher } from '../../src/data/batches.ts';
import { splitDataset } from '../../src/data/split.ts';
import { additionsOff } from '../../src/data/augmentation/augmentation.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { jobOf as queuedJob, readRequest, requestOf } from '../../src/execution/queue/messages.ts';
import type { Edit } from '../../src/morphism/edit.ts';
import { inputShapeOf, nodeOf, type Network } from '../../src/network/network.ts';
import { isTrained, parametersOf } from '../../src/network/parameters.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import type { Learning } from '../../src/program/learning.ts';
import { lower } from '../../src/program/lower.ts';
import { predictMemory } from '../../src/program/memory.ts';
import { fileCheckpoints } from '../../src/training/checkpoint.ts';
import { calibrationBatches, drawBatches, forMeasuring } from '../../src/training/grow.ts';
import { exportModel } from '../../src/training/export.ts';
import { exportProblem, type About, type JobContext, type Report, type TrainingJob } from '../../src/training/job.ts';
import { runJob, train } from '../../src/training/train.ts';
import { averagedParameters, evaluationTensors } from '../../src/training/weights.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { forward, statisticsOf } from '../support/forward.ts';
import { draft } from '../support/networks.ts';
import { classes, newFolder, readQuadrants } from '../support/runs.ts';
import { fillInputs, randomState } from '../support/single-steps.ts';

const plain: Learning = { momentum: 0.9, weightDecay: 5e-4 };
const average = 0.8;

/** λ among its parameters, whose updates go over both bounds. */
const mixing: Network = (() => {
  const { block, mix, head } = draft(2, 6);
  const start = block(0, 4);
  return head(block(mix(start, block(start, 4)), 5), 3);
})();

/** Largest difference, over the largest expected number. */
function relative(actual: Float32Array, expected: ArrayLike<number>): number {
  let [difference, largest] = [0, 0];
  for (let at = 0; at < expected.length; at++) {
    largest = Math.max(largest, Math.abs(expected[at] as number));
    difference = Math.max(difference, Math.abs((actual[at] as number) - (expected[at] as number)));
  }
  assert.equal(actual.length, expected.length);
  return difference / Math.max(largest, 1e-3);
}

async function states(learning: Learning, steps: number, from?: { readonly step: number; readonly tensors: Tensors }) {
  const program = lower(mixing, 4, { kind: 'training', learning });
  const session = await reference.compile(program, 'direct');
  const initial = randomState(lower(mixing, 4, { kind: 'training', learning: plain }), random('averages'));
  session.load(from?.tensors ?? initial);
  const all: Tensors[] = [];
  for (let step = from?.step ?? 0; step < steps; step++) {
    fillInputs(session, random('averages', step));
    await session.run();
    all.push(session.save());
  }
  session.dispose();
  return all;
}

await test('each average is Σ dᵏ·parameter / Σ dᵏ over the updates, λ within its bounds; training is the same without it', async () => {
  const roles = { mix: { rate: 200 } };
  const learning = { ...plain, average, roles };
  const all = await states(learning, 12);
  const without = await states({ ...plain, roles }, 12);
  const last = must(all.at(-1), 'state');
  const trained = parametersOf(mixing).filter(({ role }) => isTrained(role));
  const averaged = must(averagedParameters(mixing, last), 'averages');
  let [followed, constant] = [0, 0];
  for (const { name, role } of trained) {
    assert.deepEqual(last[name], without.at(-1)?.[name], name);
    const { data } = must(averaged[name], name);
    const expected = new Float64Array(data.length);
    let weights = 0;
    all.forEach((state, step) => {
      const weight = average ** (all.length - 1 - step);
      weights += weight;
      must(state[name], name).data.forEach((value, at) => (expected[at] = (expected[at] as number) + weight * value));
    });
    const difference = relative(
      data,
      expected.map((value) => value / weights),
    );
    assert.ok(difference < 1e-6, `${name}: off by ${difference}`);
    if (last[`${name}/average`] === undefined) constant++;
    else followed++;
    if (role === 'mix') {
      const values = all.map((state) => must(state[name], name).data[0] as number);
      assert.ok(values.includes(0) && values.includes(1), `λ over its bounds: ${values.join()}`);
    }
  }
  // Three kernels, scales and shifts, λ and the head; biases before a batch normalisation are never updated.
  assert.deepEqual([followed, constant], [3 * 3 + 1 + 2, 3]);
  const cut = must(all[5], 'state');
  assert.deepEqual((await states(learning, 12, { step: 6, tensors: cut })).at(-1), last, 'cut and continued');
});

await test('the memory that is predicted counts the averages and their statistics', () => {
  const network = vanillaNetwork({ channels: 3, height: 16, width: 16 }, 10, [8, 16]);
  const bytes = (learning: Learning): number => predictMemory(network, { training: 16, measuring: 64 }, 0, undefined, learning);
  assert.equal(bytes({ ...plain, average: null }), bytes(plain));
  const trained = parametersOf(network).reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  assert.ok(bytes({ ...plain, average }) > bytes(plain) + trained);
});

const { dataset, path } = await readQuadrants();
const network = vanillaNetwork(dataset.shape, classes, [3, 4]);
const checkpoints = fileCheckpoints(newFolder());
const perEpoch = 13;

const jobOf = (fields: Partial<TrainingJob> = {}): TrainingJob => ({
  kind: 'training',
  id: 'test',
  network,
  start: { from: { kind: 'initial', key: ['initial'] }, edits: [], optimizerState: 'reset' },
  data: { path, hash: dataset.hash, images: null, validation: 0.1 },
  whole: false,
  batch: 16,
  augmentation: { flip: false, normalise: true, shift: 0.125, cutout: 0.25, mixup: 1 },
  learning: { ...plain, average: 0.95 },
  schedule: { kind: 'constant', rate: 0.1 },
  key: ['line'],
  minibatches: { first: 0, count: 3 * perEpoch, done: 0 },
  engine: { name: 'reference', device: 'cpu', threads: 1, convolution: 'auto' },
  evaluationWeights: 'average',
  ...fields,
});

const contextOf = (reports: Report[]): JobContext => ({
  engine: reference,
  dataset,
  checkpoints,
  breathe: () => Promise.resolve(),
  now: () => 0,
  report: (said) => void (said.kind === 'progress' || reports.push(said)),
});

async function result(fields: Partial<TrainingJob> = {}) {
  const reports: Report[] = [];
  const hash = await train(jobOf(fields), contextOf(reports));
  const { tensors } = await checkpoints.read(hash);
  const epochs = reports.flatMap((report) => (report.kind === 'epoch' ? [report] : []));
  return { hash, tensors, epochs };
}

const of = (network_: Network, tensors: Tensors): Tensors =>
  Object.fromEntries(parametersOf(network_).map(({ name }) => [name, must(tensors[name], name)]));

const whole = await result();

await test('the statistics are those of the averaged weights on batches of training images', async () => {
  const job = jobOf();
  const batcher = createBatcher(dataset, job.augmentation, job.batch);
  const images = { dataset, batcher, batch: job.batch, ...splitDataset(dataset, { validation: 0.1 }) };
  const measuring = forMeasuring(job.augmentation, images);
  const batches = drawBatches(measuring, measuring.train, calibrationBatches, random('line', 'averaged statistics'));
  const averaged = must(averagedParameters(network, whole.tensors), 'averages');
  const evaluated = evaluationTensors(network, whole.tensors, 'average');
  for (const { id, layer } of network.nodes) {
    if (layer.kind !== 'batch-normalization') continue;
    const input = must(nodeOf(network, id).inputs[0], 'input');
    const found = batches.map((each) => {
      const values = { batch: measuring.batch, shape: inputShapeOf(network), data: Float64Array.from(each.images) };
      return statisticsOf(must(forward(network, averaged, values, 'training').get(input), 'values'));
    });
    for (const role of ['mean', 'variance'] as const) {
      const expected = must(found[0], 'batch')[role].map(
        (_none, at) => found.reduce((sum, each) => sum + (each[role][at] as number), 0) / found.length,
      );
      const actual = must(evaluated[`${id}/${role}`], role).data;
      assert.ok(relative(actual, expected) < 1e-5, `${id}/${role}: ${actual.join()}, not ${expected.join()}`);
      assert.ok(relative(must(whole.tensors[`${id}/${role}`], role).data, expected) > 1e-3, 'and not the running ones');
    }
  }
});

await test('the validation of an epoch is that of its checkpoint’s averages; cut at any epoch: the same bits', async () => {
  for (const { done, checkpoint, validation } of whole.epochs) {
    const reports: Report[] = [];
    const { data, batch, engine } = jobOf();
    const asked = { id: 'test', network, checkpoint, data, part: 'validation', normalise: true, batch, engine } as const;
    await runJob({ kind: 'evaluation', ...asked, evaluationWeights: 'average' }, contextOf(reports));
    await runJob({ kind: 'evaluation', ...asked }, contextOf(reports));
    const [averages, raw] = reports.map((report) => report.kind === 'evaluated' && report.measured);
    assert.deepEqual(averages, validation);
    assert.notDeepEqual(raw, validation);
    if (done === 3 * perEpoch) continue;
    const start = { from: { kind: 'checkpoint', hash: checkpoint }, edits: [], optimizerState: 'kept' } as const;
    const rest = await result({ start, minibatches: { first: 0, count: 3 * perEpoch, done } });
    assert.equal(rest.hash, whole.hash, `cut at ${done}`);
  }
});

await test('without them the same weights and, but for them, the same checkpoint', async () => {
  const without = await result({ learning: plain, evaluationWeights: 'raw' });
  assert.equal((await result({ learning: { ...plain, average: null } })).hash, without.hash);
  assert.deepEqual(of(network, whole.tensors), of(network, without.tensors));
  const names = Object.keys(whole.tensors).filter((name) => !/\/average( weight)?$/.test(name));
  assert.deepEqual(names.toSorted(), Object.keys(without.tensors).toSorted());
  const evaluated = await result({ evaluationWeights: 'raw' });
  assert.deepEqual(evaluated.epochs.at(-1)?.validation, without.epochs.at(-1)?.validation);
});

const weightOf = ({ tensors }: { readonly tensors: Tensors }, name: string): number =>
  must(tensors[`${name}/average weight`], name).data[0] as number;

await test('a restart of the schedule keeps averages, growth begins them anew', async () => {
  const one = { first: 0, count: 1, done: 0 };
  const from = { kind: 'checkpoint', hash: whole.hash } as const;
  const fields = { key: ['next'], minibatches: one };
  const restarted = await result({ ...fields, start: { from, edits: [], optimizerState: 'reset' } });
  const expected = (minibatches: number): number => 1 - 0.95 ** minibatches;
  assert.ok(Math.abs(weightOf(restarted, '1/kernel') - expected(3 * perEpoch + 1)) < 1e-6);
  const edits: Edit[] = [{ kind: 'split', node: 3, alpha: 0.3 }];
  for (const optimizerState of ['reset', 'kept'] as const) {
    const child = await result({ ...fields, start: { from, edits, optimizerState } });
    for (const name of Object.keys(child.tensors))
      if (name.endsWith('/average weight')) assert.ok(Math.abs(weightOf(child, name.slice(0, -15)) - 0.05) < 1e-6, name);
    assert.ok(child.tensors['10/kernel/average'] !== undefined && child.tensors['11/mean/average'] !== undefined);
  }
  const off = await result({ ...fields, start: { from, edits: [], optimizerState: 'reset' }, learning: plain });
  assert.deepEqual(
    Object.keys(off.tensors).filter((name) => name.includes('average')),
    [],
  );
});

await test('a checkpoint that lacks averages or their statistics is evaluated as it is trained', () => {
  const raw = of(network, whole.tensors);
  const without = (pattern: RegExp): Tensors =>
    Object.fromEntries(Object.entries(whole.tensors).filter(([name]) => !pattern.test(name)));
  assert.notDeepEqual(evaluationTensors(network, whole.tensors, 'average'), raw);
  assert.deepEqual(evaluationTensors(network, whole.tensors), raw);
  for (const pattern of [/average/, /weight$/, /^2\/mean\/average$/, /variance\/average$/])
    assert.deepEqual(evaluationTensors(network, without(pattern), 'average'), raw, String(pattern));
});

await test('a job with averages, factors by role, a shared stream and rounds comes through the queue as it is', () => {
  const learning = { ...plain, average: 0.99, roles: { shift: { rate: 8 }, kernel: { decay: 0.5 } } };
  const stream = { key: [1, 'minibatches'], before: 7 };
  const job = jobOf({ learning, stream, interval: 3, schedule: { kind: 'linear', rate: 0.2, from: 1, to: 0 } });
  const request = readRequest(JSON.parse(JSON.stringify(requestOf(job, '0123456789abcdef'))));
  assert.ok(typeof request !== 'string', String(request));
  const augmentation = { ...additionsOff, ...job.augmentation };
  assert.deepEqual(queuedJob(request, path), { ...job, augmentation });
  const wrong = requestOf(jobOf({ learning: { ...plain, average: 1 } }), '0123456789abcdef');
  assert.match(String(readRequest(wrong)), /^job\.learning\.average/);
});

await test('an export of averages computes what is evaluated, and is another file than that of the weights', async () => {
  const { data, batch, engine } = jobOf();
  const { shape, mean, std } = dataset;
  const about: About = {
    instar: '',
    run: '',
    dataset: dataset.name,
    classes: [...dataset.classes],
    shape,
    mean: [...mean],
    std: [...std],
    line: 'test',
    parameters: 0,
    seed: 0,
  };
  const reports: Report[] = [];
  const asked = { kind: 'verification', id: 'test', network, checkpoint: whole.hash, about, data, part: 'validation' } as const;
  const on = { ...engine, convolution: 'direct' } as const;
  await runJob({ ...asked, batch, engine: on, evaluationWeights: 'average' }, contextOf(reports));
  const [report] = reports;
  assert.ok(report?.kind === 'verified');
  assert.equal(exportProblem(report.verified), null);
  assert.equal(report.verified.accuracy, whole.epochs.at(-1)?.validation?.accuracy);
  const [averages, raw] = (['average', 'raw'] as const).map((weights) => exportModel(network, whole.tensors, about, weights));
  assert.notDeepEqual(averages, raw);
});
