/** The examples for files, in Node and in Python: what they print for pictures of any size is what Instar's own pixels give. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { fits } from '../../src/data/fit.ts';
import { readImage, usualRendering } from '../../src/data/image.ts';
import type { Shape } from '../../src/network/network.ts';
import { skipFor } from '../support/machine.ts';
import { exportedModel, picture, probabilitiesOf } from './models.ts';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));

const colour = { shape: { channels: 3, height: 16, width: 16 }, classes: ['fig & olive', 'Kürbis', 'plum', 'sloe'] };
const grey = {
  shape: { channels: 1, height: 12, width: 20 },
  classes: Array.from({ length: 12 }, (_none, index) => `class ${index}`),
};
/** The first two as files say it that do not say how their images are made. */
const cases = [
  { ...colour, rendering: {} },
  { ...grey, rendering: {} },
  ...fits.flatMap((fit) => [colour, grey].map((each) => ({ ...each, rendering: { fit, background: '#2040a0' } }))),
];

let folder: string;
let images: string[];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'instar-examples-'));
  images = [];
  const put = async (name: string, image: Sharp): Promise<void> => {
    images.push(join(folder, name));
    await image.toFile(join(folder, name));
  };
  const open = async (name: string, height: number, width: number): Promise<Sharp> =>
    sharp((await picture(name, { channels: 3, height, width }, 12)).png);
  await put('wide.png', await open('wide', 61, 100));
  await put('turned.jpg', (await open('turned', 64, 48)).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }));
  await put('grey.png', (await open('grey', 40, 40)).toColourspace('b-w'));
  await put('transparent.webp', (await open('transparent', 33, 30)).ensureAlpha(0.5).webp({ lossless: true }));
});
after(() => rm(folder, { recursive: true, force: true }));

/** The three best classes of each image and their probabilities, from what an example printed. */
function read(printed: string): { readonly name: string; readonly probability: number }[][] {
  const found: { name: string; probability: number }[][] = [];
  for (const line of printed.trimEnd().split('\n')) {
    const [, probability, name] = /^ {2}(\d\.\d{4}) (.+)$/.exec(line) ?? [];
    if (name === undefined) {
      assert.equal(line, images[found.length]);
      found.push([]);
    } else found.at(-1)?.push({ name, probability: Number(probability) });
  }
  return found;
}

/** `tolerance`: of a probability. */
async function check(command: readonly [string, ...string[]], tolerance: number, environment = process.env): Promise<void> {
  for (const { shape, classes, rendering } of cases) {
    const model = exportedModel(shape, classes, rendering);
    const path = join(folder, `${shape.channels}.onnx`);
    await writeFile(path, model);
    const [program, ...parameters] = command;
    const { status, stdout, stderr } = spawnSync(program, [...parameters, path, ...images], {
      encoding: 'utf8',
      env: environment,
    });
    assert.equal(status, 0, stderr);
    const found = read(stdout);
    assert.equal(found.length, images.length);
    for (const [index, image] of images.entries()) {
      const expected = await probabilitiesOf(
        model,
        interleaved(await readImage(image, shape, { ...usualRendering, ...rendering }), shape),
        shape,
      );
      const three = found[index] ?? [];
      assert.equal(three.length, 3);
      const best = expected.toSorted((a, b) => b - a);
      three.forEach(({ name, probability }, rank) => {
        for (const wanted of [expected[classes.indexOf(name)], best[rank]])
          assert.ok(Math.abs(probability - (wanted ?? NaN)) <= tolerance, `${image}: ${name} ${probability}, not ${wanted}`);
      });
    }
  }
}

/** (H, W, C) of (C, H, W). */
const interleaved = (planar: Uint8Array, { channels, height, width }: Shape): Uint8Array =>
  planar.map((_none, at) => planar[(at % channels) * height * width + Math.floor(at / channels)] as number);

test('in Node: to the last digit that is printed', () =>
  check([process.execPath, join(examples, 'node', 'predict.mjs')], 0.00005001));

/** Where the packages of the example lie that are not in the system's Python; else these are taken. */
const packages = process.env['INSTAR_TEST_PYTHONPATH'] ?? '';
const environment = { ...process.env, PYTHONPATH: packages };
const missing = spawnSync('python3', ['-c', 'import numpy, onnxruntime, PIL'], { env: environment }).status !== 0;
const skip = skipFor(missing ? "Python's onnxruntime, numpy or Pillow is not here" : null);

test('in Python: nearly, since Pillow rounds otherwise', { skip }, () =>
  check(['python3', join(examples, 'python', 'predict.py')], 0.02, environment),
);
