/** Networks as ONNX models: ONNX Runtime finds the logits of the reference engine, and the checker finds nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Tensor } from 'onnxruntime-common';
import { allBytes } from '../../src/data/images.ts';
import { openRuntime } from '../../src/engine/onnx/runtime.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { deployedModel } from '../../src/formats/onnx/write-network.ts';
import { channelsLast } from '../../src/data/dataset.ts';
import { meanOfViews } from '../../src/data/views.ts';
import { inputShapeOf, outputOf, type Network } from '../../src/network/network.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { viewsOf, type ViewsName } from '../../src/network/views.ts';
import { lower } from '../../src/program/lower.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';
import { skipFor } from '../support/machine.ts';
import { assertClose } from '../support/comparing.ts';
import { handmade } from '../support/networks.ts';
import { pythonWith, runPython } from '../support/python.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';
import { randomState } from '../support/single-steps.ts';

const folder = mkdtempSync(join(tmpdir(), 'instar-onnx-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const images = 5;
const normalisation = (channels: number): { mean: number[]; std: number[] } => ({
  mean: Array.from({ length: channels }, (_none, c) => 0.3 + 0.1 * c),
  std: Array.from({ length: channels }, (_none, c) => 0.2 + 0.05 * c),
});

function modelBytes(network: Network, tensors: Tensors): Uint8Array {
  const { channels } = inputShapeOf(network);
  const deployment = { ...normalisation(channels), producerVersion: '0', metadata: { classes: '["a"]', 'no value': '' } };
  return encodeModel(deployedModel(network, tensors, deployment));
}

/** Logits and probabilities of both, on the same pixels. */
async function compare(network: Network, stream: Random): Promise<Uint8Array> {
  const program = lower(network, images, { kind: 'evaluation' });
  const tensors = randomState(program, stream);
  const { channels, height, width } = inputShapeOf(network);
  const pixels = Uint8Array.from({ length: images * height * width * channels }, () => stream.integer(256));
  const session = await reference.compile(program, 'direct');
  session.load(tensors);
  const { mean, std } = normalisation(channels);
  const input = session.input(program.images);
  for (let n = 0; n < images; n++)
    for (let c = 0; c < channels; c++)
      for (let at = 0; at < height * width; at++)
        input[(n * channels + c) * height * width + at] =
          ((pixels[(n * height * width + at) * channels + c] as number) / 255 - (mean[c] as number)) / (std[c] as number);
  await session.run();
  const expected = session.output(must(program.logits, 'logits'));

  const bytes = modelBytes(network, tensors);
  const model = await (await openRuntime('cpu', 1)).open(bytes);
  const found = await model.run({ images: new Tensor('uint8', pixels, [images, height, width, channels]) });
  const [logits, probabilities] = [must(found['logits'], 'logits'), must(found['probabilities'], 'probabilities')];
  const classes = expected.length / images;
  assert.deepEqual(logits.dims, [images, classes]);
  assertClose(logits.data as Float32Array, expected, 2e-5, 1e-2, () => 'logits');
  const shares = probabilities.data as Float32Array;
  for (let n = 0; n < images; n++) {
    const row = shares.subarray(n * classes, (n + 1) * classes);
    assert.ok(Math.abs(row.reduce((sum, share) => sum + share, 0) - 1) < 1e-5);
  }
  await model.release();
  return bytes;
}

const kinds = new Set<string>();
const checked: string[] = [];
async function check(network: Network, name: string): Promise<void> {
  for (const { layer } of network.nodes) kinds.add(layer.kind);
  const bytes = await compare(network, random('onnx', name));
  const path = join(folder, `${checked.length}.onnx`);
  writeFileSync(path, bytes);
  checked.push(path);
}

test('logits of handmade networks', async () => {
  for (const [name, make] of Object.entries(handmade)) await check(make(), name);
});

test('logits of random networks over the whole union of layers', async () => {
  for (let seed = 0; seed < 40; seed++) await check(smallRandomNetwork(random('onnx networks', seed)), `random ${seed}`);
  assert.equal(kinds.size, 18, [...kinds].join());
});

test('a file with views has the mean of the logits of the images as the views see them', async () => {
  const network = handmade['vanilla']?.() as Network;
  const stream = random('onnx', 'views');
  const tensors = randomState(lower(network, images, { kind: 'evaluation' }), stream);
  const shape = inputShapeOf(network);
  const { channels, height, width } = shape;
  const part = {
    images: Uint8Array.from({ length: images * channels * height * width }, () => stream.integer(256)),
    labels: new Uint16Array(images),
  };
  const logitsOf = async (views: ViewsName, bytes: Uint8Array): Promise<Float32Array> => {
    const deployment = { ...normalisation(channels), producerVersion: '0', metadata: {}, views: viewsOf(views) };
    const model = await (await openRuntime('cpu', 1)).open(encodeModel(deployedModel(network, tensors, deployment)));
    const pixels = channelsLast(bytes, shape);
    const found = await model.run({ images: new Tensor('uint8', pixels, [images, height, width, channels]) });
    await model.release();
    const logits = must(found['logits'], 'logits');
    assert.equal(logits.dims[0], images);
    return logits.data as Float32Array;
  };
  const alone = await logitsOf('image', allBytes(part.images));
  for (const views of ['flips', 'shifts'] as const) {
    const expected = await meanOfViews(part, shape, views, (view) => logitsOf('image', allBytes(view.images)));
    const found = await logitsOf(views, allBytes(part.images));
    assertClose(found, expected, 2e-5, 1e-2, () => views);
    assert.ok(
      found.some((value, at) => Math.abs(value - (alone[at] as number)) > 1e-3),
      `${views} differ from the image alone`,
    );
  }
});

test('a network that ends without a dense layer', async () => {
  const network = handmade['vanilla']?.() as Network;
  const headless: Network = { nodes: network.nodes.filter((node) => node !== outputOf(network)) };
  assert.equal(outputOf(headless).layer.kind, 'global-average-pool');
  await check(headless, 'headless');
});

test('a batch normalisation behind a convolution is folded into it, and stands where something else reads the convolution', () => {
  const operators = (network: Network): string[] =>
    deployedModel(network, randomState(lower(network, 1, { kind: 'evaluation' }), random('fold')), {
      ...normalisation(inputShapeOf(network).channels),
      producerVersion: '0',
      metadata: {},
    }).graph.nodes.map(({ opType }) => opType);
  const vanilla = operators(handmade['vanilla']?.() as Network);
  assert.ok(!vanilla.includes('BatchNormalization'));
  assert.equal(vanilla.filter((operator) => operator === 'Conv').length, 2);
  const all = Object.values(handmade).flatMap((make) => operators(make()));
  assert.ok(all.includes('BatchNormalization'), 'some graph has one that cannot be folded');
});

const python = pythonWith('onnx');
test("ONNX's own checker, with shape inference", { skip: skipFor(python === undefined ? 'no python3-onnx here' : null) }, () => {
  const script = `
import sys, onnx
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    shapes = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    assert [o.name for o in model.graph.output] == ['logits', 'probabilities'], path
    assert {p.key: p.value for p in model.metadata_props} == {'classes': '["a"]', 'no value': ''}
print(len(sys.argv) - 1)
`;
  assert.ok(checked.length > 40);
  assert.equal(Number(runPython(must(python, 'python'), script, checked)), checked.length);
});
