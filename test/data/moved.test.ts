/** Whether shifts keep classes apart: of dots at places, of shapes, of clothes and digits. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { Dataset } from '../../src/data/dataset.ts';
import { findMovedClass } from '../../src/data/moved.ts';
import { readDataset } from '../../src/data/read.ts';
import { defaultLocations } from '../../src/data/resolve.ts';
import { random, type Random } from '../../src/util/random.ts';
import { newFolder } from './places.ts';

type Draw = (label: number, r: Random) => (x: number, y: number) => boolean;

/** Images with noise; `draw` says which pixels are bright, for a class and from random numbers. */
function datasetOf(count: number, classes: number, draw: Draw, side = 32, channels = 1): Dataset {
  const images = new Uint8Array(count * channels * side * side);
  const labels = Uint16Array.from({ length: count }, (_none, index) => index % classes);
  let at = 0;
  labels.forEach((label, index) => {
    const r = random('shift test', index);
    const isBright = draw(label, r);
    for (let channel = 0; channel < channels; channel++)
      for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) images[at++] = (isBright(x, y) ? 200 : 40) + r.integer(40);
  });
  const part = { images, labels };
  const shape = { channels, height: side, width: side };
  const names = Array.from({ length: classes }, (_none, index) => 'abcdefghij'[index] as string);
  return { classes: names, shape, train: part, test: part, mean: [0.5], std: [0.2], flip: true, name: 'drawn', hash: '' };
}

const dot =
  (size: number, place: (label: number, r: Random) => readonly [x: number, y: number]): Draw =>
  (label, r) => {
    const [x0, y0] = place(label, r);
    return (x, y) => x >= x0 && x < x0 + size && y >= y0 && y < y0 + size;
  };

/** The shift of the preset `auto`: 2 of 32 pixels. */
const usual = 0.0625;

test('dots that are a few pixels to the left or to the right are not shifted', () => {
  for (const size of [2, 3, 5])
    for (const apart of [1, 2]) {
      const found = findMovedClass(
        datasetOf(
          200,
          2,
          dot(size, (label) => [14 + apart * label, 15]),
        ),
        usual,
      );
      assert.ok(found !== null && found.down === 0 && Math.abs(found.right) <= 2, `${size} ${apart} ${JSON.stringify(found)}`);
      assert.equal(found.from === 'a', found.right > 0);
    }
  const [up, diagonal, many, elsewhere] = [
    findMovedClass(
      datasetOf(
        200,
        2,
        dot(3, (label, r) => [4 + r.integer(24), 14 + 2 * label]),
        32,
        3,
      ),
      usual,
    ),
    findMovedClass(
      datasetOf(
        200,
        2,
        dot(3, (label) => [14 + 2 * label, 14 + 2 * label]),
      ),
      usual,
    ),
    findMovedClass(
      datasetOf(
        300,
        9,
        dot(4, (label) => [10 + 2 * (label % 3), 10 + 2 * Math.floor(label / 3)]),
      ),
      usual,
    ),
    findMovedClass(
      datasetOf(
        300,
        2,
        dot(3, (label, r) => [label === 0 ? 14 : r.pick([12, 16]), 14]),
      ),
      usual,
    ),
  ];
  assert.deepEqual([up?.right, Math.abs(up?.down ?? 0)], [0, 2]);
  assert.equal(diagonal?.down, diagonal?.right);
  assert.notEqual(many, null);
  assert.deepEqual([elsewhere?.from, elsewhere?.to], ['a', 'b']);
});

test('what the shift cannot reach, and what it does not change, is shifted', () => {
  const far = dot(3, (label) => [13 + 4 * label, 14]);
  assert.equal(findMovedClass(datasetOf(200, 2, far), usual), null);
  assert.notEqual(findMovedClass(datasetOf(200, 2, far), 0.125), null, 'a shift by 4 pixels reaches it');
  const halves = dot(3, (label, r) => [15 * label + r.integer(14), r.integer(29)]);
  const discs: Draw = (label, r) => {
    const [cx, cy] = [8 + r.integer(16), 8 + r.integer(16)];
    return (x, y) => Math.hypot(x - cx, y - cy) < 2 + 2 * label;
  };
  const rings: Draw = (label) => (x, y) => Math.abs(Math.hypot(x - 16, y - 16) - 4 - 2 * label) < 1;
  const nothing: Draw = () => () => false;
  for (const draw of [halves, discs, rings, nothing]) assert.equal(findMovedClass(datasetOf(400, 3, draw), usual), null);
  for (const count of [1, 2, 5]) assert.equal(findMovedClass(datasetOf(count, 2, far), 0.125), null);
});

test('digits and clothes are shifted', async (t) => {
  const options = { cacheFolder: await newFolder(t), environment: {} };
  for (const name of ['mnist', ...(existsSync(defaultLocations.fashionMnist) ? ['fashion-mnist'] : [])])
    for (const shift of [usual, 0.125]) {
      const { dataset } = await readDataset(name, options);
      assert.equal(findMovedClass(dataset, shift), null, `${name}, ${shift}`);
    }
});
