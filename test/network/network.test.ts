/** What a network is: shapes, cost, checking, printing, and which tensors are never negative. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReferenceSession } from '../../src/engine/reference/engine.ts';
import { parseNetwork, problemOf } from '../../src/network/check.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import { consumersOf, freeze, type Layer, type Network, nextId, type Node, nodeOf } from '../../src/network/network.ts';
import { initialTensors, isTrained, parametersOf } from '../../src/network/parameters.ts';
import { printNetwork } from '../../src/network/print.ts';
import { inferShapes, shapesOf } from '../../src/network/shapes.ts';
import { nonNegativeNodes } from '../../src/network/sign.ts';
import { sizeOf } from '../../src/network/tensor.ts';
import { convolution, epsilon, maxPool, vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower } from '../../src/program/lower.ts';
import { random } from '../../src/util/random.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';
import { fillInputs, randomState } from '../support/single-steps.ts';

const vanilla = vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [64, 128, 256]);

const image = (channels: number, height: number, width: number): Node => ({
  id: 0,
  layer: { kind: 'image', shape: { channels, height, width } },
  inputs: [],
});
const after = (layer: Layer, ...sources: readonly Node[]): Network =>
  freeze([...sources, { id: 9, layer, inputs: sources.map((node) => node.id) }]);

/** A convolution of a 4×4 image to that side. */
const second = (channels: number, side: number): Node => ({
  id: 1,
  layer: { kind: 'convolution', channels, kernel: 4 - side + 1, stride: 1, padding: 0, bias: true },
  inputs: [0],
});

const someNetwork = fc.nat().map((seed) => smallRandomNetwork(random('network', seed)));

test('the vanilla network costs what the paper says', () => {
  assert.equal(countParameters(vanilla), 374_282);
  assert.equal(countMultiplyAdds(vanilla), 39_520_768);
});

test('the vanilla network prints', () => {
  assert.equal(
    `\n${printNetwork(vanilla)}`,
    `
 0  image                  3×32×32
 1  conv 3×3               64×32×32     1,792
 2  batch norm             64×32×32       128
 3  relu                   64×32×32
 4  max pool 2×2           64×16×16
 5  conv 3×3               128×16×16   73,856
 6  batch norm             128×16×16      256
 7  relu                   128×16×16
 8  max pool 2×2           128×8×8
 9  conv 3×3               256×8×8    295,168
10  batch norm             256×8×8        512
11  relu                   256×8×8
12  global average pool    256×1×1
13  dense 10               10×1×1       2,570`,
  );
});

test('every layer prints what is unusual about it, and what it reads where that is not the line above', () => {
  const odd = freeze([
    image(2, 8, 8),
    { id: 1, layer: { ...convolution(4, 3), stride: 2, padding: 0, bias: false } as Layer, inputs: [0] },
    { id: 2, layer: { kind: 'depthwise', kernel: 3, stride: 1, padding: 1, bias: true }, inputs: [1] },
    { id: 3, layer: { kind: 'add' }, inputs: [1, 2] },
    { id: 4, layer: { kind: 'convex' }, inputs: [3, 1] },
    { id: 5, layer: { kind: 'concat' }, inputs: [4, 4] },
    { id: 6, layer: { kind: 'max-pool', kernel: 3, stride: 2, padding: 1 }, inputs: [5] },
    { id: 7, layer: { kind: 'dense', features: 3 }, inputs: [6] },
  ]);
  assert.equal(
    `\n${printNetwork(odd)}`,
    `
0  image                                        2×8×8
1  conv 3×3 stride 2 padding 0 no bias          4×3×3  72
2  depthwise 3×3 bias                           4×3×3  40
3  add                                  ← 1, 2  4×3×3
4  convex                               ← 3, 1  4×3×3   1
5  concat                               ← 4, 4  8×3×3
6  max pool 3×3 stride 2 padding 1              8×2×2
7  dense 3                                      3×1×1  99`,
  );
});

test('a window gives as many outputs as it has places', () => {
  const extent = fc.integer({ min: 1, max: 12 });
  const padding = fc.nat({ max: 3 });
  fc.assert(
    fc.property(
      extent,
      extent,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      padding,
      (h, w, kernel, stride, p) => {
        const places = (size: number): number => {
          let count = 0;
          for (let from = -p; from + kernel <= size + p; from += stride) count++;
          return count;
        };
        const layers: Layer[] = [
          { kind: 'convolution', channels: 5, kernel, stride, padding: p, bias: true },
          { kind: 'depthwise', kernel, stride, padding: p, bias: true },
          { kind: 'max-pool', kernel, stride, padding: p },
        ];
        layers.forEach((layer, index) => {
          const shapes = inferShapes(after(layer, image(2, h, w)));
          const [height, width] = [places(h), places(w)];
          const possible = height > 0 && width > 0 && (layer.kind !== 'max-pool' || 2 * p <= kernel);
          if (possible)
            assert.deepEqual(typeof shapes !== 'string' && shapes.get(9), { channels: index === 0 ? 5 : 2, height, width });
          else assert.match(String(shapes), /^node 9 \(.*\) (a \d×\d window does not fit into|pads by more than half)/);
        });
      },
    ),
  );
});

test('impossible shapes are sentences that name the node', () => {
  const four = image(3, 4, 4);
  assert.equal(inferShapes(after(convolution(3, 3))), 'node 9 (convolution) takes one input, not 0');
  assert.equal(inferShapes(after({ kind: 'add' }, four)), 'node 9 (add) takes two or more inputs, not 1');
  assert.equal(
    inferShapes(after({ kind: 'add' }, four, second(2, 4))),
    'node 9 (add) takes inputs of one shape, not 3×4×4 and 2×4×4',
  );
  assert.equal(
    inferShapes(after({ kind: 'convex' }, four, second(3, 4), { ...second(3, 4), id: 2 })),
    'node 9 (convex) takes 2 inputs, not 3',
  );
  assert.equal(
    inferShapes(after({ kind: 'concat' }, four, second(3, 3))),
    'node 9 (concat) takes inputs of one height and width, not 3×4×4 and 3×3×3',
  );
  assert.equal(inferShapes(after(maxPool(8), four)), 'node 9 (max-pool) a 8×8 window does not fit into 3×4×4');
  assert.equal(inferShapes(freeze([four, { ...four }])), 'two nodes have the id 0');
  assert.equal(
    inferShapes(freeze([{ id: 1, layer: { kind: 'relu' }, inputs: [0] }, four])),
    'node 1 (relu) reads node 0, which does not come before it',
  );
  assert.throws(() => shapesOf(after(maxPool(8), four)), /bug: node 9/);
});

test('parameters: as many as are counted, kernels within ±1/√fan_in, each from a stream of its own', () => {
  fc.assert(
    fc.property(someNetwork, fc.nat(), (network, seed) => {
      const tensors = initialTensors(network, random(seed));
      let trained = 0;
      for (const { name, role, shape } of parametersOf(network)) {
        const tensor = tensors[name];
        assert.deepEqual(tensor?.shape, shape);
        assert.equal(tensor?.data.length, sizeOf(shape));
        if (isTrained(role)) trained += sizeOf(shape);
        const bound = { scale: 1, shift: 0, mean: 0, variance: 1, mix: 1, kernel: 1, bias: 1 }[role];
        if (role === 'kernel') {
          const limit = 1 / Math.sqrt(sizeOf(shape.slice(1)));
          assert.ok(tensor?.data.every((value) => Math.abs(value) <= limit));
        } else if (role !== 'bias') assert.ok(tensor?.data.every((value) => value === bound));
      }
      assert.equal(countParameters(network), trained);
      // Cutting off the head changes nothing in what the others start with.
      const shorter = initialTensors(freeze(network.nodes.slice(0, -1)), random(seed));
      for (const [name, { data }] of Object.entries(shorter)) assert.deepEqual(tensors[name]?.data, data);
    }),
    { numRuns: 30 },
  );
});

test('kernels and biases start uniform in all of ±1/√fan_in, with the fan-in of their kernel; ε is 1e-5', () => {
  const tensors = initialTensors(vanilla, random('uniform'));
  for (const [id, fanIn] of [
    [1, 27],
    [5, 576],
    [9, 1152],
    [13, 256],
  ] as const) {
    const bound = 1 / Math.sqrt(fanIn);
    for (const role of ['kernel', 'bias'] as const) {
      const data = tensors[`${id}/${role}`]?.data ?? assert.fail(`${id}/${role}`);
      assert.ok(
        data.every((value) => Math.abs(value) <= bound),
        `${id}/${role}`,
      );
      // The variance of a uniform draw is bound²/3; 2/√(5n) of it is its standard deviation.
      const squares = data.reduce((sum, value) => sum + value ** 2, 0) / data.length;
      assert.ok(Math.abs(squares / (bound ** 2 / 3) - 1) < 8 / Math.sqrt(5 * data.length), `${id}/${role}: ${squares}`);
    }
  }
  const epsilons = vanilla.nodes.flatMap(({ layer }) => (layer.kind === 'batch-normalization' ? [layer.epsilon] : []));
  assert.deepEqual(epsilons, [1e-5, 1e-5, 1e-5]);
});

test('networks are checked: a valid one comes back equal from its JSON, frozen', () => {
  fc.assert(
    fc.property(someNetwork, (network) => {
      const parsed = parseNetwork(JSON.parse(JSON.stringify(network)));
      assert.ok(typeof parsed !== 'string');
      assert.deepEqual(parsed, network);
      assert.ok(Object.isFrozen(parsed) && parsed.nodes.every((node) => Object.isFrozen(node) && Object.isFrozen(node.layer)));
    }),
    { numRuns: 30 },
  );
});

/** The JSON of the vanilla network with one node changed. */
const damaged = (index: number, change: Record<string, unknown>): unknown => ({
  nodes: vanilla.nodes.map((node, position) => (position === index ? { ...node, ...change } : node)),
});

const damages: readonly (readonly [what: string, value: unknown, message: RegExp])[] = [
  ['no object', null, /expected object/],
  ['no nodes', {}, /nodes/],
  ['one node', { nodes: [vanilla.nodes[0]] }, /nodes/],
  ['more than nodes', { nodes: vanilla.nodes, weights: 1 }, /weights/],
  ['an unknown layer', damaged(3, { layer: { kind: 'gelu' } }), /nodes\[3\]/],
  ['a setting too many', damaged(3, { layer: { kind: 'relu', slope: 1 } }), /slope/],
  ['half a channel', damaged(1, { layer: { ...convolution(3, 3), channels: 1.5 } }), /channels/],
  ['a huge kernel', damaged(1, { layer: { ...convolution(3, 3), kernel: 1e9 } }), /kernel/],
  ['ε = 0', damaged(2, { layer: { kind: 'batch-normalization', epsilon: 0 } }), /epsilon/],
  ['an id of text', damaged(2, { id: '2' }), /id/],
  ['two of one id', damaged(2, { id: 1 }), /reads node 2, which does not come before it|two nodes have the id 1/],
  ['a loop', damaged(1, { inputs: [13] }), /node 1 .* reads node 13, which does not come before it/],
  ['a node read by none', damaged(2, { inputs: [0] }), /node 1 is not read by any node/],
  [
    'a second image',
    { nodes: [image(1, 1, 1), { ...image(1, 1, 1), id: 1 }, { id: 2, layer: { kind: 'add' }, inputs: [0, 1] }] },
    /node 1: the first node, and no other, must be an image/,
  ],
  ['no image', damaged(0, { layer: { kind: 'relu' }, inputs: [] }), /node 0 \(relu\) takes one input/],
  ['no vector', { nodes: vanilla.nodes.slice(0, 12) }, /the last node must give a vector of logits/],
];

for (const [what, value, message] of damages)
  test(`networks are checked: ${what}`, () => {
    const answer = parseNetwork(value);
    assert.ok(typeof answer === 'string', 'it was believed');
    assert.match(answer, message);
    assert.ok(!answer.includes('\n'));
  });

test('whatever JSON is parsed, the answer is a valid network or one line', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue({ maxDepth: 3 }), mutilated()), (value) => {
      const answer = parseNetwork(value);
      if (typeof answer === 'string') assert.ok(answer.length > 0 && !answer.includes('\n'));
      else assert.equal(problemOf(answer), undefined);
    }),
  );
});

/** The JSON of a random network with a node dropped, repeated or with other inputs. */
function mutilated(): fc.Arbitrary<unknown> {
  return fc.tuple(someNetwork, fc.nat(), fc.nat(), fc.constantFrom('drop', 'repeat', 'rewire')).map(([network, a, b, how]) => {
    const [at, other] = [a % network.nodes.length, b % network.nodes.length];
    return {
      nodes: network.nodes.flatMap((node, index) =>
        index !== at ? [node] : how === 'drop' ? [] : how === 'repeat' ? [node, node] : [{ ...node, inputs: [other] }],
      ),
    };
  });
}

test('finding nodes: consumers as often as they read, ids that are new, and no id that is not there', () => {
  const twice = freeze([image(1, 2, 2), { id: 7, layer: { kind: 'add' }, inputs: [0, 0] }]);
  assert.deepEqual(
    consumersOf(twice)
      .get(0)
      ?.map((node) => node.id),
    [7, 7],
  );
  assert.deepEqual(consumersOf(twice).get(7), []);
  assert.equal(nextId(twice), 8);
  assert.throws(() => nodeOf(twice, 3), /bug: no node 3/);
});

test('never negative: by the table', () => {
  const signs = freeze([
    image(2, 4, 4),
    { id: 1, layer: convolution(2, 3), inputs: [0] },
    { id: 2, layer: { kind: 'relu' }, inputs: [1] },
    { id: 3, layer: { kind: 'add' }, inputs: [1, 2] },
    { id: 4, layer: { kind: 'convex' }, inputs: [2, 2] },
    { id: 5, layer: maxPool(2), inputs: [4] },
    { id: 6, layer: { kind: 'concat' }, inputs: [5, 5] },
    { id: 7, layer: { kind: 'global-average-pool' }, inputs: [6] },
    { id: 8, layer: { kind: 'batch-normalization', epsilon }, inputs: [2] },
    { id: 9, layer: maxPool(2), inputs: [8] },
    { id: 10, layer: { kind: 'concat' }, inputs: [5, 9] },
    { id: 11, layer: { kind: 'depthwise', kernel: 1, stride: 1, padding: 0, bias: false }, inputs: [2] },
    { id: 12, layer: { kind: 'dense', features: 2 }, inputs: [7] },
  ]);
  assert.deepEqual([...nonNegativeNodes(signs)], [2, 4, 5, 6, 7]);
});

test('never negative: what is said to be so is so, in random networks of random parameters', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const network = smallRandomNetwork(random('signs', seed));
    const program = lower(network, 2, { kind: 'evaluation' });
    const session = new ReferenceSession(program);
    session.load(randomState(program, random('signs', seed)));
    fillInputs(session, random('signs', seed));
    await session.run();
    for (const id of nonNegativeNodes(network)) {
      const buffer = program.buffers.find(({ name }) => name === `${id}/output`);
      assert.ok(buffer !== undefined && session.values(buffer.id).every((value) => value >= 0), `node ${id}`);
    }
  }
});
