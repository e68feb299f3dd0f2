/** Which layer is the head, what it reads, and how deep layers lie. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { depthsOf, firstNodes } from '../../src/network/depth.ts';
import { headOf, linearHeadOf } from '../../src/network/head.ts';
import { freeze, type Layer, type Network } from '../../src/network/network.ts';
import { convolution, vanillaNetwork } from '../../src/network/vanilla.ts';

const image: Layer = { kind: 'image', shape: { channels: 3, height: 8, width: 8 } };
const pool: Layer = { kind: 'global-average-pool' };
const dense = (features: number): Layer => ({ kind: 'dense', features });
const relu: Layer = { kind: 'relu' };
const chain = (...layers: readonly Layer[]): Network =>
  freeze([image, ...layers].map((layer, id) => ({ id, layer, inputs: id === 0 ? [] : [id - 1] })));

/** The head that is linear in its features, as `node: features`, and whether it reads their means. */
function drawn(network: Network): string {
  const head = linearHeadOf(network);
  return head === null
    ? 'none'
    : `${head.node.id}: ${head.features}${head.averaged ? ' means' : ''} of ${head.body.nodes.length}`;
}

test('a dense layer, or a pointwise convolution that only means follow, is linear in its features', () => {
  assert.equal(drawn(vanillaNetwork({ channels: 3, height: 8, width: 8 }, 5, [4, 6])), '9: 6 of 9');
  assert.equal(drawn(chain(convolution(4, 3), dense(5))), '2: 256 of 2');
  assert.equal(drawn(chain(convolution(4, 3), convolution(5, 1), pool)), '2: 4 means of 2');
  assert.equal(drawn(chain(convolution(4, 3), pool, convolution(5, 1))), '3: 4 means of 3');
});

test('what an activation follows, what sees neighbours, and what reads the image is not', () => {
  for (const layers of [
    [convolution(4, 3), convolution(5, 1), relu, pool],
    [convolution(4, 3), convolution(5, 3), pool],
    [convolution(5, 1), pool],
    [dense(5)],
    [convolution(4, 3), dense(5), relu],
  ])
    assert.equal(drawn(chain(...layers)), 'none');
  assert.equal(headOf(chain(convolution(4, 3), convolution(5, 1), relu, pool))?.id, 2);
});

test('depth counts layers with kernels, along the longest path', () => {
  const network = chain(
    convolution(4, 3),
    { kind: 'batch-normalization', epsilon: 1e-5 },
    relu,
    convolution(4, 3),
    pool,
    dense(5),
  );
  assert.deepEqual(
    [...depthsOf(network)].map(([id, depth]) => [id, Number(depth.toFixed(3))]),
    [
      [0, 0],
      [1, 0],
      [2, 0.333],
      [3, 0.333],
      [4, 0.5],
      [5, 0.667],
      [6, 1],
    ],
  );
  assert.equal(
    [0, 1, 2, 3, 4].find((layers) => firstNodes(network, layers).size === network.nodes.length),
    3,
  );
  assert.deepEqual([...firstNodes(network, 1)], [0, 1, 2, 3]);
  assert.deepEqual([...firstNodes(network, 2)], [0, 1, 2, 3, 4, 5]);
  assert.equal(firstNodes(network, 3).size, 7);
});

test('what is first depends on nothing that is not', () => {
  const network = freeze([
    { id: 0, layer: image, inputs: [] },
    { id: 1, layer: convolution(4, 3), inputs: [0] },
    { id: 2, layer: convolution(4, 3), inputs: [1] },
    { id: 3, layer: convolution(4, 3), inputs: [2] },
    { id: 4, layer: { kind: 'add' }, inputs: [1, 3] },
    { id: 5, layer: convolution(5, 1), inputs: [4] },
    { id: 6, layer: pool, inputs: [5] },
  ]);
  for (const layers of [0, 1, 2, 3, 4]) {
    const first = firstNodes(network, layers);
    for (const { id, inputs } of network.nodes) if (first.has(id)) assert.ok(inputs.every((input) => first.has(input)));
  }
  assert.ok(!firstNodes(network, 2).has(4) && firstNodes(network, 3).has(4));
});
