/** The exported file of a run: always there, verified, said in the journal; and any other network of the run. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeModel } from '../../src/formats/onnx/codec.ts';
import { exportNetwork } from '../../src/run/driving/export.ts';
import { folderOf, toVerify } from '../../src/run/record/folder.ts';
import { resume, search } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { emptyRun, replayEntry } from '../../src/run/record/replay.ts';
import { frontOf } from '../../src/search/ranking.ts';
import { candidateOf } from '../../src/search/state.ts';
import { checkpointPath } from '../../src/training/checkpoint.ts';
import { exportProblem, type Verified } from '../../src/training/job.ts';
import { must } from '../../src/util/assert.ts';
import { sha256 } from '../../src/util/hash.ts';
import { engine, finishedRun, newFolder, place, tiny, until } from '../support/runs.ts';

const run = await finishedRun({ engine });
const { state, folder, replay } = readRun(run);

await test('the best networks between steps and the winner are verified, the winner on the test images, before the run is finished', () => {
  const { search: searched, exports } = state;
  const parents = new Set(['vanilla', ...searched.steps.map(({ winner }) => winner), 'final']);
  assert.ok(exports.has('vanilla') && exports.has('final') && [...exports.keys()].every((line) => parents.has(line)));
  /** As they were when they were the best. */
  const checkpoints = new Map<string, string[]>();
  for (const entry of replay.entries)
    if (entry.type === 'epoch') checkpoints.set(entry.line, [...(checkpoints.get(entry.line) ?? []), entry.checkpoint]);
  for (const [line, { checkpoint, verified, problem }] of exports) {
    assert.equal(problem, null);
    const { difference, accuracy, fileAccuracy, part, images, bytes, latency } = must(verified, line);
    assert.ok(difference < 1e-5 && accuracy === fileAccuracy && bytes > 1000 && latency.one > 0 && latency.batch > 0);
    assert.equal(part, line === 'final' ? 'test' : 'validation');
    assert.equal(images, line === 'final' ? 80 : 24);
    assert.ok(checkpoints.get(line)?.includes(checkpoint));
  }
  const final = must(exports.get('final')?.verified, 'final');
  assert.equal(final.fileAccuracy, searched.tests.get('final')?.measured.accuracy);
  assert.equal(final.file, sha256(readFileSync(folder.bestModel)), 'what was verified is what lies there');
  assert.equal(replay.entries.at(-1)?.type, 'finished');
});

await test('while a run goes on, best.onnx is the network that best.safetensors is', async () => {
  const root = newFolder();
  const there = folderOf(root);
  let seen = 0;
  for await (const item of search({ ...tiny, engine, run: root })) {
    if (item.type === 'progress' || !existsSync(there.bestNetwork)) continue;
    const { about } = JSON.parse(readFileSync(there.bestNetwork, 'utf8')) as { about: { line: string } };
    const { metadata } = decodeModel(readFileSync(there.bestModel), there.bestModel);
    assert.equal(metadata['line'], about.line);
    seen++;
  }
  assert.ok(seen > 10);
});

await test('what the file says of itself', () => {
  const { metadata, producer } = decodeModel(readFileSync(folder.bestModel), 'best');
  assert.equal(producer, 'Instar');
  const accuracy = String(state.search.tests.get('final')?.measured.accuracy);
  const { parameters } = candidateOf(state.search, 'final');
  const wanted = { line: 'final', seed: '1', height: '8', width: '8', channels: '1', testAccuracy: accuracy };
  for (const [key, value] of Object.entries({ ...wanted, parameters: String(parameters) }))
    assert.equal(metadata[key], value, key);
  assert.equal((JSON.parse(metadata['classes'] ?? '') as string[]).length, 4);
  assert.equal(run.endsWith(metadata['run'] ?? ''), true);
});

await test('export writes the winner, a step or a child, and keeps what it found; what is gone is said', async () => {
  const file = join(place, 'out.onnx');
  const before = readRun(run).replay.entries.length;
  const best = await exportNetwork(run, file);
  assert.equal(best.line, 'final');
  assert.ok(best.kept);
  assert.deepEqual(readFileSync(file), readFileSync(folder.bestModel));
  const vanilla = await exportNetwork(run, file, { step: 0 });
  assert.equal(vanilla.verified.part, 'validation');
  assert.equal(decodeModel(readFileSync(file), file).metadata['line'], 'vanilla');
  assert.equal(readRun(run).replay.entries.length, before + 2);
  const winner = must(state.search.stop, 'stop').line;
  const isOnFront = (line: string): boolean => state.search.front.some(({ candidate }) => candidate === line);
  const all = state.search.steps.flatMap(({ children }) => children);
  const droppedOnes = all.filter((id) => candidateOf(state.search, id).end?.kind === 'dropped');
  const dropped = must(
    droppedOnes.find((id) => !isOnFront(id)),
    'a child that was dropped',
  );
  assert.equal((await exportNetwork(run, file, { child: winner })).line, winner);
  // The winner of every step can be exported when the run is over.
  assert.ok(state.search.steps.length > 1);
  for (const { step, winner: line } of state.search.steps) assert.equal((await exportNetwork(run, file, { step })).line, line);
  // Whatever is on the front, too, as it was when it was validated best.
  const front = frontOf(state.search);
  assert.ok(front.length > 1);
  for (const { candidate, checkpoint, part, accuracy } of front) {
    const { line, verified } = await exportNetwork(run, file, { child: candidate });
    assert.deepEqual([line, verified.part], [candidate, part]);
    assert.ok(Math.abs(verified.accuracy - accuracy) < 1e-9, `${candidate}: ${verified.accuracy}, ${accuracy}`);
    assert.ok(existsSync(checkpointPath(folder.checkpoints, checkpoint)));
  }
  await assert.rejects(exportNetwork(run, file, { child: dropped }), /no longer kept; there are vanilla/);
  await assert.rejects(exportNetwork(run, file, { step: 9 }), /--step 9: the run has no winner of such a step/);
  await assert.rejects(exportNetwork(run, file, { child: '__proto__' }), /no such network/);
});

await test('a checkpoint that the run removes while its file is verified does not stop an export', async () => {
  const copy = newFolder();
  cpSync(run, copy, { recursive: true });
  const file = join(place, 'beside.onnx');
  const before = new Set(readdirSync(tmpdir()));
  const exported = exportNetwork(copy, file, { step: 0 });
  exported.catch(() => undefined); // Awaited below.
  await until('the worker has a copy', 30, () =>
    readdirSync(tmpdir()).some(
      (name) =>
        name.startsWith('instar-export-') &&
        !before.has(name) &&
        readdirSync(join(tmpdir(), name)).some((each) => !each.startsWith('.')),
    ),
  );
  rmSync(folderOf(copy).checkpoints, { recursive: true });
  assert.equal((await exported).line, 'vanilla');
  assert.ok(existsSync(file));
});

await test('a file that does not compute the same is not written', async () => {
  const verified = must(state.exports.get('final')?.verified, 'verified');
  const spoilt: readonly Partial<Verified>[] = [{ difference: 1.1e-4 }, { difference: Number.NaN }, { agreement: 0.5 }];
  for (const change of spoilt) assert.notEqual(exportProblem({ ...verified, ...change }), null);
  // One image between two classes, which rounding decides.
  const { images, accuracy } = verified;
  const tie: Partial<Verified> = { agreement: 1 - 1 / images, fileAccuracy: accuracy - 1 / images };
  assert.equal(exportProblem({ ...verified, ...tie }), null);
  // Another network's numbers under the winner's name: the hash is checked before anything is run.
  const checkpoint = must(candidateOf(state.search, 'vanilla').checkpoint, 'checkpoint');
  const path = join(folder.checkpoints, `${checkpoint}.safetensors`);
  rmSync(path);
  await assert.rejects(exportNetwork(run, join(place, 'never.onnx'), { step: 0 }), /no longer kept/);
  assert.ok(!existsSync(join(place, 'never.onnx')));
});

await test('interrupted while the vanilla network trains, and resumed: it is verified once, when it is trained', async () => {
  const root = newFolder();
  const controller = new AbortController();
  for await (const { type } of search({ ...tiny, engine, run: root, signal: controller.signal }))
    if (type === 'epoch') controller.abort();
  assert.equal(readRun(root).state.search.candidates.get('vanilla')?.epochs.length, 1);
  for await (const item of resume(root)) if (item.type === 'step') break;
  const { entries } = readRun(root).replay;
  const ends = entries.flatMap((entry) => (entry.type === 'epoch' && entry.line === 'vanilla' ? [entry.checkpoint] : []));
  assert.ok(ends.length > 1);
  const verified = entries.flatMap((entry) => (entry.type === 'exported' ? [entry.checkpoint] : []));
  assert.deepEqual(verified, verified.length === 0 ? [] : [ends.at(-1)]);
});

await test('over every prefix of the journal: nothing is verified while it trains, nor twice', () => {
  let replayed = emptyRun;
  let wanted = 0;
  for (const entry of replay.entries) {
    if (entry.type === 'exported') {
      const found = toVerify(replayed, new Set());
      if (found?.line === entry.line) wanted++;
    }
    replayed = replayEntry(replayed, entry);
    if (entry.type === 'exported') assert.notEqual(toVerify(replayed, new Set())?.line, entry.line);
    if (entry.type === 'epoch') assert.notEqual(toVerify(replayed, new Set([entry.line]))?.line, entry.line);
  }
  assert.ok(wanted >= 1);
});
