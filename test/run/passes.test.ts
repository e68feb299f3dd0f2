/** Searches whose minibatches memory does not hold whole: computed in passes, which the journal says; the same bits when resumed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldBytes } from '../../src/data/cache.ts';
import { memoryUse } from '../../src/engine/open.ts';
import { predictMemory } from '../../src/program/memory.ts';
import { linesFor } from '../../src/run/display/wording.ts';
import { emptyView, observe } from '../../src/run/display/view.ts';
import { search, type SearchOptions } from '../../src/run/driving/open.ts';
import { contextOf } from '../../src/run/preparing/check.ts';
import { readRun } from '../../src/run/record/read.ts';
import { startNetwork } from '../../src/search/next.ts';
import { learningOf, mergeSettings, presets, type Settings } from '../../src/search/settings.ts';
import { measuringBatchOf } from '../../src/training/grow.ts';
import { UserError } from '../../src/util/user-error.ts';
import { collect, engine, finishedRun, newFolder, readQuadrants, startProcess, tiny, winnerOf } from '../support/runs.ts';

const { dataset } = await readQuadrants();
/** Of 216 training images. */
const batch = 108;

const settingsWith = (limits: Partial<Settings['limits']>): Settings =>
  mergeSettings(mergeSettings(mergeSettings(presets.quick, tiny.settings ?? {}), { batch, widths: [24, 32] }), { limits });

const context = (limits: Partial<Settings['limits']>, seen = dataset) => contextOf(seen, settingsWith(limits), null, engine);
const start = startNetwork(context({}));

/** Bytes of a worker that trains the start network in so many passes. */
const memoryIn = (passes: number, { shape } = dataset, network = start): number =>
  predictMemory(
    network,
    { training: batch / passes, passes, measuring: measuringBatchOf(batch / passes, shape, 216) },
    heldBytes(dataset),
    memoryUse[engine],
    learningOf(settingsWith({})),
  );

const options = (limits: Partial<Settings['limits']>): SearchOptions => ({
  ...tiny,
  engine,
  settings: {
    ...tiny.settings,
    batch,
    widths: [24, 32],
    vanilla: { epochs: 2 },
    step: { children: 2, mutations: 1, epochs: 4 },
    final: { epochs: 2 },
    limits: { ...tiny.settings?.limits, steps: 1, multiplyAdds: 2_000_000, ...limits },
  },
});

await test('the passes of a network: the fewest whose memory is within the limit; one where there is no limit, or memory for it', () => {
  // Small images are measured 128 at a time, whatever a pass has.
  const large = { ...dataset, shape: { channels: 1, height: 160, width: 160 } };
  const network = startNetwork(context({}, large));
  const of = (passes: number): number => memoryIn(passes, large, network);
  assert.ok(of(1) > of(2) && of(2) > of(3), [1, 2, 3].map(of).join());
  const found = [of(1), of(1) - 1, of(2) - 1, of(12) - 1].map((memory) =>
    [1, 2, 16].map((passes) => context({ memory, passes }, large).passesFor(network)),
  );
  assert.deepEqual(found, [
    [1, 1, 1],
    [null, 2, 2],
    [null, null, 3],
    [null, null, null],
  ]);
  assert.equal(context({ memory: Number.MAX_SAFE_INTEGER, passes: 16 }).passesFor(start), 1);
  assert.ok(memoryIn(2) < memoryIn(1));
});

const limits = { memory: memoryIn(2), passes: 4 };
const whole = await finishedRun(options(limits));

await test('the journal and its lines say the passes of each network that has several', () => {
  const { replay, config } = readRun(whole);
  const tasks = replay.entries.flatMap((entry) => (entry.type === 'task' ? [entry] : []));
  assert.equal(tasks[0]?.passes, 2);
  assert.ok(
    tasks.every(({ passes = 1 }) => passes === 2 || passes === 3 || passes === 4),
    JSON.stringify(tasks),
  );
  let view = emptyView;
  const lines = replay.entries.flatMap((entry) => {
    view = observe(view, entry, entry.t);
    return linesFor(entry, view, config);
  });
  assert.equal(
    lines.filter((line) => line.endsWith('108 images a minibatch in 2 passes of 54: memory')).length > 0,
    true,
    lines.join('\n'),
  );
  // Rates and counts are those of whole minibatches: two an epoch.
  assert.deepEqual(
    replay.entries.flatMap((entry) => (entry.type === 'epoch' && entry.line === 'vanilla' ? [entry.done] : [])),
    [2, 4],
  );
});

await test('killed and resumed: the winner is the same', async () => {
  const run = newFolder();
  let running = startProcess('search', run, options(limits));
  for (const stop of ['epoch', 'rung']) {
    for await (const { type } of running.events) if (type === stop) break;
    running.child.kill('SIGKILL');
    await running.ended;
    running = startProcess('resume', run, {});
  }
  assert.deepEqual(await running.ended, { code: 0, signal: null, errors: '' });
  assert.equal(winnerOf(run), winnerOf(whole));
});

await test('a network that memory holds whole is trained as without passes, to the bit', async () => {
  const memory = 2 ** 32;
  const [one, many] = [await finishedRun(options({ memory, passes: 1 })), await finishedRun(options({ memory, passes: 8 }))];
  assert.equal(winnerOf(many), winnerOf(one));
  assert.ok(readRun(many).replay.entries.every((entry) => entry.type !== 'task' || entry.passes === undefined));
});

await test('without memory in any number of passes it is refused, with what would help', async () => {
  const refused = (own: Partial<Settings['limits']>, message: RegExp): Promise<void> =>
    assert.rejects(collect(search({ ...options(own), run: newFolder() })), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  await refused(
    { memory: memoryIn(2), passes: 1 },
    /needs about \d+ MiB for .* at batch 108, over the limit of \d+ MiB \(--max-memory/,
  );
  await refused(
    { memory: 2 ** 20, passes: 4 },
    /at batch 108 in passes of 27, over the limit of 1 MiB \(--max-memory, --workers or --batch\)/,
  );
});
