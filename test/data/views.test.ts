/** Images as views see them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allBytes } from '../../src/data/images.ts';
import type { Part } from '../../src/data/dataset.ts';
import { meanOfViews, viewOf } from '../../src/data/views.ts';
import { viewsOf } from '../../src/network/views.ts';
import { random } from '../../src/util/random.ts';

const shape = { channels: 2, height: 5, width: 7 };
const count = 3;
const stream = random('views');
const part: Part = {
  images: Uint8Array.from({ length: count * 2 * 5 * 7 }, () => stream.integer(256)),
  labels: Uint16Array.from({ length: count }, (_none, index) => index),
};

const at = ({ images }: Part, plane: number, y: number, x: number): number => allBytes(images)[(plane * 5 + y) * 7 + x] as number;

test('each view sees each pixel where it belongs', () => {
  for (const view of viewsOf('shifts')) {
    const seen = viewOf(part, shape, view);
    assert.deepEqual(seen.labels, part.labels);
    for (let plane = 0; plane < count * 2; plane++)
      for (let y = 0; y < 5; y++)
        for (let x = 0; x < 7; x++) {
          const [from, to] = [x - view.moved, y - view.moved];
          if (from < 0 || from > 6 || to < 0 || to > 4) continue;
          const column = view.mirrored ? 6 - x : x;
          assert.equal(at(seen, plane, y, column), at(part, plane, to, from));
        }
  }
});

test('what comes in is mirrored at the edge, without the edge', () => {
  const [down, up] = ([1, -1] as const).map((moved) => viewOf(part, shape, { mirrored: false, moved, weight: 1 })) as [
    Part,
    Part,
  ];
  assert.equal(at(down, 0, 0, 3), at(part, 0, 1, 2));
  assert.equal(at(down, 0, 2, 0), at(part, 0, 1, 1));
  assert.equal(at(up, 1, 4, 3), at(part, 1, 3, 4));
  assert.equal(at(up, 1, 2, 6), at(part, 1, 3, 5));
});

test('weights of all views sum to 1, and the mean is that of what is computed', async () => {
  for (const views of ['image', 'flips', 'shifts'] as const) {
    const weights = viewsOf(views).map(({ weight }) => weight);
    assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-12);
    const first = (each: Part): Promise<Float32Array> => Promise.resolve(Float32Array.of(at(each, 0, 2, 3), 1));
    const expected = viewsOf(views).reduce((sum, view) => sum + view.weight * at(viewOf(part, shape, view), 0, 2, 3), 0);
    const found = await meanOfViews(part, shape, views, first);
    assert.ok(Math.abs((found[0] as number) - expected) < 1e-4);
    assert.equal(found[1], 1);
  }
});
