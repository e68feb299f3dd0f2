/** A run whose data or cache has moved is resumed: by the data's hash in another cache, or by where it lies now. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { resume, search } from '../../src/run/driving/open.ts';
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
