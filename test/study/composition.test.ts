/** What networks are counted as: by hand, and by what each operator adds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyToNetwork } from '../../src/morphism/apply.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import type { OperatorName } from '../../src/morphism/edit.ts';
import type { Network } from '../../src/network/network.ts';
import { compositionOf, partNames, type PartName } from '../../src/study/composition.ts';
import { publishedMethods } from '../../src/study/published.ts';
import { random } from '../../src/util/random.ts';
import { draft, grownNetwork, tinyLimits } from '../support/networks.ts';
import { vanilla } from './made-up.ts';

const counted = (network: Network): string => {
  const { layers, counts } = compositionOf(network);
  return `${layers}: ${partNames
    .filter((part) => counts[part] > 0)
    .map((part) => `${part} ${counts[part]}`)
    .join(', ')}`;
};

test('the vanilla network: three blocks of three, two pools, the global one, and the dense layer', () => {
  assert.equal(counted(vanilla), '13: convolution 3');
  assert.equal(compositionOf(vanilla).shares.convolution, 9 / 13);
});

test('a separable convolution is one layer, a bare convolution a block of one, what has no column counts among all', () => {
  const { add, normalization, block, sum, mix, stack, pool, head } = draft(2, 8);
  const start = block(0, 4);
  const depthwise = add({ kind: 'depthwise', kernel: 3, stride: 1, padding: 1, bias: false }, start);
  const pointwise = add({ kind: 'convolution', channels: 4, kernel: 1, stride: 1, padding: 0, bias: true }, depthwise);
  const separable = add({ kind: 'relu' }, normalization(pointwise));
  const bare = add({ kind: 'convolution', channels: 4, kernel: 3, stride: 1, padding: 1, bias: true }, separable);
  const network = head(stack(mix(start, separable), sum(start, normalization(bare)), pool(add({ kind: 'relu' }, start), 1)));
  // 3 + (1 + 2) + (1 + 1) + ReLU + pool + three merges + global pool + dense.
  assert.equal(counted(network), '15: convolution 2, separable 1, convex 1, concat 1, split 1');
  const { shares } = compositionOf(network);
  assert.deepEqual([shares.convolution, shares.separable, shares.convex], [5 / 15, 3 / 15, 1 / 15]);
});

/** What each operator adds; a merge may pool beside it. */
const added: { readonly [Name in OperatorName]: Partial<Record<PartName, number>> } = {
  'insert-convolution': { convolution: 1 },
  'insert-separable': { separable: 1 },
  'alter-channels': {},
  'merge-convex': { convex: 1 },
  'merge-concat': { concat: 1 },
  split: { split: 1, convolution: 1 },
  'drop-block': {},
  widen: {},
  narrow: {},
  'remove-block': {},
  'remove-branch': {},
  separate: {},
  'shrink-kernel': {},
};

test('every operator adds what it is named after', () => {
  const seen = new Set<OperatorName>();
  for (let seed = 0; seed < 60; seed++) {
    let network = seed % 2 === 0 ? vanilla : grownNetwork(seed, 4);
    const { edits } = sampleEdits(
      network,
      { operators: paperOperatorsWithSeparable, mutations: 8, limits: { ...tinyLimits, admits: () => true } },
      random('composition', seed),
    );
    for (const edit of edits) {
      const next = applyToNetwork(network, edit);
      assert.ok(typeof next !== 'string');
      const [before, after] = [compositionOf(network).counts, compositionOf(next).counts];
      const expected = { ...before };
      for (const part of partNames) expected[part] += added[edit.kind][part] ?? 0;
      // A separable block may be split too.
      if (edit.kind === 'split' && after.separable > before.separable) {
        expected.convolution--;
        expected.separable++;
      }
      assert.deepEqual(after, expected, edit.kind);
      const { shares } = compositionOf(next);
      assert.ok(partNames.reduce((sum, part) => sum + shares[part], 0) < 1);
      seen.add(edit.kind);
      network = next;
    }
  }
  assert.equal(seen.size, Object.keys(paperOperatorsWithSeparable).length);
});

test('the published networks agree with this way of counting: blocks of three, merges, and at least four pools and dense layers', () => {
  for (const { best, shares } of Object.values(publishedMethods)) {
    const { convolution, separable, convex, concat, split } = best.counts;
    const rest = best.layers - 3 * (convolution + separable) - convex - concat - split;
    assert.ok(rest >= 4 && rest <= 9, `${rest} others`);
    assert.ok(partNames.reduce((sum, part) => sum + shares[part][0], 0) <= 100);
  }
  const { best } = publishedMethods.sh;
  assert.equal(Math.round((100 * 3 * best.counts.convolution) / best.layers), 69);
});
