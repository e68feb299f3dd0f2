/** A run whose data or cache has moved is resumed: by the data's hash in another cache, or by where it lies now. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { cacheFile } from '../../src/data/cache.ts';
import { readDataset } from '../../src/data/read.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { resume, search } from '../../src/run/driving/open.ts';
import { plan } from '../../src/run/planning/plan.ts';
import { readConfig } from '../../src/run/record/config.ts';
import { readRun } from '../../src/run/record/read.ts';
import { UserError } from '../../src/util/user-error.ts';
import { collect, finishedRun, newFolder, place, quadrantFolder, tiny, winnerOf } from '../support/runs.ts';

/** A run of a copy of the data, with a cache of its own, stopped after its first epochs. */
async function stopped(): Promise<{ readonly run: string; readonly data: string; readonly cache: string }> {
  const [run, parent] = [newFolder(), newFolder()];
  const [data, cache] = [join(parent, basename(quadrantFolder)), join(parent, 'cache')];
  mkdirSync(parent, { recursive: true });
  cpSync(quadrantFolder, data, { recursive: true });
  process.env['INSTAR_CACHE'] = cache;
  const controller = new AbortController();
  let epochs = 0;
  for await (const { type } of search({ ...tiny, dataset: data, run, signal: controller.signal }))
    if (type === 'epoch' && ++epochs === 2) controller.abort();
  return { run, data, cache };
}

const usualCache = process.env['INSTAR_CACHE'] ?? join(place, 'cache');
const undisturbed = winnerOf(await finishedRun());

test('the data lies elsewhere and no cache has it: resume says how to name its place, and goes on from there', async () => {
  const { run, data, cache } = await stopped();
  try {
    renameSync(data, `${data} moved`);
    renameSync(cache, `${cache} gone`);
    await assert.rejects(collect(resume(run)), (error: Error) => error instanceof UserError && /--data PATH/.test(error.message));
    const other = newFolder();
    mkdirSync(other, { recursive: true });
    await assert.rejects(collect(resume(run, { data: other })), UserError);
    await collect(resume(run, { data: `${data} moved` }));
    assert.equal(winnerOf(run), undisturbed);
  } finally {
    process.env['INSTAR_CACHE'] = usualCache;
  }
});

test('another cache has the data: it is found by its hash', async () => {
  const { run, data, cache } = await stopped();
  try {
    renameSync(data, `${data} moved`);
    renameSync(cache, `${cache} moved`);
    process.env['INSTAR_CACHE'] = `${cache} moved`;
    await collect(resume(run));
    assert.ok(readRun(run).state.search.finished);
    assert.equal(winnerOf(run), undisturbed);
  } finally {
    process.env['INSTAR_CACHE'] = usualCache;
  }
});

/** No folder can be made below a file. */
function unwritable(): string {
  const file = newFolder();
  writeFileSync(file, '');
  return join(file, 'cache');
}

test('the cache cannot be written: that is said first, the data lies in the run, and a moved run goes on from there', async () => {
  process.env['INSTAR_CACHE'] = unwritable();
  try {
    const [run, events]: [string, DataEvent[]] = [newFolder(), []];
    const controller = new AbortController();
    const onData = (event: DataEvent): void => void events.push(event);
    for await (const { type } of search({ ...tiny, run, onData, signal: controller.signal }))
      if (type === 'epoch') controller.abort();
    const [first] = events;
    assert.ok(first?.kind === 'note', JSON.stringify(first));
    assert.match(
      first.message,
      /the cache of decoded data cannot be written \(.*\): the run's folder takes its place \(INSTAR_CACHE or --cache/,
    );
    const { hash, path } = readConfig(join(run, 'config.json')).data;
    assert.equal(path, join(run, 'cache', `${hash}.safetensors`));
    assert.ok(existsSync(path));
    assert.deepEqual(
      readdirSync(place).filter((name) => name.startsWith('.instar-cache')),
      [],
    );
    renameSync(run, `${run} moved`);
    renameSync(quadrantFolder, `${quadrantFolder} away`);
    try {
      await collect(resume(`${run} moved`));
    } finally {
      renameSync(`${quadrantFolder} away`, quadrantFolder);
    }
    assert.equal(winnerOf(`${run} moved`), undisturbed);
  } finally {
    process.env['INSTAR_CACHE'] = usualCache;
  }
});

test('a search that is refused, and a plan, leave no data behind where the cache cannot be written', async () => {
  process.env['INSTAR_CACHE'] = unwritable();
  try {
    const parent = newFolder();
    const settings = { ...tiny.settings, limits: { parameters: 1 } };
    await assert.rejects(collect(search({ ...tiny, settings, run: join(parent, 'run') })), UserError);
    assert.ok(!existsSync(parent), 'nothing is left');
    const temporary = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('.instar-cache'));
    const before = temporary();
    await plan(tiny);
    assert.deepEqual(temporary(), before);
    // Data that another cache has needs no place.
    const { dataset, path } = await readDataset(quadrantFolder, { cacheFolder: usualCache, environment: {} });
    assert.equal(path, cacheFile(usualCache, dataset.hash));
    await assert.rejects(
      readDataset(quadrantFolder, { cacheFolder: process.env['INSTAR_CACHE'], environment: {} }),
      (error: Error) => error instanceof UserError && /INSTAR_CACHE or --cache names another folder/.test(error.message),
    );
  } finally {
    process.env['INSTAR_CACHE'] = usualCache;
  }
});
