/** Whether mirror images keep classes apart: of drawn signs, of blobs, of clothes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dataset } from '../../src/data/dataset.ts';
import { testMirror } from '../../src/data/mirror.ts';
import { random, type Random } from '../../src/util/random.ts';

const side = 24;

/** Grey images with noise; `draw` says which pixels are bright, for a class and from random numbers. */
function datasetOf(
  classes: readonly string[],
  count: number,
  draw: (label: number, r: Random) => (x: number, y: number) => boolean,
): Dataset {
  const images = new Uint8Array(count * side * side);
  const labels = Uint16Array.from({ length: count }, (_none, index) => index % classes.length);
  labels.forEach((label, index) => {
    const r = random('mirror test', index);
    const isBright = draw(label, r);
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) images[(index * side + y) * side + x] = (isBright(x, y) ? 200 : 40) + r.integer(40);
  });
  const part = { images, labels };
  const shape = { channels: 1, height: side, width: side };
  return { classes, shape, train: part, test: part, mean: [0.5], std: [0.2], flip: true, name: 'drawn', hash: '' };
}

/** An arrow of random size and place that points left or right. */
const arrow = (label: number, r: Random) => {
  const [cx, cy, size] = [9 + r.integer(6), 9 + r.integer(6), 5 + r.integer(3)];
  const direction = label === 0 ? -1 : 1;
  return (x: number, y: number): boolean => {
    const [along, across] = [direction * (x - cx), Math.abs(y - cy)];
    return (across <= 1 && Math.abs(along) <= size) || (along <= size && along >= size - 4 && across <= size - along);
  };
};

test('left and right arrows are not mirrored, and the pair is named', () => {
  for (const count of [200, 1000]) {
    const found = testMirror(datasetOf(['left', 'right'], count, arrow));
    assert.equal(found.keepsClasses, false, JSON.stringify(found));
    assert.ok(found.pair !== null && found.pair.from !== found.pair.to);
    assert.ok(found.original > 0.8 && found.mirrored < 0.2);
  }
});

test('two mirrored classes among many others are found', () => {
  const names = ['left', 'right', ...Array.from({ length: 6 }, (_none, index) => `ring ${index}`)];
  const draw = (label: number, r: Random) => {
    if (label < 2) return arrow(label, r);
    const [cx, cy, radius] = [12 + r.integer(2), 12 + r.integer(2), 1.5 * label];
    return (x: number, y: number): boolean => Math.abs(Math.hypot(x - cx, y - cy) - radius) < 1;
  };
  const found = testMirror(datasetOf(names, 1600, draw));
  assert.equal(found.keepsClasses, false, JSON.stringify(found));
  assert.deepEqual(new Set([found.pair?.from, found.pair?.to]), new Set(['left', 'right']));
});

/** Segments of digits as on a clock radio: top, upper left, upper right, middle, lower left, lower right, bottom. */
const segments = ['1110111', '0010010', '1011101', '1011011', '0111010', '1101011', '1101111', '1010010', '1111111', '1111011'];

test('digits are not mirrored', () => {
  const digit = (label: number, r: Random) => {
    const [left, top, size] = [5 + r.integer(5), 3 + r.integer(4), 7];
    const lit = segments[label] ?? '';
    const boxes: readonly (readonly [number, number, number, number])[] = [
      [0, 0, size, 1],
      [0, 0, 1, size],
      [size - 1, 0, size, size],
      [0, size, size, size + 1],
      [0, size, 1, 2 * size],
      [size - 1, size, size, 2 * size],
      [0, 2 * size - 1, size, 2 * size],
    ];
    return (x: number, y: number): boolean =>
      boxes.some(
        ([x0, y0, x1, y1], index) => lit[index] === '1' && x - left >= x0 && x - left <= x1 && y - top >= y0 && y - top <= y1,
      );
  };
  const found = testMirror(datasetOf([...'0123456789'], 1500, digit));
  assert.equal(found.keepsClasses, false, JSON.stringify(found));
});

test('where side does not matter, or nothing can be told, images are mirrored', () => {
  const blob = (label: number, r: Random) => {
    const [cx, cy] = [4 + r.integer(16), 4 + r.integer(16)];
    return (x: number, y: number): boolean => Math.hypot(x - cx, y - cy) < 2 + 3 * label;
  };
  const blobs = testMirror(datasetOf(['small', 'middle', 'large'], 900, blob));
  assert.equal(blobs.keepsClasses, true, JSON.stringify(blobs));
  const noise = testMirror(datasetOf(['a', 'b'], 600, () => () => false));
  assert.equal(noise.keepsClasses, true, JSON.stringify(noise));
  for (const count of [1, 2, 5]) assert.equal(testMirror(datasetOf(['a', 'b'], count, arrow)).keepsClasses, true);
});
