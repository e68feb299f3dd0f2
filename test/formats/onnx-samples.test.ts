/** Models of random networks over all layers, as written here and as others write them: what is read gives the file's own logits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tensor } from 'onnxruntime-common';
import { openRuntime } from '../../src/engine/onnx/runtime.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import type { ModelProto } from '../../src/formats/onnx/proto.ts';
import { describeLayer } from '../../src/network/print.ts';
import { lower } from '../../src/program/lower.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { anyEngine } from '../support/machine.ts';
import { importModel } from '../support/onnx-models.ts';
import { fuzzImport } from '../support/onnx-damage.ts';
import { randomModel, randomSamples, writtenElsewhere } from '../support/onnx-samples.ts';

const images = 2;
const engine = await anyEngine();

/** The largest difference of the network's logits from ONNX Runtime's of the file, over the largest; and the network's layers. */
async function readBack(model: ModelProto): Promise<{ difference: number; layers: readonly string[] }> {
  const { network, tensors, shape, normalisation } = importModel(model);
  const { mean, std } = must(normalisation, 'normalisation');
  const program = lower(network, images, { kind: 'evaluation' });
  const session = await engine.compile(program, 'direct');
  session.load(tensors);
  const { channels, height, width } = shape;
  const size = height * width;
  const stream = random('pixels');
  const pixels = Uint8Array.from({ length: images * channels * size }, () => stream.integer(256));
  const input = session.input(program.images);
  pixels.forEach((pixel, at) => {
    const [pair, channel] = [Math.floor(at / channels), at % channels];
    const [image, place] = [Math.floor(pair / size), pair % size];
    input[(image * channels + channel) * size + place] = (pixel / 255 - (mean[channel] as number)) / (std[channel] as number);
  });
  await session.run();
  const own = session.output(must(program.logits, 'logits')).slice();
  session.dispose();
  const opened = await (await openRuntime('cpu', 1)).open(encodeModel(model));
  const found = await opened.run({ images: new Tensor('uint8', pixels, [images, height, width, channels]) });
  await opened.release();
  const theirs = must(found['logits'], 'logits').data as Float32Array;
  const largest = Math.max(...theirs.map(Math.abs));
  const difference = Math.max(...theirs.map((value, at) => Math.abs(value - (own[at] as number)))) / largest;
  return { difference, layers: network.nodes.map(({ layer }) => describeLayer(layer)) };
}

test('random networks are read as they were written, here and elsewhere', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const model = randomModel(seed);
    const first = await readBack(model);
    const other = await readBack(writtenElsewhere(model, random('elsewhere', seed)));
    assert.ok(first.difference <= 1e-4, `${seed}: ${first.difference}`);
    assert.ok(other.difference <= 1e-4, `${seed}, written elsewhere: ${other.difference}`);
    assert.deepEqual(other.layers, first.layers, `${seed}`);
    for (const layer of first.layers) seen.add(layer.split(' ')[0] as string);
  }
  for (const word of ['average', 'channels', 'GELU', 'hard', 'layer', 'pad', 'product', 'response', 'sigmoid', 'SiLU'])
    assert.ok(seen.has(word), `no ${word} among ${[...seen].join(', ')}`);
});

test('their damaged files end in a network or in one line', async (t) => {
  const { networks, compared, complaints, slowest, grown } = await fuzzImport(engine, randomSamples(60), 0, 600);
  t.diagnostic(`${networks} networks, ${compared} compared; slowest ${slowest.milliseconds.toFixed(0)} ms (${slowest.what})`);
  assert.ok(networks > 20 && networks < 300, `${networks} networks`);
  assert.ok(complaints.size > 40, `${complaints.size} kinds of complaints`);
  assert.ok(slowest.milliseconds < 2000, `${slowest.what}: ${slowest.milliseconds} ms`);
  assert.ok(grown < 400 * 2 ** 20, `${grown} bytes`);
});
