/** The optimizer in the settings: its names are the table's, and settings from before it mean SGD as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optimizerNames } from '../../src/program/optimizers/table.ts';
import { learningOf, mergeSettings, presets, settingsSchema } from '../../src/search/settings.ts';

test('a config without an optimizer is SGD with momentum and L2', () => {
  const { optimizer, ...old } = presets.paper;
  assert.deepEqual(optimizer, { name: 'sgd', decoupled: false });
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
