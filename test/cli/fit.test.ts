/** Pictures of 80×30 whose class is seen at a side: a search, and whatever takes its network, fits them as it did. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeModel, decodeModel } from '../../src/formats/onnx/codec.ts';
import { readRun } from '../../src/run/record/read.ts';
import { must } from '../../src/util/assert.ts';
import { idxFiles, putAll, putSided } from '../data/places.ts';
import { instar, newFolder, tiny } from './fixtures.ts';

let folder = '';
const background = '#102030';

async function searched(run: string, ...more: string[]): Promise<string> {
  const { code, err } = await instar(['search', 'wide', ...tiny, '--image-size', '12', '--run', run, ...more], folder);
  assert.equal(code, 0, err);
  return err;
}

const testAccuracy = (run: string): number =>
  must(readRun(join(folder, run)).state.search.tests.get('final'), 'test').measured.accuracy;

const metadataOf = (path: string) => decodeModel(readFileSync(join(folder, path)), path).metadata;

before(async () => {
  folder = newFolder();
  await putSided(join(folder, 'wide'), [80, 30], 60, 40);
  const said = await searched('padded', '--background', background);
  assert.match(said, /wide: images are padded to squares: cutting them to their centre would lose 63 % of their pixels/);
  assert.match(said, /3×12×12, padded; 2 classes/);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const evaluated = async (...more: string[]): Promise<number> => {
  const { code, out, err } = await instar(['evaluate', ...more, '--json'], folder);
  assert.equal(code, 0, err);
  return (JSON.parse(out) as { readonly accuracy: number }).accuracy;
};

/** The probabilities of the class of some test images. */
async function predicted(network: string, ...more: string[]): Promise<number[]> {
  const images = ['blue', 'red'].flatMap((name) => [0, 1, 2].map((at) => join('wide', 'test', name, `${at}.png`)));
  const { code, out, err } = await instar(['predict', network, ...images, '--json', ...more], folder);
  assert.equal(code, 0, err);
  return (JSON.parse(out) as { image: string; classes: { name: string; probability: number }[] }[]).map(
    ({ image, classes }) =>
      must(
        classes.find(({ name }) => image.includes(name)),
        'class',
      ).probability,
  );
}

test('padded and stretched pictures are told apart, cropped ones are not', async () => {
  assert.ok(testAccuracy('padded') > 0.95, `${testAccuracy('padded')}`);
  await searched('stretched', '--fit', 'stretch');
  assert.ok(testAccuracy('stretched') > 0.95, `${testAccuracy('stretched')}`);
  await searched('cropped', '--fit', 'crop');
  assert.ok(testAccuracy('cropped') < 0.75, `${testAccuracy('cropped')}`);
});

test('the file says it, with the background, and evaluate and predict follow it; --fit says otherwise', async () => {
  const { fit, background: under, bits } = metadataOf('padded/best.onnx');
  assert.deepEqual([fit, under, bits], ['pad', background, '16']);
  for (const network of ['padded', 'padded/best.onnx', 'padded/best.safetensors'])
    assert.equal(await evaluated(network, 'wide'), testAccuracy('padded'), network);
  assert.ok((await evaluated('padded/best.onnx', 'wide', '--fit', 'crop')) < 0.75);
  const [run, file, tensors, cropped] = [
    await predicted('padded'),
    await predicted('padded/best.onnx'),
    await predicted('padded/best.safetensors'),
    await predicted('padded/best.onnx', '--fit', 'crop'),
  ];
  for (const own of [file, tensors])
    own.forEach((probability, at) => assert.ok(Math.abs(probability - (run[at] as number)) < 1e-5, `${probability}`));
  assert.ok(Math.min(...run) > 0.5, run.join());
  assert.ok(cropped.some((probability, at) => Math.abs(probability - (run[at] as number)) > 0.01));
  assert.equal((await instar(['export', 'padded', '--step', '0', '--onnx', 'start.onnx'], folder)).code, 0);
  assert.equal(metadataOf('start.onnx')['fit'], 'pad');
});

test('a file that does not say it takes cropped images', async () => {
  const model = decodeModel(readFileSync(join(folder, 'padded', 'best.onnx')), 'model');
  const { fit: _fit, background: _background, bits: _bits, ...metadata } = model.metadata;
  writeFileSync(join(folder, 'unsaid.onnx'), encodeModel({ ...model, metadata }));
  assert.ok((await evaluated('unsaid.onnx', 'wide')) < 0.75);
  assert.equal(await evaluated('unsaid.onnx', 'wide', '--fit', 'pad'), testAccuracy('padded'));
});

test('which images were held out is known as the network was trained alone', async () => {
  mkdirSync(join(folder, 'other'));
  renameSync(join(folder, 'wide', 'train'), join(folder, 'other', 'wide'));
  try {
    const refused = await instar(['evaluate', 'padded/best.onnx', 'other/wide', '--fit', 'crop', '--part', 'test'], folder);
    assert.deepEqual([refused.code, refused.out], [2, '']);
    assert.match(refused.err, /--fit crop: which images were held out is known with --fit pad alone; --part all takes all/);
    assert.ok((await evaluated('padded/best.onnx', 'other/wide', '--fit', 'crop', '--part', 'all')) < 0.75);
  } finally {
    renameSync(join(folder, 'other', 'wide'), join(folder, 'wide', 'train'));
  }
});

test('a network that is grown further gets its images as before; other data than folders are refused', async () => {
  const own = tiny.filter((word) => word !== '--widths' && word !== '4,6');
  const more = await instar(['plan', 'wide', ...own, '--from', 'padded/best.onnx', '--fit', 'crop'], folder);
  assert.equal(more.code, 0, more.err);
  assert.doesNotMatch(more.err, /padded/);
  await putSided(join(folder, 'square'), [30, 30], 12, 8);
  for (const from of ['padded', 'padded/best.onnx', 'padded/best.safetensors']) {
    const { code, err } = await instar(['plan', 'square', ...own, '--from', from], folder);
    assert.equal(code, 0, err);
    assert.match(err, new RegExp(`images are padded, as those of ${basename(from)} were \\(--fit changes that\\)`));
  }
  const run = await instar(['evaluate', 'padded', 'wide', '--fit', 'crop'], folder);
  assert.deepEqual([run.code, run.out], [2, '']);
  assert.match(run.err, /--fit does not apply to the network of a run/);
  await putAll(join(folder, 'idx'), idxFiles());
  const idx = await instar(['plan', 'idx', ...tiny, '--fit', 'pad'], folder);
  assert.deepEqual([idx.code, idx.out], [2, '']);
  assert.match(idx.err, /--fit pad: only for folders of images/);
});
