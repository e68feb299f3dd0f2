/** Foreign models in a process of their own: what they give, and that whatever they do costs one line. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createModelRunner, type ModelRunner } from '../../src/execution/model-runner.ts';
import { graphBuilder, modelOf, type GraphBuilder } from '../../src/formats/onnx/build.ts';
import { encodeModel } from '../../src/formats/onnx/encode.ts';
import { dataType } from '../../src/formats/onnx/proto.ts';
import { random } from '../../src/util/random.ts';
import { UserError } from '../../src/util/user-error.ts';

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

const lineOf = async (work: Promise<unknown>): Promise<string> => {
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
  assert.match(await lineOf(runner.run({ ...request, output: 'nothing' })), /^m\.onnx: ONNX Runtime: /);
});

test('no model, and a file of nothing: one line', async () => {
  const runner = runnerOf();
  assert.match(await lineOf(runner.open(Uint8Array.of(1, 2, 3), [])), /^m\.onnx: ONNX Runtime: /);
  assert.match(await lineOf(runner.run(request)), /no model is open/);
});

test('more memory than it may have, and more than there is', { skip: process.platform !== 'linux' }, async () => {
  const runner = runnerOf();
  for (const sides of [[2 ** 28], [2 ** 20, 2 ** 20]]) {
    await runner.open(
      model((graph) => graph.node('Reshape', [large(graph, sides), graph.integers('row', [1, -1])])),
      [],
    );
    assert.match(await lineOf(runner.run(request)), /alloc|memory|more than 512 MiB/i);
  }
  await runner.open(double, []);
  assert.deepEqual([...(await runner.run(request)).data], [2, 4, 6, 8], 'it goes on after');
});

test('longer than it may take', async () => {
  const runner = runnerOf({ memory: 2 ** 31, seconds: 2 });
  const slow = model((graph) => {
    let matrix = large(graph, [2500, 2500]);
    for (let i = 0; i < 400; i++) matrix = graph.node('MatMul', [matrix, matrix]);
    return graph.node('ReduceMax', [matrix], { axes: [1], keepdims: 1 });
  });
  await runner.open(slow, []);
  const start = performance.now();
  assert.match(await lineOf(runner.run(request)), /took longer than 2 s and was ended/);
  assert.ok(performance.now() - start < 4000);
  await runner.open(double, []);
  assert.deepEqual([...(await runner.run(request)).data], [2, 4, 6, 8]);
});

test('a thousand damaged files: numbers or one line, each soon', async () => {
  const runner = runnerOf();
  const stream = random('damaged models');
  const sample = model((graph) => {
    const kernel = graph.floats(
      'kernel',
      [3, 1, 2, 2],
      Array.from({ length: 12 }, (_none, i) => i / 7),
    );
    const image = graph.node('Reshape', ['x', graph.integers('image', [-1, 1, 2, 2])]);
    const convolved = graph.node('Conv', [image, kernel], { kernel_shape: [2, 2], pads: [1, 1, 1, 1], strides: [1, 1] });
    return graph.node('Flatten', [graph.node('GlobalAveragePool', [graph.node('Relu', [convolved])])], { axis: 1 });
  });
  let [opened, ran, died] = [0, 0, 0];
  for (let i = 0; i < 1000; i++) {
    const damaged = sample.slice(0, stream.integer(10) === 0 ? 1 + stream.integer(sample.length) : sample.length);
    for (let hits = 1 + stream.integer(4); hits > 0; hits--) damaged[stream.integer(damaged.length)] = stream.integer(256);
    try {
      await runner.open(damaged, []);
      opened++;
      await runner.run(request);
      ran++;
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, /^m\.onnx: [^\n]+$/);
      if (/ended|longer|more than/.test(error.message)) died++;
    }
  }
  assert.ok(opened > 100 && ran > 50, `${opened} opened, ${ran} ran, ${died} ended their process`);
});
