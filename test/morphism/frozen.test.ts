/** Operators and frozen convolutions: what is offered, what is refused, and that their kernels are never touched. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Edit } from '../../src/morphism/edit.ts';
import { applyToNetwork } from '../../src/morphism/apply.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { operatorNames, operatorOf, paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import { changeWidths } from '../../src/morphism/width.ts';
import { isFrozen, type Layer, type Network, nodeOf } from '../../src/network/network.ts';
import { parameterName } from '../../src/network/parameters.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import { random as randomOf } from '../../src/util/random.ts';
import { morph, type Trained } from '../support/morph.ts';
import { draft, handmade, imagesFor, tinyLimits, trainedTensors } from '../support/networks.ts';

const frozen: Layer = { kind: 'convolution', channels: 2, kernel: 3, stride: 1, padding: 1, bias: true, frozen: true };
const starts = Object.entries(handmade)
  .map(([name, make]) => [name, make()] as const)
  .filter(([, network]) => network.nodes.some(({ layer }) => isFrozen(layer)));

test('whatever the mutations: as many frozen layers, each as it was, with the kernel that it had', () => {
  assert.equal(starts.length, 3);
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.nat(), fc.integer({ min: 1, max: 12 }), ([, start], seed, mutations) => {
      const random = randomOf('frozen', seed);
      const parent: Trained = { network: start, tensors: trainedTensors(start, random) };
      const images = imagesFor(start, 2, random);
      const { edits } = sampleEdits(start, { operators: paperOperatorsWithSeparable, mutations, limits: tinyLimits }, random);
      let child = parent;
      edits.forEach((edit, index) => {
        seen.add(edit.kind);
        child = morph(child, edit, images, random.fork(index));
      });
      const kept = (network: Network) => network.nodes.filter(({ layer }) => isFrozen(layer)).map(({ id, layer }) => [id, layer]);
      assert.deepEqual(kept(child.network), kept(start));
      for (const [id] of kept(start)) {
        const name = parameterName(id as number, 'kernel');
        assert.equal(child.tensors[name], parent.tensors[name], name);
      }
    }),
    { seed: 1, numRuns: 60 },
  );
  assert.deepEqual([...seen].toSorted(), Object.keys(paperOperatorsWithSeparable).toSorted());
});

/** image → block (1–3) → frozen (4), its batch normalisation (5) and ReLU (6) → block → head. */
const between = ((): Network => {
  const { add, normalization, block, head } = draft(2, 4);
  return head(block(add({ kind: 'relu' }, normalization(add(frozen, block(0, 2)))), 3));
})();

const offered = (network: Network): readonly Edit[] => operatorNames.flatMap((name) => [...operatorOf(name).candidates(network)]);

test('a frozen convolution is not widened, its block neither split nor dropped', () => {
  assert.ok(isFrozen(nodeOf(between, 4).layer));
  assert.ok(!offered(between).some((edit) => 'node' in edit && (edit.node === 4 || edit.node === 6)));
  assert.equal(applyToNetwork(between, { kind: 'alter-channels', node: 4, factor: 2 }), 'node 4 (convolution) is frozen');
  assert.equal(applyToNetwork(between, { kind: 'split', node: 6, alpha: 0.3 }), 'node 4 (convolution) is frozen');
  assert.equal(applyToNetwork(between, { kind: 'drop-block', node: 6 }), 'node 4 (convolution) is frozen');
});

test('what a frozen convolution reads keeps its channels: not widened, not narrowed, nothing stacked behind', () => {
  const says = 'node 4 (convolution) is frozen, and would read other channels';
  assert.equal(applyToNetwork(between, { kind: 'alter-channels', node: 1, factor: 2 }), says);
  assert.equal(changeWidths(between, new Map([[1, [{ kept: 1, length: 1 }]]])), says);
  const { add, block, stack, head } = draft(2, 4);
  const [first, second] = [block(0, 2), block(0, 3)];
  const network = head(block(stack(add({ kind: 'relu' }, add(frozen, first)), second), 2));
  assert.match(String(applyToNetwork(network, { kind: 'merge-concat', first, second, factor: 1 })), /is frozen, and would read/);
  // A mixture has the channels that were there.
  const alike = draft(2, 4);
  const [a, b] = [alike.block(0, 2), alike.block(0, 2)];
  const mixed = alike.head(alike.sum(alike.add(frozen, a), alike.block(b, 2)));
  assert.notEqual(typeof applyToNetwork(mixed, { kind: 'merge-convex', first: a, second: b, factor: 1 }), 'string');
});

test('a convolution whose sum with a frozen one would have to grow along is not widened', () => {
  const { add, block, sum, head } = draft(2, 4);
  const start = block(0, 3);
  const made = add({ kind: 'convolution', channels: 2, kernel: 1, stride: 1, padding: 0, bias: true }, start);
  const network = head(block(sum(made, add(frozen, start)), 2));
  assert.match(
    String(applyToNetwork(network, { kind: 'alter-channels', node: made, factor: 2 })),
    /\(convolution\) would have to get wider/,
  );
});

test('behind the ReLU of a frozen stem blocks are inserted, and it is merged with', () => {
  const staged = stagedNetwork({ channels: 2, height: 8, width: 8 }, 3, [4, 3, 4]);
  const edits = offered(staged);
  assert.ok(edits.some((edit) => edit.kind === 'insert-convolution' && edit.after === 2));
  assert.ok(edits.some((edit) => edit.kind === 'merge-concat' && edit.second === 2));
  // The first convolution of a stage is widened through its pool.
  assert.notEqual(typeof applyToNetwork(staged, { kind: 'alter-channels', node: 3, factor: 2 }), 'string');
});
