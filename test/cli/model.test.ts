/** `export`, and `evaluate` and `predict` on .onnx files, as the built program. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { graphBuilder, modelOf } from '../../src/formats/onnx/build.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { dataType } from '../../src/formats/onnx/proto.ts';
import { readRun } from '../../src/run/record/read.ts';
import { must } from '../../src/util/assert.ts';
import { zipOf } from '../data/packed.ts';
import { instar, makePhotos, newFolder, tiny } from './fixtures.ts';

let folder = '';
before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 20);
  const { code, err } = await instar(['search', 'photos', ...tiny, '--run', 'whole'], folder);
  assert.equal(code, 0, err);
  assert.match(err, /best\.onnx \(final\): .* test images logits within .* same as the engine/);
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Evaluated {
  readonly accuracy: number;
  readonly loss: number | null;
  readonly confusion: readonly (readonly number[])[];
  readonly pixels: { readonly assumption: string } | null;
  readonly notes: readonly string[];
}

const evaluated = async (...more: string[]): Promise<Evaluated> => {
  const { code, out, err } = await instar(['evaluate', ...more, '--json'], folder);
  assert.equal(code, 0, err);
  return JSON.parse(out) as Evaluated;
};

const refused = async (wanted: RegExp, ...line: string[]): Promise<void> => {
  const { code, out, err } = await instar(line, folder);
  assert.deepEqual([code, out], [2, ''], err);
  assert.match(err, wanted);
  assert.equal(err.split('\n').length, 2, err);
};

test('the file finds what the run found, to the last image', async () => {
  const measured = must(readRun(join(folder, 'whole')).state.search.tests.get('final'), 'test').measured;
  const file = await evaluated('whole/best.onnx', 'photos');
  assert.equal(file.accuracy, measured.accuracy);
  assert.deepEqual(file.confusion, (await evaluated('whole', 'photos')).confusion);
  const { out } = await instar(['evaluate', 'whole/best.onnx', 'photos'], folder);
  assert.match(
    out,
    /^whole\/best\.onnx takes bytes and normalises them itself .*\nwhole\/best\.onnx on 15 test images \(held out: 15 % of the folder\) of photos\naccuracy [\d.]+ %\n/,
  );
});

test('predict with the file sees what predict with the run sees', async () => {
  const [kind = ''] = readdirSync(join(folder, 'photos'));
  const images = readdirSync(join(folder, 'photos', kind))
    .slice(0, 4)
    .map((name) => join('photos', kind, name));
  const [run, file] = await Promise.all(
    ['whole', 'whole/best.onnx'].map(async (network) => {
      const { code, out, err } = await instar(['predict', network, ...images, '--json'], folder);
      assert.equal(code, 0, err);
      return JSON.parse(out) as { classes: { name: string; probability: number }[] }[];
    }),
  );
  run?.forEach(({ classes }, image) =>
    classes.forEach(({ name, probability }) => {
      const other = file?.[image]?.classes.find((one) => one.name === name);
      assert.ok(Math.abs((other?.probability ?? 9) - probability) < 1e-4, name);
    }),
  );
});

test('evaluate measures the same images in a folder, an archive and a table', async () => {
  await makePhotos(join(folder, 'others'), 3);
  const files: Record<string, Uint8Array> = {};
  const rows: string[] = [];
  for (const kind of readdirSync(join(folder, 'others')))
    for (const name of readdirSync(join(folder, 'others', kind))) {
      const bytes = readFileSync(join(folder, 'others', kind, name));
      files[`${kind}/${name}`] = bytes;
      mkdirSync(join(folder, 'flat'), { recursive: true });
      writeFileSync(join(folder, 'flat', `${kind}-${name}`), bytes);
      rows.push(`${kind}-${name},${kind}`);
    }
  writeFileSync(join(folder, 'flat', 'labels.csv'), ['file,class', ...rows].join('\n'));
  writeFileSync(join(folder, 'others.zip'), zipOf(files));
  const whole = await evaluated('whole', 'others');
  assert.equal(
    whole.confusion.flat().reduce((sum, count) => sum + count, 0),
    rows.length,
    'all images',
  );
  for (const data of [
    ['others.zip'],
    ['flat'],
    ['flat/labels.csv'],
    ['flat', '--labels', 'flat/labels.csv', '--label-column', '2'],
  ])
    assert.deepEqual((await evaluated('whole', ...data)).confusion, whole.confusion, data.join(' '));
  assert.deepEqual((await evaluated('whole/best.onnx', 'others.zip')).confusion, whole.confusion);
  await refused(/flat\/labels\.csv has no such column of labels/, 'evaluate', 'whole', 'flat', '--label-column', 'x');
});

test('evaluate knows the data of the run in an archive', async () => {
  const files: Record<string, Uint8Array> = {};
  for (const kind of readdirSync(join(folder, 'photos')))
    for (const name of readdirSync(join(folder, 'photos', kind)))
      files[`photos/${kind}/${name}`] = readFileSync(join(folder, 'photos', kind, name));
  writeFileSync(join(folder, 'same.zip'), zipOf(files));
  const found = await evaluated('whole', 'same.zip');
  assert.deepEqual(found.confusion, (await evaluated('whole', 'photos')).confusion);
  assert.match(found.notes.join(), /the run's own data/);
});

test('export: the winner, the vanilla network, and what cannot be', async () => {
  const { code, out } = await instar(['export', 'whole', '--onnx', 'winner.onnx'], folder);
  assert.equal(code, 0);
  assert.match(
    out,
    /^winner\.onnx \(final\): [\d.]+ KiB; on 15 test images logits within \de-\d+, accuracy [\d.]+ %, same as the engine; /,
  );
  assert.deepEqual(readFileSync(join(folder, 'winner.onnx')), readFileSync(join(folder, 'whole', 'best.onnx')));
  const vanilla = await instar(['export', 'whole', '--onnx', 'vanilla.onnx', '--step', '0', '--json'], folder);
  assert.equal((JSON.parse(vanilla.out) as { line: string }).line, 'vanilla');
  const { out: shown } = await instar(['show', 'whole'], folder);
  assert.match(shown, /best\.onnx +final: /);

  await refused(/nothing to write: give --onnx FILE, --int8, --tflite FILE or --c FOLDER/, 'export', 'whole');
  await refused(/holds no run/, 'export', 'photos', '--onnx', 'x.onnx');
  await refused(/--step two: must be a number/, 'export', 'whole', '--onnx', 'x.onnx', '--step', 'two');
  await refused(
    /--child s9c9: the run has no such network; there are vanilla/,
    'export',
    'whole',
    '--onnx',
    'x.onnx',
    '--child',
    's9c9',
  );
  await refused(/--step or --child, not both/, 'export', 'whole', '--onnx', 'x.onnx', '--child', 's1c1', '--step', '1');
  await refused(/the folder does not exist/, 'export', 'whole', '--onnx', 'no/x.onnx');
  await refused(/exists and is not a file/, 'export', 'whole', '--onnx', 'photos');
});

/** A classifier of photos by their mean red, green and blue: float32, one fixed batch, no names. */
function foreign(layout: 'NCHW' | 'NHWC', classes: number, batch: number | string): Uint8Array {
  const graph = graphBuilder();
  const planes = layout === 'NCHW' ? 'image' : graph.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
  const means = graph.node('Flatten', [graph.node('GlobalAveragePool', [planes])], { axis: 1 });
  const kernel = graph.floats(
    'kernel',
    [classes, 3],
    Array.from({ length: 3 * classes }, (_none, i) => Math.sin(i)),
  );
  const sums = graph.node('Gemm', [means, kernel], { transB: 1 });
  graph.nodeOf('Softmax', [sums], ['scores'], { axis: 1 });
  const shape = layout === 'NCHW' ? [batch, 3, 16, 16] : [batch, 16, 16, 3];
  return encodeModel(
    modelOf(
      graph.graph(
        'foreign',
        [{ name: 'image', elementType: dataType.float, shape }],
        [{ name: 'scores', elementType: dataType.float, shape: [batch, classes] }],
      ),
      '0',
    ),
  );
}

test('a foreign classifier: layouts, a fixed batch, and how pixels are scaled', async () => {
  const classes = readdirSync(join(folder, 'photos')).length;
  const found: Evaluated[] = [];
  for (const [name, layout, batch] of [
    ['a', 'NCHW', 'N'],
    ['b', 'NHWC', 4],
  ] as const) {
    writeFileSync(join(folder, `${name}.onnx`), foreign(layout, classes, batch));
    found.push(await evaluated(`${name}.onnx`, 'photos', '--part', 'all'));
  }
  assert.deepEqual(found[0]?.confusion, found[1]?.confusion);
  assert.equal(
    found[0]?.confusion.flat().reduce((sum, count) => sum + count, 0),
    100,
  );
  assert.match(found[0]?.pixels?.assumption ?? '', /^a\.onnx does not say how its pixels are scaled; assumed: /);
  const raw = await evaluated('a.onnx', 'photos', '--part', 'all', '--pixels', 'raw');
  const own = await evaluated('a.onnx', 'photos', '--part', 'all', '--pixels', 'normalised');
  assert.notDeepEqual(raw.confusion, own.confusion);
  const { code, out } = await instar(['predict', 'a.onnx', 'photos/amber/0.png', '--top', '5'], folder);
  assert.equal(code, 0);
  for (let k = 0; k < classes; k++) assert.ok(out.includes(`class ${k}`), out);
});

test('what is no classifier of these images is one line', async () => {
  writeFileSync(join(folder, 'seven.onnx'), foreign('NCHW', 7, 'N'));
  await refused(/has 7 classes, but photos has 5/, 'evaluate', 'seven.onnx', 'photos');
  await refused(/--pixels unit: the model takes bytes/, 'evaluate', 'whole/best.onnx', 'photos', '--pixels', 'unit');
  await refused(
    /--pixels loud: must be one of 0-255, 0-1, -1-1, imagenet, normalised, raw, unit/,
    'evaluate',
    'whole/best.onnx',
    'photos',
    '--pixels',
    'loud',
  );
  writeFileSync(join(folder, 'noise.onnx'), 'no model at all');
  await refused(/noise\.onnx: not a valid ONNX file/, 'evaluate', 'noise.onnx', 'photos');
  await refused(/gone\.onnx: does not exist/, 'evaluate', 'gone.onnx', 'photos');
  mkdirSync(join(folder, 'folder.onnx'));
  await refused(/folder\.onnx: is not a file/, 'evaluate', 'folder.onnx', 'photos');
});
