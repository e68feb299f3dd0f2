/** Which checkpoints a run keeps, over every prefix of its journal; that its best network is always there; its limits. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sampleStep } from '../../src/search/sampling.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import { predictMemory } from '../../src/program/memory.ts';
import { folderOf, neededCheckpoints } from '../../src/run/record/folder.ts';
import { search } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { emptyRun, replayEntry } from '../../src/run/record/replay.ts';
import { next, type Context } from '../../src/search/next.ts';
import { bestCandidate, bestNetwork } from '../../src/search/ranking.ts';
import { candidateOf, networkOf } from '../../src/search/state.ts';
import { decodeCheckpoint } from '../../src/training/checkpoint.ts';
import { must } from '../../src/util/assert.ts';
import { engine, newFolder, quadrantFolder, tiny } from '../support/runs.ts';

const run = newFolder();
const options = { ...tiny, dataset: quadrantFolder, settings: { ...tiny.settings, baseline: true, method: 'sh' as const } };

await test('while a run goes on: no checkpoint too many, none too few, and the best network can be read', async () => {
  const folder = folderOf(run);
  let state = emptyRun;
  let bests = 0;
  let most = 0;
  for await (const item of search({ ...options, run })) {
    if (item.type === 'progress') continue;
    state = replayEntry(state, item);
    const needed = neededCheckpoints(state.search);
    const there = readdirSync(folder.checkpoints).filter((name) => name.endsWith('.safetensors'));
    most = Math.max(most, there.length - needed.size);
    for (const hash of needed) assert.ok(there.includes(`${hash}.safetensors`), `${hash} is there after ${JSON.stringify(item)}`);
    assert.ok(
      there.length <= needed.size + 4,
      `${there.length} checkpoints, ${needed.size} needed, 2 in flight, 2 not heard of yet`,
    );
    if (!existsSync(folder.best)) continue;
    bests++;
    const { network, metadata } = decodeCheckpoint(readFileSync(folder.best), folder.best);
    const about = JSON.parse(metadata['about'] ?? '');
    assert.deepEqual(network, networkOf(state.search, about.line));
    assert.deepEqual(JSON.parse(readFileSync(folder.bestNetwork, 'utf8')).about, about);
    // `best` is written after the events that change it were told; by the next of these it is there.
    if (item.type === 'step' || item.type === 'task' || item.type === 'grown')
      assert.equal(about.line, bestCandidate(state.search));
  }
  assert.ok(bests > 20);
  assert.equal(state.search.finished, true);
  const about = JSON.parse(decodeCheckpoint(readFileSync(folder.best), 'best').metadata['about'] ?? '');
  assert.equal(about.line, 'final');
  assert.equal(about.testAccuracy, state.search.tests.get('final')?.measured.accuracy);
});

await test('what any later decision reads was kept at every prefix of the journal', () => {
  const { replay, config } = readRun(run);
  const { settings } = config;
  const counts = { shape: config.data.shape, classes: config.data.classes.length, train: 216, validation: 24 };
  const context: Context = { settings, counts, passesFor: () => 1, startStep: sampleStep };
  /** Hashes in the order of the journal, with when each was written and when it was last read. */
  const written = new Map<string, number>();
  const read = new Map<string, number>();
  const needed: ReadonlySet<string>[] = [];
  let state = emptyRun;
  for (const entry of replay.entries) {
    state = replayEntry(state, entry);
    if (entry.type === 'epoch') written.set(entry.checkpoint, entry.n);
    needed.push(neededCheckpoints(state.search));
    // Whoever of a step's children may be lost, its parent can go on.
    const open = state.search.steps.find((step) => step.winner === null);
    if (open !== undefined)
      read.set(must(candidateOf(state.search, open.parent).checkpoint, 'checkpoint of the parent'), entry.n);
    const decision = next(state.search, context);
    if (decision.kind === 'work')
      for (const task of decision.tasks) {
        const hash = task.kind === 'test' ? task.checkpoint : task.start.from.kind === 'checkpoint' ? task.start.from.hash : null;
        if (hash !== null) read.set(hash, entry.n);
      }
    const best = bestNetwork(state.search);
    if (best !== null) read.set(best.checkpoint, entry.n);
  }
  assert.ok(read.size > 10);
  for (const [hash, last] of read)
    for (let at = must(written.get(hash), 'written'); at <= last; at++)
      assert.ok(needed[at]?.has(hash), `${hash} is read after event ${last} and not kept after ${at}`);
});

await test('the best network is the best that was ever validated, until the final training is ahead', () => {
  const { replay } = readRun(run);
  let state = emptyRun;
  let most = 0;
  let checkpoint = '';
  for (const entry of replay.entries) {
    state = replayEntry(state, entry);
    if (entry.type === 'epoch' && entry.validation !== null && entry.validation.accuracy > most)
      [most, checkpoint] = [entry.validation.accuracy, entry.checkpoint];
    const best = bestNetwork(state.search);
    if (best === null || best.candidate === 'final') continue;
    assert.equal(best.validation?.accuracy, most);
    assert.equal(state.search.best?.validation.accuracy, most);
    // Of equal accuracies the lower loss.
    if (best.checkpoint !== checkpoint) checkpoint = best.checkpoint;
  }
  assert.ok(most > 0.5 && checkpoint !== '');
});

await test('no child passes a limit', () => {
  const { state, config } = readRun(run);
  const { limits, batch } = config.settings;
  let grown = 0;
  for (const line of state.search.candidates.values()) {
    if (line.edits.length > 0) grown++;
    const network = networkOf(state.search, line.id);
    assert.ok(countParameters(network) <= limits.parameters);
    assert.ok(countMultiplyAdds(network) <= (limits.multiplyAdds ?? Infinity));
    assert.ok(predictMemory(network, { training: batch, measuring: batch }, 0) <= limits.memory);
    assert.equal(line.parameters, countParameters(network));
    assert.equal(line.multiplyAdds, countMultiplyAdds(network));
  }
  assert.ok(grown >= 6);
});

await test(`a run through ${engine} is the same twice`, async () => {
  const hashes: (string | null)[] = [];
  for (let time = 0; time < 2; time++) {
    const again = newFolder();
    for await (const item of search({
      ...tiny,
      engine,
      workers: 1,
      run: again,
      settings: { ...tiny.settings, step: { children: 2, epochs: 4 }, limits: { steps: 1 }, final: { epochs: 1 } },
    }))
      if (item.type === 'finished') hashes.push(candidateOf(readRun(again).state.search, 'final').checkpoint);
  }
  assert.equal(hashes.length, 2);
  assert.equal(hashes[0], hashes[1]);
});
