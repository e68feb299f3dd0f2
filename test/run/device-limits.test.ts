/** A run under limits of bytes and working memory: its files keep them, it says so; what is impossible is refused before an image is decoded. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryCache } from '../../src/run/preparing/spare-cache.ts';
import { begin } from '../../src/run/preparing/begin.ts';
import { deployStructure } from '../../src/deploy/lower.ts';
import { secondsOf } from '../../src/deploy/latency.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { search } from '../../src/run/driving/open.ts';
import { exportFiles } from '../../src/run/driving/export.ts';
import { describeDevice } from '../../src/run/display/wording.ts';
import { readRun } from '../../src/run/record/read.ts';
import { summary } from '../../src/cli/summary.ts';
import { networkOf } from '../../src/search/state.ts';
import { UserError } from '../../src/util/user-error.ts';
import { must } from '../../src/util/assert.ts';
import { collect, engine, finishedRun, newFolder, tiny } from '../support/runs.ts';

await test('the C code in bytes needs the working memory that the limit allows, and its weights are within theirs', async () => {
  const limits = { steps: 1, memory: 2 ** 32, bytes: 3 * 1024, activations: 900 };
  const run = await finishedRun({
    engine,
    settings: { ...tiny.settings, step: { children: 3, mutations: 5, epochs: 12 }, limits },
  });
  const { state, config } = readRun(run);
  for (const id of state.search.candidates.keys()) {
    const words = must(describeDevice(networkOf(state.search, id), config.settings.limits), 'limits');
    const [bytes, activations] = [...words.matchAll(/([\d,]+) of [\d,]+ bytes/g)].map(([, size]) =>
      Number(size?.replaceAll(',', '')),
    );
    assert.ok((bytes ?? Infinity) <= 3 * 1024 && (activations ?? Infinity) <= 900, words);
  }
  const folder = join(newFolder(), 'device');
  mkdirSync(folder, { recursive: true });
  const { code } = await exportFiles(run, { code: { folder, numbers: 'int8' } });
  const header = readFileSync(join(folder, 'network.h'), 'utf8');
  const arena = Number(/NETWORK_ARENA_BYTES (\d+)/.exec(header)?.[1]);
  assert.equal(arena, code?.arenaBytes);
  assert.ok(arena <= 900);
  const lines = summary(state, config, run, '', false).join('\n');
  assert.match(
    lines,
    new RegExp(`device +[\\d,]+ of 3,072 bytes of int8 weights, ${arena} of 900 bytes of working memory in int8`),
  );
});

test('limits that nothing keeps are refused before an image is decoded', async () => {
  const folder = newFolder();
  for (const kind of ['a', 'b', 'c'])
    for (let at = 0; at < 12; at++) {
      mkdirSync(join(folder, kind), { recursive: true });
      // No image at all: whoever decodes it says so.
      writeFileSync(join(folder, kind, `${at}.png`), `not an image ${at}`);
    }
  const spare = temporaryCache();
  const cache = process.env['INSTAR_CACHE'];
  process.env['INSTAR_CACHE'] = join(folder, '..', 'cache');
  const refused = (limits: object, size: object, message: RegExp) =>
    assert.rejects(begin({ dataset: folder, engine: 'reference', settings: { limits }, ...size }, spare), (error: unknown) => {
      assert.ok(error instanceof UserError && !error.message.includes('\n'), String((error as Error).stack));
      assert.match(error.message, message);
      return true;
    });
  try {
    await refused(
      { bytes: 100 },
      {},
      /^the smallest staged network for images in 3 classes has at least [\d,]+ bytes of int8 weights, over the limit of 100 \(--max-bytes\)$/,
    );
    await refused(
      { bytes: 100, activations: 20_000 },
      { imageSize: 64 },
      /^the smallest staged network for images of 64×64 in 3 classes has at least [\d,]+ bytes of int8 weights, over the limit of 100 \(--max-bytes\) and at least [\d,]+ bytes of working memory in int8, over the limit of 20,000 \(--max-activations\)$/,
    );
    // Working memory follows from the size of the images, which is not known here: the images are what is wrong.
    await refused({ activations: 20_000 }, {}, /\.png|read/);
  } finally {
    spare.remove();
    if (cache === undefined) delete process.env['INSTAR_CACHE'];
    else process.env['INSTAR_CACHE'] = cache;
  }
});

await test('latency: times are measured once a machine, kept with the run, and decide the same when it is resumed', async () => {
  const cache = process.env['INSTAR_CACHE'];
  process.env['INSTAR_CACHE'] = join(newFolder(), 'cache');
  try {
    const notes: string[] = [];
    const onData = (event: DataEvent): void => void (event.kind === 'note' && notes.push(event.message));
    const asked = { ...tiny, engine, onData, settings: { ...tiny.settings, limits: { steps: 1, memory: 2 ** 32, latency: 10 } } };
    const run = newFolder();
    await collect(search({ ...asked, run }));
    assert.ok(notes.some((note) => note.startsWith('measuring how long operations take')));
    const { state, config } = readRun(run);
    const times = must(config.times, 'times');
    assert.match(times.of, /^ONNX Runtime [\d.]+, f32, one thread, /);
    const latencies = [...state.search.candidates.keys()].map((id) =>
      secondsOf(deployStructure(networkOf(state.search, id)), times),
    );
    assert.ok(latencies.every((seconds) => seconds > 0 && seconds < 10));
    // Of another run on this machine nothing is measured.
    notes.length = 0;
    const limit = 1.05 * must(latencies[0], 'start network');
    const again = newFolder();
    await collect(
      search({ ...asked, run: again, settings: { ...tiny.settings, limits: { steps: 1, memory: 2 ** 32, latency: limit } } }),
    );
    assert.deepEqual(
      notes.filter((note) => note.startsWith('measuring')),
      [],
    );
    const other = readRun(again);
    assert.deepEqual(other.config.times, times);
    for (const id of other.state.search.candidates.keys())
      assert.ok(secondsOf(deployStructure(networkOf(other.state.search, id)), times) <= limit);
    assert.match(summary(other.state, other.config, again, '', false).join('\n'), /device +[\d.]+ ms of [\d.]+ ms an image/);
    await assert.rejects(
      collect(search({ ...asked, run: newFolder(), settings: { ...tiny.settings, limits: { latency: 1e-7 } } })),
      /^Error: the vanilla network for images of 8×8 in 4 classes has [\d.]+ ms an image, over the limit of 0.0001 ms \(--max-latency, or smaller --widths or --image-size\)$/,
    );
  } finally {
    if (cache === undefined) delete process.env['INSTAR_CACHE'];
    else process.env['INSTAR_CACHE'] = cache;
  }
});
