/** Ended at any moment by `kill -9`, the run or a worker, and resumed at once: the winner of an undisturbed run, bit for bit. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { search, resume, type SearchOptions } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { neededCheckpoints } from '../../src/run/record/folder.ts';
import { random } from '../../src/util/random.ts';
import {
  collect,
  engine,
  finishedRun,
  marked,
  newFolder,
  sleep,
  startProcess,
  tiny,
  until,
  winnerOf,
  workersOf,
  killIfThere,
  type Running,
} from '../support/runs.ts';

const undisturbed = winnerOf(await finishedRun());
/** Through the native library, and about ten seconds long on two cores that are free. */
const native: SearchOptions = { ...tiny, engine, settings: { ...tiny.settings, step: { ...tiny.settings?.step, epochs: 36 } } };

/** Follows a process until that many events of its journal have been told and a moment more; true where it is still going. */
async function follow({ events }: Running, count: number, pause: number): Promise<boolean> {
  let told = 0;
  for await (const { type } of events) {
    if (type !== 'progress') told++;
    if (type === 'finished') return false;
    if (told >= count) {
      await sleep(pause);
      return true;
    }
  }
  return false;
}

const endOf = (root: string): string => {
  const { folder, state, replay } = readRun(root);
  assert.equal(replay.torn, 0);
  const left = readdirSync(folder.checkpoints).map((name) => name.replace('.safetensors', ''));
  assert.deepEqual(new Set(left), neededCheckpoints(state.search), 'checkpoints that are there, and that are needed');
  return winnerOf(root);
};

for (const [name, options, stride] of [
  ['a tiny search', tiny, 4],
  ['a search of ten seconds', native, 12],
] as const)
  await test(`${name}: the run killed over and over, and resumed at once`, async () => {
    const expected = options === tiny ? undisturbed : winnerOf(await finishedRun(options));
    const run = newFolder();
    const moments = random('moments of the kills', name);
    let running = startProcess('search', run, options);
    let [kills, left] = [0, 0];
    while (await follow(running, 3 + moments.integer(2 * stride), moments.integer(120))) {
      const gone = once(running.child, 'exit');
      running.child.kill('SIGKILL');
      await gone;
      kills++;
      // A run that ended in the moment of the kill is not gone on with.
      if (!readRun(run).state.search.finished) left++;
      running = startProcess('resume', run, {});
    }
    assert.deepEqual(await running.ended, { code: 0, signal: null, errors: '' });
    assert.ok(kills >= 4, `${kills} kills`);
    assert.equal(endOf(run), expected);
    await until('no process is left', 20, () => marked(run).length === 0);
    const resumed = readRun(run).replay.entries.filter(({ type }) => type === 'resumed');
    assert.equal(resumed.length, left);
  });

await test('killed and not resumed, no worker is left', async () => {
  const run = newFolder();
  const running = startProcess('search', run, tiny);
  assert.ok(await follow(running, 6, 0));
  await until('a worker is there', 20, () => workersOf(run).length > 0);
  running.child.kill('SIGKILL');
  // Those that were just being started go when they have started.
  await until('the workers are gone', 20, () => workersOf(run).length === 0);
});

await test('a worker killed: its task is tried again, the winner is the same', async () => {
  const run = newFolder();
  const moments = random('moments of the kills of workers');
  const running = startProcess('search', run, tiny);
  const failed: string[] = [];
  let at = 5;
  let told = 0;
  for await (const event of running.events) {
    if (event.type === 'failed') failed.push(`${String(event['retried'])} ${String(event['message'])}`);
    if (event.type !== 'progress' && ++told === at) {
      const workers = workersOf(run);
      // Until one was at work.
      at += failed.length === 0 ? 10 : 18;
      if (workers.length > 0) killIfThere(moments.pick(workers), 'SIGKILL');
    }
  }
  assert.deepEqual(await running.ended, { code: 0, signal: null, errors: '' });
  assert.ok(failed.length > 0, 'a worker was killed at work');
  for (const line of failed) assert.match(line, /^true the worker was ended by SIGKILL/);
  assert.equal(endOf(run), undisturbed);
});

await test('interrupted (Ctrl-C) over and over: the best is kept, the winner is the same', async () => {
  const run = newFolder();
  let interruptions = 0;
  for (let stop = 4; ; stop += 7) {
    const controller = new AbortController();
    const items: string[] = [];
    const going =
      interruptions === 0 ? search({ ...tiny, run, signal: controller.signal }) : resume(run, { signal: controller.signal });
    for await (const { type } of going) {
      if (type !== 'progress') items.push(type);
      if (items.length === stop) controller.abort();
    }
    if (items.at(-1) !== 'interrupted') break;
    interruptions++;
    assert.ok(readRun(run).state.interrupted);
    if (readRun(run).state.search.candidates.get('vanilla')?.checkpoint) assert.ok(readdirSync(run).includes('best.safetensors'));
  }
  assert.ok(interruptions >= 3, `${interruptions} interruptions`);
  assert.equal(endOf(run), undisturbed);
  assert.deepEqual(await collect(resume(run)), [], 'a finished run has nothing to go on with');
});
