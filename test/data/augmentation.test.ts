import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { additionsOff, type AllSettings, type EdgeName, type ImageInfo } from '../../src/data/augmentation/augmentation.ts';
import { cutout } from '../../src/data/augmentation/cutout.ts';
import { flip, isMirrored } from '../../src/data/augmentation/flip.ts';
import { drawBeta, mixup } from '../../src/data/augmentation/mixup.ts';
import { normalise } from '../../src/data/augmentation/normalise.ts';
import { shift } from '../../src/data/augmentation/shift.ts';
import { smoothing } from '../../src/data/augmentation/smoothing.ts';
import type { Shape } from '../../src/network/network.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { noise, scripted } from './places.ts';

const off: AllSettings = { flip: false, normalise: false, shift: 0, cutout: 0, mixup: 0, ...additionsOff };

const shapes = fc.record({
  channels: fc.constantFrom(1, 3),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
});

const subjectOf = (shape: ImageInfo['shape'], changes: Partial<ImageInfo> = {}): ImageInfo => ({
  shape,
  classes: 3,
  mean: [0.5, 0.4, 0.3].slice(0, shape.channels),
  std: [0.2, 0.25, 0.3].slice(0, shape.channels),
  flip: true,
  batch: 4,
  ...changes,
});

const at = (image: ArrayLike<number>, { height, width }: ImageInfo['shape'], channel: number, y: number, x: number): number =>
  image[(channel * height + y) * width + x] as number;

test('flip mirrors each row below 0.5 and does nothing else', () => {
  fc.assert(
    fc.property(shapes, fc.constantFrom(0, 0.49, 0.5, 0.99), (shape, drawn) => {
      const before = noise(shape.channels * shape.height * shape.width, 'flip');
      const after = before.slice();
      const source = scripted(drawn);
      must(flip.create({ ...off, flip: true }, subjectOf(shape)), 'flip')(after, source, 0, 0);
      assert.equal(source.left(), 0);
      for (let channel = 0; channel < shape.channels; channel++)
        for (let y = 0; y < shape.height; y++)
          for (let x = 0; x < shape.width; x++)
            assert.equal(at(after, shape, channel, y, x), at(before, shape, channel, y, drawn < 0.5 ? shape.width - 1 - x : x));
    }),
  );
});

test('digits are not mirrored, whatever the settings say', () => {
  const shape = { channels: 1, height: 4, width: 4 };
  for (const alternate of [false, true])
    assert.equal(flip.create({ ...off, flip: true, alternate }, subjectOf(shape, { flip: false })), undefined);
});

test('alternating flips draw nothing: an image is mirrored in every second epoch', () => {
  const shape = { channels: 3, height: 2, width: 5 };
  const before = noise(30, 'alternating');
  const mirrored = Uint8Array.from(before, (_pixel, place) => before[place - (place % 5) + 4 - (place % 5)] as number);
  assert.equal(flip.create({ ...off, alternate: true }, subjectOf(shape)), undefined);
  const step = must(flip.create({ ...off, flip: true, alternate: true }, subjectOf(shape)), 'flip');
  const seen = (index: number, epoch: number): Uint8Array => {
    const image = before.slice();
    step(image, scripted(), index, epoch);
    return image;
  };
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 }), fc.nat({ max: 1000 }), (index, epoch) => {
      const [first, second] = [seen(index, epoch), seen(index, epoch + 1)];
      assert.deepEqual([first, second], isMirrored(index, epoch) ? [mirrored, before] : [before, mirrored]);
      assert.deepEqual(seen(index, epoch + 2), first);
    }),
  );
});

test('alternating flips begin with half of the images mirrored, whatever their neighbours are', () => {
  // Of a fair coin each count is 12,500 ± 97; in four deviations once in 16,000 times.
  const often = new Uint32Array(4);
  for (const apart of [1, 2, 5000]) {
    often.fill(0);
    for (let index = 0; index < 50_000; index++) {
      const pair = 2 * Number(isMirrored(index, 0)) + Number(isMirrored(index + apart, 0));
      often[pair] = (often[pair] as number) + 1;
    }
    for (const count of often) assert.ok(Math.abs(count - 12_500) < 390, `${apart} apart: ${often.join(' ')}`);
  }
});

/** A shifted image has the pixels that `expected` takes from the unshifted one. */
function shiftsAs(
  edges: EdgeName,
  expected: (before: Uint8Array, shape: Shape, channel: number, y: number, x: number) => number,
) {
  fc.assert(
    fc.property(shapes, fc.constantFrom(0.125, 0.3, 0.5, 1), fc.nat(), fc.nat(), (shape, fraction, first, second) => {
      const [farDown, farRight] = [Math.round(fraction * shape.height), Math.round(fraction * shape.width)];
      const step = shift.create({ ...off, shift: fraction, edges }, subjectOf(shape));
      if (step === undefined) return assert.deepEqual([farDown, farRight], [0, 0]);
      const [down, right] = [(first % (2 * farDown + 1)) - farDown, (second % (2 * farRight + 1)) - farRight];
      const before = noise(shape.channels * shape.height * shape.width, edges);
      const after = before.slice();
      const source = scripted(down + farDown, right + farRight);
      step(after, source);
      assert.equal(source.left(), 0);
      for (let channel = 0; channel < shape.channels; channel++)
        for (let y = 0; y < shape.height; y++)
          for (let x = 0; x < shape.width; x++)
            assert.equal(at(after, shape, channel, y, x), expected(before, shape, channel, y - down, x - right));
    }),
    { numRuns: 500 },
  );
}

test('shift moves the image and fills with black', () =>
  shiftsAs('black', (before, shape, channel, y, x) =>
    y >= 0 && y < shape.height && x >= 0 && x < shape.width ? at(before, shape, channel, y, x) : 0,
  ));

/** Where a walker is who starts at 0, goes so many steps and turns at both ends. */
function walked(steps: number, side: number): number {
  if (side === 1) return 0;
  let [position, direction] = [0, 1];
  for (let step = 0; step < steps; step++) {
    if (position + direction < 0 || position + direction >= side) direction = -direction;
    position += direction;
  }
  return position;
}

test('with mirrored edges a shift brings in the image as seen from its edge, however far', () =>
  shiftsAs('mirror', (before, shape, channel, y, x) =>
    at(before, shape, channel, walked(Math.abs(y), shape.height), walked(Math.abs(x), shape.width)),
  ));

test('the mirrored edge is numpy’s reflect: 2 1 | 0 1 2 3 | 2 1', () => {
  const shape = { channels: 1, height: 1, width: 4 };
  const step = must(shift.create({ ...off, shift: 0.5, edges: 'mirror' }, subjectOf(shape)), 'shift');
  const moved = (right: number): number[] => {
    const image = Uint8Array.of(0, 1, 2, 3);
    // Half of a height of 1 is rounded to 1.
    step(image, scripted(1, right + 2));
    return [...image];
  };
  assert.deepEqual([-2, -1, 0, 1, 2].map(moved), [
    [2, 3, 2, 1],
    [1, 2, 3, 2],
    [0, 1, 2, 3],
    [1, 0, 1, 2],
    [2, 1, 0, 1],
  ]);
});

test('shift reaches ±4 pixels of 32, each as often', () => {
  const shape = { channels: 1, height: 32, width: 32 };
  const step = must(shift.create({ ...off, shift: 0.125 }, subjectOf(shape)), 'shift');
  const source = random('shift');
  const seen = new Map<string, number>();
  for (let draw = 0; draw < 8100; draw++) {
    const image = new Uint8Array(1024);
    image[16 * 32 + 16] = 1;
    step(image, source);
    const place = image.indexOf(1);
    const key = `${Math.floor(place / 32) - 16},${(place % 32) - 16}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  assert.equal(seen.size, 81);
  assert.ok(seen.has('-4,-4') && seen.has('4,4'));
  const chi = [...seen.values()].reduce((sum, often) => sum + (often - 100) ** 2 / 100, 0);
  assert.ok(chi < 130, `χ² of 80 degrees of freedom: ${chi}`); // 99.97 %
});

test('cutout zeroes its square, clipped at the border, and nothing else', () => {
  fc.assert(
    fc.property(shapes, fc.constantFrom(0.1, 0.3, 0.5, 1), fc.nat(), fc.nat(), (shape, fraction, first, second) => {
      const side = Math.round(fraction * Math.min(shape.height, shape.width));
      const step = cutout.create({ ...off, cutout: fraction }, subjectOf(shape));
      if (step === undefined) return assert.equal(side, 0);
      const [row, column] = [first % shape.height, second % shape.width];
      const size = shape.channels * shape.height * shape.width;
      const images = new Float32Array(3 * size).fill(7);
      const source = scripted(row, column);
      step(images, size, source);
      assert.equal(source.left(), 0);
      const covers = (centre: number, place: number): boolean =>
        place >= centre - Math.floor(side / 2) && place < centre - Math.floor(side / 2) + side;
      for (let channel = 0; channel < shape.channels; channel++)
        for (let y = 0; y < shape.height; y++)
          for (let x = 0; x < shape.width; x++)
            assert.equal(at(images.subarray(size), shape, channel, y, x), covers(row, y) && covers(column, x) ? 0 : 7);
      assert.ok(images.subarray(0, size).every((value) => value === 7));
      assert.ok(images.subarray(2 * size).every((value) => value === 7));
    }),
  );
});

test('cutout takes 16 of 32 pixels and 14 of 28', () => {
  for (const [whole, side] of [
    [32, 16],
    [28, 14],
    [15, 8],
  ] as const) {
    const shape = { channels: 1, height: whole, width: whole };
    const images = new Float32Array(whole * whole).fill(1);
    must(cutout.create({ ...off, cutout: 0.5 }, subjectOf(shape)), 'cutout')(images, 0, scripted(whole >> 1, whole >> 1));
    assert.equal(images.filter((value) => value === 0).length, side * side);
  }
});

test('normalise gives (pixel/255 − mean)/std, or pixel/255 where it is off', () => {
  const subject = subjectOf({ channels: 3, height: 1, width: 1 });
  const [on, plain] = [normalise.create({ ...off, normalise: true }, subject), normalise.create(off, subject)];
  for (let channel = 0; channel < 3; channel++)
    for (let pixel = 0; pixel < 256; pixel++) {
      const [mean, std] = [subject.mean[channel] as number, subject.std[channel] as number];
      assert.equal(on[channel * 256 + pixel], Math.fround((pixel / 255 - mean) / std));
      assert.equal(plain[channel * 256 + pixel], Math.fround(pixel / 255));
    }
});

/** Largest distance between the draws' distribution and that one (Kolmogorov–Smirnov), times √n. */
function distance(draws: number[], distribution: (x: number) => number): number {
  const sorted = draws.toSorted((a, b) => a - b);
  const far = sorted.map((x, rank) =>
    Math.max(Math.abs(distribution(x) - rank / sorted.length), Math.abs(distribution(x) - (rank + 1) / sorted.length)),
  );
  return Math.max(...far) * Math.sqrt(sorted.length);
}

// Closed forms of Beta(α, α). A distance above 1.95 happens once in a thousand times.
const closed: readonly [number, (x: number) => number][] = [
  [0.5, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
  [1, (x) => x],
  [2, (x) => 3 * x ** 2 - 2 * x ** 3],
  [3, (x) => x ** 3 * (10 - 15 * x + 6 * x ** 2)],
];
for (const [alpha, distribution] of closed)
  test(`λ is distributed as Beta(${alpha}, ${alpha})`, () => {
    const source = random('beta', alpha);
    const draws = Array.from({ length: 100000 }, () => drawBeta(alpha, source));
    const far = distance(draws, distribution);
    assert.ok(far < 1.95, String(far));
  });

test('λ has the mean 1/2 and the variance 1/(4(2α + 1)) for any α, however small', () => {
  for (const alpha of [1e-6, 0.001, 0.1, 0.2, 0.7, 8, 1000]) {
    const source = random('moments', alpha);
    const draws = Array.from({ length: 20000 }, () => drawBeta(alpha, source));
    assert.ok(draws.every((x) => x >= 0 && x <= 1));
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const variance = draws.reduce((sum, x) => sum + (x - 0.5) ** 2, 0) / draws.length;
    const expected = 1 / (4 * (2 * alpha + 1));
    assert.ok(Math.abs(mean - 0.5) < 4 * Math.sqrt(expected / draws.length), `α ${alpha}: mean ${mean}`);
    assert.ok(Math.abs(variance / expected - 1) < 0.05, `α ${alpha}: variance ${variance}, not ${expected}`);
  }
});

test('mixup mixes images and labels with one λ and one permutation', () => {
  const shape = { channels: 1, height: 2, width: 3 };
  const subject = subjectOf(shape, { batch: 16, classes: 5 });
  const step = must(mixup.create({ ...off, mixup: 1 }, subject), 'mixup');
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const from = {
        images: Float32Array.from(noise(16 * 6, 'x')),
        labels: Float32Array.from({ length: 80 }, (_, place) => (place % 5 === Math.floor(place / 5) % 5 ? 1 : 0)),
      };
      const kept = { images: from.images.slice(), labels: from.labels.slice() };
      const to = { images: new Float32Array(96), labels: new Float32Array(80) };
      step(from, to, random('mixup', seed));
      assert.deepEqual(from, kept);
      const source = random('mixup', seed);
      const lambda = drawBeta(1, source);
      const partners = source.permutation(16);
      for (let row = 0; row < 16; row++) {
        const partner = partners[row] as number;
        for (let place = 0; place < 6; place++) {
          const [own, other] = [from.images[row * 6 + place] as number, from.images[partner * 6 + place] as number];
          assert.equal(to.images[row * 6 + place], Math.fround(lambda * own + (1 - lambda) * other));
        }
        const label = to.labels.subarray(row * 5, row * 5 + 5);
        assert.ok(Math.abs(label.reduce((sum, share) => sum + share, 0) - 1) < 1e-6);
        if (row % 5 !== partner % 5) assert.equal(label[row % 5], Math.fround(lambda));
      }
    }),
    { numRuns: 50 },
  );
});

test('smoothing leaves (1 − ε)·label + ε/classes, in place, and the sums as they were', () => {
  fc.assert(
    fc.property(fc.float({ min: Math.fround(1e-3), max: 1, noNaN: true }), fc.integer({ min: 1, max: 20 }), (spread, classes) => {
      const subject = subjectOf({ channels: 1, height: 1, width: 1 }, { classes });
      const step = must(smoothing.create({ ...off, smoothing: spread }, subject), 'smoothing');
      const before = new Float32Array(4 * classes);
      for (let row = 0; row < 4; row++) {
        before[row * classes] = 0.25;
        before[row * classes + classes - 1] = (before[row * classes + classes - 1] as number) + 0.75;
      }
      const labels = before.slice();
      step(labels);
      labels.forEach((label, place) =>
        assert.equal(label, Math.fround((1 - spread) * (before[place] as number) + spread / classes)),
      );
      for (let row = 0; row < 4; row++) {
        const sum = labels.subarray(row * classes, (row + 1) * classes).reduce((all, label) => all + label, 0);
        assert.ok(Math.abs(sum - 1) < 1e-6, `${sum}`);
      }
    }),
  );
});

test('what is off creates nothing; settings out of range are bugs', () => {
  const subject = subjectOf({ channels: 1, height: 8, width: 8 });
  for (const augmentation of [flip, shift, cutout, mixup, smoothing]) assert.equal(augmentation.create(off, subject), undefined);
  assert.throws(() => shift.create({ ...off, shift: 4 }, subject), /bug: a shift of 0 … 1, not 4/);
  assert.throws(() => cutout.create({ ...off, cutout: -1 }, subject), /bug: a cutout of 0 … 1, not -1/);
  assert.throws(() => mixup.create({ ...off, mixup: Number.NaN }, subject), /bug: an α of 0 or more, not NaN/);
  assert.throws(() => smoothing.create({ ...off, smoothing: 1.5 }, subject), /bug: a smoothing of 0 … 1, not 1.5/);
});
