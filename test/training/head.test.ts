/** A head that is trained alone: all before it stays, it learns what can be learnt, and the network that is saved is what was measured. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { reference } from '../../src/engine/reference/engine.ts';
import { freeze, type Layer, type Network } from '../../src/network/network.ts';
import { initialTensors, parametersOf } from '../../src/network/parameters.ts';
import type { JobContext, Report, TrainingJob } from '../../src/training/job.ts';
import { runJob } from '../../src/training/train.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { memoryCheckpoints } from '../support/checkpoints.ts';
import { anyEngine } from '../support/machine.ts';
import { classes, readQuadrants } from '../support/runs.ts';

const { dataset, path } = await readQuadrants();
const checkpoints = memoryCheckpoints();

const convolution = (channels: number, kernel: number, stride = 1): Layer => ({
  kind: 'convolution',
  channels,
  kernel,
  stride,
  padding: stride === 1 ? (kernel - 1) / 2 : 0,
  bias: true,
});
const relu: Layer = { kind: 'relu' };
const pool: Layer = { kind: 'global-average-pool' };
const normalization: Layer = { kind: 'batch-normalization', epsilon: 1e-5 };
const chain = (...layers: readonly Layer[]): Network =>
  freeze(
    [{ kind: 'image', shape: dataset.shape } as const, ...layers].map((layer, id) => ({
      id,
      layer,
      inputs: id === 0 ? [] : [id - 1],
    })),
  );

/** Random features tell the quadrants apart, as each of them has its own pixel in the end. */
const networks = {
  'a dense layer': chain(convolution(8, 4, 4), normalization, relu, { kind: 'dense', features: classes }),
  'a convolution before the means': chain(convolution(8, 3), normalization, relu, convolution(classes, 1), pool),
};

async function trained(network: Network, fields: Partial<TrainingJob> = {}, context: Partial<JobContext> = {}) {
  const tensors = initialTensors(network, random('given'));
  const hash = await checkpoints.write({ network, tensors });
  const job: TrainingJob = {
    kind: 'training',
    id: 'vanilla',
    network,
    part: 'head',
    start: { from: { kind: 'checkpoint', hash }, edits: [], optimizerState: 'reset' },
    data: { path, hash: dataset.hash, images: null, validation: 0.1 },
    whole: false,
    batch: 16,
    augmentation: { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 },
    learning: { momentum: 0.9, weightDecay: 5e-4 },
    schedule: { kind: 'constant', rate: 0.05 },
    key: ['head'],
    minibatches: { first: 0, count: 10, done: 0 },
    engine: { name: 'reference', device: 'cpu', threads: 1, convolution: 'auto' },
    ...fields,
  };
  const reports: Report[] = [];
  const report = (said: Report): void => void reports.push(said);
  await runJob(job, {
    engine: reference,
    dataset,
    checkpoints,
    report,
    breathe: () => Promise.resolve(),
    now: () => 0,
    ...context,
  });
  const end = must(reports.at(-1), 'report');
  assert.ok(end.kind === 'epoch');
  return { tensors, end, reports, made: (await checkpoints.read(end.checkpoint)).tensors, job };
}

for (const [what, network] of Object.entries(networks))
  test(`${what} learns alone`, async () => {
    const { tensors, end, reports, made } = await trained(network);
    const head = network.nodes.findLast(({ layer }) => layer.kind === 'dense' || layer.kind === 'convolution');
    for (const { name, node } of parametersOf(network)) {
      const [before, after] = [must(tensors[name], name).data, must(made[name], name).data];
      assert.equal(isDeepStrictEqual(before, after), node !== head?.id, name);
    }
    assert.equal(end.done, 10);
    assert.equal(end.epoch, 1);
    if (what === 'a dense layer') assert.ok((end.validation?.accuracy ?? 0) > 0.9, `${end.validation?.accuracy}`);
    assert.ok((end.validation?.loss ?? Infinity) < Math.log(classes));
    const progress = reports.slice(0, -1);
    assert.ok(progress.length > 1 && progress.every((each) => each.kind === 'progress' && each.done < 10));
  });

test('the same job gives the same bits, another key others', async () => {
  const network = networks['a dense layer'];
  const [one, again, other] = [await trained(network), await trained(network), await trained(network, { key: ['other'] })];
  assert.equal(one.end.checkpoint, again.end.checkpoint);
  assert.notEqual(one.end.checkpoint, other.end.checkpoint);
});

test('few validation images do not choose the weight decay: with other labels the head is the same', async () => {
  const [count, some] = [dataset.train.labels.length, 30];
  const wrong = dataset.train.labels.map((label, at) => (at < count - some ? label : (label + 1) % classes));
  const [right, mistaken] = [dataset.train.labels, wrong].map((labels) => ({
    dataset: { ...dataset, train: { ...dataset.train, labels }, validationImages: some },
  }));
  const network = networks['a dense layer'];
  const [one, other] = [await trained(network, {}, right), await trained(network, {}, mistaken)];
  assert.equal(one.end.checkpoint, other.end.checkpoint);
  assert.ok((one.end.validation?.accuracy ?? 0) > 0.9 && (other.end.validation?.accuracy ?? 1) < 0.1);
});

test('balanced classes are measured so', async () => {
  const { end } = await trained(networks['a dense layer'], { balanced: true });
  assert.ok((end.validation?.balanced ?? 0) > 0.9);
});

test('a head that an activation follows is trained as it stands, all else being frozen', async () => {
  const network = chain(convolution(8, 4, 4), normalization, relu, convolution(classes, 1), relu, pool);
  const { tensors, made, end } = await trained(network, { minibatches: { first: 0, count: 26, done: 0 } });
  for (const { name, node } of parametersOf(network)) {
    const [before, after] = [must(tensors[name], name).data, must(made[name], name).data];
    assert.equal(isDeepStrictEqual(before, after), node !== 4, name);
  }
  assert.equal(end.done, 26);
});

test('engines agree', async () => {
  const engine = await anyEngine();
  const network = networks['a dense layer'];
  const { name, device, threads } = { name: 'onednn' as const, device: 'cpu' as const, threads: 1 };
  const [one, other] = [
    await trained(network),
    await trained(network, { engine: { name, device, threads, convolution: 'auto' } }, { engine }),
  ];
  assert.ok(Math.abs((one.end.validation?.loss ?? 0) - (other.end.validation?.loss ?? 1)) < 1e-3);
});
