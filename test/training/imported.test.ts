/**
 * Networks that PyTorch exported, and two as tf2onnx writes them: read, compared with ONNX Runtime on real images, and grown by
 * each operator that applies. Where PyTorch itself is there, its files are made anew, and its logits are the measure.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createBatcher } from '../../src/data/batches.ts';
import { datasetOf, type Dataset, type Part } from '../../src/data/dataset.ts';
import { defaultLocations } from '../../src/data/resolve.ts';
import { splitDataset } from '../../src/data/split.ts';
import { chooseEngine, openEngine } from '../../src/engine/open.ts';
import { noFiles } from '../../src/formats/onnx/read/external.ts';
import { openClassifier, type ImportedClassifier } from '../../src/formats/onnx/read/read.ts';
import type { OperatorName } from '../../src/morphism/edit.ts';
import { propose } from '../../src/morphism/mutate.ts';
import { describeEdit, paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import { inputShapeOf, nodeOf } from '../../src/network/network.ts';
import type { Tensor } from '../../src/network/tensor.ts';
import { compare } from '../../src/training/compare.ts';
import { certify, grow, type Images } from '../../src/training/grow.ts';
import { measured, withNormalisations } from '../../src/training/normalised.ts';
import { lower } from '../../src/program/lower.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { fixtureNames, fixtures, openFixture } from '../support/onnx-fixtures.ts';
import { anyImages } from '../support/machine.ts';
import { anyLimits } from '../support/networks.ts';
import { layersOf } from '../support/onnx-models.ts';

/** oneDNN, or where it is missing what needs nothing but `npm ci`: the oracle would take minutes. */
const engine = await openEngine(await chooseEngine('auto', 'cpu', process.env), { threads: 1, environment: process.env });
const still = (): Promise<void> => Promise.resolve();

/** Two thousand images, normalised as PyTorch's networks were trained with. */
async function realImages(): Promise<Dataset> {
  const { dataset } = await anyImages(join(tmpdir(), 'instar-test-cache'));
  const part = ({ images, labels }: Part, count: number): Part => ({
    images: images.subarray(0, count * 784),
    labels: labels.slice(0, count),
  });
  const { classes, shape, flip } = dataset;
  const content = {
    classes,
    shape,
    flip,
    train: part(dataset.train, 2000),
    test: part(dataset.test, 100),
    mean: [0.286],
    std: [0.353],
  };
  return datasetOf(dataset.name, 'memory', content);
}

const dataset = await realImages();
const imported = new Map(fixtureNames.map((name) => [name, openFixture(name)]));
const readNow = (name: (typeof fixtureNames)[number]): ImportedClassifier => must(imported.get(name), name).read(dataset.shape);

test('each fixture is read, and computes what ONNX Runtime does', async (t) => {
  const layers: string[] = [];
  for (const [name, file] of imported) {
    const { network, tensors, rewrite, brightest, normalisation } = readNow(name);
    const subject = { ...dataset, ...normalisation };
    const batcher = createBatcher(subject, { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 }, 32);
    const part = { images: dataset.train.images.subarray(0, 256 * 784), labels: dataset.train.labels.subarray(0, 256) };
    const input = { ...file.image, brightest };
    const { difference, images } = await compare(
      engine,
      { network, tensors, model: rewrite(), input, part, batcher, classes: 10 },
      still,
    );
    t.diagnostic(`${name}: logits differ by ${difference.toExponential(1)} on ${images} images`);
    assert.ok(difference <= 1e-5 && images === 256, `${name}: ${difference}`);
    layers.push(`${name}: ${layersOf(network)}`);
  }
  assert.deepEqual(layers, [
    'keras-flatten: conv 3×3 padding 0 · relu · max pool 2×2 · pad 1,1,2,2 · conv 4×4 stride 2 padding 0 · relu · dense 12 · relu · dense 10',
    'keras-global: pad 0,0,1,1 · conv 3×3 stride 2 padding 0 · batch norm · relu · depthwise 3×3 bias · conv 1×1 · batch norm · relu · pad 1,1,2,2 · conv 5×5 stride 2 padding 0 · relu · global average pool · dense 10',
    'resnet-11: conv 3×3 · relu · max pool 3×3 stride 2 padding 1 · conv 3×3 · relu · conv 3×3 · add · relu · conv 3×3 stride 2 · relu · conv 3×3 · conv 1×1 stride 2 · add · relu · global average pool · dense 10',
    'resnet-17: conv 3×3 no bias · batch norm · relu · max pool 3×3 stride 2 padding 1 · conv 3×3 no bias · batch norm · relu · conv 3×3 no bias · batch norm · add · relu · conv 3×3 stride 2 no bias · batch norm · relu · conv 3×3 no bias · batch norm · conv 1×1 stride 2 no bias · batch norm · add · relu · global average pool · dense 10',
    'separable-11: conv 3×3 stride 2 · relu · depthwise 3×3 bias · relu · conv 1×1 · relu · depthwise 5×5 bias · relu · conv 1×1 · relu · concat · average pool 2×2 · depthwise 3×3 bias · relu · conv 1×1 · relu · global average pool · dense 10',
    'separable-17: conv 3×3 stride 2 no bias · batch norm · relu · depthwise 3×3 · batch norm · relu · conv 1×1 no bias · batch norm · relu · depthwise 5×5 · batch norm · relu · conv 1×1 no bias · batch norm · relu · concat · average pool 2×2 · depthwise 3×3 · batch norm · relu · conv 1×1 no bias · batch norm · relu · global average pool · dense 10',
    'vgg-11: conv 3×3 · relu · conv 3×3 · relu · max pool 2×2 · conv 3×3 · relu · max pool 2×2 · dense 16 · relu · dense 10',
    'vgg-17: conv 3×3 · batch norm · relu · conv 3×3 · relu · max pool 2×2 · conv 3×3 no bias · batch norm · relu · max pool 2×2 · dense 16 · relu · dense 10',
  ]);
});

const filterNorms = ({ shape, data }: Tensor): readonly number[] =>
  Array.from({ length: shape[0] as number }, (_none, filter) => {
    const row = data.length / (shape[0] as number);
    return Math.hypot(...data.subarray(filter * row, (filter + 1) * row));
  });

test('batch normalisations that are put in change nothing, and each operator that applies grows a child that computes the same', async (t) => {
  const batch = 128;
  const batcher = createBatcher(dataset, { flip: true, normalise: true, shift: 0.125, cutout: 0.5, mixup: 1 }, batch);
  const images: Images = { dataset, batcher, batch, ...splitDataset(dataset, { validation: 0.3 }) };
  const worst = { given: 0, evaluation: 0, training: 0 };
  const applies: string[] = [];
  for (const name of fixtureNames) {
    const given = readNow(name);
    const stream = random('imported', name);
    const put = withNormalisations(given);
    const parent = await measured(engine, given, put, images, stream, still);
    const first = await certify(engine, given, parent, images, stream, still);
    assert.ok(first.evaluation <= 1e-5, `${name}: ${first.evaluation}`);
    worst.given = Math.max(worst.given, first.training);
    for (const site of put.added.map((node) => must(nodeOf(parent.network, node).inputs[0], 'input')))
      for (const norm of filterNorms(must(parent.tensors[`${site}/kernel`], 'kernel')))
        assert.ok(Math.abs(norm - 1) < 1e-5, `${norm}`);
    const able: string[] = [];
    const operators = Object.keys(paperOperatorsWithSeparable) as OperatorName[];
    for (const operator of operators) {
      const proposal = propose(operator, parent.network, anyLimits, stream.fork(operator));
      if (proposal === undefined) continue;
      able.push(operator);
      const child = await grow(engine, parent, [proposal.edit], images, stream.fork(operator, 'grow'), still);
      const { evaluation, training } = await certify(engine, parent, child, images, stream, still);
      const what = `${name}: ${describeEdit(proposal.edit)}: ${evaluation}, ${training}`;
      assert.ok(evaluation <= 1e-4 && training <= 0.02, what);
      worst.evaluation = Math.max(worst.evaluation, evaluation);
      worst.training = Math.max(worst.training, training);
    }
    applies.push(`${name} +${put.added.length}: ${able.length === operators.length ? 'all' : able.join(' ')}`);
  }
  t.diagnostic(
    `worst evaluation ${worst.evaluation.toExponential(1)}, worst training-mode loss ${(100 * worst.training).toFixed(2)} %; ` +
      `of what was put in ${(100 * worst.given).toFixed(1)} %`,
  );
  assert.deepEqual(applies, [
    'keras-flatten +2: insert-convolution alter-channels split insert-separable',
    'keras-global +1: all',
    'resnet-11 +6: all',
    'resnet-17 +0: all',
    'separable-11 +7: all',
    'separable-17 +0: all',
    'vgg-11 +3: all',
    'vgg-17 +1: all',
  ]);
});

test('an imported network is trained as it is: five steps on the images, and the loss falls', async () => {
  for (const name of ['resnet-17', 'separable-17', 'keras-global'] as const) {
    const { network, tensors } = readNow(name);
    const program = lower(network, 64, { kind: 'training', learning: { momentum: 0.9, weightDecay: 0 } });
    const session = await engine.compile(program, 'auto');
    const batcher = createBatcher(dataset, { flip: false, normalise: true, shift: 0, cutout: 0, mixup: 0 }, 64);
    session.load(tensors);
    const losses: number[] = [];
    const order = Uint32Array.from({ length: 64 }, (_none, index) => index);
    for (let step = 0; step < 5; step++) {
      batcher.fillTraining(
        order,
        0,
        random('steps', step),
        session.input(program.images),
        session.input(must(program.labels, 'labels')),
      );
      session.input(must(program.rate, 'rate'))[0] = 0.01;
      await session.run();
      losses.push(session.output(must(program.loss, 'loss'))[0] as number);
    }
    session.dispose();
    assert.ok((losses.at(-1) as number) < (losses[0] as number), `${name}: ${losses.join(' ')}`);
  }
});

const torch =
  existsSync(defaultLocations.fashionMnist) && spawnSync('/usr/bin/python3', ['-c', 'import torch, onnx, numpy']).status === 0;

test('made anew by PyTorch: the same networks, and its own logits', { skip: torch ? false : 'no PyTorch here' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'instar-torch-'));
  try {
    const made = spawnSync('/usr/bin/python3', [join(fixtures, 'make.py'), folder, '--logits'], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    for (const name of ['vgg', 'resnet', 'separable'] as const) {
      const floats = (what: string): Float32Array =>
        new Float32Array(new Uint8Array(readFileSync(join(folder, `${name}.${what}.f32`))).buffer);
      const [images, expected] = [floats('images'), floats('logits')];
      for (const opset of [11, 17] as const) {
        const file = openClassifier(readFileSync(join(folder, `${name}-${opset}.onnx`)), name, noFiles(name));
        const { network, tensors } = file.read(dataset.shape);
        assert.equal(layersOf(network), layersOf(readNow(`${name}-${opset}`).network));
        const program = lower(network, 16, { kind: 'evaluation' });
        const session = await engine.compile(program, 'direct');
        session.load(tensors);
        assert.equal(images.length, 16 * inputShapeOf(network).height ** 2);
        session.input(program.images).set(images);
        await session.run();
        const logits = Float64Array.from(session.output(must(program.logits, 'logits')));
        session.dispose();
        // This one ends with a softmax, of which the file gives the probabilities.
        if (name === 'separable')
          for (let image = 0; image < 16; image++) {
            const row = logits.subarray(image * 10, (image + 1) * 10);
            const sum = row.reduce((all, value) => all + Math.exp(value), 0);
            row.forEach((value, at) => (row[at] = Math.exp(value) / sum));
          }
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const difference =
          expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (logits[at] as number))), 0) / largest;
        t.diagnostic(`${name}, operator set ${opset}: ${difference.toExponential(1)} from PyTorch`);
        assert.ok(difference <= 1e-5, `${name} ${opset}: ${difference}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
