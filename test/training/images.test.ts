/** Batches for measuring: large enough for small images, and no larger than memory allows for large ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { predictMemory } from '../../src/program/memory.ts';
import { measuringBatchOf } from '../../src/training/grow.ts';

const square = (side: number) => ({ channels: 3, height: side, width: side });

test('a child is measured on 128 images at a time, on fewer where they are large or few, never on fewer than a minibatch', () => {
  const asked = [
    [8, 32, 5000],
    [8, 64, 5000],
    [8, 224, 5000],
    [128, 224, 5000],
    [8, 32, 20],
  ] as const;
  assert.deepEqual(
    asked.map(([batch, side, train]) => measuringBatchOf(batch, square(side), train)),
    [128, 128, 10, 128, 20],
  );
});

test('what measuring needs is in the prediction, and is no multiple of what training needs', () => {
  const training = 8;
  for (const side of [32, 64, 128, 224]) {
    const network = vanillaNetwork(square(side), 10, [32, 64, 128]);
    const memory = (measuring: number): number => predictMemory(network, { training, measuring }, 0);
    const [alone, both] = [memory(training), memory(measuringBatchOf(training, square(side), 5000))];
    assert.ok(both >= alone && both < 2.5 * alone, `${side}: ${alone} ${both}`);
    assert.ok(memory(128) > memory(64) && memory(64) > alone, `${side}: many large images need more than training does`);
  }
});
