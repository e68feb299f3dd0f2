/** Narrowing: what is dropped where, and that the function is the one without the dropped channels. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { must } from '../../src/util/assert.ts';
import { random as randomOf, type Random } from '../../src/util/random.ts';
import { problemOf } from '../../src/network/check.ts';
import type { Network, NodeId } from '../../src/network/network.ts';
import { parameterName, parametersOf } from '../../src/network/parameters.ts';
import { shapesOf } from '../../src/network/shapes.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { applyRewrite } from '../../src/morphism/apply.ts';
import type { Rewrite } from '../../src/morphism/operator.ts';
import { layoutOf, type WidthChange, type WidthPiece } from '../../src/morphism/width-change.ts';
import { absorbs, changeWidths } from '../../src/morphism/width.ts';
import { canonicalJson } from '../../src/util/json.ts';
import { logitsOf } from '../support/forward.ts';
import { draft, grownNetwork, handmade, imagesFor, trainedTensors } from '../support/networks.ts';

/** Each old channel kept or not, and now and then new ones. */
function randomChange(width: number, random: Random, options: { readonly drops: boolean; readonly adds: boolean }): WidthChange {
  const pieces: WidthPiece[] = [];
  for (let channel = 0; channel < width; channel++) {
    if (options.adds && random.float() < 0.2) pieces.push({ new: 1 + random.integer(2) });
    if (!options.drops || random.float() < 0.7) pieces.push({ kept: channel, length: 1 });
  }
  return pieces;
}

/** Changes of one or two convolutions; undefined where the network cannot follow. */
function randomRewrite(network: Network, random: Random, options: { drops: boolean; adds: boolean }): Rewrite | undefined {
  const convolutions = network.nodes.flatMap(({ id, layer }) =>
    layer.kind === 'convolution' ? [[id, layer.channels] as const] : [],
  );
  const made = new Map(
    Array.from({ length: 1 + random.integer(2) }, () => {
      const [id, channels] = random.pick(convolutions);
      return [id, randomChange(channels, random, options)] as const;
    }),
  );
  const rewrite = changeWidths(network, made);
  return typeof rewrite === 'string' ? undefined : rewrite;
}

/** The tensors with zeros where anything reads a channel that is dropped. */
function withoutReaders(network: Network, tensors: Tensors, widths: ReadonlyMap<NodeId, WidthChange>): Tensors {
  const shapes = shapesOf(network);
  const result: Record<string, Tensors[string]> = { ...tensors };
  for (const node of network.nodes) {
    const input = node.inputs[0] ?? -1;
    const change = widths.get(input);
    if (!absorbs(node) || change === undefined) continue;
    const name = parameterName(node.id, 'kernel');
    const { shape, data } = must(tensors[name], name);
    const kept = new Set(layoutOf(change).kept.flatMap(({ from, length }) => Array.from({ length }, (_none, i) => from + i)));
    const { channels } = must(shapes.get(input), 'shape');
    const size = data.length / must(shape[0], 'rows') / channels;
    result[name] = { shape, data: data.map((value, at) => (kept.has(Math.floor(at / size) % channels) ? value : 0)) };
  }
  return result;
}

const seeds = fc.nat({ max: 1_000_000 });

for (const adds of [false, true])
  test(`a ${adds ? 'narrowed and widened' : 'narrowed'} network computes what the old one does where nothing reads the dropped channels`, () => {
    const seen = { applied: 0, dropped: 0 };
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 6 }), (seed, mutations) => {
        const network = grownNetwork(seed, mutations);
        const random = randomOf('narrow', seed);
        const rewrite = randomRewrite(network, random, { drops: true, adds });
        if (rewrite === undefined) return;
        const tensors = trainedTensors(network, random);
        const narrowed = applyRewrite(rewrite, tensors, random);
        assert.equal(problemOf(narrowed.network), undefined);
        for (const { name, shape } of parametersOf(narrowed.network))
          assert.deepEqual(narrowed.tensors[name]?.shape, shape, name);
        const images = imagesFor(network, 3, random);
        const blinded = withoutReaders(network, tensors, rewrite.widths);
        for (const mode of ['evaluation', 'training'] as const)
          assert.deepEqual(
            logitsOf(narrowed.network, narrowed.tensors, images, mode),
            logitsOf(network, blinded, images, mode),
            mode,
          );
        seen.applied++;
        if (Object.keys(tensors).some((name) => blinded[name] !== tensors[name] && narrowed.tensors[name] !== undefined))
          seen.dropped++;
      }),
      { seed: 1, numRuns: 80 },
    );
    assert.ok(seen.applied >= 30 && seen.dropped >= 25, JSON.stringify(seen));
  });

test('new channels that are dropped again leave the network and its tensors as they were', () => {
  let applied = 0;
  fc.assert(
    fc.property(seeds, fc.integer({ min: 0, max: 6 }), (seed, mutations) => {
      const network = grownNetwork(seed, mutations);
      const random = randomOf('back', seed);
      const widening = randomRewrite(network, random, { drops: false, adds: true });
      if (widening === undefined) return;
      const tensors = trainedTensors(network, random);
      const wide = applyRewrite(widening, tensors, random);
      const made = wide.network.nodes.flatMap(({ id, layer }): [NodeId, WidthChange][] => {
        const change = widening.widths.get(id);
        return layer.kind !== 'convolution' || change === undefined
          ? []
          : [[id, layoutOf(change).kept.map(({ to, length }) => ({ kept: to, length }))]];
      });
      const narrowing = changeWidths(wide.network, new Map(made));
      assert.ok(typeof narrowing !== 'string', String(narrowing));
      const back = applyRewrite(narrowing, wide.tensors, random);
      assert.equal(canonicalJson(back.network), canonicalJson(network));
      assert.deepEqual(back.tensors, tensors);
      assert.deepEqual(back.calibrations, []);
      applied++;
    }),
    { seed: 2, numRuns: 60 },
  );
  assert.ok(applied >= 30, `${applied} times`);
});

const channels = (network: Network): string =>
  network.nodes.flatMap(({ id, layer }) => (layer.kind === 'convolution' ? [`${id}: ${layer.channels}`] : [])).join(', ');

test('Add(a, Concat(b, c)): what b drops, a drops at the same places', () => {
  const network = must(handmade['a sum whose second term is a concatenation'], 'network')();
  // a: nodes 1–3 (5 channels), b: 4–6 (2), c: 7–9 (3); sum 11; behind it the convolution 12.
  const rewrite = changeWidths(network, new Map([[4, [{ kept: 1, length: 1 }, { new: 2 }]]]));
  assert.ok(typeof rewrite !== 'string', String(rewrite));
  assert.deepEqual(rewrite.widths.get(1), [{ kept: 1, length: 1 }, { new: 2 }, { kept: 2, length: 3 }]);
  assert.deepEqual(rewrite.widths.get(11), rewrite.widths.get(1));
  assert.equal(rewrite.widths.get(7), undefined);
  assert.equal(channels(rewrite.network), '1: 6, 4: 3, 7: 3, 12: 3');
});

test('what cannot get narrower is said', () => {
  const keep = (...kept: readonly number[]): WidthChange => kept.map((channel) => ({ kept: channel, length: 1 }));
  const image = must(handmade['an image in the sum'], 'network')();
  assert.equal(changeWidths(image, new Map([[2, keep()]])), 'node 0 (image) would have to get narrower');
  const { block, sum, head } = draft(2, 4);
  const [a, b] = [block(0, 2), block(0, 2)];
  const both = new Map([
    [1, keep(0)],
    [4, keep(1)],
  ]);
  assert.equal(changeWidths(head(block(sum(a, b), 3)), both), 'node 1 (convolution) would keep no channels');
});
