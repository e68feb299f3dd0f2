/** Instar's own models, read back: the same function, the same normalisation, the same names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reference } from '../../src/engine/reference/engine.ts';
import { deployedModel } from '../../src/formats/onnx/write-network.ts';
import { inputShapeOf, type Network } from '../../src/network/network.ts';
import { lower } from '../../src/program/lower.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';
import { grownNetwork, handmade, trainedTensors } from '../support/networks.ts';
import { compareImported, importModel } from '../support/onnx-models.ts';

const images = 4;

/** The logits of one network on images that another has too. */
async function logitsOf(network: Network, tensors: Parameters<typeof deployedModel>[1], stream: Random): Promise<Float32Array> {
  const program = lower(network, images, { kind: 'evaluation' });
  const session = await reference.compile(program, 'direct');
  session.load(tensors);
  const input = session.input(program.images);
  for (let at = 0; at < input.length; at++) input[at] = stream.normal();
  await session.run();
  const logits = session.output(must(program.logits, 'logits')).slice();
  session.dispose();
  return logits;
}

async function check(name: string, network: Network): Promise<void> {
  const tensors = trainedTensors(network, random('round trip', name));
  const { channels } = inputShapeOf(network);
  const [mean, std] = [
    Array.from({ length: channels }, (_none, c) => 0.3 + 0.1 * c),
    Array.from({ length: channels }, (_none, c) => 0.2 + 0.05 * c),
  ];
  const expected = await logitsOf(network, tensors, random('images', name));
  const metadata = { classes: JSON.stringify(Array.from({ length: expected.length / images }, (_none, at) => `class ${at}`)) };
  const read = importModel(deployedModel(network, tensors, { mean, std, producerVersion: '0', metadata }));
  const logits = await logitsOf(read.network, read.tensors, random('images', name));
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (logits[at] as number))), 0) / largest;
  assert.ok(difference <= 1e-5, `${name}: ${difference}`);
  assert.ok((await compareImported(reference, read)).difference <= 1e-5);
  for (const [own, found] of [
    [mean, must(read.normalisation, 'normalisation').mean],
    [std, must(read.normalisation, 'normalisation').std],
  ] as const)
    own.forEach((value, channel) => assert.ok(Math.abs(value - (found[channel] as number)) < 1e-6));
  assert.equal(read.classes?.at(-1), `class ${expected.length / images - 1}`);
}

for (const [name, make] of Object.entries(handmade)) test(`${name}`, () => check(name, make()));

test('grown networks', async () => {
  for (let seed = 0; seed < 20; seed++) await check(`grown ${seed}`, grownNetwork(seed, 6));
});
