/** A block is inserted and dropped again: what comes back, what is refused, and ids that no node has had before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { must } from '../../src/util/assert.ts';
import { random as randomOf } from '../../src/util/random.ts';
import { parseNetwork, problemOf } from '../../src/network/check.ts';
import { freeze, type Network, nextId, type NodeId } from '../../src/network/network.ts';
import { initialTensors } from '../../src/network/parameters.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { applyEdit, applyToNetwork, checkedRewrite } from '../../src/morphism/apply.ts';
import type { Edit } from '../../src/morphism/edit.ts';
import { propose, sampleEdits } from '../../src/morphism/mutate.ts';
import { operatorOf, type OperatorWeights, rewriteOf } from '../../src/morphism/operators.ts';
import { canonicalJson } from '../../src/util/json.ts';
import { logitsOf } from '../support/forward.ts';
import { morph, type Trained } from '../support/morph.ts';
import { anyLimits, draft, grownNetwork, imagesFor, tinyLimits, trainedTensors } from '../support/networks.ts';

const seeds = fc.nat({ max: 1_000_000 });
const vanilla = vanillaNetwork({ channels: 2, height: 4, width: 4 }, 3, [2, 3]);

/** The ReLU that ends the block that an insertion made: the last of the new nodes. */
const endOf = (network: Network): NodeId => nextId(network) - 1;

test('inserted and dropped again: the network, its tensors themselves and its logits to the bit; ids go on', () => {
  let dropped = 0;
  fc.assert(
    fc.property(seeds, fc.constantFrom('insert-convolution' as const, 'insert-separable' as const), (seed, name) => {
      const network = grownNetwork(seed, seed % 6);
      const random = randomOf('drop', seed);
      const start: Trained = { network, tensors: trainedTensors(network, random) };
      const insertion = propose(name, network, tinyLimits, random);
      if (insertion === undefined) return;
      const images = imagesFor(network, 4, random);
      const inserted = morph(start, insertion.edit, images, random);
      const edit: Edit = { kind: 'drop-block', node: endOf(inserted.network) };
      const back = applyEdit(inserted.network, inserted.tensors, edit, random);
      assert.equal(canonicalJson(back.network.nodes), canonicalJson(network.nodes));
      assert.equal(nextId(back.network), nextId(inserted.network));
      assert.deepEqual(Object.keys(back.tensors), Object.keys(start.tensors));
      for (const [key, tensor] of Object.entries(start.tensors)) assert.equal(back.tensors[key], tensor, key);
      assert.deepEqual(back.calibrations, []);
      for (const mode of ['evaluation', 'training'] as const)
        assert.deepEqual(logitsOf(back.network, back.tensors, images, mode), logitsOf(network, start.tensors, images, mode));
      dropped++;
    }),
    { seed: 1, numRuns: 60 },
  );
  assert.ok(dropped >= 30, `dropped ${dropped} times`);
});

/** Behind the first block of the vanilla network: nodes 10 to 12, or 10 to 13 where it is separable. */
const withBlock = (kind: 'insert-convolution' | 'insert-separable'): Trained =>
  applyEdit(vanilla, initialTensors(vanilla, randomOf(1)), { kind, after: 3, kernel: 3 }, randomOf(2));

test('a block that is not the identity any more is refused by its tensors, as a value, and not by the structure', () => {
  for (const kind of ['insert-convolution', 'insert-separable'] as const) {
    const { network, tensors } = withBlock(kind);
    const edit: Edit = { kind: 'drop-block', node: endOf(network) };
    assert.ok(typeof rewriteOf(network, edit, tensors) !== 'string');
    const own = Object.keys(tensors).filter((name) => Number(name.split('/')[0]) >= 10);
    for (const name of own) {
      const { shape, data } = must(tensors[name], name);
      for (const at of [0, data.length - 1]) {
        const damaged: Tensors = {
          ...tensors,
          [name]: { shape, data: data.map((value, i) => (i === at ? value + 1e-3 : value)) },
        };
        assert.match(String(checkedRewrite(network, edit, damaged)), /^node 1\d \(.*\) is not the identity any more$/, name);
        assert.throws(() => applyEdit(network, damaged, edit, randomOf(3)), /not the identity/);
        const structural = checkedRewrite(network, edit);
        assert.ok(typeof structural !== 'string' && canonicalJson(structural.network.nodes) === canonicalJson(vanilla.nodes));
      }
    }
    assert.equal(own.length, kind === 'insert-convolution' ? 6 : 7);
  }
});

test('with tensors or without, an operator makes the same network', () => {
  for (let seed = 0; seed < 40; seed++) {
    const network = grownNetwork(seed, seed % 8);
    const tensors = initialTensors(network, randomOf(seed));
    for (const name of ['insert-separable', 'alter-channels', 'merge-concat', 'split', 'drop-block'] as const)
      for (const edit of operatorOf(name).candidates(network)) {
        const [without, having] = [rewriteOf(network, edit), rewriteOf(network, edit, tensors)];
        if (typeof having !== 'string' && typeof without !== 'string')
          assert.equal(canonicalJson(having.network), canonicalJson(without.network));
      }
  }
});

test('consumers read the block’s input: Add, Concat and Convex, once or twice', () => {
  const { block, sum, mix, stack, head } = draft(2, 4);
  const start = block(0, 2);
  const inserted = block(start, 2);
  const network = head(stack(sum(start, inserted, inserted), mix(inserted, start), inserted));
  const after = applyToNetwork(network, { kind: 'drop-block', node: inserted });
  assert.ok(typeof after !== 'string', String(after));
  assert.equal(problemOf(after), undefined);
  const reads = after.nodes.filter(({ layer }) => ['add', 'convex', 'concat'].includes(layer.kind)).map(({ inputs }) => inputs);
  assert.deepEqual(reads, [
    [start, start, start],
    [start, start],
    [7, 8, start],
  ]);
});

test('only blocks that an insertion could have made are offered', () => {
  const { add, normalization, block, pool, sum, head } = draft(2, 8);
  const first = block(0, 2);
  const [wider, pointwise, right] = [block(first, 3), block(first, 2, 1), block(first, 2, 5)];
  const strided = add({ kind: 'convolution', channels: 2, kernel: 3, stride: 2, padding: 1, bias: true }, right);
  const halved = add({ kind: 'relu' }, normalization(strided));
  const inner = normalization(add({ kind: 'convolution', channels: 2, kernel: 3, stride: 1, padding: 1, bias: true }, right));
  const shared = sum(add({ kind: 'relu' }, inner), inner, pointwise, right);
  const network = head(sum(halved, pool(shared), pool(block(wider, 2))));
  assert.deepEqual(operatorOf('drop-block').candidates(network), [{ kind: 'drop-block', node: right }]);
  const why = (node: NodeId): string => String(applyToNetwork(network, { kind: 'drop-block', node }));
  assert.equal(why(wider), `node ${wider} (relu) does not end a block that an insertion makes`);
  assert.equal(why(first), 'node 0 (image) may be negative');
  assert.equal(why(1), 'node 1 (convolution) does not end a block');
  assert.equal(why(99), 'there is no node 99');
});

test('limits are asked of the network without the block', () => {
  const { network } = withBlock('insert-convolution');
  const asked: string[] = [];
  const admits = (smaller: Network): boolean => asked.push(canonicalJson(smaller.nodes)) === 0;
  assert.equal(propose('drop-block', network, { maxChannels: 1, admits }, randomOf(1)), undefined);
  assert.deepEqual(asked, [canonicalJson(vanilla.nodes)]);
  assert.equal(propose('drop-block', network, { ...anyLimits, maxChannels: 1 }, randomOf(1))?.edit.kind, 'drop-block');
});

test('no id is used twice, through insertions, removals, JSON and further edits', () => {
  const operators: OperatorWeights = {
    'insert-convolution': 1,
    'insert-separable': 1,
    split: 1,
    'merge-convex': 1,
    'drop-block': 4,
  };
  let [removed, remembered] = [0, 0];
  fc.assert(
    fc.property(seeds, (seed) => {
      let network = grownNetwork(seed, 2);
      const used = new Set(network.nodes.map(({ id }) => id));
      const { edits } = sampleEdits(network, { operators, mutations: 12, limits: tinyLimits }, randomOf('ids', seed));
      for (const edit of edits) {
        const old = new Set(network.nodes.map(({ id }) => id));
        const next = parseNetwork(JSON.parse(canonicalJson(applyToNetwork(network, edit))));
        assert.ok(typeof next !== 'string', String(next));
        for (const { id } of next.nodes) {
          assert.ok(old.has(id) || !used.has(id), `node ${id} is there again after ${JSON.stringify(edit)}`);
          used.add(id);
        }
        const largest = Math.max(...next.nodes.map(({ id }) => id));
        assert.equal(next.nextId, Math.max(...used) > largest ? Math.max(...used) + 1 : undefined);
        if (next.nextId !== undefined) remembered++;
        if (next.nodes.length < network.nodes.length) removed++;
        network = next;
      }
    }),
    { seed: 2, numRuns: 40 },
  );
  assert.ok(removed >= 40 && remembered >= 20, `${removed} removals, ${remembered} networks that remember an id`);
});

test('the next id is kept only where it is needed', () => {
  assert.deepEqual(Object.keys(freeze(vanilla.nodes, nextId(vanilla))), ['nodes']);
  assert.equal(freeze(vanilla.nodes, 40).nextId, 40);
  assert.deepEqual(parseNetwork({ nodes: vanilla.nodes, nextId: 3 }), vanilla);
  assert.match(String(parseNetwork({ nodes: vanilla.nodes, nextId: -1 })), /nextId/);
});

test('a dilated convolution is none that an insertion makes', () => {
  const { add, normalization, block, head } = draft(2, 6);
  const start = block(0, 3);
  const dilated = add({ kind: 'convolution', channels: 3, kernel: 3, stride: 1, padding: 1, dilation: 2, bias: true }, start);
  const network = head(block(add({ kind: 'relu' }, normalization(dilated)), 3));
  assert.deepEqual(operatorOf('drop-block').candidates(network), [{ kind: 'drop-block', node: 9 }]);
});
