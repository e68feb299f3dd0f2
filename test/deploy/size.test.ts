/** Bytes and working memory of a network that is not trained are those of its files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Deployed } from '../../src/deploy/deployed.ts';
import { deploy, deployStructure } from '../../src/deploy/lower.ts';
import { quantise } from '../../src/deploy/quantise.ts';
import { weightBytesOf, workingBytesOf } from '../../src/deploy/size.ts';
import { writeCode } from '../../src/formats/c/write.ts';
import { inputShapeOf, type Network } from '../../src/network/network.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import { random } from '../../src/util/random.ts';
import { grownNetwork, trainedTensors } from '../support/networks.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';

const anyNetwork = (seed: number): Network =>
  seed % 3 === 0 ? grownNetwork(seed, 5) : smallRandomNetwork(random('size', seed), 10);

/** All but the numbers; shares are numbers too. */
const structureOf = ({ steps, output }: Deployed) => ({
  output,
  steps: steps.map(({ operation, ...rest }) => ({
    ...rest,
    operation: Object.entries(operation).map(([key, value]) => [
      key,
      value instanceof Float32Array || key === 'shares' ? (value as ArrayLike<number>).length : value,
    ]),
  })),
});

test('the structure is that of the trained network, its bytes and working memory are those of the files', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), (seed) => {
      const network = anyNetwork(seed);
      const deployed = deploy(network, trainedTensors(network, random('size', seed)));
      assert.deepEqual(structureOf(deployStructure(network)), structureOf(deployed));
      const ranges = Array.from({ length: deployed.steps.length + 1 }, () => ({ least: -1, most: 1 }));
      const quantised = quantise(deployed, ranges, false);
      const filters = [...quantised.filters.values()].reduce(
        (sum, { weights, scales, bias }) => sum + weights.byteLength + scales.byteLength + bias.byteLength,
        0,
      );
      const normalised = deployed.steps.reduce(
        (sum, { operation }) =>
          sum + (operation.kind === 'layer-normalization' ? operation.scale.byteLength + operation.shift.byteLength : 0),
        0,
      );
      assert.equal(weightBytesOf(network), filters + normalised);
      const { channels } = inputShapeOf(network);
      const of = Array.from({ length: channels }, () => 0.5);
      const code = writeCode(deployed, quantised, { mean: of, std: of, classes: [], facts: [] });
      assert.equal(workingBytesOf(network), code.arenaBytes);
      assert.ok(weightBytesOf(network) <= code.constantBytes + 4 * deployed.steps.length * 64);
    }),
    { numRuns: 60 },
  );
});

test('the staged network, counted by hand', () => {
  const network = stagedNetwork({ channels: 3, height: 8, width: 8 }, 4, [16, 8]);
  // Stem, two convolutions of the stage, dense: a byte a weight, 8 a filter.
  const weights = 16 * 27 + 8 * 144 + 8 * 72 + 4 * 8;
  // The first normalisation is behind the pool, and stays an operation of its own.
  assert.equal(weightBytesOf(network), weights + 8 * (16 + 8 + 8 + 4) + (1 + 8) * 8);
  // The first convolution of the stage reads the stem's values and writes as many pixels, before they are pooled.
  assert.equal(workingBytesOf(network), 64 * (16 + 8));
});
