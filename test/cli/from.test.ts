/** `--from` on the command line: a folder of photos is read at the model's size, and what was found is told. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { readRun } from '../../src/run/record/read.ts';
import { must } from '../../src/util/assert.ts';
import { handmadeModel, headOf } from '../support/onnx-models.ts';
import { instar, makePhotos, newFolder, start, tiny, until } from './fixtures.ts';

let folder = '';
const classes = ['coral', 'violet', 'amber'];

before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 12);
  const model = handmadeModel(
    (g, x) => headOf(g, g.node('Relu', [g.node('Conv', [x, g.weights(6, 3, 3, 3), g.weights(6)])]), 6),
    {
      extents: [3, 9, 9],
      metadata: { classes: JSON.stringify(classes) },
    },
  );
  writeFileSync(join(folder, 'model.onnx'), encodeModel(model));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Without the vanilla network's widths. */
const options = tiny.filter((word, at) => word !== '--widths' && tiny[at - 1] !== '--widths');

test('a folder of photos is brought to the size of the model, and the run says where it comes from', async () => {
  const { code, out, err } = await instar(['search', 'photos', ...options, '--run', 'run', '--from', 'model.onnx'], folder);
  assert.equal(code, 0, err);
  const { config, state } = readRun(join(folder, 'run'));
  assert.deepEqual(config.data.shape, { channels: 3, height: 9, width: 9 });
  assert.equal(config.data.imageSize, null);
  assert.equal(must(config.from, 'from').imageSize, 9);
  for (const words of [
    'model.onnx has 3 classes, photos has 5: its last layer is initialized again',
    'model.onnx: 1 batch normalisation is added after its convolutions',
    'given network model.onnx: ',
    'model.onnx: epoch 1, ',
  ])
    assert.ok(err.includes(words), `${words} in\n${err}`);
  assert.match(err, /^from model\.onnx; on \d+ images? its logits are within \S+ of ONNX Runtime's$/m);
  assert.doesNotMatch(`${out}${err}`, /vanilla network/);
  assert.ok(state.search.finished);
  const shown = await instar(['show', 'run'], folder);
  assert.match(shown.out, /^from model\.onnx; /m);
  assert.match(shown.out, /^Given network model\.onnx {2}/m);
  assert.match(shown.out, /^lineage +model\.onnx /m);
  // In what people read of it nothing is called vanilla; `vanilla.epochs` is a setting.
  const report = await instar(['report', 'run'], folder);
  assert.equal(report.code, 0, report.err);
  const page = readFileSync(join(folder, 'run', 'report.html'), 'utf8').replace(
    /<style>[^]*?<\/style>|<script[^]*?<\/script>/g,
    '',
  );
  for (const said of [`${out}${err}`, shown.out, page.replace(/\b(id|href|for)="[^"]*"/g, '')])
    assert.doesNotMatch(said, /.{0,60}\bvanilla\b(?!\.(?:epochs|rate)).{0,40}/);
  assert.match(page, /Children of model\.onnx: validation accuracy/);
});

test('resumed where the cache is gone, the photos are decoded again at the same size', async () => {
  const going = start(['search', 'photos', ...options, '--json', '--run', 'stopped', '--from', 'model.onnx'], folder);
  await until(() => going.out().includes('"type":"epoch"'));
  going.process.kill('SIGINT');
  assert.equal((await going.ended).code, 130);
  rmSync(join(folder, 'cache'), { recursive: true });
  const resumed = await instar(['resume', 'stopped'], folder);
  assert.equal(resumed.code, 0, resumed.err);
  assert.match(resumed.err, /decoding images: 60 of 60/);
});

test('another size is refused where a layer reads the whole map', async () => {
  const model = handmadeModel((g, x) => g.node('Gemm', [g.node('Flatten', [x]), g.weights(243, 3)]), { extents: [3, 9, 9] });
  writeFileSync(join(folder, 'flat.onnx'), encodeModel(model));
  const { code, err } = await instar(
    ['search', 'photos', ...options, '--image-size', '12', '--run', 'no', '--from', 'flat.onnx'],
    folder,
  );
  assert.equal(code, 2);
  assert.match(err, /^instar: flat\.onnx takes images of 9×9 only; those of photos are 12×12\n$/m);
});
