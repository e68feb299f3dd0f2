/** How a folder of images is read is kept with the run: its data is decoded again as it was, and what was left out is listed. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { DataEvent } from '../../src/data/source.ts';
import { dataOf, resume, search, type SearchOptions } from '../../src/run/driving/open.ts';
import { searchAgain } from '../../src/run/display/rerun-command.ts';
import { cacheInRun } from '../../src/run/preparing/spare-cache.ts';
import { readBest } from '../../src/run/record/best.ts';
import { readRun } from '../../src/run/record/read.ts';
import { readConfig, type Config } from '../../src/run/record/config.ts';
import { must } from '../../src/util/assert.ts';
import { noise, put, putSided } from '../data/places.ts';
import { changeConfig, collect } from '../support/runs.ts';

test('a run keeps background and validation images, lists what was left out, and reads the same data again', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'instar-reading-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, 'photos');
  for (const [part, count] of [
    ['train', 12],
    ['val', 3],
  ] as const)
    for (const name of ['cat', 'dog'])
      for (let at = 0; at < count; at++) {
        const image = sharp(noise(256, `${part} ${name} ${at}`), { raw: { width: 8, height: 8, channels: 4 } });
        await put(join(folder, part, name, `${at}.png`), await image.png().toBuffer());
      }
  await put(join(folder, 'val', 'cat', 'bad.jpg'), '');
  process.env['INSTAR_CACHE'] = join(root, 'cache');
  const events: DataEvent[] = [];
  const run = join(root, 'run');
  const items = search({
    dataset: folder,
    run,
    engine: 'reference',
    preset: 'quick',
    workers: 1,
    background: '#102030',
    settings: { widths: [2], batch: 4 },
    onData: (event) => events.push(event),
  });
  await items.next();
  await items.return(undefined);
  assert.equal(readFileSync(join(run, 'left-out.txt'), 'utf8'), `${join(folder, 'val', 'cat', 'bad.jpg')}: an empty file\n`);
  const config = readConfig(join(run, 'config.json'));
  assert.deepEqual(config.data.reading, { version: 2, background: '#102030', strict: false, bits: 16, fit: 'crop' });
  assert.equal(config.data.validationImages, 6);
  assert.ok(searchAgain(config, 'as given').includes("--background '#102030'"));
  const classes = events.flatMap((event) => (event.kind === 'classes' ? event.classes : []));
  assert.deepEqual(classes, [
    { name: 'cat', train: 10, validation: 3, test: 2 },
    { name: 'dog', train: 10, validation: 3, test: 2 },
  ]);
  rmSync(join(root, 'cache'), { recursive: true });
  const spare = cacheInRun(join(run, 'cache'));
  assert.equal((await dataOf(run, config, spare)).dataset.hash, config.data.hash);
  rmSync(join(root, 'cache'), { recursive: true });
  const { reading: _reading, ...before } = config.data;
  await assert.rejects(
    dataOf(run, { ...config, data: { ...before, path: 'none' } }, spare),
    /cannot be read|is not that of the run/,
  );
});

test('a run keeps how its images were brought to size; one that does not say it reads them cropped', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'instar-reading-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, 'wide');
  await putSided(folder, [24, 9], 6, 2);
  process.env['INSTAR_CACHE'] = join(root, 'cache');
  const begun = async (name: string, more: Partial<SearchOptions> = {}): Promise<Config> => {
    const run = join(root, name);
    const settings = { widths: [2], batch: 4, vanilla: { epochs: 1 }, limits: { steps: 0 }, final: { epochs: 1 } };
    const items = search({ dataset: folder, run, engine: 'reference', preset: 'quick', workers: 1, settings, ...more });
    for await (const item of items) if (item.type === 'vanilla') break;
    return readConfig(join(run, 'config.json'));
  };
  const [found, cropped] = [await begun('found'), await begun('cropped', { fit: 'crop' })];
  assert.deepEqual([found.data.reading?.fit, cropped.data.reading?.fit], ['pad', 'crop']);
  assert.notEqual(found.data.hash, cropped.data.hash);
  assert.ok(searchAgain(found, 'as given').includes('--fit pad'));
  const { fit: _fit, ...reading } = must(cropped.data.reading, 'reading');
  const before = { ...cropped, data: { ...cropped.data, reading } };
  assert.ok(searchAgain(before, 'as given').includes('--fit crop'));
  for (const config of [found, before]) {
    rmSync(join(root, 'cache'), { recursive: true });
    assert.equal((await dataOf(root, config, cacheInRun(join(root, 'cache')))).dataset.hash, config.data.hash);
  }
  const run = join(root, 'cropped');
  changeConfig(run, [/"fit": "crop",\s*|,\s*"fit": "crop"/g, '']);
  assert.equal(readConfig(join(run, 'config.json')).data.reading?.fit, undefined);
  rmSync(join(root, 'cache'), { recursive: true });
  await collect(resume(run));
  assert.ok(readRun(run).state.search.finished);
  assert.equal((await readBest(run)).about.fit, 'crop');
  await assert.rejects(
    begun('shared', { vanilla: run }),
    /cropped: its vanilla network was trained on images that were cut to their centre square: give --fit crop$/,
  );
});
