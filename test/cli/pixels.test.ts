/** `evaluate`, `predict` and `search --from` on one trained network with several ways of preprocessing: each is right as ONNX Runtime is. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { channelsLast } from '../../src/data/dataset.ts';
import { ofRange, type Scaling } from '../../src/data/pixel-scales.ts';
import { openRuntime } from '../../src/engine/onnx/runtime.ts';
import { decodeModel, encodeModel } from '../../src/formats/onnx/codec.ts';
import type { ModelProto } from '../../src/formats/onnx/proto.ts';
import { readRun } from '../../src/run/record/read.ts';
import { must } from '../../src/util/assert.ts';
import { imagenet, reworked, type Preprocessing } from '../support/reworked.ts';
import { instar, makePhotos, newFolder, tiny } from './fixtures.ts';

let folder = '';
let exported: ModelProto;
let own: Scaling = imagenet;
/** Planes of bytes, and labels. */
const images: { readonly pixels: Uint8Array; readonly label: number }[] = [];
const side = 12;

before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 20);
  const { code, err } = await instar(['search', 'photos', ...tiny, '--run', 'whole'], folder);
  assert.equal(code, 0, err);
  exported = decodeModel(readFileSync(join(folder, 'whole', 'best.onnx')), 'best.onnx');
  own = readRun(join(folder, 'whole')).config.data;
  const classes = readdirSync(join(folder, 'photos')).toSorted();
  for (const [label, kind] of classes.entries())
    for (const name of readdirSync(join(folder, 'photos', kind))) {
      const raw = await sharp(join(folder, 'photos', kind, name))
        .raw()
        .toBuffer();
      const pixels = Uint8Array.from({ length: raw.length }, (_none, at) => {
        const [channel, place] = [Math.floor(at / (side * side)), at % (side * side)];
        return raw[3 * place + channel] as number;
      });
      images.push({ pixels, label });
    }
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** The share that ONNX Runtime has right where pixels are scaled so. */
async function rightOf(model: Uint8Array, layout: 'NCHW' | 'NHWC', { mean, std }: Scaling): Promise<number> {
  const { open, library } = await openRuntime('cpu', 1);
  const session = await open(model);
  let right = 0;
  for (const { pixels, label } of images) {
    const planes = Float32Array.from(pixels, (pixel, at) => {
      const channel = Math.floor(at / (side * side));
      return (pixel / 255 - (mean[channel] as number)) / (std[channel] as number);
    });
    const data = layout === 'NCHW' ? planes : channelsLast(planes, { channels: 3, height: side, width: side });
    const dims = layout === 'NCHW' ? [1, 3, side, side] : [1, side, side, 3];
    const results = await session.run({ image: new library.Tensor('float32', data, dims) });
    const logits = Array.from(must(Object.values(results)[0], 'output').data as Float32Array);
    if (logits.indexOf(Math.max(...logits)) === label) right++;
  }
  await session.release();
  return right / images.length;
}

const write = (name: string, preprocessing: Preprocessing): Uint8Array => {
  const bytes = encodeModel(reworked(exported, own, preprocessing));
  writeFileSync(join(folder, name), bytes);
  return bytes;
};

const unit = ofRange('0-1', 3);
const bytes = ofRange('0-255', 3);
const signed = ofRange('-1-1', 3);

/** Preprocessing, and what the first line says of it. */
const ways: Readonly<Record<string, readonly [Preprocessing, RegExp]>> = {
  'bytes inside': [
    { layout: 'NCHW', input: bytes, inside: true },
    /^bytes-inside\.onnx takes pixels from 0 to 255 and normalises them itself \(mean [\d., ]+, deviation [\d., ]+\): read from the file/,
  ],
  'unit inside': [
    { layout: 'NCHW', input: unit, inside: true },
    /^unit-inside\.onnx takes pixels from 0 to 1 and normalises them itself \(/,
  ],
  'bytes inside last': [
    { layout: 'NHWC', input: bytes, inside: true },
    /^bytes-inside-last\.onnx takes pixels from 0 to 255 and normalises them itself \(.*\), channels last: read from the file/,
  ],
  imagenet: [
    { layout: 'NCHW', input: imagenet, inside: false },
    /^imagenet\.onnx does not say how its pixels are scaled; assumed: pixels normalised by ImageNet's mean and deviation, with which [\d.]+ % of \d+ images are right \(.*0-255 [\d.]+ %.*\) \(--pixels/,
  ],
  unit: [{ layout: 'NCHW', input: unit, inside: false }, /assumed: pixels from 0 to 1, with which/],
  bytes: [{ layout: 'NCHW', input: bytes, inside: false }, /assumed: pixels from 0 to 255, with which/],
  signed: [{ layout: 'NHWC', input: signed, inside: false }, /assumed: pixels from −1 to 1, channels last, with which/],
  metadata: [
    { layout: 'NCHW', input: signed, inside: false, metadata: { 'Image.NominalPixelRange': 'Normalized_1_1' } },
    /^metadata\.onnx takes pixels from −1 to 1: its metadata says so/,
  ],
  'unknown operator': [
    { layout: 'NCHW', input: unit, inside: true, behind: 'Softplus' },
    /^unknown-operator\.onnx takes pixels from 0 to 1 and normalises them itself/,
  ],
};

interface Evaluated {
  readonly accuracy: number;
  readonly pixels: { readonly mean: readonly number[]; readonly std: readonly number[]; readonly assumption: string };
  readonly notes: readonly string[];
}

const evaluated = async (...more: string[]): Promise<Evaluated> => {
  const { code, out, err } = await instar(['evaluate', ...more, '--part', 'all', '--json'], folder);
  assert.equal(code, 0, err);
  return JSON.parse(out) as Evaluated;
};

for (const [name, [preprocessing, line]] of Object.entries(ways))
  test(`${name}: as many right as ONNX Runtime has with the right preprocessing`, async () => {
    const file = `${name.replaceAll(' ', '-')}.onnx`;
    const right = await rightOf(write(file, preprocessing), preprocessing.layout, preprocessing.input);
    const { accuracy, pixels } = await evaluated(file, 'photos');
    assert.match(pixels.assumption, line);
    assert.equal(accuracy, right);
    assert.ok(right > 0.8, `${right} of the images are right`);
  });

test('the assumption is the first line; options override it; near chance says so', async () => {
  write('outside.onnx', { layout: 'NCHW', input: imagenet, inside: false });
  const { out } = await instar(['evaluate', 'outside.onnx', 'photos', '--part', 'all'], folder);
  assert.match(out, /^outside\.onnx does not say how its pixels are scaled; assumed: .*\noutside\.onnx on 100 images/);
  const said = await evaluated('outside.onnx', 'photos', '--mean', '0.485,0.456,0.406', '--std', '0.229,0.224,0.225');
  const found = await evaluated('outside.onnx', 'photos');
  assert.equal(said.accuracy, found.accuracy);
  assert.match(
    said.pixels.assumption,
    /^outside\.onnx is given pixels from 0 to 1, normalised: mean 0\.485, .*: as the options say$/,
  );
  const large = await evaluated('outside.onnx', 'photos', '--mean', '123.675,116.28,103.53', '--std', '58.395,57.12,57.375');
  assert.match(large.pixels.assumption, /is given pixels from 0 to 255, normalised/);
  assert.deepEqual(
    large.pixels.mean.map((value) => Number(value.toFixed(6))),
    imagenet.mean,
  );
  const wrong = await evaluated('outside.onnx', 'photos', '--pixels', '0-1', '--mean', '99');
  assert.ok(wrong.accuracy <= 0.3, `${wrong.accuracy}`);
  assert.match(wrong.notes.join(), /near that of chance, 20\.0 %: what is assumed of the pixels or of the order/);
  assert.doesNotMatch(found.notes.join(), /chance/);
  const inside = await evaluated('bytes-inside.onnx', 'photos', '--pixels', '0-1');
  assert.match(inside.pixels.assumption, /is given pixels from 0 to 1, which it normalises itself \(mean [\d., -]+, deviation /);
});

test('options that cannot be are one line', async () => {
  const refused = async (wanted: RegExp, ...line: string[]): Promise<void> => {
    const { code, out, err } = await instar(line, folder);
    assert.deepEqual([code, out], [2, ''], err);
    assert.match(err, wanted);
  };
  await refused(/--mean: 2 numbers, but images have 3 channels/, 'evaluate', 'outside.onnx', 'photos', '--mean', '0.1,0.2');
  await refused(/--std 0: must be more than 0/, 'evaluate', 'outside.onnx', 'photos', '--std', '0');
  await refused(/--pixels imagenet: has a mean/, 'evaluate', 'outside.onnx', 'photos', '--pixels', 'imagenet', '--mean', '0');
  await refused(/--mean 0\.5: the model takes bytes/, 'evaluate', 'whole/best.onnx', 'photos', '--mean', '0.5');
  await refused(/--mean does not apply to the network of a run/, 'evaluate', 'whole', 'photos', '--mean', '0.5');
  await refused(/--std: only with --from/, 'search', 'photos', '--std', '0.5');
  await refused(/--pixels does not apply to a run/, 'search', 'photos', '--from', 'whole', '--pixels', '0-1');
});

test('predict sees what the run sees, whatever the preprocessing inside, and says what it assumes first', async () => {
  const photo = join('photos', 'blue', '0.png');
  const classesOf = async (...more: string[]): Promise<readonly { name: string; probability: number }[]> => {
    const { code, out, err } = await instar(['predict', ...more, photo, '--json'], folder);
    assert.equal(code, 0, err);
    return must((JSON.parse(out) as { classes: { name: string; probability: number }[] }[])[0], 'image').classes;
  };
  const wanted = await classesOf('whole');
  for (const file of ['bytes-inside-last.onnx', 'unit-inside.onnx']) {
    const found = await classesOf(file);
    found.forEach(({ name, probability }, rank) => {
      assert.equal(name, wanted[rank]?.name, file);
      assert.ok(Math.abs(probability - (wanted[rank]?.probability ?? 9)) < 1e-4, file);
    });
  }
  const { out } = await instar(['predict', 'outside.onnx', photo], folder);
  assert.match(out, /^outside\.onnx does not say how its pixels are scaled; assumed: .*; this may be wrong \(--pixels.*\nphotos/);
});

test('search --from finds the preprocessing, and options override it', async () => {
  const options = tiny.filter((word, at) => word !== '--widths' && tiny[at - 1] !== '--widths');
  const searched = async (file: string, run: string, ...more: string[]): Promise<string> => {
    const line = ['search', 'photos', ...options, '--steps', '0', '--final-epochs', '1', '--run', run, '--from', file, ...more];
    const { code, err } = await instar(line, folder);
    assert.equal(code, 0, err);
    return err;
  };
  const close = (a: readonly number[], b: readonly number[]): void =>
    a.forEach((value, at) => assert.ok(Math.abs(value - (b[at] as number)) < 1e-5, `${a} is not ${b}`));
  const found = await searched('bytes.onnx', 'found');
  assert.match(
    found,
    /bytes\.onnx does not say how its pixels are scaled; assumed: pixels from 0 to 255, with which [\d.]+ % of/,
  );
  const { config } = readRun(join(folder, 'found'));
  close(config.data.mean, bytes.mean);
  close(config.data.std, bytes.std);
  const untrained = /bytes\.onnx: ([\d.]+) % of the validation images are right before training\n/.exec(found);
  assert.ok(Number(untrained?.[1]) > 80, found);
  const said = await searched('unit-inside.onnx', 'said', '--pixels', '0-255');
  assert.match(said, /unit-inside\.onnx is given pixels from 0 to 255, which it normalises itself/);
  const given = must(readRun(join(folder, 'said')).config.from, 'from');
  assert.equal(given.pixels, '0-255');
  assert.ok((given.compared?.difference ?? 1) < 1e-5);
});
