/** How a folder of images is read is kept with the run: its data is decoded again as it was, and what was left out is listed. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { DataEvent } from '../../src/data/source.ts';
import { dataOf, search } from '../../src/run/driving/open.ts';
import { searchAgain } from '../../src/run/display/rerun-command.ts';
import { readConfig } from '../../src/run/record/config.ts';
import { noise, put } from '../data/places.ts';

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
  assert.deepEqual(config.data.reading, { version: 2, background: '#102030', strict: false, bits: 16 });
  assert.equal(config.data.validationImages, 6);
  assert.ok(searchAgain(config, 'as given').includes("--background '#102030'"));
  const classes = events.flatMap((event) => (event.kind === 'classes' ? event.classes : []));
  assert.deepEqual(classes, [
    { name: 'cat', train: 10, validation: 3, test: 2 },
    { name: 'dog', train: 10, validation: 3, test: 2 },
  ]);
  rmSync(join(root, 'cache'), { recursive: true });
  assert.equal((await dataOf(config, undefined)).dataset.hash, config.data.hash);
  rmSync(join(root, 'cache'), { recursive: true });
  const { reading: _reading, ...before } = config.data;
  await assert.rejects(
    dataOf({ ...config, data: { ...before, path: 'none' } }, undefined),
    /cannot be read|is not that of the run/,
  );
});
