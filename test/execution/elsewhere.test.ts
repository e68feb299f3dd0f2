/** What a search on a queue tells of its workers, while it goes on: how many jobs wait, who is on which, and who is free. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folderOf } from '../../src/run/record/folder.ts';
import { readLive } from '../../src/run/display/live.ts';
import { longer, newFolder, place, startProcess, until } from '../support/runs.ts';
import { startPostgres, startRedis, withoutPostgres, withoutRedis } from './brokers.ts';

/** The vanilla network alone is trained so long that all workers have come; and each epoch takes so long that children are seen to wait. */
const slow = {
  ...longer.settings,
  widths: [16, 32],
  vanilla: { epochs: 25 },
  limits: { ...longer.settings?.limits, steps: 1 },
  final: { epochs: 1 },
};

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

for (const [kind, start, skip] of [
  ['redis', () => startRedis(join(place, 'redis-told')), withoutRedis()],
  ['postgres', () => startPostgres(), withoutPostgres()],
] as const)
  test(`${kind}: jobs wait, then workers are named, the free ones too; gone with the run`, { skip }, async (t) => {
    const server = await start();
    t.after(() => server.stop());
    const store = join(place, `store-told-${kind}`);
    mkdirSync(store);
    const run = newFolder();
    const { live } = folderOf(run);
    const told = () => readLive(live)?.elsewhere;
    const begun = startProcess('search', run, {
      ...longer,
      settings: slow,
      elsewhere: { queue: server.address, store: `file:${store}` },
    });
    await until('a job waits', 30, () => (told()?.waiting ?? 0) > 0);
    assert.deepEqual(told(), { waiting: 1, queued: 1, workers: [], others: [] });
    const options = ['worker', '--queue', server.address, '--store', `file:${store}`, '--engine', 'reference', '--jobs', '1'];
    const workers = [1, 2].map(() => spawn(process.execPath, [main, ...options], { stdio: 'ignore' }));
    const ended = workers.map((worker) => new Promise<void>((resolve) => worker.on('close', () => resolve())));
    const isOurs = (name: string | undefined): boolean => workers.some(({ pid }) => name?.endsWith(`:${pid}`) === true);
    try {
      let free: ChildProcess | undefined;
      await until('one is on the vanilla network and named, and the free one', 120, () => {
        const { workers: on = [], others = [] } = told() ?? {};
        if (on.length !== 1 || others.length !== 1) return false;
        assert.equal(on[0]?.task, 'vanilla');
        assert.match(on[0]?.engine ?? '', /^reference /);
        assert.ok(isOurs(on[0]?.worker) && (kind === 'postgres' || isOurs(others[0])) && on[0]?.worker !== others[0]);
        free = workers.find(({ pid }) => on[0]?.worker.endsWith(`:${pid}`) === false);
        return true;
      });
      assert.ok(free?.kill('SIGKILL'));
      // Of the children of the step, one is on and the others wait.
      await until('others wait, and the one that was killed is gone', 120, () => {
        const { waiting = 0, queued = 0, workers: on = [], others = [] } = told() ?? {};
        return waiting > 0 && queued >= waiting && on.length + others.length === 1;
      });
      begun.child.kill('SIGINT');
      const { code, errors } = await begun.ended;
      assert.equal(code, 0, errors);
      assert.equal(readLive(live), null);
    } finally {
      begun.child.kill('SIGKILL');
      for (const worker of workers) worker.kill('SIGKILL');
      await Promise.all(ended);
    }
  });
