/** The drawing of mutations: what it promises of limits, chance and reproduction. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { random } from '../../src/util/random.ts';
import { problemOf } from '../../src/network/check.ts';
import { countParameters } from '../../src/network/cost.ts';
import type { Network } from '../../src/network/network.ts';
import { canonicalJson } from '../../src/util/json.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { applyEdit, applyToNetwork } from '../../src/morphism/apply.ts';
import { type Edit, type OperatorName, parseEdit } from '../../src/morphism/edit.ts';
import { sampleEdits, propose } from '../../src/morphism/mutate.ts';
import {
  operatorNames,
  operatorOf,
  type OperatorWeights,
  operatorWeightsSchema,
  paperOperators,
  paperOperatorsWithSeparable,
  toleranceOf,
} from '../../src/morphism/operators.ts';
import { possibleEdit } from '../support/morph.ts';
import { anyLimits, draft, grownNetwork, tinyLimits, trainedTensors } from '../support/networks.ts';

const vanilla = vanillaNetwork({ channels: 2, height: 8, width: 8 }, 3, [2, 3, 3]);
const seeds = fc.nat({ max: 1_000_000 });

const drawFrom = (network: Network, seed: number, mutations = 5, operators: OperatorWeights = paperOperatorsWithSeparable) =>
  sampleEdits(network, { operators, mutations, limits: tinyLimits }, random('draw', seed));

const follow = (network: Network, edits: readonly Edit[]): Network =>
  edits.reduce((current, edit) => {
    const next = applyToNetwork(current, edit);
    assert.ok(typeof next !== 'string', String(next));
    assert.equal(problemOf(next), undefined);
    return next;
  }, network);

test('edits that went through JSON make the network that was drawn, and so does applying them to parameters', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const start = grownNetwork(seed, seed % 4);
      const { edits, network } = drawFrom(start, seed);
      const read = edits.map((edit) => {
        const parsed = parseEdit(JSON.parse(JSON.stringify(edit)));
        assert.ok(typeof parsed !== 'string', String(parsed));
        return parsed;
      });
      assert.equal(canonicalJson(follow(start, read)), canonicalJson(network));
      let current: { network: Network; tensors: Tensors } = { network: start, tensors: trainedTensors(start, random(seed)) };
      for (const edit of read) current = applyEdit(current.network, current.tensors, edit, random(seed));
      assert.equal(canonicalJson(current.network), canonicalJson(network));
    }),
    { seed: 1, numRuns: 50 },
  );
});

test('the same stream draws and applies the same, another one something else', () => {
  const hashes = [1, 1, 2].map((seed) => JSON.stringify(drawFrom(vanilla, seed).edits));
  assert.equal(hashes[0], hashes[1]);
  assert.notEqual(hashes[0], hashes[2]);
  const edit: Edit = { kind: 'alter-channels', node: 1, factor: 2 };
  const tensors = trainedTensors(vanilla, random('tensors'));
  const [first, again, other] = [1, 1, 2].map((seed) => applyEdit(vanilla, tensors, edit, random('apply', seed)).tensors);
  assert.deepEqual(first, again);
  assert.notDeepEqual(first?.['1/kernel'], other?.['1/kernel']);
});

test('what does not change is shared, and nothing that was there is written to', () => {
  fc.assert(
    fc.property(seeds, fc.constantFrom(...operatorNames), (seed, name) => {
      const network = grownNetwork(seed, seed % 4);
      const possible = possibleEdit(name, { network, tensors: trainedTensors(network, random(seed)) }, random(seed));
      if (possible === undefined) return;
      const { edit, parent } = possible;
      const { tensors } = parent;
      const copy = structuredClone(tensors);
      const applied = applyEdit(parent.network, tensors, edit, random(seed)).tensors;
      assert.deepEqual(tensors, copy);
      for (const [key, before] of Object.entries(tensors)) {
        const after = applied[key];
        if (after?.data.length === before.data.length && name !== 'split') assert.equal(after, before, key);
        if (name === 'drop-block') assert.ok(after === undefined || after === before, key);
      }
    }),
    { seed: 2, numRuns: 60 },
  );
});

test('no mutation passes a limit, which is asked before anything is made', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 0, max: 800 }), (seed, room) => {
      const most = countParameters(vanilla) + room;
      const admitted: string[] = [];
      const admits = (network: Network): boolean => {
        const within = countParameters(network) <= most;
        if (within) admitted.push(canonicalJson(network));
        return within;
      };
      const drawn = sampleEdits(
        vanilla,
        { operators: paperOperatorsWithSeparable, mutations: 8, limits: { maxChannels: 9, admits } },
        random(seed),
      );
      const made = drawn.edits.map((_, index) => follow(vanilla, drawn.edits.slice(0, index + 1)));
      for (const network of made) assert.ok(countParameters(network) <= most);
      assert.deepEqual(made.map(canonicalJson), admitted);
      assert.equal(canonicalJson(drawn.network), canonicalJson(made.at(-1) ?? vanilla));
    }),
    { seed: 3, numRuns: 60 },
  );
});

const widest = (network: Network): number =>
  Math.max(...network.nodes.map(({ layer }) => (layer.kind === 'convolution' ? layer.channels : 0)));

test('nothing is widened past the most channels, companions included; concatenation is not bound', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 3, max: 20 }), (seed, maxChannels) => {
      const limits = { ...anyLimits, maxChannels };
      const operators: OperatorWeights = { 'alter-channels': 1, split: 1, 'merge-convex': 1 };
      assert.ok(widest(sampleEdits(vanilla, { operators, mutations: 8, limits }, random(seed)).network) <= maxChannels);
    }),
    { seed: 4, numRuns: 40 },
  );
  // The convolution at 1 may have 8 channels, but node 7, which must grow along, would have 10.
  const { block, stack, sum, head } = draft(2, 4);
  const [a, b] = [block(0, 4), block(0, 2)];
  const network = head(block(sum(stack(a, b), block(0, 6)), 2));
  const widened = (maxChannels: number): readonly string[] =>
    Array.from({ length: 40 }, (_, seed) =>
      JSON.stringify(propose('alter-channels', network, { ...anyLimits, maxChannels }, random(seed))?.edit),
    );
  const edit = JSON.stringify({ kind: 'alter-channels', node: 1, factor: 2 });
  assert.ok(widened(10).includes(edit));
  assert.ok(!widened(9).includes(edit));
  const concat = propose('merge-concat', vanilla, { ...anyLimits, maxChannels: 1 }, random('concat'));
  assert.equal(concat?.edit.kind, 'merge-concat');
});

test('five operators or six: each as likely as the others', () => {
  for (const operators of [paperOperators, paperOperatorsWithSeparable]) {
    const counts = new Map<string, number>();
    const draws = 1200;
    for (let seed = 0; seed < draws; seed++) {
      const edit = sampleEdits(vanilla, { operators, mutations: 1, limits: anyLimits }, random('uniform', seed)).edits[0];
      counts.set(String(edit?.kind), (counts.get(String(edit?.kind)) ?? 0) + 1);
    }
    const names = Object.keys(operators);
    const expected = draws / names.length;
    const chiSquare = names.reduce((sum, name) => sum + ((counts.get(name) ?? 0) - expected) ** 2 / expected, 0);
    // 99.9 % of fair draws: 18.5 with four degrees of freedom, 20.5 with five.
    assert.ok(chiSquare < 18.5, `${JSON.stringify([...counts])}: ${chiSquare}`);
  }
});

test('weights: as likely as they say; equal ones, and names in another order, draw the same', () => {
  const kindsOf = (operators: OperatorWeights): readonly (string | undefined)[] =>
    Array.from({ length: 600 }, (_none, seed) => {
      const { edits } = sampleEdits(vanilla, { operators, mutations: 1, limits: anyLimits }, random('weights', seed));
      return edits[0]?.kind;
    });
  const heavy = kindsOf({ split: 3, 'alter-channels': 1 }).filter((kind) => kind === 'split').length;
  // 450 are expected; four standard deviations of a fair draw.
  assert.ok(Math.abs(heavy - 450) < 43, `${heavy} of 600`);
  assert.deepEqual(kindsOf({ 'alter-channels': 1, split: 3 }), kindsOf({ split: 3, 'alter-channels': 1 }));
  assert.deepEqual(kindsOf({ split: 7, 'alter-channels': 7 }), kindsOf({ 'alter-channels': 1, split: 1 }));
  assert.deepEqual([...new Set(kindsOf({ split: 1e-9 }))], ['split']);
});

test('where a heavy operator applies nowhere the others are drawn by their own weights', () => {
  const single = vanillaNetwork({ channels: 2, height: 4, width: 4 }, 3, [2]);
  const operators: OperatorWeights = { 'merge-concat': 1000, split: 1, 'insert-convolution': 3 };
  const kinds = Array.from(
    { length: 400 },
    (_none, seed) => sampleEdits(single, { operators, mutations: 1, limits: anyLimits }, random('left', seed)).edits[0]?.kind,
  );
  const inserted = kinds.filter((kind) => kind === 'insert-convolution').length;
  assert.ok(Math.abs(inserted - 300) < 35, `${inserted} of 400`);
});

test('weights as JSON: positive, of operators that there are', () => {
  const says = (value: unknown): string => {
    const parsed = operatorWeightsSchema.safeParse(value);
    return parsed.success ? 'fine' : String(parsed.error.issues[0]?.message);
  };
  assert.equal(says({ split: 0.5, 'drop-block': 2 }), 'fine');
  assert.equal(says({}), 'must have an operator');
  for (const wrong of [{ split: 0 }, { split: -1 }, { split: Number.NaN }, { prune: 1 }, ['split'], 'split', null])
    assert.notEqual(says(wrong), 'fine', JSON.stringify(wrong));
});

test('the tolerance of a child is the largest of its edits’ operators', () => {
  const all = operatorNames
    .filter((name) => operatorOf(name).fidelity.kind === 'exact')
    .map((name): Edit => ({ kind: name }) as Edit);
  assert.ok(all.length >= 8 && all.length < operatorNames.length);
  assert.deepEqual(toleranceOf([]), { evaluation: 1e-3, training: 0.02 });
  assert.ok(toleranceOf([...all, { kind: 'remove-block', node: 1 }]).evaluation >= 1);
  assert.deepEqual(toleranceOf(all), { evaluation: 1e-3, training: 0.02 });
  const { split } = { split: operatorOf('split') as { fidelity: unknown } };
  const before = split.fidelity;
  split.fidelity = { kind: 'approximate', tolerance: { evaluation: 0.5, training: 0.01 } };
  try {
    assert.deepEqual(toleranceOf(all), { evaluation: 0.5, training: 0.02 });
    assert.deepEqual(toleranceOf(all.filter(({ kind }) => kind !== 'split')), { evaluation: 1e-3, training: 0.02 });
  } finally {
    split.fidelity = before;
  }
});

test('the places of an operator are as likely as each other', () => {
  const counts = new Map<string, number>();
  const draws = 1000;
  for (let seed = 0; seed < draws; seed++) {
    const edit = propose('alter-channels', vanilla, anyLimits, random('place', seed))?.edit;
    counts.set(JSON.stringify(edit), (counts.get(JSON.stringify(edit)) ?? 0) + 1);
  }
  assert.equal(counts.size, operatorOf('alter-channels').candidates(vanilla).length);
  const expected = draws / counts.size;
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  assert.ok(chiSquare < 20.5, `${JSON.stringify([...counts])}: ${chiSquare}`);
});

test('an operator that applies nowhere is struck out for the mutation, and another is drawn', () => {
  // One block: nothing to merge with; two channels at most: nothing to widen.
  const single = vanillaNetwork({ channels: 2, height: 4, width: 4 }, 3, [2]);
  const limits = { ...anyLimits, maxChannels: 2 };
  for (let seed = 0; seed < 20; seed++) {
    const { edits } = sampleEdits(single, { operators: paperOperators, mutations: 5, limits }, random('strike', seed));
    assert.equal(edits.length, 5);
    assert.match(String(edits[0]?.kind), /insert-convolution|split/);
  }
});

test('where nothing applies there are fewer edits, and no error', () => {
  const limits = { maxChannels: 600, admits: () => false };
  const drawn = sampleEdits(vanilla, { operators: paperOperatorsWithSeparable, mutations: 5, limits }, random('none'));
  assert.deepEqual(drawn, { edits: [], network: vanilla });
  let left = 2;
  const two = { maxChannels: 600, admits: () => left-- > 0 };
  assert.equal(sampleEdits(vanilla, { operators: { split: 1 }, mutations: 5, limits: two }, random('two')).edits.length, 2);
});

test('five mutations take each kind of place that the operators allow', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) for (const { kind } of drawFrom(vanilla, seed).edits) seen.add(kind);
  assert.deepEqual([...seen].toSorted(), Object.keys(paperOperatorsWithSeparable).toSorted());
});

/** The different values of a member of all edits that an operator offers. */
const offered = (network: Network, name: OperatorName, member: string): readonly unknown[] => {
  const edits: readonly object[] = operatorOf(name).candidates(network);
  return [...new Set(edits.map((edit) => (edit as Readonly<Record<string, unknown>>)[member]))].toSorted();
};

test('what is drawn: kernels of 3 and 5, widths times 2 and 4, companions pooled by 1, 2 and 4, α = 0.3', () => {
  for (const name of ['insert-convolution', 'insert-separable'] as const)
    assert.deepEqual(offered(vanilla, name, 'kernel'), [3, 5], name);
  assert.deepEqual(offered(vanilla, 'alter-channels', 'factor'), [2, 4]);
  assert.deepEqual(offered(vanilla, 'merge-concat', 'factor'), [1, 2, 4]);
  assert.deepEqual(offered(vanilla, 'split', 'alpha'), [0.3]);
});

test('a tensor is not merged with itself computed again: pooled by its reader, beside it, or in two goes', () => {
  const { block, pool, stack, head } = draft(2, 16);
  const first = block(0, 2);
  const [halved, again] = [pool(first), pool(first)];
  const quartered = pool(halved);
  // Its second pool of 2 is what `quartered` is of `first`, and `other` of `halved`.
  const other = pool(stack(again, halved));
  const network = head(stack(block(quartered, 2), other));
  const pairs = (['merge-convex', 'merge-concat'] as const).flatMap((name) =>
    operatorOf(name)
      .candidates(network)
      .flatMap((edit) => ('first' in edit ? [`${edit.first} ${edit.second}`] : [])),
  );
  const same = [first, halved, again, quartered];
  for (const one of same) for (const two of same) assert.ok(!pairs.includes(`${one} ${two}`), `${one} ${two}: ${pairs.join()}`);
  // What was stacked before is another tensor.
  assert.ok(pairs.includes(`${other} ${halved}`), pairs.join());
});

test('blocks go behind ReLUs, pools and merged tensors; only ReLUs and pools are merged, only blocks are split', () => {
  const { block, pool, sum, mix, stack, head } = draft(2, 8);
  const first = block(0, 2);
  const second = block(first, 2);
  const added = sum(first, second);
  const mixed = mix(added, second);
  const stacked = stack(mixed, first);
  const pooled = pool(stacked);
  const last = block(pooled, 2);
  const network = head(last);
  const ids = (...nodes: readonly number[]): readonly number[] => nodes;
  for (const name of ['insert-convolution', 'insert-separable'] as const)
    assert.deepEqual(offered(network, name, 'after').length, 7, name);
  const after = new Set(offered(network, 'insert-convolution', 'after'));
  for (const id of ids(first, second, added, mixed, stacked, pooled, last)) assert.ok(after.has(id), `behind ${id}`);
  for (const name of ['merge-convex', 'merge-concat'] as const) {
    const merged = new Set([...offered(network, name, 'first'), ...offered(network, name, 'second')]);
    for (const id of merged) assert.ok(ids(first, second, pooled, last).includes(Number(id)), `${name} ${String(id)}`);
  }
  const stackable = new Set([...offered(network, 'merge-concat', 'first'), ...offered(network, 'merge-concat', 'second')]);
  assert.equal(stackable.size, 4);
  assert.deepEqual(new Set(offered(network, 'split', 'node')), new Set(ids(first, second, last)));
});
