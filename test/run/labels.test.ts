/** Where labels stand is kept with a run: its data is found again in tables and archives, also where these have moved. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataOf, search } from '../../src/run/driving/open.ts';
import { cacheInRun } from '../../src/run/preparing/spare-cache.ts';
import { searchAgain } from '../../src/run/display/rerun-command.ts';
import { readConfig } from '../../src/run/record/config.ts';
import { zipOf } from '../data/packed.ts';
import { png, put, putAll } from '../data/places.ts';

test('labels of a run are found again, also in a folder or an archive that has moved', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'instar-labels-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  process.env['INSTAR_CACHE'] = join(root, 'cache');
  const files: Record<string, Uint8Array> = {};
  const rows: string[] = [];
  for (let at = 0; at < 24; at++) {
    files[`images/${at}.png`] = await png(`label ${at}`);
    rows.push(`${at},${at % 2 === 0 ? 'cat' : 'dog'},${at % 3}`);
  }
  files['tables/labels.csv'] = new TextEncoder().encode(['id,kind,fold', ...rows].join('\n'));
  await putAll(join(root, 'photos'), files);
  await put(join(root, 'photos.zip'), zipOf(files));
  const hashes: string[] = [];
  for (const dataset of ['photos', 'photos.zip']) {
    const run = join(root, `run of ${dataset}`);
    const items = search({
      dataset: join(root, dataset),
      labels: 'tables/labels.csv',
      labelColumn: 'kind',
      run,
      engine: 'reference',
      preset: 'quick',
      workers: 1,
      settings: { widths: [2], batch: 4 },
    });
    await items.next();
    await items.return(undefined);
    const config = readConfig(join(run, 'config.json'));
    assert.deepEqual(config.data.labels, { file: join(root, dataset, 'tables', 'labels.csv'), column: 'kind' });
    assert.deepEqual(config.data.classes, ['cat', 'dog']);
    assert.equal(config.data.name, 'photos');
    assert.match(searchAgain(config, 'as given'), / --labels tables\/labels\.csv --label-column kind /);
    rmSync(join(root, 'cache'), { recursive: true });
    const spare = cacheInRun(join(run, 'cache'));
    assert.equal((await dataOf(run, config, spare)).dataset.hash, config.data.hash, 'where it was');
    rmSync(join(root, 'cache'), { recursive: true });
    renameSync(join(root, dataset), join(root, `moved ${dataset}`));
    await assert.rejects(dataOf(run, config, spare), /'instar resume RUN --data PATH' says where/);
    assert.equal(
      (await dataOf(run, config, spare, undefined, join(root, `moved ${dataset}`))).dataset.hash,
      config.data.hash,
      'where it is',
    );
    hashes.push(config.data.hash);
  }
  assert.equal(hashes[0], hashes[1]);
});
