/** The staged start network: what it is, for which images, and that frozen layers are read, written and counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetwork, problemOf } from '../../src/network/check.ts';
import { countParameters, parametersByNode } from '../../src/network/cost.ts';
import { freeze, outputOf, type Layer, type Network } from '../../src/network/network.ts';
import { isLearned, parametersOf } from '../../src/network/parameters.ts';
import { printNetwork } from '../../src/network/print.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import { startNetworkNames, startNetworks } from '../../src/network/start.ts';
import { convolution } from '../../src/network/vanilla.ts';
import { canonicalJson } from '../../src/util/json.ts';

const staged = stagedNetwork({ channels: 3, height: 32, width: 32 }, 10, [24, 64, 256]);

test('the staged network prints', () =>
  assert.equal(
    `\n${printNetwork(staged)}`,
    `
 0  image               3×32×32
 1  conv 3×3 frozen     24×32×32       672
 2  relu                24×32×32
 3  conv 3×3 no bias    64×32×32    13,824
 4  max pool 2×2        64×16×16
 5  batch norm          64×16×16       128
 6  relu                64×16×16
 7  conv 3×3 no bias    64×16×16    36,864
 8  batch norm          64×16×16       128
 9  relu                64×16×16
10  conv 3×3 no bias    256×16×16  147,456
11  max pool 2×2        256×8×8
12  batch norm          256×8×8        512
13  relu                256×8×8
14  conv 3×3 no bias    256×8×8    589,824
15  batch norm          256×8×8        512
16  relu                256×8×8
17  max pool 8×8        256×1×1
18  dense 10            10×1×1       2,570`,
  ));

/** `pool 2, pool 2, pool 7`; an average is `mean`. */
const poolsOf = (network: Network): string =>
  network.nodes
    .flatMap(({ layer }) =>
      layer.kind === 'max-pool' ? [`pool ${layer.kernel}`] : layer.kind === 'global-average-pool' ? ['mean'] : [],
    )
    .join(', ');

test('any image: pools while there is something to pool, and a last one over all that is left', () => {
  const cases: readonly (readonly [channels: number, height: number, width: number, widths: number[], pools: string])[] = [
    [1, 28, 28, [8, 8, 8], 'pool 2, pool 2, pool 7'],
    [3, 64, 64, [8, 8, 8], 'pool 2, pool 2, pool 16'],
    [3, 33, 33, [8, 8], 'pool 2, pool 16'],
    [1, 12, 20, [4, 4], 'pool 2, mean'],
    // 2×5 is pooled to 1×2, and that no further.
    [1, 5, 10, [4, 4, 4, 4], 'pool 2, pool 2, mean'],
    [1, 4, 4, [4, 4, 4, 4], 'pool 2, pool 2, mean'],
    [1, 1, 1, [4, 4], 'mean'],
    [2, 6, 6, [4], 'pool 6'],
  ];
  for (const [channels, height, width, widths, pools] of cases) {
    const network = stagedNetwork({ channels, height, width }, 5, widths);
    assert.equal(problemOf(network), undefined, `${channels}×${height}×${width}`);
    assert.equal(poolsOf(network), pools, `${channels}×${height}×${width}`);
    assert.deepEqual(outputOf(network).layer, { kind: 'dense', features: 5 });
  }
});

test('each start network can be made wherever the vanilla one can', () => {
  for (const name of startNetworkNames)
    for (const [height, width] of [
      [28, 28],
      [32, 32],
      [64, 64],
      [4, 9],
    ] as const)
      assert.equal(problemOf(startNetworks[name].make({ channels: 3, height, width }, 7, [3, 4, 5])), undefined, name);
});

test('a frozen kernel counts as parameters, is not learned, and its bias is', () => {
  assert.equal(parametersByNode(staged).get(1), 24 * 3 * 9 + 24);
  assert.equal(
    countParameters(staged),
    [...parametersByNode(staged).values()].reduce((sum, each) => sum + each, 0),
  );
  const stem = parametersOf(staged).filter(({ node }) => node === 1);
  assert.deepEqual(
    stem.map((parameter) => [parameter.name, isLearned(parameter)]),
    [
      ['1/kernel', false],
      ['1/bias', true],
    ],
  );
});

test('frozen goes through JSON, is true or not there, and stands in no network without it', () => {
  const read = parseNetwork(JSON.parse(canonicalJson(staged)));
  assert.deepEqual(read, staged);
  const withStem = (more: object): unknown =>
    JSON.parse(
      canonicalJson({
        nodes: staged.nodes.map((node) => (node.id === 1 ? { ...node, layer: { ...node.layer, ...more } } : node)),
      }),
    );
  assert.match(String(parseNetwork(withStem({ frozen: false }))), /frozen/);
  const plain = freeze([
    { id: 0, layer: { kind: 'image', shape: { channels: 1, height: 3, width: 3 } }, inputs: [] },
    { id: 1, layer: convolution(2, 3) as Layer, inputs: [0] },
    { id: 2, layer: { kind: 'dense', features: 2 }, inputs: [1] },
  ]);
  assert.equal(
    canonicalJson(parseNetwork(JSON.parse(canonicalJson(plain)))),
    '{"nodes":[{"id":0,"inputs":[],"layer":{"kind":"image","shape":{"channels":1,"height":3,"width":3}}},' +
      '{"id":1,"inputs":[0],"layer":{"bias":true,"channels":2,"kernel":3,"kind":"convolution","padding":1,"stride":1}},' +
      '{"id":2,"inputs":[1],"layer":{"features":2,"kind":"dense"}}]}',
  );
});
