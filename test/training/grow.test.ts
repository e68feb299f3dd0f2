/** Children grown and certified: a right one passes; each of the two numbers catches what the other cannot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBatcher } from '../../src/data/batches.ts';
import { splitDataset } from '../../src/data/split.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { applyEdit } from '../../src/morphism/apply.ts';
import { calibrate } from '../../src/morphism/calibration.ts';
import type { Edit } from '../../src/morphism/edit.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { exact } from '../../src/morphism/operator.ts';
import { paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import { initialTensors } from '../../src/network/parameters.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower } from '../../src/program/lower.ts';
import { fileCheckpoints } from '../../src/training/checkpoint.ts';
import { evaluationTensors } from '../../src/training/weights.ts';
import { certificateProblem, certify, drawBatches, grow, type Grown, type Images } from '../../src/training/grow.ts';
import { JobFailure, type Certificate, type Report, type TrainingJob } from '../../src/training/job.ts';
import { train } from '../../src/training/train.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { classes, newFolder, readQuadrants } from '../support/runs.ts';

const { dataset, path } = await readQuadrants();
const network = vanillaNetwork(dataset.shape, classes, [3, 4]);
const augmentation = { flip: false, normalise: true, shift: 0.125, cutout: 0, mixup: 0 };
/** With fewer images the statistics of a batch alone move the loss by 2 %. */
const batch = 48;
const images: Images = {
  dataset,
  batcher: createBatcher(dataset, augmentation, batch),
  batch,
  ...splitDataset(dataset, { validation: 0.1 }),
};
const breathe = (): Promise<void> => Promise.resolve();
const folder = newFolder();
const checkpoints = fileCheckpoints(folder);

const job = (fields: Partial<TrainingJob>): TrainingJob => ({
  kind: 'training',
  id: 'test',
  network,
  start: { from: { kind: 'initial', key: ['initial'] }, edits: [], optimizerState: 'reset' },
  data: { path, hash: dataset.hash, images: null, validation: 0.1 },
  whole: false,
  batch,
  augmentation,
  learning: { momentum: 0.9, weightDecay: 5e-4 },
  schedule: { kind: 'constant', rate: 0.05 },
  key: ['line'],
  minibatches: { first: 0, count: 12, done: 0 },
  engine: { name: 'reference', device: 'cpu', threads: 1, convolution: 'auto' },
  ...fields,
});
const run = async (fields: Partial<TrainingJob>): Promise<{ hash: string; reports: Report[] }> => {
  const reports: Report[] = [];
  const report = (said: Report): void => void (said.kind === 'progress' || reports.push(said));
  const hash = await train(job(fields), { engine: reference, dataset, checkpoints, breathe, now: () => 0, report });
  return { hash, reports };
};

/** Trained until its loss is well below chance: before that, hardly anything changes it. */
const { hash: parentHash } = await run({ minibatches: { first: 0, count: 60, done: 0 } });
const parent: Grown = await checkpoints.read(parentHash);

const certificateOf = (child: Grown): Promise<Certificate> =>
  certify(reference, parent, child, images, random('certificate'), breathe);
const { tolerance } = exact;
const passes = (certificate: Certificate): boolean => certificateProblem(certificate, []) === undefined;

/** After the ReLU of the first block. */
const insertion: Edit = { kind: 'insert-convolution', after: 3, kernel: 3 };

await test('children of every operator pass, by far', async () => {
  const limits = { maxChannels: 16, admits: () => true };
  const seen = new Set<string>();
  for (let seed = 0; seed < 12; seed++) {
    const { edits } = sampleEdits(
      network,
      { operators: paperOperatorsWithSeparable, mutations: 5, limits },
      random('edits', seed),
    );
    edits.forEach(({ kind }) => seen.add(kind));
    const child = await grow(reference, parent, edits, images, random('grow', seed), breathe);
    const certificate = await certificateOf(child);
    assert.ok(certificate.evaluation <= 1e-4, `${JSON.stringify(edits)}: ${JSON.stringify(certificate)}`);
    assert.ok(certificate.training <= tolerance.training, `${JSON.stringify(edits)}: ${JSON.stringify(certificate)}`);
  }
  assert.equal(seen.size, 6);
});

await test('statistics of 0 and 1 instead of the measured: exact in evaluation, and the training-mode loss catches it', async () => {
  const applied = applyEdit(parent.network, parent.tensors, insertion, random('edit'));
  const calibration = must(applied.calibrations[0], 'calibration');
  const channels = 3;
  const tensors = calibrate(
    applied.network,
    applied.tensors,
    calibration,
    new Float32Array(channels),
    new Float32Array(channels).fill(1),
  );
  const certificate = await certificateOf({ network: applied.network, tensors });
  assert.ok(certificate.evaluation <= 1e-4, `evaluation ${certificate.evaluation}`);
  assert.ok(certificate.training > tolerance.training, `training ${certificate.training}`);
  const right = await certificateOf(await grow(reference, parent, [insertion], images, random('grow'), breathe));
  assert.ok(passes(right), JSON.stringify(right));
});

await test('children of a network that is sure of nearly all images pass too, where its loss is next to nothing', async () => {
  const { hash } = await run({ minibatches: { first: 0, count: 300, done: 0 }, key: ['sure'] });
  const trained = await checkpoints.read(hash);
  // Surer than a training of seconds makes it: its logits times four.
  const last = must(trained.network.nodes.at(-1), 'head').id;
  const sure: Grown = {
    network: trained.network,
    tensors: Object.fromEntries(
      Object.entries(trained.tensors).map(([name, { shape, data }]) => [
        name,
        { shape, data: name.startsWith(`${last}/`) ? data.map((value) => 4 * value) : data },
      ]),
    ),
  };
  for (let seed = 0; seed < 6; seed++) {
    const child = await grow(reference, sure, [insertion], images, random('sure', seed), breathe);
    const certificate = await certify(reference, sure, child, images, random('certificate', seed), breathe);
    assert.ok(passes(certificate), JSON.stringify(certificate));
  }
});

await test('a damaged tensor fails in evaluation; one that is no number fails too', async () => {
  const child = await grow(reference, parent, [insertion], images, random('grow'), breathe);
  for (const damage of [(value: number) => value + 0.1, () => Number.NaN]) {
    const [name = '', { shape, data }] = Object.entries(child.tensors).find(([key]) => key.endsWith('/kernel')) ?? assert.fail();
    const damaged = { ...child.tensors, [name]: { shape, data: data.map((value, at) => (at === 0 ? damage(value) : value)) } };
    const certificate = await certificateOf({ network: child.network, tensors: damaged });
    assert.ok(!(certificate.evaluation <= tolerance.evaluation), `evaluation ${certificate.evaluation}`);
  }
});

await test('a job grows, certifies and says so, then trains; twice the same bits', async () => {
  const edits: Edit[] = [insertion, { kind: 'alter-channels', node: 1, factor: 2 }];
  const start = { from: { kind: 'checkpoint', hash: parentHash }, edits, optimizerState: 'reset' } as const;
  const [one, two] = [await run({ start, key: ['child'] }), await run({ start, key: ['child'] })];
  assert.deepEqual(one, two);
  assert.deepEqual(
    one.reports.map(({ kind }) => kind),
    ['grown', 'epoch', 'epoch', 'epoch'],
  );
  const child = await checkpoints.read(one.hash);
  assert.equal(child.network.nodes.length, network.nodes.length + 3);
});

await test('a parent that is no number: its child fails its certificate, and nothing that JSON cannot hold is reported', async () => {
  const [name = '', { shape, data }] = Object.entries(parent.tensors).find(([key]) => key.endsWith('/bias')) ?? assert.fail();
  const broken = { ...parent.tensors, [name]: { shape, data: data.map(() => Number.NaN) } };
  const hash = await checkpoints.write({ network, tensors: broken });
  const reports: Report[] = [];
  const edits: Edit[] = [{ kind: 'split', node: 3, alpha: 0.3 }];
  const start = { from: { kind: 'checkpoint', hash }, edits, optimizerState: 'reset' } as const;
  await assert.rejects(
    train(job({ start }), {
      engine: reference,
      dataset,
      checkpoints,
      breathe,
      now: () => 0,
      report: (said) => void reports.push(said),
    }),
    (error: Error) => error instanceof JobFailure && error.failure === 'certificate',
  );
  assert.deepEqual(reports, []);
});

await test('a block that is inserted and dropped in one child passes; one that has learnt loses the child, but not in a probe', async () => {
  const drop: Edit = { kind: 'drop-block', node: 12 };
  const back = await grow(reference, parent, [insertion, drop], images, random('grow'), breathe);
  assert.deepEqual(back.tensors, evaluationTensors(parent.network, parent.tensors));
  assert.deepEqual(await certificateOf(back), { evaluation: 0, training: 0 });
  const start = { from: { kind: 'checkpoint', hash: parentHash }, edits: [insertion], optimizerState: 'reset' } as const;
  const trained = await checkpoints.read((await run({ start, key: ['learnt'] })).hash);
  await assert.rejects(
    grow(reference, trained, [drop], images, random('grow'), breathe),
    (error: Error) =>
      error instanceof JobFailure &&
      error.failure === 'certificate' &&
      error.message === 'cannot drop the block of 12: node 10 (convolution) is not the identity any more',
  );
  const probed = await grow(reference, trained, [drop], images, random('grow'), breathe, { untrained: true });
  assert.deepEqual(probed.network.nodes, network.nodes);
});

await test('states of the optimizer that are kept move along; those that are reset do not, and neither changes the child', async () => {
  assert.deepEqual(await grow(reference, parent, [], images, random('grow'), breathe), parent);
  const edits: Edit[] = [{ kind: 'alter-channels', node: 1, factor: 2 }, insertion];
  const from = { kind: 'checkpoint', hash: parentHash } as const;
  const one = { first: 0, count: 1, done: 0 };
  const [kept, reset] = [
    await run({ start: { from, edits, optimizerState: 'kept' }, key: ['child'], minibatches: one }),
    await run({ start: { from, edits, optimizerState: 'reset' }, key: ['child'], minibatches: one }),
  ];
  assert.deepEqual(kept.reports[0], reset.reports[0]);
  const [carried, plain] = [(await checkpoints.read(kept.hash)).tensors, (await checkpoints.read(reset.hash)).tensors];
  // After one minibatch v = momentum·v₀ + gradient, and the gradient is the same: the difference of both is momentum·v₀.
  const velocity = (tensors: Grown['tensors'], name: string): Float32Array => must(tensors[`${name}/velocity`], name).data;
  const difference = (name: string): number[] => {
    const without = velocity(plain, name);
    return Array.from(velocity(carried, name), (value, at) => value - (without[at] as number));
  };
  const close = (actual: readonly number[], expected: readonly number[], what: string): void =>
    expected.forEach((value, at) => assert.ok(Math.abs((actual[at] as number) - value) < 1e-6, `${what} at ${at}`));
  const before = (name: string): number[] => Array.from(velocity(parent.tensors, name), (value) => 0.9 * value);
  close(difference('1/kernel'), [...before('1/kernel'), ...before('1/kernel').map(() => 0)], 'rows behind the old ones');
  close(difference('2/scale'), [...before('2/scale'), 0, 0, 0], 'a batch normalisation');
  const columns = before('5/kernel');
  const row = columns.length / 4;
  const widened = [0, 1, 2, 3].flatMap((at) => [
    ...columns.slice(at * row, (at + 1) * row),
    ...Array.from({ length: row }, () => 0),
  ]);
  close(difference('5/kernel'), widened, 'columns behind the old ones');
  close(difference('9/kernel'), before('9/kernel'), 'the head');
  assert.ok(before('9/kernel').some((value) => Math.abs(value) > 1e-4));
  const added = Object.keys(plain).filter((name) => name.endsWith('/velocity') && parent.tensors[name] === undefined);
  assert.ok(added.length > 0);
  for (const name of added) assert.deepEqual(carried[name], plain[name], name);
  // And training goes on.
  const on = await run({ start: { from, edits, optimizerState: 'kept' }, key: ['child'] });
  for (const report of on.reports) assert.ok(report.kind !== 'epoch' || Number.isFinite(report.loss));
  assert.deepEqual(on, await run({ start: { from, edits, optimizerState: 'kept' }, key: ['child'] }), 'twice the same bits');
});

await test('a certificate is judged by the tolerance of its edits', () => {
  assert.equal(certificateProblem({ evaluation: 1e-3, training: 0.02 }, [insertion]), undefined);
  const words = (certificate: Certificate): string => String(certificateProblem(certificate, [insertion]));
  assert.match(words({ evaluation: 1.1e-3, training: 0 }), /logits differ by 1.1e-3, the loss by 0.0 %/);
  assert.match(words({ evaluation: 0, training: 0.021 }), /the loss by 2.1 %/);
  assert.match(words({ evaluation: Number.NaN, training: 0 }), /not its parent's function/);
});

await test('fresh weights depend on the name of the stream alone', async () => {
  const edits: Edit[] = [{ kind: 'alter-channels', node: 1, factor: 2 }];
  const kernel = async (seed: number): Promise<string> =>
    String((await grow(reference, parent, edits, images, random('grow', seed), breathe)).tensors['1/kernel']?.data.join());
  assert.equal(await kernel(1), await kernel(1));
  assert.notEqual(await kernel(1), await kernel(2));
  assert.ok(Object.keys(initialTensors(network, random(1))).includes('1/kernel'));
});

await test('after a widening the zero columns learn first, what makes the new channels from the second step on', async () => {
  const edits: Edit[] = [{ kind: 'alter-channels', node: 1, factor: 2 }];
  const child = await grow(reference, parent, edits, images, random('grow'), breathe);
  const program = lower(child.network, batch, { kind: 'training', learning: { momentum: 0, weightDecay: 0 } });
  const session = await reference.compile(program, 'direct');
  session.load(child.tensors);
  const [augmented] = drawBatches(images, images.train, 1, random('first steps'));
  session.input(program.images).set(must(augmented, 'batch').images);
  session.input(must(program.labels, 'labels')).set(must(augmented, 'batch').labels);
  session.input(must(program.rate, 'rate'))[0] = 0.05;
  // Without momentum a velocity is the gradient. Of six channels the last three are new; the convolution behind is node 5.
  const moved = async (): Promise<readonly boolean[]> => {
    await session.run();
    const saved = session.save();
    const velocity = (name: string): Float32Array => must(saved[`${name}/velocity`], name).data;
    const anyOf = (values: Float32Array): boolean => values.some((value) => value !== 0);
    const makes = velocity('1/kernel');
    const reads = velocity('5/kernel');
    const row = reads.length / 4;
    const columns = [0, 1, 2, 3].some((index) => anyOf(reads.subarray(index * row + row / 2, (index + 1) * row)));
    return [anyOf(makes.subarray(makes.length / 2)), anyOf(velocity('2/scale').subarray(3)), columns];
  };
  assert.deepEqual(await moved(), [false, false, true]);
  assert.deepEqual(await moved(), [true, true, true]);
  session.dispose();
});
