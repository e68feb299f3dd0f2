/** `export` in bytes and to C, as the built program, and the commands of docs/devices.md that run on this machine. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { channelsLast, picked } from '../../src/data/dataset.ts';
import { allBytes } from '../../src/data/images.ts';
import { readDataset } from '../../src/data/read.ts';
import { openRuntime } from '../../src/engine/onnx/runtime.ts';
import { argmax } from '../../src/training/measure.ts';
import { asBytes } from '../../src/util/bytes.ts';
import { readModel } from '../support/tflite-structure.ts';
import { interpret, withoutInterpreter } from '../support/tflite.ts';
import { exportCommand } from '../../src/cli/export.ts';
import type { Given } from '../../src/options/commands.ts';
import { decodeModel } from '../../src/formats/onnx/codec.ts';
import { must } from '../../src/util/assert.ts';
import { UserError } from '../../src/util/user-error.ts';
import { instar, makePhotos, newFolder, pretend, tiny } from './fixtures.ts';

let folder = '';
before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 20);
  const { code, err } = await instar(['search', 'photos', ...tiny, '--run', 'runs/photos'], folder);
  assert.equal(code, 0, err);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const done = async (...line: string[]): Promise<string> => {
  const { code, out, err } = await instar(line, folder);
  assert.equal(code, 0, err);
  return out;
};
const refused = async (wanted: RegExp, ...line: string[]): Promise<void> => {
  const { code, out, err } = await instar(line, folder);
  assert.deepEqual([code, out], [2, ''], err);
  assert.match(err, wanted);
  assert.equal(err.split('\n').length, 2, err);
};
const read = (...path: string[]): Buffer => readFileSync(join(folder, ...path));

test('in bytes: a table of two rows, a file that evaluate and predict take, the same bytes again', async () => {
  const out = await done('export', 'runs/photos', '--int8');
  assert.match(
    out,
    /^runs\/photos\/int8\.onnx \(final\): in bytes\n +size +accuracy +an image\n {2}float +[\d.]+ KiB +[\d.]+ % +[\d.]+ ms\n {2}int8 +[\d.]+ KiB +[\d.]+ % +[\d.]+ ms\n/,
  );
  assert.match(out, /on 15 test images; .*\n {2}ranges of the least squared error on \d+ training images, with their own zeros/);
  const first = read('runs', 'photos', 'int8.onnx');
  const { metadata, graph } = decodeModel(first, 'int8.onnx');
  assert.equal(metadata['numbers'], 'int8');
  assert.ok(graph.nodes.some(({ opType }) => opType === 'QuantizeLinear'));

  const printed = JSON.parse(await done('export', 'runs/photos', '--int8', 'again.onnx', '--json')) as {
    line: string;
    int8: { path: string; float: { accuracy: number }; int8: { accuracy: number; bytes: number }; agreement: number };
  };
  assert.deepEqual(read('again.onnx'), first, 'the same bytes');
  assert.equal(printed.int8.int8.bytes, first.length);
  assert.ok(printed.int8.agreement > 0.8);
  const { accuracy } = JSON.parse(await done('evaluate', 'again.onnx', 'photos', '--json')) as { accuracy: number };
  assert.equal(accuracy, printed.int8.int8.accuracy);
  const [kind = ''] = readdirSync(join(folder, 'photos'));
  assert.match(await done('predict', 'again.onnx', join('photos', kind, '0.png')), /%/);

  await done('export', 'runs/photos', '--int8', 'even.onnx', '--symmetric', '--views', 'flips');
  const zeros = decodeModel(read('even.onnx'), 'even.onnx').graph.initializers.filter(
    ({ dataType, dims }) => dataType === 3 && dims.length === 0,
  );
  assert.ok(zeros.length > 0 && zeros.every(({ raw }) => must(raw, 'zero')[0] === 0));
});

test('C in f32 and in bytes: compiled without a warning, written again to the same bytes', async () => {
  const out = await done('export', 'runs/photos', '--c', 'firmware', '--int8');
  assert.match(
    out,
    /^firmware\/network\.c \(final\) and network\.h: C99 in bytes; [\d,]+ bytes of constants, [\d,]+ bytes of working memory, [\d,]+ multiply-adds an image\n/,
  );
  const files = ['network.c', 'network.h'];
  assert.deepEqual(readdirSync(join(folder, 'firmware')).toSorted(), files);
  const written = files.map((name) => read('firmware', name));
  await done('export', 'runs/photos', '--c', 'firmware', '--int8');
  assert.deepEqual(
    files.map((name) => read('firmware', name)),
    written,
  );
  assert.match(
    written[1]?.toString() ?? '',
    /^\/\*\n \* Written by Instar .*: network final of the run photos, trained on photos\.\n \* [\d.]+ % of 15 test images right\.\n \* How photos become squares: /,
  );
  assert.match(
    await done('export', 'runs/photos', '--c', 'floats', '--step', '0'),
    /C99 in f32; .*\n {2}the same network as ONNX: .* same as the engine/,
  );
  for (const place of ['firmware', 'floats'])
    execFileSync('gcc', '-std=c99 -Wall -Wextra -Werror -pedantic -c network.c -o network.o'.split(' '), {
      cwd: join(folder, place),
    });
  assert.match(
    read('floats', 'network.c').toString(),
    /const char \*const network_classes\[NETWORK_CLASSES\] = \{\n {2}"amber",\n {2}"blue",/,
  );
});

/** Images of the folder's classes as the run reads them, and the class that the network as ONNX tells. */
async function toldByOnnx(): Promise<{ readonly pixels: Uint8Array; readonly told: readonly number[] }> {
  const { dataset } = await readDataset(join(folder, 'photos'), {
    cacheFolder: join(folder, 'lite-cache'),
    environment: process.env,
  });
  const { test: part, shape } = dataset;
  const indices = Uint32Array.from(part.labels, (_label, at) => at);
  const pixels = channelsLast(allBytes(picked(part, shape, indices).images), shape);
  const { library } = await openRuntime('cpu', 1);
  const session = await library.InferenceSession.create(read('runs', 'photos', 'best.onnx'));
  const images = new library.Tensor('uint8', pixels, [indices.length, shape.height, shape.width, shape.channels]);
  const { data, dims } = must((await session.run({ images }))['logits'], 'logits');
  await session.release();
  const classes = must(dims[1], 'classes');
  return { pixels, told: Array.from(indices, (_none, at) => argmax(data as Float32Array, at * classes, classes)) };
}

test('TensorFlow Lite in f32 and in bytes: the last lines, the same bytes again, labels inside', async () => {
  const float = await done('export', 'runs/photos', '--tflite', 'f32.tflite');
  assert.match(
    float,
    /^f32\.tflite \(final\): TensorFlow Lite in f32; [\d.]+ KiB, \d+ operators\n {2}the same network as ONNX: .* same as the engine/,
  );
  const int8 = await done('export', 'runs/photos', '--tflite', 'bytes.tflite', '--int8');
  assert.match(
    int8,
    /^bytes\.tflite \(final\): TensorFlow Lite in bytes; [\d.]+ KiB, \d+ operators\n {2}measured as ONNX, with the same weights and ranges:\n +size +accuracy +an image\n/,
  );
  const ofBytes = read('bytes.tflite');
  const printed = JSON.parse(await done('export', 'runs/photos', '--tflite', 'again.tflite', '--int8', '--json')) as {
    tflite: { path: string; numbers: string; bytes: number };
  };
  assert.deepEqual([printed.tflite.path, printed.tflite.numbers, printed.tflite.bytes], ['again.tflite', 'int8', ofBytes.length]);
  assert.deepEqual(read('again.tflite'), ofBytes);
  const { description, metadata } = readModel(ofBytes);
  assert.match(
    description,
    /^Written by Instar .*: network final of the run photos, trained on photos\.\n[\d.]+ % of 15 test images right\./,
  );
  assert.equal(metadata['numbers'], 'int8');
  const labels = execFileSync(
    'python3',
    ['-c', "import zipfile; print(zipfile.ZipFile('bytes.tflite').read('labels.txt').decode())"],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  assert.deepEqual(labels.trim().split('\n'), JSON.parse(must(metadata['classes'], 'classes')));
});

test('TensorFlow Lite tells the classes of the network as ONNX', { skip: withoutInterpreter }, async () => {
  const { pixels, told } = await toldByOnnx();
  const answers = interpret([
    { name: 'f32', file: read('f32.tflite'), images: asBytes(Float32Array.from(pixels)) },
    { name: 'bytes', file: read('bytes.tflite'), images: pixels.map((pixel) => pixel ^ 0x80) },
  ]);
  const agreeing = (name: string): number => {
    const logits = must(must(answers.get(name), name).own[0], 'logits');
    const classes = logits.length / told.length;
    return told.filter((wanted, at) => argmax(Float32Array.from(logits), at * classes, classes) === wanted).length / told.length;
  };
  assert.equal(agreeing('f32'), 1);
  assert.ok(agreeing('bytes') > 0.8);
});

test('what cannot be written is one line', async () => {
  const inFolder = (...path: string[]): string => join(folder, ...path);
  const wrong = async (wanted: RegExp, given: Given<'export'>, run = inFolder('runs', 'photos')): Promise<void> => {
    const { io, out } = pretend();
    await assert.rejects(exportCommand(run, given, io), (error: Error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, wanted);
      return !error.message.includes('\n');
    });
    assert.equal(out(), '');
  };
  mkdirSync(inFolder('other'));
  writeFileSync(inFolder('other', 'main.c'), '');
  await wrong(/--c .*other: holds other files \(main\.c\); give a folder of its own/, { c: inFolder('other') });
  mkdirSync(inFolder('mine'));
  writeFileSync(inFolder('mine', 'network.c'), 'int x;');
  await wrong(/--c .*mine: holds a network\.c that Instar did not write/, { c: inFolder('mine') });
  await wrong(/where: the folder around it does not exist/, { c: inFolder('no', 'where') });
  await wrong(/main\.c: exists and is not a folder/, { c: inFolder('other', 'main.c') });
  const c = inFolder('new');
  await wrong(/--float or --int8, not both/, { c, float: true, int8: '' });
  await wrong(/--float is for --tflite and --c/, { float: true, onnx: inFolder('x.onnx') });
  await wrong(/--symmetric is for --int8/, { symmetric: true, onnx: inFolder('x.onnx') });
  await wrong(/--views flips: an ONNX file averages over views, C code does not/, { c, views: 'flips' });
  const tflite = inFolder('x.tflite');
  await wrong(/--tflite is in one kind of numbers: give --float or --int8, not both/, { tflite, float: true, int8: '' });
  await wrong(/--views flips: an ONNX file averages over views, a TensorFlow Lite file does not/, { tflite, views: 'flips' });
  await wrong(/--tflite .*x\.tflite: the folder does not exist/, { tflite: inFolder('no', 'x.tflite') });
  await wrong(/--tflite .*other: exists and is not a file/, { tflite: inFolder('other') });
  await wrong(/--int8 and --tflite name the same file/, { tflite, int8: tflite });
  await wrong(/x\.onnx: the folder does not exist/, { int8: inFolder('no', 'x.onnx') });
  await wrong(/name the same file/, { int8: inFolder('x.onnx'), onnx: `${folder}/./x.onnx` });
  await wrong(/nothing to write/, {});
  await wrong(/holds no run/, { c }, inFolder('photos'));
  assert.ok(!existsSync(c) && !existsSync(tflite));
  await refused(/missing required argument 'run'/, 'export', '--int8', 'runs/photos');
  await refused(/QuantizeLinear/, 'search', 'photos', '--from', 'again.onnx', '--run', 'never');
});

/** The first fenced block of a page that begins with these words. */
function blockOf(page: string, begins: string): string {
  const block = [...page.matchAll(/^```(?:\w*)\n([\s\S]*?)^```/gm)]
    .map(([, text = '']) => text)
    .find((text) => text.startsWith(begins));
  return must(block, begins);
}

test('the program of docs/devices.md compiles, and tells the class of a photo', async () => {
  const page = readFileSync(new URL('../../../docs/devices.md', import.meta.url), 'utf8');
  await done('export', 'runs/photos', '--c', 'device', '--int8');
  writeFileSync(join(folder, 'main.c'), blockOf(page, '#include "network.h"'));
  const commands = blockOf(page, 'gcc ').trim().split('\n');
  // What makes a photo raw pixels is another program's; here they are made up.
  writeFileSync(join(folder, 'photo.rgb'), Buffer.alloc(12 * 12 * 3, 200));
  const out = execFileSync('sh', ['-ec', commands.filter((line) => !line.startsWith('convert ')).join('\n')], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.match(out, /^(amber|blue|coral|green|violet) [\d.]+ %\n$/);
});
