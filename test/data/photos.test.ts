/** Augmentations for photos against their definitions: crops, factors of brightness, contrast and saturation, and the policy. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { additionsOff, type AllSettings, type Augmentation, type ImageInfo } from '../../src/data/augmentation/augmentation.ts';
import { brightness } from '../../src/data/augmentation/brightness.ts';
import { contrast } from '../../src/data/augmentation/contrast.ts';
import { crop } from '../../src/data/augmentation/crop.ts';
import { makeOperations, operationNames, type OperationName } from '../../src/data/augmentation/operations.ts';
import { policy } from '../../src/data/augmentation/policy.ts';
import { saturation } from '../../src/data/augmentation/saturation.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { noise, scripted } from './places.ts';

type Shape = ImageInfo['shape'];

const off: AllSettings = { flip: false, normalise: false, shift: 0, cutout: 0, mixup: 0, ...additionsOff };
const infoOf = (shape: Shape): ImageInfo => ({ shape, classes: 2, mean: [], std: [], flip: true, batch: 1 });
const shapes = fc.record({
  channels: fc.constantFrom(1, 3),
  height: fc.integer({ min: 1, max: 12 }),
  width: fc.integer({ min: 1, max: 12 }),
});
const unit = fc.double({ min: 0, max: 1, noNaN: true });
const imageOf = ({ channels, height, width }: Shape, name: number): Uint8Array => noise(channels * height * width, name);

/** Calls with each position. */
function forEachPixel(
  { channels, height, width }: Shape,
  use: (channel: number, y: number, x: number, at: number) => void,
): void {
  for (let channel = 0, at = 0; channel < channels; channel++)
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) use(channel, y, x, at++);
}

/** The byte is the value, limited and rounded. */
function assertNear(byte: number, value: number, what: string): void {
  const limited = Math.min(255, Math.max(0, value));
  assert.ok(Math.abs(byte - limited) <= 0.5 + 1e-6, `${what}: ${byte} for ${value}`);
}

/** The row of an augmentation of the stage pixels, as a function of the drawn numbers. */
function stepOf(augmentation: Augmentation, settings: Partial<AllSettings>, shape: Shape) {
  assert.equal(augmentation.stage, 'pixels');
  const step = must(
    augmentation.stage === 'pixels' ? augmentation.create({ ...off, ...settings }, infoOf(shape)) : undefined,
    'step',
  );
  return (image: Uint8Array, ...drawn: readonly number[]): Uint8Array => {
    const after = image.slice();
    const source = scripted(...drawn);
    step(after, source, 0, 0);
    assert.equal(source.left(), 0);
    return after;
  };
}

test('a crop of all of the image is the image, wherever it is said to be', () => {
  fc.assert(
    fc.property(shapes, fc.integer(), unit, unit, unit, (shape, name, aspect, top, left) => {
      const image = imageOf(shape, name);
      assert.deepEqual(stepOf(crop, { crop: 0.2 }, shape)(image, 1, aspect, top, left), image);
    }),
  );
});

test('a crop of a ramp is the ramp of the part that was drawn', () => {
  const shape = { channels: 3, height: 12, width: 16 };
  // At most 75 + 99 + 60.
  const image = new Uint8Array(3 * 12 * 16);
  forEachPixel(shape, (channel, y, x, at) => (image[at] = 5 * x + 9 * y + 30 * channel));
  fc.assert(
    fc.property(fc.constantFrom(0.08, 0.5, 0.9), unit, unit, unit, unit, (smallest, ...drawn) => {
      const after = stepOf(crop, { crop: smallest }, shape)(image, ...drawn);
      const [share, aspect, top, left] = drawn;
      const area = smallest + (1 - smallest) * share;
      // Uniform in the logarithm between the smallest and the largest that fit.
      const [low, high] = [Math.max(3 / 4, area), Math.min(4 / 3, 1 / area)];
      const ratio = low * (high / low) ** aspect;
      const [width, height] = [16 * Math.sqrt(area * ratio), 12 * Math.sqrt(area / ratio)];
      assert.ok(width <= 16 + 1e-9 && height <= 12 + 1e-9);
      assert.ok(Math.abs((width * height) / (16 * 12) - area) < 1e-9);
      const within = (value: number, side: number): number => Math.min(side - 1, Math.max(0, value));
      forEachPixel(shape, (channel, y, x, at) => {
        const column = within(left * (16 - width) + ((x + 0.5) * width) / 16 - 0.5, 16);
        const row = within(top * (12 - height) + ((y + 0.5) * height) / 12 - 0.5, 12);
        assertNear(after[at] as number, 5 * column + 9 * row + 30 * channel, `${channel} ${y} ${x}`);
      });
    }),
  );
});

test('a crop has no byte outside those of its channel', () => {
  fc.assert(
    fc.property(shapes, fc.integer(), unit, unit, unit, unit, (shape, name, ...drawn) => {
      const image = imageOf(shape, name);
      const after = stepOf(crop, { crop: 0.01 }, shape)(image, ...drawn);
      const area = shape.height * shape.width;
      for (let start = 0; start < image.length; start += area) {
        const [before, now] = [image.subarray(start, start + area), after.subarray(start, start + area)];
        assert.ok(Math.min(...now) >= Math.min(...before) && Math.max(...now) <= Math.max(...before));
      }
    }),
  );
});

const lumaAt = (image: Uint8Array, { channels, height, width }: Shape, position: number): number => {
  const of = (channel: number): number => image[channel * height * width + position] as number;
  return channels === 1 ? of(0) : 0.299 * of(0) + 0.587 * of(1) + 0.114 * of(2);
};

/** What a factor makes of the byte at a position of a channel, before it is limited and rounded. */
type ByDefinition = (image: Uint8Array, shape: Shape, factor: number, at: number) => number;

const byDefinition: Readonly<Record<'brightness' | 'contrast' | 'saturation' | 'sharpness', ByDefinition>> = {
  brightness: (image, _shape, factor, at) => factor * (image[at] as number),
  contrast(image, shape, factor, at) {
    const area = shape.height * shape.width;
    const mean = Array.from({ length: area }, (_none, position) => lumaAt(image, shape, position) / area).reduce((a, b) => a + b);
    return mean + factor * ((image[at] as number) - mean);
  },
  saturation(image, shape, factor, at) {
    const grey = lumaAt(image, shape, at % (shape.height * shape.width));
    return grey + factor * ((image[at] as number) - grey);
  },
  sharpness(image, { height, width }, factor, at) {
    const [y, x] = [Math.floor(at / width) % height, at % width];
    const own = image[at] as number;
    if (y === 0 || x === 0 || y === height - 1 || x === width - 1) return own;
    let smooth = (4 * own) / 13;
    for (const down of [-1, 0, 1]) for (const right of [-1, 0, 1]) smooth += (image[at + down * width + right] as number) / 13;
    return smooth + factor * (own - smooth);
  },
};

test('brightness, contrast and saturation are those of their definitions, by a factor within 1 ± the setting', () => {
  const rows = { brightness, contrast, saturation };
  fc.assert(
    fc.property(shapes, fc.integer(), fc.constantFrom(0.1, 0.4, 1), unit, (shape, name, range, drawn) => {
      const image = imageOf(shape, name);
      for (const key of ['brightness', 'contrast', 'saturation'] as const) {
        const create = () => stepOf(rows[key], { [key]: range }, shape)(image, drawn);
        if (key === 'saturation' && shape.channels === 1) {
          assert.throws(create, /bug/);
          continue;
        }
        const factor = 1 - range + 2 * range * drawn;
        create().forEach((byte, at) => assertNear(byte, byDefinition[key](image, shape, factor, at), `${key} at ${at}`));
      }
    }),
  );
});

const levels = fc.integer({ min: -30, max: 30 }).map((level) => level / 30);
const identities = operationNames.filter((name) => name !== 'autocontrast' && name !== 'equalize');

function applied(name: OperationName, shape: Shape, image: Uint8Array, strength: number): Uint8Array {
  const after = image.slice();
  makeOperations(shape)[name](after, strength);
  return after;
}

test('at strength 0 an operation does nothing, autocontrast and equalize excepted', () => {
  fc.assert(
    fc.property(shapes, fc.integer(), (shape, name) => {
      const image = imageOf(shape, name);
      for (const each of identities) assert.deepEqual(applied(each, shape, image, 0), image, each);
    }),
  );
});

test('the policy’s factors are 1 ± 0.99, and sharpness is against the mean of 3×3 pixels', () => {
  fc.assert(
    fc.property(shapes, fc.integer(), levels, (shape, name, strength) => {
      const image = imageOf(shape, name);
      for (const [each, definition] of [
        ['brightness', byDefinition.brightness],
        ['contrast', byDefinition.contrast],
        ['colour', byDefinition.saturation],
        ['sharpness', byDefinition.sharpness],
      ] as const)
        applied(each, shape, image, strength).forEach((byte, at) =>
          assertNear(byte, definition(image, shape, 1 + 0.99 * strength, at), `${each} at ${at}`),
        );
    }),
  );
});

test('the policy’s translations and shears move rows and columns by whole pixels, and black comes in', () => {
  fc.assert(
    fc.property(shapes, fc.integer(), levels, (shape, name, strength) => {
      const image = imageOf(shape, name);
      const { height, width } = shape;
      const pixel = (channel: number, y: number, x: number): number =>
        y >= 0 && y < height && x >= 0 && x < width ? (image[(channel * height + y) * width + x] as number) : 0;
      const moved = {
        'shear x': (y: number, x: number) => [y, x + Math.round(0.99 * strength * (y + 0.5))],
        'shear y': (y: number, x: number) => [y + Math.round(0.99 * strength * (x + 0.5)), x],
        'translate x': (y: number, x: number) => [y, x + Math.round(strength * width)],
        'translate y': (y: number, x: number) => [y + Math.round(strength * height), x],
      } as const;
      for (const each of ['shear x', 'shear y', 'translate x', 'translate y'] as const) {
        const after = applied(each, shape, image, strength);
        forEachPixel(shape, (channel, y, x, at) => {
          const [row, column] = moved[each](y, x) as [number, number];
          assert.equal(after[at], pixel(channel, row, column), `${each} ${channel} ${y} ${x}`);
        });
      }
    }),
  );
  const wide = { channels: 1, height: 1, width: 100 };
  const image = Uint8Array.from({ length: 100 }, (_none, x) => x + 1);
  assert.deepEqual([...applied('translate x', wide, image, 1)].slice(0, 2), [33, 34], 'at most 32 pixels');
});

test('rotations: a quarter turn moves each pixel of a square, and back; widest is three eighths', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 3), fc.integer({ min: 1, max: 12 }), fc.integer(), (channels, side, name) => {
      const shape = { channels, height: side, width: side };
      const image = imageOf(shape, name);
      const quarter = applied('rotate', shape, image, 2 / 3);
      forEachPixel(shape, (channel, y, x, at) =>
        assert.equal(quarter[at], image[channel * side * side + x * side + (side - 1 - y)], `${channel} ${y} ${x}`),
      );
      assert.deepEqual(applied('rotate', shape, quarter, -2 / 3), image);
    }),
  );
  // Nine pixels three to the right of the centre go three eighths around it.
  const shape = { channels: 1, height: 15, width: 15 };
  const image = new Uint8Array(225);
  for (const y of [6, 7, 8]) for (const x of [9, 10, 11]) image[15 * y + x] = 1;
  const after = applied('rotate', shape, image, 1);
  const bright = [...after.keys()].filter((at) => after[at] === 1);
  const meanOf = (of: (at: number) => number): number => bright.reduce((sum, at) => sum + of(at) / bright.length, 0);
  const [right, up] = [meanOf((at) => (at % 15) - 7), meanOf((at) => 7 - Math.floor(at / 15))];
  assert.ok(Math.hypot(right + 3 * Math.SQRT1_2, up - 3 * Math.SQRT1_2) < 0.5, `${right} ${up}`);
});

test('posterize keeps the high bits, solarize inverts from a threshold on', () => {
  const shape = { channels: 1, height: 16, width: 16 };
  const image = Uint8Array.from({ length: 256 }, (_none, byte) => byte);
  fc.assert(
    fc.property(levels, (strength) => {
      const step = 2 ** Math.round(6 * Math.abs(strength));
      applied('posterize', shape, image, strength).forEach((byte, at) => assert.equal(byte, Math.floor(at / step) * step));
      applied('solarize', shape, image, strength).forEach((byte, at) =>
        assert.equal(byte, at >= 256 - 256 * Math.abs(strength) ? 255 - at : at),
      );
    }),
  );
});

test('autocontrast is linear from the darkest byte of a channel to the brightest', () => {
  fc.assert(
    fc.property(shapes, fc.integer(), levels, (shape, name, strength) => {
      const image = imageOf(shape, name).map((byte) => 40 + (byte >> 1));
      const after = applied('autocontrast', shape, image, strength);
      const area = shape.height * shape.width;
      for (let start = 0; start < image.length; start += area) {
        const before = image.subarray(start, start + area);
        const [low, high] = [Math.min(...before), Math.max(...before)];
        before.forEach((byte, at) =>
          assertNear(after[start + at] as number, high === low ? byte : (255 * (byte - low)) / (high - low), `${at}`),
        );
      }
    }),
  );
});

test('equalize gives a byte the share of darker pixels, without those of the brightest byte', () => {
  fc.assert(
    fc.property(shapes, fc.integer(), fc.integer({ min: 0, max: 7 }), (shape, name, bits) => {
      const image = imageOf(shape, name).map((byte) => byte >> bits);
      const after = applied('equalize', shape, image, 1);
      const area = shape.height * shape.width;
      for (let start = 0; start < image.length; start += area) {
        const before = image.subarray(start, start + area);
        const others = before.filter((byte) => byte < Math.max(...before)).length;
        before.forEach((byte, at) => {
          const darker = before.filter((other) => other < byte).length;
          assertNear(after[start + at] as number, others === 0 ? byte : (255 * darker) / others, `${at}`);
        });
      }
    }),
  );
});

test('the policy draws an operation, a level of 31 and a direction', () => {
  assert.equal(operationNames.length, 14);
  fc.assert(
    fc.property(
      shapes,
      fc.integer(),
      fc.nat({ max: 13 }),
      fc.nat({ max: 30 }),
      fc.nat({ max: 1 }),
      (shape, name, operation, level, direction) => {
        const image = imageOf(shape, name);
        const after = stepOf(policy, { policy: 'trivial' }, shape)(image, operation, level, direction);
        const strength = direction === 0 ? level / 30 : -level / 30;
        assert.deepEqual(after, applied(operationNames[operation] as OperationName, shape, image, strength));
      },
    ),
  );
});

test('an operation depends on the image and the numbers drawn, not on the images before it', () => {
  const shape = { channels: 3, height: 8, width: 7 };
  const settings = { ...off, crop: 0.3, policy: 'trivial', brightness: 0.4, contrast: 0.4, saturation: 0.4 } as const;
  const rows = [crop, policy, brightness, contrast, saturation];
  const steps = () => rows.map((row) => must(row.create(settings, infoOf(shape)), 'step'));
  const used = steps();
  fc.assert(
    fc.property(fc.integer(), (name) => {
      const [one, other] = [imageOf(shape, name), imageOf(shape, name)];
      const [first, second] = [random(name), random(name)];
      for (const step of used) step(one, first);
      for (const step of steps()) step(other, second);
      assert.deepEqual(one, other);
    }),
  );
});

test('what is off creates nothing; settings out of range are bugs', () => {
  const colour = infoOf({ channels: 3, height: 8, width: 8 });
  for (const augmentation of [crop, brightness, contrast, saturation, policy])
    assert.equal(augmentation.create(off, colour), undefined);
  assert.throws(() => crop.create({ ...off, crop: 0 }, colour), /bug: a crop of more than 0, at most 1, not 0/);
  assert.throws(() => brightness.create({ ...off, brightness: 2 }), /bug: a brightness of 0 … 1, not 2/);
  assert.throws(() => contrast.create({ ...off, contrast: -1 }, colour), /bug: a contrast of 0 … 1, not -1/);
  assert.throws(() => saturation.create({ ...off, saturation: Number.NaN }, colour), /bug: a saturation of 0 … 1, not NaN/);
});
