/** A run that shrinks a given network: within its limits, taught by it, the same after a kill; refused in one line. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readBest } from '../../src/run/record/best.ts';
import { folderOf } from '../../src/run/record/folder.ts';
import { readRun } from '../../src/run/record/read.ts';
import { search, type SearchOptions } from '../../src/run/driving/open.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import { candidateOf, networkOf } from '../../src/search/state.ts';
import { checkpointPath } from '../../src/training/checkpoint.ts';
import { UserError } from '../../src/util/user-error.ts';
import { fixture } from '../support/onnx-fixtures.ts';
import { collect, engine, finishedRun, newFolder, startProcess, tiny, winnerOf } from '../support/runs.ts';

const first = await finishedRun({
  engine,
  settings: { ...tiny.settings, widths: [16, 24, 32], limits: { steps: 1, memory: 2 ** 32 } },
});
const start = readRun(first).state.search;
const size = candidateOf(start, 'final');
const { preset: _preset, settings: _settings, ...data } = tiny;
const shrinking: SearchOptions = {
  ...data,
  engine,
  from: first,
  settings: {
    method: 'shrink',
    batch: 16,
    work: 4e9,
    distillation: 0.5,
    step: { children: 3 },
    limits: { memory: 2 ** 32, parameters: Math.floor(size.parameters / 2) },
  },
};

await test('it ends within its limits, learns from what it was given, and is the same after a kill', async () => {
  const run = newFolder();
  await collect(search({ ...shrinking, run }));
  const { state, config } = readRun(run);
  assert.equal(config.preset, 'shrink');
  assert.ok(state.search.finished && !state.search.undone);
  const final = networkOf(state.search, 'final');
  assert.ok(countParameters(final) <= size.parameters / 2 && countMultiplyAdds(final) < size.multiplyAdds);
  assert.equal((await readBest(run)).about.line, 'final');
  const given = config.from?.checkpoint ?? '';
  assert.ok(existsSync(checkpointPath(folderOf(run).checkpoints, given)), 'the teacher is kept');
  const kinds = new Set(
    state.search.steps.flatMap(({ children }) =>
      children.flatMap((id) => candidateOf(state.search, id).edits.map(({ kind }) => kind)),
    ),
  );
  assert.ok(kinds.has('narrow'));
  // What others compute without a teacher is something else.
  const alone = newFolder();
  await collect(search({ ...shrinking, settings: { ...shrinking.settings, distillation: 0 }, run: alone }));
  assert.notEqual(winnerOf(alone), winnerOf(run));
  const again = newFolder();
  let running = startProcess('search', again, shrinking);
  for (const stop of ['grown', 'slice']) {
    for await (const { type } of running.events) if (type === stop) break;
    running.child.kill('SIGKILL');
    await running.ended;
    running = startProcess('resume', again, {});
  }
  assert.deepEqual(await running.ended, { code: 0, signal: null, errors: '' });
  assert.equal(winnerOf(again), winnerOf(run));
});

await test('what cannot be shrunk, or is small enough, is refused in one line', async () => {
  const refused = async (change: Partial<SearchOptions>, limits: object, message: RegExp): Promise<void> => {
    const run = newFolder();
    const settings = { ...shrinking.settings, limits: { memory: 2 ** 32, ...limits } };
    await assert.rejects(collect(search({ ...shrinking, settings, ...change, run })), (error: Error) => {
      assert.ok(error instanceof UserError && !error.message.includes('\n'), error.stack);
      assert.match(error.message, message);
      return true;
    });
    assert.ok(!existsSync(join(run, 'journal.jsonl')));
  };
  const { from: _from, ...without } = shrinking;
  await refused(
    {},
    {},
    /has [\d,]+ parameters and [\d,]+ multiply-adds an image: say with --max-params, --max-macs, --max-bytes, --max-activations or --max-latency below what it is to come$/,
  );
  await refused(
    {},
    { parameters: 100 },
    /can be narrowed to [\d,]+ parameters and [\d,]+ multiply-adds an image, and the limits are below \(--max-params\)$/,
  );
  await refused(
    {},
    { bytes: 100, activations: 10 },
    /bytes of working memory in int8, and the limits are below \(--max-bytes and --max-activations\)$/,
  );
  await refused({ from: fixture('resnet-11') }, { parameters: 1000 }, /does not know these classes; fine-tune it first/);
  await assert.rejects(
    collect(search({ ...without, run: newFolder() })),
    /--method shrink makes a given network smaller: name it with --from/,
  );
});
