/** The optimizer in the settings: its names are the table's, and settings from before it mean SGD as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optimizerNames } from '../../src/program/optimizers/table.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import type { Learning } from '../../src/program/learning.ts';
import { lower } from '../../src/program/lower.ts';
import { learningOf, mergeSettings, presets, settingsSchema } from '../../src/search/settings.ts';
import { must } from '../../src/util/assert.ts';

test('a config without an optimizer is SGD with momentum and L2', () => {
  const { optimizer, ...old } = presets.paper;
  assert.deepEqual(optimizer, {
    name: 'sgd',
    decoupled: false,
    rates: {},
    decays: {},
    average: null,
    newRate: 1,
    newFade: 0.99,
    firstRate: 1,
    freeze: 0,
    statistics: 'batch',
    following: 0.1,
  });
  assert.deepEqual(settingsSchema.parse(old), presets.paper);
  assert.deepEqual(learningOf(settingsSchema.parse(old)), {
    optimizer: 'sgd',
    momentum: 0.9,
    weightDecay: 5e-4,
    decoupled: false,
  });
});

test('every optimizer of the table is a setting, and no other', () => {
  const named = (name: string) =>
    settingsSchema.safeParse(
      mergeSettings(presets.quick, { optimizer: { name } } as unknown as Parameters<typeof mergeSettings>[1]),
    );
  for (const name of optimizerNames) assert.equal(named(name).data?.optimizer.name, name);
  assert.equal(named('adagrad').success, false);
});

test('factors by role are settings, and no role is set without one', () => {
  const withFactors = (optimizer: object) => settingsSchema.safeParse({ ...presets.quick, optimizer });
  const set = withFactors({ rates: { shift: 8, kernel: 0.5 }, decays: { shift: 1, 'head-kernel': 0 } });
  assert.ok(set.success);
  assert.deepEqual(learningOf(set.data).roles, {
    kernel: { rate: 0.5 },
    shift: { rate: 8, decay: 1 },
    'head-kernel': { decay: 0 },
  });
  assert.equal('roles' in learningOf(presets.quick), false);
  for (const wrong of [{ rates: { shfit: 8 } }, { rates: { shift: -1 } }, { decays: { mean: 1 } }])
    assert.equal(withFactors(wrong).success, false, JSON.stringify(wrong));
});

test('factors reach the update of each parameter of their role, and no other', () => {
  const network = vanillaNetwork({ channels: 1, height: 4, width: 4 }, 2, [2]);
  const settings = settingsSchema.parse({ ...presets.quick, optimizer: { rates: { shift: 8 }, decays: { shift: 2 } } });
  const assigned = (learning: Learning): ReadonlyMap<string, string> => {
    const program = lower(network, 1, { kind: 'training', learning });
    return new Map(
      program.steps.flatMap((step) =>
        step.kind === 'update' ? [[must(program.buffers[step.parameter], 'buffer').name, JSON.stringify(step.assignments)]] : [],
      ),
    );
  };
  const [plain, changed] = [assigned(learningOf(presets.quick)), assigned(learningOf(settings))];
  assert.deepEqual([...plain.keys()].toSorted(), [...changed.keys()].toSorted());
  const others = [...plain.keys()].filter((name) => plain.get(name) !== changed.get(name));
  assert.deepEqual(others, ['2/shift']);
  assert.match(must(changed.get('2/shift'), 'update'), /\[8,"rate"\].*/);
  assert.match(must(changed.get('2/shift'), 'update'), new RegExp(`\\[${2 * presets.quick.weightDecay},"parameter"\\]`));
});
