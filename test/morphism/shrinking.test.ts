/** Operators that take away: exact where what they take away is nothing, and networks whatever they take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyEdit, applyToNetwork } from '../../src/morphism/apply.ts';
import type { Edit, OperatorName } from '../../src/morphism/edit.ts';
import { propose } from '../../src/morphism/mutate.ts';
import { operatorNames, operatorOf, rewriteOf } from '../../src/morphism/operators.ts';
import { factorsOf } from '../../src/morphism/smaller-kernels.ts';
import { tiesOf, usefulnessOf } from '../../src/morphism/usefulness.ts';
import { absorbs } from '../../src/morphism/width.ts';
import { problemOf } from '../../src/network/check.ts';
import { countMultiplyAdds } from '../../src/network/cost.ts';
import { isFrozen, isGrouped, type Network, type NodeId } from '../../src/network/network.ts';
import { parameterName, parametersOf } from '../../src/network/parameters.ts';
import { printNetwork } from '../../src/network/print.ts';
import { shapesOf } from '../../src/network/shapes.ts';
import type { Tensors } from '../../src/network/tensor.ts';
import { must } from '../../src/util/assert.ts';
import { random as randomOf, type Random } from '../../src/util/random.ts';
import { logitsOf } from '../support/forward.ts';
import { difference, morph, possibleEdit, type Trained } from '../support/morph.ts';
import { draft, grownNetwork, imagesFor, tinyLimits, trainedTensors } from '../support/networks.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';

const tolerance = 1e-5;
const seeds = fc.nat({ max: 1_000_000 });
const lossy = operatorNames.filter((name) => operatorOf(name).fidelity.kind === 'approximate');

const trained = (network: Network, random: Random): Trained => ({ network, tensors: trainedTensors(network, random) });

/** The tensors with other numbers for one of them. */
const changed = (tensors: Tensors, name: string, value: (at: number, old: number) => number): Tensors => {
  const { shape, data } = must(tensors[name], name);
  return { ...tensors, [name]: { shape, data: data.map((old, at) => value(at, old)) } };
};

const narrowable = (network: Network): readonly { readonly node: NodeId; readonly channels: number }[] =>
  network.nodes.flatMap(({ id, layer }) =>
    layer.kind === 'convolution' && !isFrozen(layer) && !isGrouped(layer) && layer.channels > 1
      ? [{ node: id, channels: layer.channels }]
      : [],
  );

test('the operators that take away are these', () => {
  assert.deepEqual(lossy, ['narrow', 'remove-block', 'remove-branch', 'separate', 'shrink-kernel'] satisfies OperatorName[]);
});

test('narrowing drops the channels that nothing reads, wherever they stand', () => {
  let applied = 0;
  fc.assert(
    fc.property(seeds, fc.integer({ min: 0, max: 5 }), (seed, mutations) => {
      const random = randomOf('narrow', seed);
      const network = seed % 2 === 0 ? grownNetwork(seed, mutations) : smallRandomNetwork(random, 8);
      const all = narrowable(network);
      if (all.length === 0) return;
      const { node, channels } = random.pick(all);
      const fewer = 1 + random.integer(channels - 1);
      const edit = { kind: 'narrow', node, fewer } as const;
      if (typeof applyToNetwork(network, edit) === 'string' || network.nodes.some(({ layer }) => layer.kind === 'select')) return;
      const ties = tiesOf(network);
      const useless = [...random.permutation(channels)].slice(0, fewer);
      // Which channels may stand in for others is another property.
      if (new Set([...Array(channels).keys()].map((channel) => ties.standing(node, channel))).size > 1) return;
      let { tensors } = trained(network, random);
      const shapes = shapesOf(network);
      const classes = new Set(useless.map((channel) => ties.of(node, channel)));
      for (const reader of network.nodes) {
        const read = reader.inputs[0];
        if (read === undefined || !absorbs(reader)) continue;
        const width = must(shapes.get(read), 'shape').channels;
        const kernel = must(tensors[parameterName(reader.id, 'kernel')], 'kernel');
        const size = kernel.data.length / must(kernel.shape[0], 'rows') / width;
        tensors = changed(tensors, parameterName(reader.id, 'kernel'), (at, old) =>
          classes.has(ties.of(read, Math.floor(at / size) % width)) ? 0 : old,
        );
      }
      const usefulness = usefulnessOf(network, tensors, ties, node);
      useless.forEach((channel) => assert.equal(usefulness[channel], 0));
      const images = imagesFor(network, 2, random);
      const found = difference({ network, tensors }, applyEdit(network, tensors, edit, random), images, 'evaluation');
      assert.ok(found <= tolerance, `${JSON.stringify(edit)}: ${found}\n${printNetwork(network)}`);
      applied++;
    }),
    { seed: 1, numRuns: 300 },
  );
  assert.ok(applied >= 80, `applied ${applied} times`);
});

test('which network an edit makes does not depend on the numbers', () => {
  const applied = new Map<OperatorName, number>();
  fc.assert(
    fc.property(seeds, (seed) => {
      const random = randomOf('structure', seed);
      const network = seed % 4 === 0 ? grownNetwork(seed, 5) : smallRandomNetwork(random, 8);
      const { tensors } = trained(network, random);
      const edits: readonly Edit[] = [
        ...lossy.flatMap((name) => operatorOf(name).candidates(network)),
        ...narrowable(network).map(
          ({ node, channels }) => ({ kind: 'narrow', node, fewer: 1 + random.integer(channels - 1) }) as const,
        ),
      ];
      for (const edit of edits) {
        const [by, without] = [rewriteOf(network, edit, tensors), rewriteOf(network, edit)];
        if (typeof by === 'string' || typeof without === 'string') {
          assert.equal(by, without);
          continue;
        }
        assert.equal(problemOf(without.network), undefined);
        assert.equal(printNetwork(by.network), printNetwork(without.network), JSON.stringify(edit));
        assert.ok(countMultiplyAdds(without.network) <= countMultiplyAdds(network), JSON.stringify(edit));
        const child = morph({ network, tensors }, edit, imagesFor(network, 2, random), random);
        assert.deepEqual(
          Object.entries(child.tensors).map(([name, { shape }]) => [name, [...shape]]),
          parametersOf(child.network).map(({ name, shape }) => [name, [...shape]]),
        );
        applied.set(edit.kind, (applied.get(edit.kind) ?? 0) + 1);
      }
    }),
    { seed: 2, numRuns: 60 },
  );
  for (const name of lossy) assert.ok((applied.get(name) ?? 0) >= 2, `${name} was applied ${applied.get(name) ?? 0} times`);
});

test('a separated convolution is the nearest of its kind, and exact where each channel has one filter', () => {
  fc.assert(
    fc.property(seeds, fc.constantFrom(3, 5), (seed, kernel) => {
      const random = randomOf('separate', seed);
      const { add, normalization, head } = draft(3, 6);
      const network = head(
        add(
          { kind: 'relu' },
          normalization(add({ kind: 'convolution', channels: 7, kernel, stride: 1 + (seed % 2), padding: 1, bias: true }, 0)),
        ),
      );
      const { tensors } = trained(network, random);
      const filters = Array.from({ length: 3 * kernel ** 2 }, () => random.float() - 0.5);
      const factors = Array.from({ length: 21 }, () => random.float() - 0.5);
      const single = changed(tensors, '1/kernel', (at) => {
        const [row, rest] = [Math.floor(at / (3 * kernel ** 2)), at % (3 * kernel ** 2)];
        return (factors[row * 3 + Math.floor(rest / kernel ** 2)] as number) * (filters[rest] as number);
      });
      const edit = { kind: 'separate', node: 1 } as const;
      const images = imagesFor(network, 2, random);
      const separated = applyEdit(network, single, edit, random);
      assert.ok(difference({ network, tensors: single }, separated, images, 'evaluation') <= tolerance);
      assert.ok(difference({ network, tensors: single }, separated, images, 'training') <= 1e-4);
      // Any kernel: no other filter of length 1 explains more of a channel.
      const whole = must(tensors['1/kernel'], 'kernel');
      const { depthwise, pointwise } = factorsOf(whole);
      const pixels = kernel ** 2;
      for (let channel = 0; channel < 3; channel++) {
        const explained = (filter: ArrayLike<number>): number => {
          let sum = 0;
          for (let row = 0; row < 7; row++) {
            let along = 0;
            for (let pixel = 0; pixel < pixels; pixel++)
              along += (whole.data[(row * 3 + channel) * pixels + pixel] as number) * (filter[pixel] as number);
            sum += along ** 2;
          }
          return sum;
        };
        const best = explained(depthwise.data.subarray(channel * pixels, (channel + 1) * pixels));
        let length = 0;
        for (let row = 0; row < 7; row++) length += (pointwise.data[row * 3 + channel] as number) ** 2;
        assert.ok(Math.abs(length - best) <= 1e-4 * best);
        for (let attempt = 0; attempt < 20; attempt++) {
          const other = Array.from({ length: pixels }, () => random.float() - 0.5);
          const norm = Math.hypot(...other);
          assert.ok(explained(other.map((value) => value / norm)) <= best * (1 + 1e-4));
        }
      }
    }),
    { seed: 3, numRuns: 40 },
  );
});

test('a kernel without a border of zeros is the same', () => {
  for (const [stride, dilation] of [
    [1, 1],
    [2, 1],
    [1, 2],
  ] as const)
    for (const kind of ['convolution', 'depthwise'] as const) {
      const random = randomOf('crop', stride, dilation, kind);
      const { add, normalization, head } = draft(3, 11);
      const window = { kernel: 5, stride, padding: 2 * dilation, dilation, bias: true };
      const layer = kind === 'depthwise' ? { kind, ...window } : { kind, channels: 4, ...window };
      const network = head(add({ kind: 'relu' }, normalization(add(layer, 0))));
      const tensors = changed(trained(network, random).tensors, '1/kernel', (at, old) => {
        const [row, column] = [Math.floor((at % 25) / 5), at % 5];
        return row % 4 === 0 || column % 4 === 0 ? 0 : old;
      });
      const cropped = applyEdit(network, tensors, { kind: 'shrink-kernel', node: 1 }, random);
      assert.ok(difference({ network, tensors }, cropped, imagesFor(network, 2, random), 'evaluation') <= tolerance);
    }
});

test('a branch that adds nothing, a block that is the identity: taken out, and the logits stay', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const random = randomOf('branch', seed);
      const { block, sum, mix, head } = draft(2, 4);
      const first = block(0, 4);
      const [second, third] = [block(first, 4), block(first, 4)];
      const added = sum(first, second);
      const mixed = mix(added, third);
      const network = head(block(mixed, 3));
      let { tensors } = trained(network, random);
      const end = (node: NodeId): NodeId => must(network.nodes.find(({ id }) => id === node)?.inputs[0], 'normalisation');
      for (const role of ['scale', 'shift'] as const) tensors = changed(tensors, parameterName(end(second), role), () => 0);
      tensors = changed(tensors, parameterName(mixed, 'mix'), () => 1);
      const images = imagesFor(network, 2, random);
      const one = applyEdit(network, tensors, { kind: 'remove-branch', node: added, input: 1 }, random);
      const both = applyEdit(one.network, one.tensors, { kind: 'remove-branch', node: mixed, input: 1 }, random);
      assert.ok(difference({ network, tensors }, both, images, 'evaluation') <= tolerance);
      assert.ok(!both.network.nodes.some(({ id }) => [second, third, added, mixed].includes(id)));
      // No id is used twice.
      assert.ok((both.network.nextId ?? Infinity) >= network.nodes.length);
      const inserted = possibleEdit('insert-convolution', { network, tensors }, random, images);
      if (inserted === undefined) return;
      const grown = applyEdit(network, tensors, inserted.edit, random);
      const inserts = grown.network.nodes.find(({ id, layer }) => id >= network.nodes.length && layer.kind === 'relu');
      const edit: Edit = { kind: 'remove-block', node: must(inserts, 'block').id };
      assert.ok(
        difference({ network, tensors }, applyEdit(grown.network, grown.tensors, edit, random), images, 'evaluation') <=
          tolerance,
      );
    }),
    { seed: 4, numRuns: 30 },
  );
});

test('chains of growing and shrinking edits are networks, and those that grow keep the logits', () => {
  const seen = new Map<OperatorName, number>();
  const chains = Number(process.env['INSTAR_CHAINS'] ?? 60);
  for (let seed = 0; seed < chains; seed++) {
    const random = randomOf('chain', seed);
    const { block, pool, sum, head } = draft(2, 6);
    const start = block(block(0, 16), 16, 5);
    let current = trained(seed % 3 === 0 ? head(block(pool(sum(start, block(start, 16))), 24)) : grownNetwork(seed, 2), random);
    const images = imagesFor(current.network, 3, random);
    for (let index = 0; index < 8; index++) {
      const names = operatorNames.filter((name) => name !== 'drop-block');
      const name = names[random.integer(names.length)] as OperatorName;
      const proposal = propose(name, current.network, tinyLimits, random.fork('edit', index));
      if (proposal === undefined) continue;
      seen.set(name, (seen.get(name) ?? 0) + 1);
      const next = morph(current, proposal.edit, images, random.fork('apply', index));
      assert.deepEqual(next.network, proposal.network);
      assert.equal(problemOf(next.network), undefined);
      assert.ok(
        [...logitsOf(next.network, next.tensors, images, 'evaluation')].every(Number.isFinite),
        `${seed}: ${JSON.stringify(proposal.edit)}`,
      );
      if (!lossy.includes(name))
        assert.ok(difference(current, next, images, 'evaluation') <= tolerance, JSON.stringify(proposal.edit));
      current = next;
    }
  }
  for (const name of lossy) assert.ok((seen.get(name) ?? 0) >= 3, `${name} was applied ${seen.get(name) ?? 0} times`);
});

test('what cannot be taken away is said', () => {
  const { add, block, normalization, sum, head } = draft(2, 6);
  const first = block(0, 8);
  const frozen = add({ kind: 'convolution', channels: 8, kernel: 3, stride: 1, padding: 1, bias: false, frozen: true }, first);
  const grouped = add({ kind: 'convolution', channels: 8, kernel: 3, stride: 1, padding: 1, bias: false, groups: 2 }, frozen);
  const added = sum(first, normalization(grouped));
  const network = head(block(added, 4));
  const convolution = 1;
  const says = (edit: Edit): string => String(applyToNetwork(network, edit));
  assert.equal(says({ kind: 'narrow', node: 99, fewer: 1 }), 'there is no node 99');
  assert.equal(says({ kind: 'narrow', node: first, fewer: 1 }), `node ${first} (relu) is no convolution`);
  assert.equal(says({ kind: 'narrow', node: convolution, fewer: 8 }), 'node 1 (convolution) has 8 channels, and would keep none');
  assert.equal(says({ kind: 'narrow', node: frozen, fewer: 1 }), `node ${frozen} (convolution) is frozen`);
  assert.equal(says({ kind: 'narrow', node: grouped, fewer: 1 }), `node ${grouped} (convolution) has groups`);
  assert.match(says({ kind: 'narrow', node: convolution, fewer: 1 }), /would read other channels|would have to get narrower/);
  assert.equal(says({ kind: 'separate', node: frozen }), `node ${frozen} (convolution) is frozen`);
  assert.equal(says({ kind: 'separate', node: grouped }), `node ${grouped} (convolution) has groups`);
  assert.equal(says({ kind: 'shrink-kernel', node: convolution }), 'node 1 (convolution) has a kernel of 3×3');
  assert.equal(says({ kind: 'shrink-kernel', node: first }), `node ${first} (relu) is no convolution`);
  assert.equal(says({ kind: 'remove-branch', node: added, input: 2 }), `node ${added} (add) has no input 2 that may go`);
  assert.equal(says({ kind: 'remove-block', node: added }), `node ${added} (add) does not end a block`);
  assert.equal(says({ kind: 'remove-block', node: first }), `node ${first} (relu) ends a block that changes its shape`);
});
