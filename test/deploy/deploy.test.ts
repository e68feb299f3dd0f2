/** Deployed networks: their logits are the reference engine's, what is folded is gone, their memory holds what lives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emptyExtent, emptyHistogram, extend, leastErrorRange, tally } from '../../src/deploy/calibration.ts';
import { countOf, shapeOf, type Deployed } from '../../src/deploy/deployed.ts';
import { fixedPoint, fixedPoints } from '../../src/deploy/fixed-point.ts';
import { deploy, finite } from '../../src/deploy/lower.ts';
import { planMemory } from '../../src/deploy/memory.ts';
import { countDeployedMultiplyAdds, printDeployed } from '../../src/deploy/print.ts';
import { byteOf, quantisationOf, quantise, roundEven } from '../../src/deploy/quantise.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { countMultiplyAdds } from '../../src/network/cost.ts';
import type { Network } from '../../src/network/network.ts';
import { lower } from '../../src/program/lower.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';
import { deployedLogits } from '../support/deployed-forward.ts';
import { draft, grownNetwork, handmade, trainedTensors } from '../support/networks.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';

const anyNetwork = (seed: number): Network =>
  seed % 3 === 0 ? grownNetwork(seed, 5) : smallRandomNetwork(random('deployed', seed), 10);
const deployedFor = (seed: number): Deployed => {
  const network = anyNetwork(seed);
  return deploy(network, trainedTensors(network, random('deployed', seed)));
};

async function referenceLogits(network: Network, tensors: ReturnType<typeof trainedTensors>, stream: Random) {
  const program = lower(network, 1, { kind: 'evaluation' });
  const session = await reference.compile(program, 'direct');
  session.load(tensors);
  const image = session.input(program.images);
  for (let index = 0; index < image.length; index++) image[index] = stream.normal();
  await session.run();
  const logits = session.output(must(program.logits, 'logits')).slice();
  session.dispose();
  return { image: Float64Array.from(image), logits };
}

test('logits are those of the reference engine', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 10_000 }), async (seed) => {
      const network = anyNetwork(seed);
      const tensors = trainedTensors(network, random('deployed', seed));
      const { image, logits } = await referenceLogits(network, tensors, random('image', seed));
      const found = deployedLogits(deploy(network, tensors), image);
      const largest = logits.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-2);
      assert.equal(found.length, logits.length);
      logits.forEach((value, at) => assert.ok(Math.abs(value - (found[at] as number)) <= 1e-5 * largest, `${seed}: ${at}`));
    }),
    { numRuns: 60 },
  );
});

test('what is folded and bounded prints', () => {
  const { add, block, pool, sum, mix, head } = draft(3, 8);
  const start = block(0, 4);
  const other = add({ kind: 'relu' }, sum(start, block(start, 4)));
  const clipped = add(
    { kind: 'activation', function: { name: 'clip', least: 0, most: 6 } },
    pool(mix(other, block(other, 4, 1))),
  );
  const network = head(add({ kind: 'relu' }, clipped));
  const tensors = { ...trainedTensors(network, random('print')) };
  const mixName = must(
    Object.keys(tensors).find((name) => name.endsWith('/mix')),
    'mix',
  );
  tensors[mixName] = { shape: [1], data: Float32Array.of(0.25) };
  assert.equal(
    printDeployed(deploy(network, tensors)),
    `
0  image                                    3×8×8
1  convolution 3×3 margins 1, relu  ← 0     4×8×8
2  convolution 3×3 margins 1, relu  ← 1     4×8×8
3  sum, relu                        ← 1, 2  4×8×8
4  convolution 1×1, relu            ← 3     4×8×8
5  sum 0.25 + 0.75                  ← 3, 4  4×8×8
6  max pool 2×2 stride 2            ← 5     4×4×4
7  0 to 6                           ← 6     4×4×4
8  relu                             ← 7     4×4×4
9  global average pool              ← 8     4×1×1
10  dense                            ← 9     3×1×1`
      .trim()
      .replaceAll(/^(\d) /gm, ' $1 '),
  );
});

test('multiply-adds are those of the network', () => {
  for (const make of Object.values(handmade)) {
    const network = make();
    const deployed = deploy(network, trainedTensors(network, random('multiply-adds')));
    assert.equal(countDeployedMultiplyAdds(deployed), countMultiplyAdds(network));
  }
});

test('numbers that are not finite are refused with their layer', () => {
  const network = must(handmade['vanilla'], 'network')();
  const tensors = { ...trainedTensors(network, random('finite')) };
  const name = must(
    Object.keys(tensors).find((each) => each.endsWith('/kernel')),
    'kernel',
  );
  tensors[name] = { ...must(tensors[name], 'kernel'), data: must(tensors[name], 'kernel').data.map(() => Number.NaN) };
  assert.throws(
    () => finite(deploy(network, tensors)),
    /^Error: layer 1 \(convolution\) cannot be deployed: its weights are not finite$/,
  );
});

test('values that live at the same time lie apart, unless one is written over the other', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), (seed) => {
      const deployed = deployedFor(seed);
      const { offsets, size, least } = planMemory(deployed);
      assert.ok(size >= least && size <= 2 * least, `${seed}: ${size}, at least ${least}`);
      const last = new Map<number, number>([[deployed.output, deployed.steps.length + 1]]);
      for (const { output, inputs } of deployed.steps)
        for (const input of inputs) last.set(input, Math.max(last.get(input) ?? 0, output));
      for (let one = 0; one <= deployed.steps.length; one++) {
        const [begin, end] = [must(offsets[one], 'offset'), must(offsets[one], 'offset') + countOf(shapeOf(deployed, one))];
        assert.ok(end <= size);
        for (let other = one + 1; other <= deployed.steps.length; other++) {
          const at = must(offsets[other], 'offset');
          const meets = at < end && begin < at + countOf(shapeOf(deployed, other));
          // The later one is made while the earlier one is needed for later.
          if (meets) assert.ok((last.get(one) ?? one) <= other, `${seed}: ${one} and ${other}`);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('a factor as integers is right to 30 bits', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-6, max: 1000, noNaN: true }),
      fc.integer({ min: -(2 ** 24), max: 2 ** 24 }),
      (factor, sum) => {
        const { multiplier, shift } = fixedPoint(factor);
        assert.ok(Math.abs(multiplier) < 2 ** 31 && shift >= 1 && shift <= 62);
        const product = (BigInt(sum) * BigInt(multiplier) + (1n << BigInt(shift - 1))) >> BigInt(shift);
        assert.ok(Math.abs(Number(product) - sum * factor) <= 0.5 + Math.abs(sum * factor) * 2 ** -29);
      },
    ),
  );
  const { multipliers, shift } = fixedPoints([0.5, 0.001, 0]);
  assert.deepEqual(
    multipliers.map((each) => Number((each / 2 ** shift).toPrecision(6))),
    [0.5, 0.001, 0],
  );
});

test('zero is a byte, and numbers within the range are half a step from theirs', () => {
  const anyRange = fc.record({
    least: fc.double({ min: -100, max: 0, noNaN: true }),
    most: fc.double({ min: 0.01, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(anyRange, fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), (range, symmetric, share) => {
      const quantisation = quantisationOf(range, symmetric);
      assert.equal(byteOf(0, quantisation), quantisation.zero);
      if (symmetric) assert.equal(quantisation.zero, 0);
      const value = range.least + share * (range.most - range.least);
      const again = (byteOf(value, quantisation) - quantisation.zero) * quantisation.scale;
      assert.ok(Math.abs(again - value) <= 1.001 * quantisation.scale, `${value} as ${again}`);
    }),
  );
  assert.deepEqual(
    [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6].map(roundEven).map((each) => each + 0),
    [0, 2, 2, 0, -2, 2, -3],
  );
});

/** The squared error of bytes over a range. */
function errorOver(values: Float32Array, range: { least: number; most: number }): number {
  const quantisation = quantisationOf(range, false);
  return values.reduce(
    (sum, value) => sum + (value - (byteOf(value, quantisation) - quantisation.zero) * quantisation.scale) ** 2,
    0,
  );
}

test('a range of the least squared error leaves outliers out, and costs less than the whole range', () => {
  const stream = random('range');
  const values = Float32Array.from({ length: 20_000 }, () => stream.normal());
  values[7] = 60;
  const extent = emptyExtent();
  extend(extent, values);
  const histogram = emptyHistogram(extent);
  tally(histogram, values);
  const range = leastErrorRange(histogram, false);
  assert.ok(range.most < 60 && range.most > 3, String(range.most));
  assert.ok(errorOver(values, range) < errorOver(values, extent));
  const even = leastErrorRange(histogram, true);
  assert.ok(-even.least <= 60 && even.most >= 3);
  const none = emptyHistogram(emptyExtent());
  assert.deepEqual(leastErrorRange(none, false), { least: 0, most: 0 });
});

test('a filter of zeros, a large bias, a value that is always zero: bytes still stand for numbers', () => {
  const network = must(handmade['vanilla'], 'network')();
  const tensors = { ...trainedTensors(network, random('dead')) };
  for (const name of Object.keys(tensors))
    if (name.endsWith('1/kernel'))
      tensors[name] = { ...must(tensors[name], name), data: new Float32Array(must(tensors[name], name).data.length) };
  const deployed = deploy(network, tensors);
  const ranges = Array.from({ length: deployed.steps.length + 1 }, () => ({ least: 0, most: 0 }));
  const { values, filters } = quantise(deployed, ranges, false);
  for (const { scale } of values) assert.ok(scale > 0 && Number.isFinite(scale));
  for (const { scales, bias } of filters.values()) {
    assert.ok(scales.every((scale) => scale > 0 && Number.isFinite(scale)));
    assert.ok(bias.every((sum) => Math.abs(sum) <= 2 ** 30 + 1));
  }
});
