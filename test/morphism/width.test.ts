/** Where channels are put when a width changes: examples by hand, with parameters whose numbers say where they were. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import type { Network } from '../../src/network/network.ts';
import { parametersOf } from '../../src/network/parameters.ts';
import { shapesOf } from '../../src/network/shapes.ts';
import { sizeOf, type Tensors } from '../../src/network/tensor.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { applyEdit, applyToNetwork } from '../../src/morphism/apply.ts';
import type { Edit } from '../../src/morphism/edit.ts';
import { type Growth, stack } from '../../src/morphism/growth.ts';
import { propose } from '../../src/morphism/mutate.ts';
import { operatorOf, rewriteOf } from '../../src/morphism/operators.ts';
import { changeOf, layoutOf, type WidthChange, widthAfter } from '../../src/morphism/width-change.ts';
import { spread, withWidths } from '../../src/morphism/width.ts';
import { draft, grownNetwork, handmade, tinyLimits } from '../support/networks.ts';

/** Every number is its index plus 10: no new number looks like an old one. */
const marked = (network: Network): Tensors =>
  Object.fromEntries(
    parametersOf(network).map(({ name, shape }) => [
      name,
      { shape, data: new Float32Array(sizeOf(shape)).map((_, i) => i + 10) },
    ]),
  );

/** A kernel as rows of one letter a channel read: old, zero or new, and the row of the old kernel that it is. */
function kernelMap(tensors: Tensors, before: Tensors, name: string, channels: number): string[] {
  const { shape, data } = must(tensors[name], name);
  const [old, rows] = [must(before[name], name), must(shape[0], 'rows')];
  const [row, oldRow] = [data.length / rows, old.data.length / must(old.shape[0], 'rows')];
  return Array.from({ length: rows }, (_, index) => {
    const numbers = data.subarray(index * row, (index + 1) * row);
    const from = Math.floor((Math.max(...numbers) - 10) / oldRow);
    const letters = Array.from({ length: channels }, (_unused, channel) => {
      const part = numbers.subarray((channel * row) / channels, ((channel + 1) * row) / channels);
      return part.every((value) => value === 0) ? '0' : part.every((value) => value >= 10) ? 'o' : part.includes(0) ? '?' : 'n';
    });
    return letters.join('') + (letters.includes('o') ? ` ${from}` : '');
  });
}

function grow(network: Network, edit: Edit) {
  const before = marked(network);
  const applied = applyEdit(network, before, edit, random('width'));
  const shapes = shapesOf(applied.network);
  const map = (node: number): string[] => {
    const input = must(applied.network.nodes.find(({ id }) => id === node)?.inputs[0], 'input');
    return kernelMap(applied.tensors, before, `${node}/kernel`, must(shapes.get(input), 'shape').channels);
  };
  const values = (name: string): number[] => Array.from(must(applied.tensors[name], name).data);
  return { ...applied, map, values };
}

test('Add(a, Concat(b, c)): widening b makes a grow before the channels that are added to c', () => {
  const network = must(handmade['a sum whose second term is a concatenation'], 'network')();
  // a: nodes 1–3, b: 4–6, c: 7–9; sum 11; behind it the convolution 12.
  const { map, values, calibrations } = grow(network, { kind: 'alter-channels', node: 4, factor: 2 });
  assert.deepEqual(map(1), ['oo 0', 'oo 1', 'nn', 'nn', 'oo 2', 'oo 3', 'oo 4']);
  assert.deepEqual(map(4), ['oo 0', 'oo 1', 'nn', 'nn']);
  assert.deepEqual(map(12), ['oo00ooo 0', 'oo00ooo 1', 'oo00ooo 2']);
  assert.deepEqual(values('2/scale'), [10, 11, 1, 1, 12, 13, 14]);
  assert.deepEqual(values('2/variance'), [10, 11, 1, 1, 12, 13, 14]);
  assert.deepEqual(values('2/shift'), [10, 11, 0, 0, 12, 13, 14]);
  assert.deepEqual(calibrations, [
    { node: 2, kind: 'statistics', channels: [[2, 2]] },
    { node: 5, kind: 'statistics', channels: [[2, 2]] },
  ]);
});

test('… and widening a makes one of the two grow', () => {
  const network = must(handmade['a sum whose second term is a concatenation'], 'network')();
  const { map } = grow(network, { kind: 'alter-channels', node: 1, factor: 2 });
  assert.deepEqual(map(7), ['oo 0', 'oo 1', 'oo 2', ...Array.from({ length: 5 }, () => 'nn')]);
  assert.deepEqual(map(12), ['ooooo00000 0', 'ooooo00000 1', 'ooooo00000 2']);
});

test('where the earlier of two stacked tensors cannot grow, the later one gets the channels in front', () => {
  const { block, sum, stack: concat, head } = draft(2, 4);
  const [b, d, c] = [block(0, 2), block(0, 1), block(0, 1)];
  const network = head(block(sum(concat(b, d), concat(0, c)), 2));
  const { map } = grow(network, { kind: 'alter-channels', node: 1, factor: 2 });
  assert.deepEqual(map(7), ['nn', 'nn', 'oo 0']);
  assert.deepEqual(map(13), ['oo00o 0', 'oo00o 1']);
});

test('a dense layer takes height·width columns a channel', () => {
  const network = must(handmade['dense on all pixels'], 'network')();
  const { map, tensors } = grow(network, { kind: 'alter-channels', node: 4, factor: 2 });
  assert.deepEqual(tensors['8/kernel']?.shape, [3, 6 * 9]);
  assert.deepEqual(map(8), ['ooo000 0', 'ooo000 1', 'ooo000 2']);
});

test('every consumer follows, one that reads the tensor twice too', () => {
  const { block, stack: concat, sum, head } = draft(2, 4);
  const start = block(0, 2);
  const [left, right] = [block(start, 3), block(start, 3)];
  const twice = block(concat(start, start), 2);
  const network = head(concat(sum(left, right), twice));
  const { map } = grow(network, { kind: 'alter-channels', node: 1, factor: 2 });
  for (const node of [4, 7]) assert.deepEqual(map(node), ['oo00 0', 'oo00 1', 'oo00 2']);
  assert.deepEqual(map(11), ['oo00oo00 0', 'oo00oo00 1']);
});

test('a convolution whose input and output grow: zeros for old rows, new rows new everywhere', () => {
  const { block, sum, head } = draft(2, 4);
  const start = block(0, 2);
  const network = head(block(sum(start, block(start, 2)), 3));
  const { map } = grow(network, { kind: 'alter-channels', node: 1, factor: 2 });
  assert.deepEqual(map(4), ['oo00 0', 'oo00 1', 'nnnn', 'nnnn']);
});

test('a separable convolution: the depthwise grows filters, the pointwise absorbs', () => {
  const vanilla = vanillaNetwork({ channels: 2, height: 4, width: 4 }, 3, [2]);
  const network = applyToNetwork(vanilla, { kind: 'insert-separable', after: 3, kernel: 3 });
  assert.ok(typeof network !== 'string');
  const { map } = grow(network, { kind: 'alter-channels', node: 1, factor: 2 });
  assert.deepEqual(map(6).slice(2), ['nnnn', 'nnnn']);
  assert.deepEqual(map(7), ['oo00 0', 'oo00 1']);
});

test('a concatenation: who was there stays first, also where the second is larger', () => {
  const network = vanillaNetwork({ channels: 2, height: 8, width: 8 }, 3, [2, 3, 3]);
  // 7 is 3×4×4 and read by the pool 8, and so by the convolution 9; 3 is 2×8×8.
  const { map, network: after } = grow(network, { kind: 'merge-concat', first: 7, second: 3, factor: 2 });
  const concat = after.nodes.find(({ layer }) => layer.kind === 'concat');
  assert.deepEqual(concat?.inputs, [7, 14]);
  assert.deepEqual(after.nodes.find(({ id }) => id === 14)?.inputs, [3]);
  assert.deepEqual(map(9), ['ooo00 0', 'ooo00 1', 'ooo00 2']);
});

test('a concatenation inside a sum: the other term grows by as many channels', () => {
  const { block, sum, head } = draft(2, 4);
  const [a, b, c] = [block(0, 2), block(0, 2), block(0, 3)];
  const network = head(block(sum(a, b, block(c, 2)), 3));
  const { map } = grow(network, { kind: 'merge-concat', first: a, second: c, factor: 1 });
  assert.deepEqual(map(4), ['oo 0', 'oo 1', 'nn', 'nn', 'nn']);
  assert.deepEqual(map(14), ['oo000 0', 'oo000 1', 'oo000 2']);
});

test('what is impossible is said, and is no child', () => {
  const image = must(handmade['an image in the sum'], 'network')();
  const vanilla = vanillaNetwork({ channels: 2, height: 4, width: 4 }, 3, [2, 3]);
  const skip = draft(2, 4);
  const start = skip.block(0, 2);
  const residual = skip.head(skip.block(skip.sum(start, skip.block(start, 2)), 3));
  const cases: readonly (readonly [Network, Edit, RegExp])[] = [
    [image, { kind: 'alter-channels', node: 2, factor: 2 }, /node 0 \(image\) would have to get wider/],
    // 6 is a sum's other term, so stacking 3 behind it would make 3 grow, and so 6 again.
    [residual, { kind: 'merge-concat', first: 6, second: 3, factor: 1 }, /get wider in two ways/],
    [vanilla, { kind: 'alter-channels', node: 9, factor: 2 }, /node 9 \(dense\) is no convolution/],
    [vanilla, { kind: 'alter-channels', node: 99, factor: 2 }, /there is no node 99/],
    [vanilla, { kind: 'insert-convolution', after: 0, kernel: 3 }, /may be negative/],
    [vanilla, { kind: 'insert-convolution', after: 1, kernel: 3 }, /may be negative/],
    [vanilla, { kind: 'insert-separable', after: 8, kernel: 3 }, /gives a vector/],
    [vanilla, { kind: 'merge-convex', first: 3, second: 3, factor: 1 }, /with itself/],
    [vanilla, { kind: 'merge-concat', first: 3, second: 7, factor: 1 }, /depends on node 3/],
    [vanilla, { kind: 'merge-concat', first: 7, second: 3, factor: 4 }, /not 4 times as large/],
    [vanilla, { kind: 'merge-convex', first: 7, second: 3, factor: 2 }, /node 7 has 3 channels and node 3 has 2/],
    [vanilla, { kind: 'merge-convex', first: 7, second: 1, factor: 2 }, /does not end a block/],
    [vanilla, { kind: 'split', node: 4, alpha: 0.3 }, /does not end a block/],
  ];
  for (const [network, edit, message] of cases) {
    assert.match(String(applyToNetwork(network, edit)), message, JSON.stringify(edit));
    assert.throws(() => applyEdit(network, marked(network), edit, random('impossible')), message);
  }
});

test('a block whose normalisation has another reader is not split', () => {
  const { add, normalization, sum, head } = draft(2, 4);
  const inner = normalization(add({ kind: 'convolution', channels: 2, kernel: 3, stride: 1, padding: 1, bias: true }, 0));
  const network = head(sum(add({ kind: 'relu' }, inner), inner));
  assert.equal(
    applyToNetwork(network, { kind: 'split', node: 3, alpha: 0.3 }),
    'node 3 (relu) does not end a block Conv–BN–ReLU',
  );
  assert.deepEqual(operatorOf('split').candidates(network), []);
});

test('a new companion does not grow to make up for a first that cannot', () => {
  const { add, block, sum, stack: concat, head } = draft(2, 4);
  const first = add({ kind: 'relu' }, 0);
  const joined = concat(first, block(0, 1));
  const other = add({ kind: 'convolution', channels: 2, kernel: 3, stride: 1, padding: 1, bias: true }, 0);
  const network = head(sum(joined, other));
  const widths = new Map(network.nodes.map(({ id }) => [id, 2])).set(4, 1);
  const spreadFrom = (count: number) =>
    spread({ network, widths, joined }, new Map([[other, [{ kept: 0, length: 2 }, { new: count }]]]));
  assert.ok(typeof spreadFrom(1) !== 'string');
  assert.equal(spreadFrom(5), 'node 0 (image) would have to get wider');
});

test('the logits get no wider', () => {
  const { block, head } = draft(2, 4);
  const nodes = head(block(0, 3)).nodes.slice(0, -1);
  assert.equal(applyToNetwork({ nodes }, { kind: 'alter-channels', node: 1, factor: 2 }), 'the number of logits would change');
});

const growths: fc.Arbitrary<readonly [width: number, Growth]> = fc
  .array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 8 })
  .map((counts) => [counts.length - 1, counts.flatMap((count, offset) => (count > 0 ? [[offset, count] as const] : []))]);

/** Old channels by their number, new ones as −1. */
function channelsOf(change: WidthChange): number[] {
  const { kept, added } = layoutOf(change);
  const channels = Array.from({ length: widthAfter(change) }, () => Number.NaN);
  for (const { from, to, length } of kept) for (let i = 0; i < length; i++) channels[to + i] = from + i;
  for (const [offset, count] of added) channels.fill(-1, offset, offset + count);
  return channels;
}

const changed = (width: number, growth: Growth): number[] => channelsOf(changeOf([{ kept: 0, length: width }], growth));

const byHand = ([width, growth]: readonly [number, Growth]): number[] =>
  Array.from({ length: width + 1 }, (_, place) => [
    ...Array.from({ length: growth.find(([offset]) => offset === place)?.[1] ?? 0 }, () => -1),
    ...(place < width ? [place] : []),
  ]).flat();

test('a growth puts its channels where it says, and stacked ones behind each other', () => {
  fc.assert(
    fc.property(growths, growths, (first, second) => {
      assert.deepEqual(changed(...first), byHand(first));
      const stacked = stack([first, second].map(([width, growth]) => ({ width, growth })));
      const shifted = byHand(second).map((channel) => (channel < 0 ? channel : channel + first[0]));
      assert.deepEqual(changed(first[0] + second[0], stacked), [...byHand(first), ...shifted]);
    }),
  );
});

test('rule 5: what reads new channels is zero, what makes them is not', () => {
  let grown = 0;
  fc.assert(
    fc.property(
      fc.nat({ max: 100_000 }),
      fc.constantFrom<'alter-channels' | 'merge-concat'>('alter-channels', 'merge-concat'),
      (seed, name) => {
        const network = grownNetwork(seed, seed % 6);
        const proposal = propose(name, network, tinyLimits, random('rule 5', seed));
        if (proposal === undefined) return;
        const rewrite = rewriteOf(network, proposal.edit);
        assert.ok(typeof rewrite !== 'string');
        const { map, network: after } = grow(network, proposal.edit);
        for (const node of after.nodes) {
          if (!('channels' in node.layer) && node.layer.kind !== 'dense') continue;
          const columns = channelsOfNode(rewrite.widths, network, node.id, node.inputs[0]);
          if (columns === undefined) continue;
          for (const row of map(node.id)) {
            if (!row.includes('o')) assert.match(row, /^n+$/);
            else assert.equal(row.split(' ')[0], columns);
            grown++;
          }
        }
      },
    ),
    { seed: 3, numRuns: 60 },
  );
  assert.ok(grown > 100, `${grown} rows`);
});

/** What an old row of a node that was there before must be: `o` and `0` a channel that it reads. */
function channelsOfNode(
  widths: ReadonlyMap<number, WidthChange>,
  before: Network,
  id: number,
  input: number | undefined,
): string | undefined {
  const node = before.nodes.find((candidate) => candidate.id === id);
  if (node === undefined || input === undefined) return undefined;
  const width = must(shapesOf(before).get(must(node.inputs[0], 'input')), 'shape').channels;
  return channelsOf(widths.get(input) ?? [{ kept: 0, length: width }])
    .map((channel) => (channel < 0 ? '0' : 'o'))
    .join('');
}

test('channels that are split and shuffled: new ones follow the channel behind which they stand', () => {
  const network = must(handmade['channels that are split and shuffled'], 'network')();
  const takes = ({ nodes }: Network): readonly (readonly number[])[] =>
    nodes.flatMap(({ layer }) => (layer.kind === 'select' ? [layer.take] : []));
  assert.deepEqual(takes(network), [
    [0, 1],
    [2, 3],
    [0, 2, 1, 3],
    [2, 1],
    [0, 1],
  ]);
  // The last channels of the first block are those of the second part, which a convolution reads.
  const { network: wider, map } = grow(network, { kind: 'widen', node: 1, more: 2 });
  assert.deepEqual(takes(wider)[1], [2, 3, 4, 5]);
  assert.deepEqual(takes(wider)[0], [0, 1]);
  assert.deepEqual(map(6), ['oo00 0', 'oo00 1']);
  // Nothing takes what stands behind the last channel of the shuffle.
  assert.equal(
    applyToNetwork(network, { kind: 'widen', node: 6, more: 2 }),
    'node 10 (select) would get channels that nothing takes',
  );
});

test('a part of the channels in a sum gets wider where the whole tensor does', () => {
  const network = must(handmade['a part of the channels in a sum'], 'network')();
  const takes = ({ nodes }: Network): readonly (readonly number[])[] =>
    nodes.flatMap(({ layer }) => (layer.kind === 'select' ? [layer.take] : []));
  const { network: wider, map } = grow(network, { kind: 'alter-channels', node: 4, factor: 2 });
  assert.deepEqual(takes(wider), [
    [0, 1, 4, 5, 6, 7],
    [3, 0],
  ]);
  assert.deepEqual(map(1), ['oo 0', 'oo 1', 'oo 2', 'oo 3', 'oo 4', 'nn', 'nn', 'nn']);
  const last = must(
    network.nodes.find(({ inputs, layer }) => layer.kind === 'convolution' && inputs[0] !== 0),
    'convolution',
  );
  assert.deepEqual(map(last.id), ['ooo000oo 0', 'ooo000oo 1']);
});

test('a selection narrows with what it takes, and renumbers what is left', () => {
  const network = must(handmade['a part of the channels in a sum'], 'network')();
  const widths = new Map([...shapesOf(network)].map(([id, { channels }]) => [id, channels]));
  const keep: WidthChange = [
    { kept: 0, length: 1 },
    { kept: 3, length: 2 },
  ];
  const changes = spread({ network, widths }, new Map([[1, keep]]));
  assert.ok(typeof changes !== 'string', String(changes));
  const takes = withWidths(network, changes).nodes.flatMap(({ layer }) => (layer.kind === 'select' ? [layer.take] : []));
  assert.deepEqual(takes, [
    [0, 2],
    [1, 0],
  ]);
  assert.deepEqual(changes.get(4), [
    { kept: 0, length: 1 },
    { kept: 2, length: 1 },
  ]);
});
