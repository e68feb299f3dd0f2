/** What a training step means, checked without the oracle: statistics, decay, labels, the mean loss, λ in [0, 1]. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine, Session } from '../../../src/engine/engine.ts';
import { freeze, type Layer, type Network } from '../../../src/network/network.ts';
import type { Tensors } from '../../../src/network/tensor.ts';
import { convolution, epsilon, maxPool, vanillaNetwork } from '../../../src/network/vanilla.ts';
import type { Learning } from '../../../src/program/learning.ts';
import { lower } from '../../../src/program/lower.ts';
import { must } from '../../../src/util/assert.ts';
import { random } from '../../../src/util/random.ts';
import { assertClose } from '../../support/comparing.ts';
import { fillInputs, mixedLabels, randomState } from '../../support/single-steps.ts';

const image: Layer = { kind: 'image', shape: { channels: 3, height: 6, width: 6 } };
const plain: Learning = { momentum: 0, weightDecay: 0 };

const chain = (...layers: readonly Layer[]): Network =>
  freeze(layers.map((layer, id) => ({ id, layer, inputs: id === 0 ? [] : [id - 1] })));

const withoutNormalization = chain(
  image,
  convolution(10, 3),
  { kind: 'relu' },
  maxPool(2),
  convolution(7, 1),
  { kind: 'relu' },
  { kind: 'dense', features: 4 },
);

const mixing = freeze([
  { id: 0, layer: image, inputs: [] },
  { id: 1, layer: convolution(9, 3), inputs: [0] },
  { id: 2, layer: convolution(9, 3), inputs: [0] },
  { id: 3, layer: { kind: 'convex' }, inputs: [1, 2] },
  { id: 4, layer: { kind: 'global-average-pool' }, inputs: [3] },
  { id: 5, layer: { kind: 'dense', features: 3 }, inputs: [4] },
]);

async function training(engine: Engine, network: Network, batch: number, learning: Learning): Promise<Session> {
  return engine.compile(lower(network, batch, { kind: 'training', learning }), 'direct');
}

const dataOf = (tensors: Tensors, name: string): Float32Array => must(tensors[name], name).data;
const lossOf = (session: Session): number => session.output(must(session.program.loss, 'loss'))[0] as number;
const labelsOf = (session: Session): Float32Array => session.input(must(session.program.labels, 'labels'));
const rateOf = (session: Session): Float32Array => session.input(must(session.program.rate, 'rate'));

/** Labels of four classes. */
const oneHot = (...classes: readonly number[]): Float32Array =>
  Float32Array.from({ length: 4 * classes.length }, (_, index) => (classes[Math.floor(index / 4)] === index % 4 ? 1 : 0));

export function meaningTests(open: () => Promise<Engine>): void {
  /** One step with that weight decay, from the same state; without momentum a velocity is the gradient. */
  const velocities = async (weightDecay: number): Promise<{ before: Tensors; after: Tensors }> => {
    const session = await training(await open(), mixing, 4, { momentum: 0, weightDecay });
    const before = randomState(session.program, random('decay'));
    session.load(before);
    fillInputs(session, random('decay'));
    await session.run();
    const after = session.save();
    session.dispose();
    return { before, after };
  };

  test('running statistics move a tenth of the way to the mean and the unbiased variance of the batch', async () => {
    // The convolution is the identity, so that the batch normalisation sees the image itself.
    const network = chain(
      image,
      { kind: 'convolution', channels: 3, kernel: 1, stride: 1, padding: 0, bias: false },
      { kind: 'batch-normalization', epsilon },
      { kind: 'relu' },
      { kind: 'global-average-pool' },
      { kind: 'dense', features: 2 },
    );
    const session = await training(await open(), network, 2, plain);
    const state = randomState(session.program, random('statistics'));
    dataOf(state, '1/kernel').set([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    session.load(state);
    fillInputs(session, random('statistics'));
    await session.run();
    const pixels = session.input(session.program.images);
    const after = session.save();
    for (let c = 0; c < 3; c++) {
      const values = [...pixels].filter((_, index) => Math.floor(index / 36) % 3 === c);
      const mean = values.reduce((sum, value) => sum + value, 0) / 72;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 71;
      const expected = (name: string, batch: number): number => 0.9 * (dataOf(state, name)[c] as number) + 0.1 * batch;
      assert.ok(Math.abs((dataOf(after, '2/mean')[c] as number) - expected('2/mean', mean)) < 1e-6);
      assert.ok(Math.abs((dataOf(after, '2/variance')[c] as number) - expected('2/variance', variance)) < 1e-6);
    }
    session.dispose();
  });

  test('a measurement updates nothing, and an evaluation neither', async () => {
    const network = vanillaNetwork({ channels: 3, height: 8, width: 8 }, 3, [5, 9]);
    for (const purpose of [{ kind: 'evaluation' }, { kind: 'measurement', taps: [] }] as const) {
      const session = await (await open()).compile(lower(network, 4, purpose), 'direct');
      const state = randomState(session.program, random('untouched'));
      session.load(state);
      fillInputs(session, random('untouched'));
      await session.run();
      assert.deepEqual(session.save(), state);
      session.dispose();
    }
  });

  test('λ is kept in [0, 1], and its velocity is zeroed where that bites', async () => {
    const session = await training(await open(), mixing, 4, { momentum: 0.9, weightDecay: 0 });
    for (const velocity of [50, -50, 0]) {
      const state = { ...randomState(session.program, random('λ')) };
      state['3/mix/velocity'] = { shape: [1], data: Float32Array.of(velocity) };
      session.load(state);
      fillInputs(session, random('λ'));
      await session.run();
      const after = session.save();
      const [mix, speed] = [dataOf(after, '3/mix')[0] as number, dataOf(after, '3/mix/velocity')[0] as number];
      if (velocity !== 0) assert.deepEqual([mix, speed], [velocity > 0 ? 0 : 1, 0]);
      else assert.ok(mix > 0 && mix < 1 && speed !== 0, `λ ${mix}, velocity ${speed}`);
    }
    session.dispose();
  });

  test('weight decay acts on kernels alone', async () => {
    const decay = 0.25;
    const [{ before, after: without }, { after: decayed }] = [await velocities(0), await velocities(decay)];
    for (const name of Object.keys(without).filter((candidate) => candidate.endsWith('/velocity'))) {
      const parameter = dataOf(before, name.replace('/velocity', ''));
      const expected = dataOf(without, name).map(
        (value, index) => value + (name.includes('kernel') ? decay * (parameter[index] as number) : 0),
      );
      assertClose(dataOf(decayed, name), expected, 1e-5, 0.1, () => name);
    }
  });

  test('a mixed label costs as much as its parts, and the loss is the mean over the batch', async () => {
    const engine = await open();
    const session = await training(engine, withoutNormalization, 3, plain);
    const single = await training(engine, withoutNormalization, 1, plain);
    const state = randomState(session.program, random('labels'));
    fillInputs(session, random('labels'));
    rateOf(session).fill(0);
    rateOf(single).fill(0);
    const loss = async (labels: Float32Array): Promise<number> => {
      session.load(state);
      labelsOf(session).set(labels);
      await session.run();
      return lossOf(session);
    };
    const [first, second] = [oneHot(0, 2, 3), oneHot(1, 2, 0)];
    const mixed = first.map((value, index) => 0.3 * value + 0.7 * (second[index] as number));
    const parts = 0.3 * (await loss(first)) + 0.7 * (await loss(second));
    assert.ok(Math.abs((await loss(mixed)) - parts) < 1e-5 * Math.max(1, parts));

    const labels = mixedLabels(3, 4, random('mean'));
    const whole = await loss(labels);
    let mean = 0;
    for (let n = 0; n < 3; n++) {
      single.load(state);
      const pixels = session.input(session.program.images);
      single.input(single.program.images).set(pixels.subarray(n * 108, (n + 1) * 108));
      labelsOf(single).set(labels.subarray(n * 4, (n + 1) * 4));
      await single.run();
      mean += lossOf(single) / 3;
    }
    assert.ok(Math.abs(whole - mean) < 1e-5 * Math.max(1, mean), `${whole} is not ${mean}`);
    session.dispose();
    single.dispose();
  });

  test('momentum: a constant gradient is followed ever faster', async () => {
    // With a rate of 0 the gradient stays what it is: v₁ = g, v₂ = 1.9·g, v₃ = 2.71·g.
    const session = await training(await open(), withoutNormalization, 2, { momentum: 0.9, weightDecay: 0 });
    const state = randomState(session.program, random('momentum'));
    session.load(Object.fromEntries(Object.entries(state).filter(([name]) => !name.endsWith('velocity'))));
    fillInputs(session, random('momentum'));
    rateOf(session).fill(0);
    const seen: Tensors[] = [];
    for (let step = 0; step < 3; step++) {
      await session.run();
      seen.push(session.save());
    }
    for (const name of Object.keys(state).filter((candidate) => candidate.endsWith('/velocity')))
      [1.9, 2.71].forEach((factor, step) => {
        const expected = dataOf(must(seen[0], 'first'), name).map((value) => value * factor);
        assertClose(dataOf(must(seen[step + 1], 'later'), name), expected, 1e-5, 0.01, () => name);
      });
    session.dispose();
  });
}
