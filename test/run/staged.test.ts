/** Searches from the staged start network: to the end, twice alike, and on from there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printNetwork } from '../../src/network/print.ts';
import type { Network } from '../../src/network/network.ts';
import { readRun } from '../../src/run/record/read.ts';
import { readBest } from '../../src/run/record/best.ts';
import type { SearchOptions } from '../../src/run/driving/open.ts';
import { candidateOf, networkOf } from '../../src/search/state.ts';
import { fileCheckpoints } from '../../src/training/checkpoint.ts';
import { must } from '../../src/util/assert.ts';
import { UserError } from '../../src/util/user-error.ts';
import { finishedRun, tiny, winnerOf } from '../support/runs.ts';

const withStart = (start: object): SearchOptions => ({
  ...tiny,
  settings: {
    ...tiny.settings,
    start: start as { network?: 'staged' },
    step: { children: 2, mutations: 3, epochs: 4 },
    limits: { ...tiny.settings?.limits, steps: 1 },
  },
});
const identity = withStart({ network: 'staged', initialisation: 'identity' });
const whole = await finishedRun(identity);

const frozenLines = (network: Network): string[] => printNetwork(network).match(/conv .*? frozen/g) ?? [];

await test('it grows from the staged network, keeps its stem, and its file is verified', async () => {
  const { state, folder } = readRun(whole);
  const { search } = state;
  assert.ok(search.finished);
  assert.equal(must(candidateOf(search, 'vanilla').network, 'start network').nodes[4]?.layer.kind, 'max-pool');
  assert.deepEqual(frozenLines(networkOf(search, 'final')), ['conv 3×3 frozen']);
  const read = async (id: string) =>
    fileCheckpoints(folder.checkpoints).read(must(candidateOf(search, id).checkpoint, `checkpoint of ${id}`));
  const final = await read('final');
  assert.ok(!('1/kernel/velocity' in final.tensors));
  for (const [id, { problem }] of state.exports) assert.equal(problem, null, id);
  assert.ok(state.exports.size > 0);
});

await test('the same settings give the same winner; another initialisation, another', async () => {
  assert.equal(winnerOf(await finishedRun(identity)), winnerOf(whole));
  assert.notEqual(winnerOf(await finishedRun(withStart({ network: 'staged' }))), winnerOf(whole));
});

await test('a search from that run goes on with its frozen stem', async () => {
  const { widths: _widths, ...settings } = tiny.settings ?? {};
  const on = await finishedRun({ from: whole, settings: { ...settings, step: { children: 2, mutations: 2, epochs: 4 } } });
  const { search } = readRun(on).state;
  assert.deepEqual(frozenLines(networkOf(search, 'final')), ['conv 3×3 frozen']);
  const [given, grown] = await Promise.all([whole, on].map((run) => readBest(run)));
  assert.deepEqual(must(grown, 'best').tensors['1/kernel'], must(given, 'best').tensors['1/kernel']);
});

await test('images that the vanilla network cannot halve', async () => {
  const narrow = {
    ...tiny.settings,
    widths: [2, 2, 2, 2, 2],
    limits: { ...tiny.settings?.limits, steps: 0 },
    final: { epochs: 0 },
  };
  await assert.rejects(
    finishedRun({ settings: narrow }),
    (error) => error instanceof UserError && /too small/.test(error.message),
  );
  const run = await finishedRun({ settings: { ...narrow, start: { network: 'staged', initialisation: 'identity' } } });
  assert.ok(readRun(run).state.search.finished);
});
