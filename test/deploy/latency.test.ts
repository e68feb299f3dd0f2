/** Predicted latencies: what was measured is given back, between it they rise, and a network takes what its steps take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { secondsByStep, secondsOf } from '../../src/deploy/latency.ts';
import { deployStructure } from '../../src/deploy/lower.ts';
import type { Network } from '../../src/network/network.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { draft, grownNetwork } from '../support/networks.ts';
import { madeUpTimes } from '../support/operator-times.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';

const times = madeUpTimes(1e-10);

/** Conv a, conv b on images of a side: seconds of the second one. */
function secondsBetween(side: number, a: number, b: number): number {
  const { block, head } = draft(1, side);
  const network = head(block(block(0, a), b), 3);
  return must(secondsByStep(deployStructure(network), times)[2], 'second convolution');
}

test('what was measured is predicted as it was, in both directions', () => {
  for (const [s, side] of times.sides.entries())
    for (const [n, a] of times.widths.entries())
      for (const [w, b] of times.widths.entries()) {
        const rate = must(times.convolutions[3]?.[s]?.[n]?.[w], 'rate');
        assert.ok(Math.abs(secondsBetween(side, a, b) / (rate * side ** 2 * a * b * 9) - 1) < 1e-9, `${side} ${a} ${b}`);
      }
});

test('wider takes longer, in steps of what the runtime pads to', () => {
  const width = fc.integer({ min: 16, max: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 40 }), width, width, width, (side, a, b, c) => {
      const [less, more] = [Math.min(b, c), Math.max(b, c)];
      const [narrow, wide] = [secondsBetween(side, a, less), secondsBetween(side, a, more)];
      if (Math.ceil(less / 16) === Math.ceil(more / 16)) assert.equal(narrow, wide);
      else assert.ok(narrow < wide, `${side}: ${a} to ${less} ${narrow}, to ${more} ${wide}`);
    }),
    { numRuns: 60 },
  );
});

test('any network has a time, that of the image and of its steps', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), (seed) => {
      const network: Network = seed % 2 === 0 ? grownNetwork(seed, 5) : smallRandomNetwork(random('latency', seed), 10);
      const deployed = deployStructure(network);
      const steps = secondsByStep(deployed, times);
      assert.equal(steps.length, deployed.steps.length + 1);
      assert.ok(steps.every((each) => Number.isFinite(each) && each >= 0));
      assert.ok(Math.abs(secondsOf(deployed, times) - steps.reduce((sum, each) => sum + each, 0)) < 1e-12);
    }),
    { numRuns: 60 },
  );
});
