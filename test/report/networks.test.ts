/** Folding, comparing and drawing of networks: over random grown ones, and the operators one by one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyToNetwork } from '../../src/morphism/apply.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import type { Edit } from '../../src/morphism/edit.ts';
import type { Network } from '../../src/network/network.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { compareNetworks } from '../../src/report/compare.ts';
import { layerGroupsOf, describeGroup } from '../../src/network/fold.ts';
import { drawNetwork } from '../../src/report/graph.ts';
import { random } from '../../src/util/random.ts';

const vanilla = vanillaNetwork({ channels: 3, height: 16, width: 16 }, 10, [8, 16, 24]);

function grown(mutations: number, seed: number, parent = vanilla): Network {
  const limits = { maxChannels: 64, admits: () => true };
  return sampleEdits(parent, { operators: paperOperatorsWithSeparable, mutations, limits }, random('report', seed)).network;
}

function edited(...edits: readonly Edit[]): Network {
  return edits.reduce((network, edit) => {
    const next = applyToNetwork(network, edit);
    return typeof next === 'string' ? assert.fail(next) : next;
  }, vanilla);
}

test('the vanilla network folds into its blocks', () =>
  assert.deepEqual(layerGroupsOf(vanilla).map(describeGroup), [
    'image',
    'conv 3×3 · BN · ReLU',
    'max pool 2×2',
    'conv 3×3 · BN · ReLU',
    'max pool 2×2',
    'conv 3×3 · BN · ReLU',
    'global average pool',
    'dense 10',
  ]));

test('a separable convolution is one block; one whose inside is read elsewhere would not be', () => {
  const separable = edited({ kind: 'insert-separable', after: 7, kernel: 5 });
  assert.ok(layerGroupsOf(separable).some((block) => describeGroup(block) === 'separable 5×5 · BN · ReLU'));
  const bare: Network = {
    nodes: [
      { id: 0, layer: { kind: 'image', shape: { channels: 1, height: 4, width: 4 } }, inputs: [] },
      { id: 1, layer: { kind: 'convolution', channels: 2, kernel: 3, stride: 1, padding: 1, bias: true }, inputs: [0] },
      { id: 2, layer: { kind: 'batch-normalization', epsilon: 1e-5 }, inputs: [1] },
      { id: 3, layer: { kind: 'add' }, inputs: [1, 2] },
    ],
  };
  assert.deepEqual(
    layerGroupsOf(bare).map(({ nodes }) => nodes.map(({ id }) => id)),
    [[0], [1], [2], [3]],
  );
});

test('every layer stands in one block, and blocks read blocks, whatever was grown', () => {
  for (let seed = 0; seed < 12; seed++) {
    const network = grown(14, seed);
    const blocks = layerGroupsOf(network);
    assert.deepEqual(
      blocks.flatMap(({ nodes }) => nodes.map(({ id }) => id)).toSorted((a, b) => a - b),
      network.nodes.map(({ id }) => id).toSorted((a, b) => a - b),
    );
    const seen = new Set<number>();
    for (const { id, nodes, inputs } of blocks) {
      assert.equal(nodes.at(-1)?.id, id);
      for (const input of inputs) assert.ok(seen.has(input), `block ${id} reads ${input} before it stands`);
      seen.add(id);
    }
  }
});

test('what each operator changed', () => {
  const none = { added: 0, altered: 0, grown: 0, rewired: 0, removed: 0 };
  /** Each layer by its first change. */
  const changed = (...edits: readonly Edit[]): typeof none => {
    const { changes, removed } = compareNetworks(vanilla, edited(...edits));
    const counts = { ...none, removed: removed.length };
    for (const [first] of changes.values()) if (first !== undefined) counts[first.kind]++;
    return counts;
  };
  assert.deepEqual(changed(), none);
  assert.deepEqual(changed({ kind: 'insert-convolution', after: 3, kernel: 3 }), { ...none, added: 3, rewired: 1 });
  // Convolution 1 is altered; 2, 3 and 4 give more channels, 5 reads more.
  assert.deepEqual(changed({ kind: 'alter-channels', node: 1, factor: 2 }), { ...none, altered: 1, grown: 4 });
  assert.deepEqual(changed({ kind: 'split', node: 3, alpha: 0.3 }), { ...none, added: 4, rewired: 1 });
  const words = compareNetworks(vanilla, edited({ kind: 'alter-channels', node: 1, factor: 2 })).changes.get(1);
  assert.deepEqual(words, [{ kind: 'altered', text: '8 → 16 channels' }]);
  const rewired = compareNetworks(vanilla, edited({ kind: 'insert-convolution', after: 3, kernel: 3 })).changes.get(4);
  assert.deepEqual(rewired, [{ kind: 'rewired', text: 'reads 16 instead of 3' }]);
});

test('a block that is dropped is removed, and one that is inserted after it is new, whatever ids they would have shared', () => {
  const inserted = edited({ kind: 'insert-convolution', after: 3, kernel: 3 });
  const edits: readonly Edit[] = [
    { kind: 'drop-block', node: 16 },
    { kind: 'insert-convolution', after: 7, kernel: 5 },
  ];
  const child = edits.reduce((network, edit) => {
    const next = applyToNetwork(network, edit);
    return typeof next === 'string' ? assert.fail(next) : next;
  }, inserted);
  const difference = compareNetworks(inserted, child);
  assert.deepEqual(
    difference.removed.map(({ id }) => id),
    [14, 15, 16],
  );
  assert.equal(difference.removed.length, 3);
  assert.deepEqual(difference.changes.get(4), [{ kind: 'rewired', text: 'reads 3 instead of 16' }]);
  assert.deepEqual(difference.changes.get(8), [{ kind: 'rewired', text: 'reads 19 instead of 7' }]);
});

test('new layers are those with new ids; the other way round they are removed', () => {
  for (let seed = 0; seed < 8; seed++) {
    const parent = grown(5, seed);
    const child = grown(5, 100 + seed, parent);
    const old = new Set(parent.nodes.map(({ id }) => id));
    const fresh = child.nodes.map(({ id }) => id).filter((id) => !old.has(id));
    const difference = compareNetworks(parent, child);
    assert.deepEqual(
      [...difference.changes].filter(([, changes]) => changes.some(({ kind }) => kind === 'added')).map(([id]) => id),
      fresh,
    );
    assert.deepEqual(difference.removed, []);
    assert.deepEqual(
      compareNetworks(child, parent).removed.map(({ id }) => id),
      fresh,
    );
  }
});

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const boxesOf = (svg: string): Box[] =>
  [...svg.matchAll(/<rect\s+class="box[^"]*"\s+x="(-?[\d.]+)"\s+y="(-?[\d.]+)"\s+width="([\d.]+)"\s+height="([\d.]+)"/g)].map(
    ([, x, y, width, height]) => ({ x: Number(x), y: Number(y), width: Number(width), height: Number(height) }),
  );

test('a network of more than 100 layers: a box a block, none over another, all within the picture', () => {
  const network = grown(60, 3);
  assert.ok(network.nodes.length > 100, `${network.nodes.length} layers`);
  for (const folded of [true, false]) {
    const { width, height, content } = drawNetwork(network, { folded });
    const boxes = boxesOf(content.text);
    assert.equal(boxes.length, folded ? layerGroupsOf(network).length : network.nodes.length);
    boxes.forEach((a, index) => {
      assert.ok(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height, `box ${index} is within`);
      for (const b of boxes.slice(0, index))
        assert.ok(
          a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y,
          `box ${index} stands free`,
        );
    });
  }
});

test('what is new is marked in words too, not by colour alone', () => {
  const child = edited({ kind: 'insert-convolution', after: 3, kernel: 3 }, { kind: 'alter-channels', node: 5, factor: 2 });
  const { content } = drawNetwork(child, { folded: true, difference: compareNetworks(vanilla, child) });
  assert.equal(content.text.match(/class="box added"/g)?.length, 1);
  assert.match(content.text, /\+ new/);
  assert.match(content.text, /~ 16 → 32 channels/);
});

test('nothing of a drawing lies outside of it, edges that go around many boxes included, and its boxes are where it says', () => {
  let shifted = 0;
  for (let seed = 0; seed < 12; seed++) {
    const { width, height, content, boxes } = drawNetwork(grown(40, seed), { folded: seed % 2 === 0, buttons: true });
    const shift = Number(/<g transform="translate\((\d+) 0\)">/.exec(content.text)?.[1] ?? 0);
    if (shift > 0) shifted++;
    for (const [, path = ''] of content.text.matchAll(/class="edge[^"]*" d="([^"]+)"/g)) {
      const numbers = (path.match(/-?[\d.]+/g) ?? []).map(Number);
      for (let at = 0; at < numbers.length; at += 2) {
        const [x, y] = [shift + (numbers[at] as number), numbers[at + 1] as number];
        assert.ok(x >= 0 && x <= width && y >= 0 && y <= height, `seed ${seed}: (${x}, ${y}) of ${width}×${height}`);
      }
    }
    const drawn = [...content.text.matchAll(/data-block="(\d+)".*?<rect[^>]*?\sx="([\d.-]+)"\s+y="([\d.-]+)"\s+width="(\d+)"/gs)];
    assert.deepEqual(
      drawn.map(([, id, x, y, across]) => [Number(id), Math.round(shift + Number(x)), Math.round(Number(y)), Number(across)]),
      boxes.map(({ block, x, y, width: across }) => [block.id, Math.round(x), Math.round(y), across]),
    );
  }
  assert.ok(shifted > 0, 'some of them have an edge that would lead outside');
});
