/** What of a checkpoint is evaluated, kept as a result, and kept where a schedule starts anew: for every optimizer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parametersOf } from '../../src/network/parameters.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import type { Learning } from '../../src/program/learning.ts';
import { lower } from '../../src/program/lower.ts';
import type { Optimizer } from '../../src/program/optimizers/optimizer.ts';
import { sgd } from '../../src/program/optimizers/sgd.ts';
import { optimizerNames, optimizers } from '../../src/program/optimizers/table.ts';
import { evaluationTensors, evaluationWeights, restartTensors } from '../../src/training/weights.ts';
import { random } from '../../src/util/random.ts';
import { randomState } from '../support/single-steps.ts';

const network = vanillaNetwork({ channels: 3, height: 8, width: 8 }, 5, [6, 10]);
const learning: Learning = { momentum: 0.9, weightDecay: 5e-4 };
const parameters = parametersOf(network).map(({ name }) => name);

/** The names of a checkpoint's tensors. */
const checkpoint = (optimizer: Optimizer) =>
  randomState(lower(network, 2, { kind: 'training', learning }, optimizer), random('weights'));

/** One that keeps a state of each kind through a restart. */
const keeping: Optimizer = {
  ...sgd,
  states: [
    ...sgd.states,
    { name: 'slow', shape: 'parameter', restart: 'keep', widened: 'keep' },
    { name: 'count', shape: 'scalar', restart: 'keep', widened: 'keep' },
  ],
};

for (const [name, optimizer] of [
  ...optimizerNames.map((row) => [row, optimizers[row]] as const),
  ['keeping', keeping] as const,
]) {
  test(`${name}: a checkpoint holds its states, what is evaluated and kept as a result none`, () => {
    const tensors = checkpoint(optimizer);
    for (const { name: state } of optimizer.states) assert.ok(tensors[`1/kernel/${state}`] !== undefined);
    for (const weights of evaluationWeights)
      assert.deepEqual(Object.keys(evaluationTensors(network, tensors, weights)).toSorted(), parameters.toSorted());
    assert.equal(evaluationTensors(network, tensors)['1/kernel'], tensors['1/kernel']);
  });

  test(`${name}: a restart keeps what it says`, () => {
    const tensors = checkpoint(optimizer);
    const left = Object.keys(restartTensors(network, tensors, learning, optimizer)).filter((each) => !parameters.includes(each));
    const kept = optimizer.states.filter(({ restart }) => restart === 'keep').map((state) => state.name);
    assert.deepEqual([...new Set(left.map((each) => each.split('/')[2]))], kept);
    for (const state of kept) assert.ok(left.includes(`4/kernel/${state}`) || left.includes(`5/kernel/${state}`));
  });
}

test('SGD restarts without momentum, but where a role says otherwise', () => {
  const tensors = checkpoint(sgd);
  const left = (roles: NonNullable<Learning['roles']>): string[] =>
    Object.keys(restartTensors(network, tensors, { ...learning, roles })).filter((name) => !parameters.includes(name));
  assert.deepEqual(left({}), []);
  const head = network.nodes.at(-1)?.id;
  assert.deepEqual(left({ 'head-kernel': { restart: 'keep' } }), [`${head}/kernel/velocity`]);
});
