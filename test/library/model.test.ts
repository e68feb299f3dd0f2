/** Models that a program holds open: what they say is what `instar predict` says, and what ONNX Runtime computes of the run's file. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { evaluateCommand } from '../../src/cli/evaluate.ts';
import { predictCommand } from '../../src/cli/predict.ts';
import { evaluate, exportModel, load, report, runs, search, type Model, type SearchItem } from '../../src/index.ts';
import { readImage } from '../../src/data/image.ts';
import { readRun } from '../../src/run/record/read.ts';
import { must } from '../../src/util/assert.ts';
import { UserError } from '../../src/util/user-error.ts';
import { makePhotos, newFolder, pretend } from '../cli/fixtures.ts';
import { exportedModel, picture, probabilitiesOf } from '../examples/models.ts';

let folder = '';
let items: SearchItem[] = [];
const at = (name: string): string => join(folder, name);

before(async () => {
  folder = newFolder();
  process.env['INSTAR_CACHE'] = at('cache');
  await makePhotos(at('photos'), 12);
  const settings = {
    widths: [4, 6],
    batch: 16,
    augmentation: { cutout: 0, mixup: 0 },
    vanilla: { epochs: 1 },
    step: { mutations: 2, epochs: 4, children: 2 },
    limits: { steps: 1 },
    final: { epochs: 1 },
  };
  const options = { dataset: at('photos'), preset: 'quick', engine: 'reference', workers: 1, threads: 1, settings } as const;
  for await (const item of search({ ...options, run: at('runs/one') })) items.push(item);
  const { png } = await picture('wide', { channels: 3, height: 30, width: 50 }, 9);
  writeFileSync(at('wide.png'), png);
  writeFileSync(at('clear.png'), await sharp(png).ensureAlpha(0.4).png().toBuffer());
  // Of a model that does not say how its images are made, and of one that does.
  const shape = { channels: 3, height: 16, width: 16 };
  writeFileSync(at('padded.onnx'), exportedModel(shape, ['fig', 'plum', 'sloe'], { fit: 'pad', background: '#2040a0' }));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const photo = (kind: string, index: number): string => at(`photos/${kind}/${index}.png`);
const someFiles = (): string[] => ['amber', 'blue', 'green'].flatMap((kind) => [photo(kind, 0), photo(kind, 1)]);

const refused = async (promise: Promise<unknown>, code: string, message: RegExp): Promise<void> => {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
};

async function using<T>(network: string, use: (model: Model) => Promise<T>): Promise<T> {
  const model = await load(network);
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

test('a search begins with its folder, tells its journal, and ends with what is there', () => {
  const [first, last] = [items[0], items.at(-1)];
  assert.deepEqual(first, { type: 'begin', folder: at('runs/one') });
  const entries = items.slice(1, -1).filter(({ type }) => type !== 'progress');
  assert.deepEqual(entries, readRun(at('runs/one')).replay.entries);
  assert.ok(last?.type === 'done');
  const { state } = readRun(at('runs/one'));
  assert.equal(last.finished, true);
  assert.equal(last.reason, 'steps');
  assert.deepEqual(last.accuracy, {
    test: state.search.tests.get('final')?.measured.accuracy,
    validation: null,
    balanced: last.accuracy.balanced,
    baseline: null,
  });
  const { onnx, weights, network, config, journal, report: page, leftOut } = last.files;
  for (const path of [onnx, weights, network, config, journal]) assert.ok(readFileSync(must(path, 'file')).length > 0);
  assert.deepEqual([page, leftOut], [null, null]);
});

test('the same probabilities as instar predict, for a run, its files and a model of another origin', async () => {
  const files = [...someFiles(), at('wide.png'), at('clear.png')];
  for (const network of ['runs/one', 'runs/one/best.safetensors', 'runs/one/best.onnx', 'padded.onnx'].map(at))
    for (const views of ['image', 'flips'] as const) {
      const { io, out } = pretend({ environment: process.env });
      assert.equal(await predictCommand(network, files, { json: true, top: 2, views }, io), 0);
      const expected = (JSON.parse(out()) as { classes: unknown }[]).map(({ classes }) => classes);
      const found = await using(network, (model) => model.predict(files, { top: 2, views }));
      assert.deepEqual(found, expected, `${network} ${views}`);
    }
});

test('the probabilities are what ONNX Runtime computes of the file', async () => {
  for (const [network, fit, background] of [
    ['runs/one/best.onnx', 'crop', '#ffffff'],
    ['padded.onnx', 'pad', '#2040a0'],
  ] as const)
    await using(at(network), async (model) => {
      assert.deepEqual([model.preprocessing.fit, model.preprocessing.background], [fit, background]);
      for (const file of [photo('coral', 1), at('wide.png'), at('clear.png')]) {
        const { shape, classes } = model;
        const pixels = await readImage(file, shape, { fit, background, bits: 16 });
        const area = shape.height * shape.width;
        const interleaved = pixels.map((_none, index) => pixels[(index % 3) * area + Math.floor(index / 3)] as number);
        const expected = await probabilitiesOf(readFileSync(at(network)), interleaved, shape);
        for (const { name, probability } of await model.predict(file))
          assert.ok(Math.abs(probability - (expected[classes.indexOf(name)] ?? NaN)) < 1e-6, `${file} ${name}`);
      }
    });
});

test('an image may be a path, the bytes of its file, or its pixels with or without opacity', async () => {
  for (const network of ['runs/one', 'padded.onnx'])
    await using(at(network), async (model) => {
      for (const [name, channels] of [
        ['wide.png', 3],
        ['clear.png', 4],
      ] as const) {
        const bytes = readFileSync(at(name));
        const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
        assert.equal(info.channels, channels);
        const { width, height } = info;
        const expected = await model.predict(at(name));
        const inputs = [
          bytes,
          new Uint8Array(bytes),
          new Uint8Array(bytes).buffer,
          { data, width, height },
          // As an ImageData is.
          { data: new Uint8ClampedArray(data), width, height, colorSpace: 'srgb' },
        ];
        for (const input of inputs) assert.deepEqual(await model.predict(input), expected, name);
        assert.deepEqual(
          await model.predict(inputs),
          inputs.map(() => expected),
          'as one batch',
        );
      }
    });
});

test('batches of any size say what single images say', async () => {
  const files = Array.from({ length: 83 }, (_none, index) => photo(['amber', 'blue', 'coral'][index % 3] as string, index % 12));
  for (const network of ['runs/one', 'padded.onnx'])
    await using(at(network), async (model) => {
      const all = await model.predict(files);
      assert.equal(all.length, files.length);
      for (const index of [0, 31, 32, 63, 64, 82]) {
        const single = await model.predict(files[index] as string);
        single.forEach(({ name, probability }) => {
          const other = all[index]?.find((each) => each.name === name)?.probability ?? NaN;
          assert.ok(Math.abs(other - probability) < 1e-6, `${network} ${index}`);
        });
        assert.ok(Math.abs(single.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-6);
      }
      assert.deepEqual(await model.predict([]), []);
    });
});

test('calls that overlap say what they say alone, also where some of them are aborted', async () => {
  for (const network of ['runs/one', 'padded.onnx'])
    await using(at(network), async (model) => {
      const files = someFiles();
      const alone = [];
      for (const file of files) alone.push(await model.predict(file));
      const stopped = new AbortController();
      const big = model.predict(
        Array.from({ length: 400 }, () => files[0] as string),
        { signal: stopped.signal },
      );
      const together = Promise.all([...files, ...files].map((file) => model.predict(file)));
      stopped.abort(new Error('enough'));
      await assert.rejects(big, /^Error: enough$/);
      assert.deepEqual(await together, [...alone, ...alone]);
      await assert.rejects(model.predict(files, { signal: AbortSignal.abort(new Error('before')) }), /^Error: before$/);
    });
});

test('what is opened may be aborted', async () => {
  for (const network of ['runs/one', 'padded.onnx']) {
    await assert.rejects(load(at(network), { signal: AbortSignal.abort(new Error('before')) }), /^Error: before$/);
    const controller = new AbortController();
    const opening = load(at(network), { signal: controller.signal });
    controller.abort(new Error('meanwhile'));
    await assert.rejects(opening, /^Error: meanwhile$/);
  }
});

test('what was disposed of says so, in calls that go on and in later ones', async () => {
  for (const network of ['runs/one', 'padded.onnx']) {
    const model = await load(at(network));
    const going = model.predict(Array.from({ length: 200 }, () => at('wide.png')));
    const ended = refused(going, 'INSTAR_DISPOSED', /: the model was disposed of$/);
    await Promise.all([model.dispose(), model.dispose(), model[Symbol.asyncDispose]()]);
    await ended;
    await refused(model.predict(at('wide.png')), 'INSTAR_DISPOSED', /: the model was disposed of$/);
    await refused(evaluate(model, at('photos')), 'INSTAR_DISPOSED', /: the model was disposed of$/);
  }
});

test('what is no image is named', async () => {
  writeFileSync(at('cut.png'), readFileSync(at('wide.png')).subarray(0, 200));
  writeFileSync(at('words.txt'), 'no image');
  mkdirSync(at('folder.png'), { recursive: true });
  await using(at('runs/one'), async (model) => {
    const wrong: readonly (readonly [unknown, string, RegExp])[] = [
      [at('gone.png'), 'INSTAR_NOT_FOUND', /gone\.png: does not exist$/],
      [at('folder.png'), 'INSTAR_WRONG_INPUT', /folder\.png: is a folder/],
      [at('cut.png'), 'INSTAR_WRONG_IMAGE', /cut\.png: damaged or cut short/],
      [at('words.txt'), 'INSTAR_WRONG_IMAGE', /words\.txt: not an image/],
      [Buffer.from('no image'), 'INSTAR_WRONG_IMAGE', /^image: not an image/],
      [Buffer.alloc(0), 'INSTAR_WRONG_IMAGE', /^image: an empty file$/],
      [
        { data: new Uint8Array(11), width: 2, height: 2 },
        'INSTAR_WRONG_IMAGE',
        /^image: 11 bytes are no image of 2 × 2 pixels: RGB has 12, RGBA 16$/,
      ],
      [{ data: new Uint8Array(4), width: 2, height: 2 }, 'INSTAR_WRONG_IMAGE', /^image: 4 bytes are no image/],
      [{ data: [1, 2, 3], width: 1, height: 1 }, 'INSTAR_WRONG_OPTION', /^image: must be a path/],
      [{ data: new Float32Array(3), width: 1, height: 1 }, 'INSTAR_WRONG_OPTION', /^image: must be a path/],
      [{ data: new Uint8Array(0), width: 0, height: 0 }, 'INSTAR_WRONG_OPTION', /^image: must be a path/],
      [{ data: new Uint8Array(3), width: 1.5, height: 2 }, 'INSTAR_WRONG_OPTION', /^image: must be a path/],
      ['', 'INSTAR_WRONG_OPTION', /^image: must be a path/],
      [null, 'INSTAR_WRONG_OPTION', /^image: must be a path/],
      [undefined, 'INSTAR_MISSING_OPTION', /^image: is missing$/],
      [7, 'INSTAR_WRONG_OPTION', /^image: must be a path/],
    ];
    for (const [image, code, message] of wrong) {
      await refused(model.predict(image as string), code, message);
      const inBatch = new RegExp(message.source.replace('^image:', '^images\\[1\\]:'));
      await refused(model.predict([at('wide.png'), image as string]), code, inBatch);
    }
    for (const [options, message] of [
      [{ top: 0 }, /^top: must be at least 1$/],
      [{ top: 1.5 }, /^top: must be a whole number$/],
      [{ views: 'flip' }, /^views: .*; did you mean flips\?$/],
      [null, /^options: must be an object$/],
      [{ signal: {} }, /^signal: must be an AbortSignal$/],
    ] as const)
      await refused(model.predict(at('wide.png'), options as never), 'INSTAR_WRONG_OPTION', message);
    await refused(model.predict(at('wide.png'), { batch: 3 } as never), 'INSTAR_UNKNOWN_OPTION', /^there is no option batch/);
  });
});

test('evaluate says what instar evaluate says, of a path and of a model', async () => {
  for (const network of ['runs/one', 'padded.onnx'].map(at)) {
    const data = network.endsWith('.onnx') ? at('fruit') : at('photos');
    for (const name of ['fig', 'plum', 'sloe']) {
      mkdirSync(at(`fruit/${name}`), { recursive: true });
      for (const each of ['wide.png', 'clear.png']) writeFileSync(at(`fruit/${name}/${each}`), readFileSync(at(each)));
    }
    const { io, out } = pretend({ environment: process.env });
    assert.equal(await evaluateCommand(network, data, { json: true, part: 'all' }, io), 0);
    const expected: unknown = JSON.parse(out());
    assert.deepEqual(await evaluate(network, data, { part: 'all' }), expected);
    const found = await using(network, (model) => evaluate(model, data, { part: 'all' }));
    assert.deepEqual(found, expected);
    assert.equal(
      found.perClass.reduce((sum, { images }) => sum + images, 0),
      found.images,
    );
    await refused(
      using(network, (model) => evaluate(model, data, { fit: 'pad' })),
      'INSTAR_WRONG_OPTION',
      /^fit: is an option of load/,
    );
    await assert.rejects(evaluate(network, data, { signal: AbortSignal.abort(new Error('before')) }), /^Error: before$/);
  }
});

test('report, exportModel, runs', async () => {
  const shown = await report(at('runs/one'), { out: false });
  assert.deepEqual([shown.path, shown.figures], [null, 0]);
  assert.match(shown.html, /^<!doctype html>/i);
  const written = await report(at('runs/one'), { figures: at('figures') });
  assert.equal(written.path, at('runs/one/report.html'));
  assert.equal(readFileSync(at('runs/one/report.html'), 'utf8'), written.html);
  assert.ok(written.figures > 3);
  await refused(report([at('runs/one'), at('runs/one')]), 'INSTAR_MISSING_OPTION', /^out FILE is missing/);
  const { path, line, verified } = await exportModel(at('runs/one'), { onnx: at('out.onnx') });
  assert.deepEqual([path, line], [at('out.onnx'), 'final']);
  assert.equal(verified.agreement, 1);
  assert.deepEqual(readFileSync(path), readFileSync(at('runs/one/best.onnx')));
  await refused(exportModel(at('runs/one'), { onnx: at('x.onnx'), step: 9 }), 'INSTAR_WRONG_INPUT', /no winner of such a step/);
  const lite = await exportModel(at('runs/one'), { tflite: at('out.tflite'), numbers: 'int8' });
  assert.deepEqual([lite.path, lite.tflite?.bytes], [at('out.tflite'), readFileSync(at('out.tflite')).length]);
  assert.ok((lite.quantised?.agreement ?? 0) > 0.5);
  await refused(
    exportModel(at('runs/one'), { tflite: at('no/x.tflite') }),
    'INSTAR_NOT_FOUND',
    /^tflite .*the folder does not exist$/,
  );
  const [only, ...more] = await runs(at('runs'));
  assert.deepEqual([only?.folder, only?.state, only?.test, more], [at('runs/one'), 'finished', verified.accuracy, []]);
});
