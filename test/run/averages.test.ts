/** A search that evaluates averages: every network of it is measured, exported and kept as its averages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensors } from '../../src/network/tensor.ts';
import { openEvaluator } from '../../src/run/driving/evaluator.ts';
import { readBest } from '../../src/run/record/best.ts';
import { readRun } from '../../src/run/record/read.ts';
import { candidateOf, networkOf } from '../../src/search/state.ts';
import { fileCheckpoints } from '../../src/training/checkpoint.ts';
import { evaluationTensors } from '../../src/training/weights.ts';
import { must } from '../../src/util/assert.ts';
import { engine, finishedRun, readQuadrants, tiny } from '../support/runs.ts';

const settings = { ...tiny.settings, optimizer: { average: 0.9 } };
const run = await finishedRun({ engine, settings });

await test('the winner is what its checkpoint’s averages are, and its file was verified as such', async () => {
  const { state, folder } = readRun(run);
  const { search, exports } = state;
  assert.ok(search.finished);
  for (const [line, { problem }] of exports) assert.equal(problem, null, line);
  const network = networkOf(search, 'final');
  const { tensors } = await fileCheckpoints(folder.checkpoints).read(must(candidateOf(search, 'final').checkpoint, 'checkpoint'));
  const best = await readBest(run);
  const [averages, raw] = [evaluationTensors(network, tensors, 'average'), evaluationTensors(network, tensors)];
  assert.deepEqual(best.tensors, averages);
  assert.notDeepEqual(averages, raw);
  const { measured } = must(search.tests.get('final'), 'test');
  assert.equal(must(exports.get('final')?.verified, 'verified').fileAccuracy, measured.accuracy);
  const { test: part } = (await readQuadrants()).dataset;
  const lossOf = async (subject: Tensors): Promise<number> => {
    const evaluator = await openEvaluator({ ...best, tensors: subject }, null, 16, process.env);
    try {
      const all = Uint32Array.from(part.labels, (_label, index) => index);
      return (await evaluator.measure(part, all, () => Promise.resolve())).loss;
    } finally {
      evaluator.dispose();
    }
  };
  const [averaged, trained] = [await lossOf(averages), await lossOf(raw)];
  assert.ok(Math.abs(averaged - measured.loss) < 1e-5, `${averaged}, not ${measured.loss}`);
  assert.ok(Math.abs(trained - measured.loss) > 1e-4, `${trained} is that of the weights as trained`);
});
