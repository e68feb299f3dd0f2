/** Foreign models in a process of their own: what they give, and that whatever they do costs one line. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { createModelRunner, type ModelRunner } from '../../src/execution/model-runner.ts';
import { graphBuilder, modelOf, type GraphBuilder } from '../../src/formats/onnx/build.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { dataType } from '../../src/formats/onnx/proto.ts';
import { UserError } from '../../src/util/user-error.ts';
import { sampleOf } from '../support/onnx-damage.ts';
import { fuzzEvaluate } from '../support/onnx-damage-run.ts';
import { fixture, fixtureNames } from '../support/onnx-fixtures.ts';

const tight = { memory: 512 * 2 ** 20, seconds: 20 };
const runners: ModelRunner[] = [];
after(() => runners.forEach((runner) => runner.close()));
function runnerOf(limits = tight): ModelRunner {
  const runner = createModelRunner('m.onnx', limits);
  runners.push(runner);
  return runner;
}

/** x (N, 4) → y, whatever the nodes make of it. */
function model(nodes: (graph: GraphBuilder) => string): Uint8Array {
  const graph = graphBuilder();
  graph.nodeOf('Identity', [nodes(graph)], ['y']);
  const value = (name: string, last: number | null) => ({ name, elementType: dataType.float, shape: ['N', last] });
  return encodeModel(modelOf(graph.graph('test', [value('x', 4)], [value('y', null)]), '0'));
}

const double = model((graph) => graph.node('Mul', ['x', graph.floats('two', [1], [2])]));
const request = { input: 'x', elementType: 'float32', data: Float32Array.of(1, 2, 3, 4), shape: [1, 4], output: 'y' } as const;

const candidateOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  return assert.fail('it went well');
};

/** A constant tensor of `sides` ones, made while the model runs, that depends on x so that nothing folds it before. */
const large = (graph: GraphBuilder, sides: readonly number[]): string => {
  const ones = graph.node('Expand', [graph.node('ReduceMax', ['x'], { keepdims: 0 }), graph.integers('sides', sides)]);
  return ones;
};

test('a model gives its numbers; another one after it, in the same process', async () => {
  const runner = runnerOf();
  await runner.open(double, []);
  assert.deepEqual([...(await runner.run(request)).data], [2, 4, 6, 8]);
  await runner.open(
    model((graph) => graph.node('Neg', ['x'])),
    [],
  );
  assert.deepEqual(await runner.run(request), { data: Float32Array.of(-1, -2, -3, -4), shape: [1, 4] });
  assert.match(await candidateOf(runner.run({ ...request, output: 'nothing' })), /^m\.onnx: ONNX Runtime: /);
});

test('no model, and a file of nothing: one line', async () => {
  const runner = runnerOf();
  assert.match(await candidateOf(runner.open(Uint8Array.of(1, 2, 3), [])), /^m\.onnx: ONNX Runtime: /);
  assert.match(await candidateOf(runner.run(request)), /no model is open/);
});

test('more memory than it may have, and more than there is', { skip: process.platform !== 'linux' }, async () => {
  const runner = runnerOf();
  for (const sides of [[2 ** 28], [2 ** 20, 2 ** 20]]) {
    await runner.open(
      model((graph) => graph.node('Reshape', [large(graph, sides), graph.integers('row', [1, -1])])),
      [],
    );
    assert.match(await candidateOf(runner.run(request)), /alloc|memory|more than 512 MiB/i);
  }
  await runner.open(double, []);
  assert.deepEqual([...(await runner.run(request)).data], [2, 4, 6, 8], 'it goes on after');
});

test('longer than it may take', async () => {
  const runner = runnerOf({ memory: 2 ** 31, seconds: 5 });
  const slow = model((graph) => {
    let matrix = large(graph, [2500, 2500]);
    for (let i = 0; i < 400; i++) matrix = graph.node('MatMul', [matrix, matrix]);
    return graph.node('ReduceMax', [matrix], { axes: [1], keepdims: 1 });
  });
  await runner.open(slow, []);
  const start = performance.now();
  assert.match(await candidateOf(runner.run(request)), /took longer than 5 s and was ended/);
  assert.ok(performance.now() - start < 10_000);
  await runner.open(double, []);
  assert.deepEqual([...(await runner.run(request)).data], [2, 4, 6, 8]);
});

test('a thousand damaged models: numbers or one line, each soon', async () => {
  const samples = fixtureNames.map((name) => sampleOf(`${name}.onnx`, readFileSync(fixture(name))));
  const { networks, complaints, slowest } = await fuzzEvaluate(samples, 0, 1000);
  assert.ok(networks > 100 && complaints.size > 20, `${networks} ran, ${complaints.size} complaints`);
  assert.ok(slowest.milliseconds < 15_000, `${slowest.milliseconds} ms: ${slowest.what}`);
});
