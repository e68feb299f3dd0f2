/**
 * What accompanies parameters through edits. Each old number of a parameter is a mark that no new number can be, and its companion
 * begins as a copy of it: so a companion's number must be the parameter's where that is old, and zero where it is new.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyEdit, applyRewrite, checkedRewrite } from '../../src/morphism/apply.ts';
import { type Companion, companionName } from '../../src/morphism/companions.ts';
import type { Edit } from '../../src/morphism/edit.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { operatorNames, type OperatorWeights } from '../../src/morphism/operators.ts';
import { changeWidths } from '../../src/morphism/width.ts';
import type { Network } from '../../src/network/network.ts';
import { isTrained, parametersOf } from '../../src/network/parameters.ts';
import { filled, sizeOf, type Tensor, type Tensors } from '../../src/network/tensor.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower } from '../../src/program/lower.ts';
import type { Optimizer } from '../../src/program/optimizers/optimizer.ts';
import { sgd } from '../../src/program/optimizers/sgd.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { grownNetwork, tinyLimits } from '../support/networks.ts';

const companions: readonly (Companion & { readonly restart: 'zero' })[] = [
  { name: 'kept', shape: 'parameter', widened: 'keep', restart: 'zero' },
  { name: 'count', shape: 'scalar', widened: 'keep', restart: 'zero' },
  { name: 'dropped', shape: 'parameter', widened: 'zero', restart: 'zero' },
];
const optimizer: Optimizer = { ...sgd, states: companions };

/** The least mark: initial numbers are 1 at most. */
const least = 1000;
const isOld = (value: number): boolean => value >= least;

function marked(network: Network): Tensors {
  const result: Record<string, Tensor> = {};
  let mark = least / 0.3;
  for (const { name, shape, role } of parametersOf(network)) {
    const tensor = { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => Math.floor(mark++)) };
    result[name] = tensor;
    if (!isTrained(role)) continue;
    for (const companion of companions)
      result[companionName(name, companion)] = companion.shape === 'scalar' ? filled([1], 7) : tensor;
  }
  return result;
}

/** All but those that compute new kernels from old ones, and `narrow`, which has a test of its own. */
const everyOperator: OperatorWeights = Object.fromEntries(
  operatorNames.filter((name) => !['narrow', 'separate', 'shrink-kernel'].includes(name)).map((name) => [name, 1]),
);

/** Counts what was seen, so that a property over nothing fails. */
interface Seen {
  kept: number;
  resized: number;
  fresh: number;
  scaled: number;
}

function checkAll(network: Network, tensors: Tensors, seen: Seen): void {
  for (const { name, role } of parametersOf(network)) {
    const { data } = must(tensors[name], name);
    const of = (state: string): Tensor | undefined => tensors[`${name}/${state}`];
    const [kept, count, dropped] = [of('kept'), of('count'), of('dropped')];
    assert.equal(kept === undefined, count === undefined, name);
    if (!isTrained(role)) assert.equal(kept ?? dropped, undefined, name);
    else if (kept === undefined) {
      const scaled = (role === 'scale' || role === 'shift') && data.some((value) => isOld(value / 0.3 ** 8));
      assert.ok(scaled || !data.some(isOld), `${name} has old numbers and no companion`);
      assert.equal(dropped, undefined, name);
      if (scaled) seen.scaled++;
      else seen.fresh++;
    } else {
      kept.data.forEach((value, at) => assert.equal(value, isOld(data[at] as number) ? data[at] : 0, `${name} at ${at}`));
      assert.deepEqual(count, filled([1], 7));
      const resized = !data.every(isOld);
      assert.equal(dropped === undefined, resized, name);
      if (dropped !== undefined) assert.deepEqual(dropped.data, data, name);
      if (resized) seen.resized++;
      else seen.kept++;
    }
  }
}

test('over chains of edits old numbers keep their companions, new ones have zeros, and all fit the lowered state', () => {
  const seen: Seen = { kept: 0, resized: 0, fresh: 0, scaled: 0 };
  const kinds = new Set<string>();
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000 }), (seed) => {
      const start = grownNetwork(seed, seed % 3);
      const options = { operators: everyOperator, mutations: 5, limits: tinyLimits };
      const { edits } = sampleEdits(start, options, random('companions', seed));
      let current = { network: start, tensors: marked(start) };
      for (const [index, edit] of edits.entries()) {
        // Marks are no identity: such a block cannot be dropped, and its chain ends here.
        const rewrite = checkedRewrite(current.network, edit, current.tensors);
        if (typeof rewrite === 'string') break;
        kinds.add(edit.kind);
        const plain = applyRewrite(rewrite, current.tensors, random(seed, index)).tensors;
        current = applyRewrite(rewrite, current.tensors, random(seed, index), companions);
        const names = parametersOf(current.network).map(({ name }) => name);
        assert.deepEqual(Object.keys(plain).toSorted(), names.toSorted(), 'without companions none is moved');
        for (const name of names) assert.deepEqual(current.tensors[name], plain[name], 'parameters do not depend on companions');
        checkAll(current.network, current.tensors, seen);
      }
      const program = lower(current.network, 1, { kind: 'training', learning: { momentum: 0.9, weightDecay: 0 } }, optimizer);
      for (const { name, buffer, role } of program.state)
        if (role === 'optimizer' && current.tensors[name] !== undefined)
          assert.deepEqual(current.tensors[name].shape, program.buffers[buffer]?.shape, name);
    }),
    { seed: 1, numRuns: 40 },
  );
  for (const [what, count] of Object.entries(seen)) assert.ok(count >= 50, `${what}: ${count}`);
  assert.ok(kinds.size >= 6, [...kinds].join());
});

const vanilla = vanillaNetwork({ channels: 2, height: 8, width: 8 }, 3, [2, 3]);

test('a narrowed parameter has the companions of the numbers that are left', () => {
  const rewrite = changeWidths(vanilla, new Map([[1, [{ kept: 1, length: 1 }, { new: 2 }]]]));
  assert.ok(typeof rewrite !== 'string', String(rewrite));
  const { network, tensors } = applyRewrite(rewrite, marked(vanilla), random('narrow'), companions);
  const seen: Seen = { kept: 0, resized: 0, fresh: 0, scaled: 0 };
  checkAll(network, tensors, seen);
  assert.ok(seen.kept > 0 && seen.resized > 0, JSON.stringify(seen));
});

test('both branches of a split have the companions of what they share; an inserted block has none, and can be dropped', () => {
  const before = marked(vanilla);
  const after = (edits: readonly Edit[]): { network: Network; tensors: Tensors } =>
    edits.reduce((current, edit) => applyEdit(current.network, current.tensors, edit, random('edit'), companions), {
      network: vanilla,
      tensors: before,
    });
  const split = after([{ kind: 'split', node: 3, alpha: 0.3 }]);
  for (const state of ['kept', 'count', 'dropped'])
    for (const [name, from] of [
      ['1/kernel', '1/kernel'],
      ['10/kernel', '1/kernel'],
      ['10/bias', '1/bias'],
      // α and 1 − α of γ and β.
      ['2/scale', undefined],
      ['11/scale', undefined],
      ['11/shift', undefined],
    ] as const)
      assert.equal(split.tensors[`${name}/${state}`], from && before[`${from}/${state}`], `${name}/${state}`);
  assert.equal(split.tensors['5/kernel/kept'], before['5/kernel/kept']);
  const insertion: Edit = { kind: 'insert-convolution', after: 3, kernel: 3 };
  const inserted = after([insertion]);
  assert.deepEqual(
    Object.keys(inserted.tensors).filter((name) => before[name] === undefined && name.split('/').length > 2),
    [],
  );
  const back = after([insertion, { kind: 'drop-block', node: 12 }]);
  assert.deepEqual(back.tensors, before);
});
