/** What a search on a queue tells of its workers, while it goes on: how many jobs wait, and who is on which. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folderOf } from '../../src/run/folder.ts';
import { readLive } from '../../src/run/live.ts';
import { newFolder, place, startProcess, tiny, until } from '../support/runs.ts';
import { startRedis, withoutRedis } from './brokers.ts';

test('jobs wait, then workers are named; gone with the run', { skip: withoutRedis() }, async (t) => {
  const server = await startRedis(join(place, 'redis-told'));
  t.after(() => server.stop());
  const store = join(place, 'store-told');
  mkdirSync(store);
  const run = newFolder();
  const { live } = folderOf(run);
  const begun = startProcess('search', run, { ...tiny, elsewhere: { queue: server.address, store: `file:${store}` } });
  await until('a job waits', 30, () => (readLive(live)?.elsewhere?.waiting ?? 0) > 0);
  assert.deepEqual(readLive(live)?.elsewhere, { waiting: 1, workers: [] });
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  const options = ['worker', '--queue', server.address, '--store', `file:${store}`, '--engine', 'reference', '--jobs', '1'];
  const worker = spawn(process.execPath, [main, ...options], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => worker.on('close', () => resolve()));
  try {
    await until('it is named', 60, () => (readLive(live)?.elsewhere?.workers ?? []).length > 0);
    const [first] = readLive(live)?.elsewhere?.workers ?? [];
    assert.match(first?.worker ?? '', new RegExp(`:${worker.pid}$`));
    assert.match(first?.engine ?? '', /^reference /);
    // Of the children of a step, one is on and the others wait.
    await until('others wait', 60, () => {
      const told = readLive(live)?.elsewhere;
      return told !== undefined && told.waiting > 0 && told.workers.length === 1;
    });
    const { code, errors } = await begun.ended;
    assert.equal(code, 0, errors);
    assert.equal(readLive(live), null);
  } finally {
    begun.child.kill('SIGKILL');
    worker.kill('SIGKILL');
    await ended;
  }
});
