/** Functions that a model defines: what they come to is the graph with their nodes in place of the calls. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reference } from '../../src/engine/reference/engine.ts';
import type { AttributeProto, FunctionProto, ModelProto, NodeProto } from '../../src/formats/onnx/proto.ts';
import { UserError } from '../../src/util/user-error.ts';
import { compareImported, handmadeModel, headOf, importModel, layersOf, type Drawing } from '../support/onnx-models.ts';

const domain = 'of.the.model';
const node = (
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  more: Partial<NodeProto> = {},
): NodeProto => ({
  name: '',
  opType,
  domain: '',
  inputs,
  outputs,
  attributes: [],
  ...more,
});
const definition = (
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  nodes: readonly NodeProto[],
): FunctionProto => ({
  name,
  domain,
  inputs,
  outputs,
  nodes,
  opsets: [{ domain: '', version: 17 }],
  defaults: [],
});

/** A model whose nodes with a name of a function call it. */
function calling(functions: readonly FunctionProto[], draw: (g: Drawing, x: string) => string): ModelProto {
  const names = new Set(functions.map(({ name }) => name));
  const model = handmadeModel(draw, {
    change: (graph) => ({
      ...graph,
      nodes: graph.nodes.map((one) => (names.has(one.opType) ? { ...one, domain } : one)),
    }),
  });
  return { ...model, opsets: [...model.opsets, { domain, version: 1 }], functions };
}

const float = (name: string, value: number): AttributeProto => ({ name, kind: 'float', value });
const plain = (g: Drawing, x: string): string => g.node('Conv', [x, g.weights(4, 2, 1, 1), g.weights(4)]);

const rectified = definition(
  'rectified',
  ['x'],
  ['y'],
  [node('Identity', ['x'], ['same']), node('Relu', ['same'], ['y'], { name: 'inner' })],
);
/** Hard sigmoid with a slope that the call says, or 0.2. */
const gated: FunctionProto = {
  ...definition(
    'gated',
    ['x', 'unused'],
    ['y', 'gate'],
    [
      node('HardSigmoid', ['x'], ['gate'], {
        attributes: [
          { name: 'alpha', kind: 'reference', value: 'slope', type: 1 },
          { name: 'beta', kind: 'reference', value: 'missing', type: 1 },
        ],
      }),
      node('Mul', ['x', 'gate'], ['y']),
    ],
  ),
  defaults: [float('slope', 0.25)],
};
const nested = definition('nested', ['x'], ['y', 'x'], [node('rectified', ['x'], ['y'], { domain })]);

test('calls become the nodes of their functions, each with names of its own', async () => {
  const model = calling([rectified, gated, nested], (g, x) => {
    const y = g.node('gated', [g.node('rectified', [plain(g, x)])]);
    const z = g.node('gated', [y, ''], { slope: { float: 0.5 } });
    g.nodeOf('nested', [z], ['first', 'second']);
    return headOf(g, g.node('Add', ['first', 'second']), 4);
  });
  const imported = importModel(model);
  const product = 'hard sigmoid · product';
  assert.equal(
    layersOf(imported.network),
    `conv 1×1 · relu · ${product} · ${product} · relu · add · global average pool · dense 3`,
  );
  const slopes = imported.network.nodes.flatMap(({ layer }) =>
    layer.kind === 'activation' && layer.function.name === 'hard-sigmoid' ? [layer.function.slope, layer.function.offset] : [],
  );
  assert.deepEqual(slopes, [0.25, 0.5, 0.5, 0.5]);
  assert.ok((await compareImported(reference, imported)).difference <= 1e-5);
});

test('two functions of one name differ by their overload', () => {
  const first = { ...rectified, overload: 'relu' };
  const second = { ...rectified, overload: 'passes', nodes: [node('Identity', ['x'], ['y'])] };
  const model = calling([first, second], (g, x) => headOf(g, g.node('rectified', [plain(g, x)]), 4));
  const overloaded = (overload: string): ModelProto => ({
    ...model,
    graph: { ...model.graph, nodes: model.graph.nodes.map((one) => (one.domain === domain ? { ...one, overload } : one)) },
  });
  assert.equal(layersOf(importModel(overloaded('relu')).network), 'conv 1×1 · relu · global average pool · dense 3');
  assert.equal(layersOf(importModel(overloaded('passes')).network), 'conv 1×1 · global average pool · dense 3');
  assert.throws(() => importModel(model), /\(of\.the\.model\.rectified\): this operator cannot be represented/);
});

function refuses(functions: readonly FunctionProto[], says: RegExp): void {
  const model = calling(functions, (g, x) => headOf(g, g.node('rectified', [plain(g, x)]), 4));
  const begun = performance.now();
  assert.throws(
    () => importModel(model),
    (error: unknown) => error instanceof UserError && says.test(error.message) && !error.message.includes('\n'),
  );
  assert.ok(performance.now() - begun < 5000);
}

test('functions that are not valid', () => {
  refuses([rectified, rectified], /function "rectified" is defined twice$/);
  refuses(
    [{ ...rectified, opsets: [{ domain: '', version: 18 }] }],
    /function "rectified" is of operator set 18, the model of 17$/,
  );
  refuses([{ ...rectified, inputs: [] }], /it does not fit the function that it calls$/);
  refuses(
    [{ ...rectified, nodes: [node('Relu', ['y'], ['y'])] }],
    /reads "[^"]*", which (is not computed before it|does not exist)/,
  );
  refuses([{ ...rectified, outputs: ['z'] }], /which does not exist$/);
  refuses([{ ...rectified, nodes: [node('Sin', ['x'], ['y'], { name: 'inside' })] }], /inside" \(Sin\): this operator cannot/);
  // A function that calls itself.
  refuses(
    [{ ...rectified, nodes: [node('rectified', ['x'], ['y'], { domain })] }],
    /calls of functions are nested more than 20 times$/,
  );
});

test('a few functions that come to millions of nodes are not expanded', () => {
  const levels = Array.from({ length: 18 }, (_none, level): FunctionProto =>
    definition(
      level === 0 ? 'rectified' : `level ${level}`,
      ['x'],
      ['y'],
      [
        node(level === 17 ? 'Relu' : `level ${level + 1}`, ['x'], ['z'], level === 17 ? {} : { domain }),
        node(level === 17 ? 'Relu' : `level ${level + 1}`, ['z'], ['y'], level === 17 ? {} : { domain }),
      ],
    ),
  );
  refuses(levels, /with its functions it has more than 200000 nodes and names$/);
  // A node of many inputs, called often.
  const wide = definition(
    'rectified',
    ['x'],
    ['y'],
    [
      node(
        'Sum',
        Array.from({ length: 5000 }, () => 'x'),
        ['y'],
      ),
    ],
  );
  const chain = definition(
    'chain',
    ['x'],
    ['y'],
    Array.from({ length: 100 }, (_none, at) =>
      node('rectified', [at === 0 ? 'x' : `v${at}`], [at === 99 ? 'y' : `v${at + 1}`], { domain }),
    ),
  );
  const model = calling([wide, chain], (g, x) => headOf(g, g.node('chain', [plain(g, x)]), 4));
  assert.throws(() => importModel(model), /with its functions it has more than 200000 nodes and names$/);
});
