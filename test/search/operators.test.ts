/** The setting of the operators that mutations are sampled from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assignments, overrideOf } from '../../src/options/setting-values.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { mergeSettings, presets, type Settings, settingsSchema } from '../../src/search/settings.ts';

const shape = { channels: 3, height: 16, width: 16 };
const parent = vanillaNetwork(shape, 10, [4, 6]);

const kindsOf = (settings: Settings): readonly string[] => {
  const context = {
    settings,
    counts: { shape, classes: 10, train: 100, validation: 10 },
    passesFor: () => 1,
    startStep: sampleStep,
  };
  const drawn = [1, 2, 3].flatMap((step) => sampleStep(context, step, parent).children);
  return [...new Set(drawn.flatMap(({ edits }) => edits.map(({ kind }) => kind)))].toSorted();
};

test('settings of before have none: the method’s own operators', () => {
  const { operators, ...old } = presets.quick;
  assert.equal(operators, null);
  assert.deepEqual(settingsSchema.parse(old), presets.quick);
  assert.deepEqual(kindsOf({ ...presets.quick, method: 'shr' }).includes('insert-separable'), false);
  assert.deepEqual(kindsOf({ ...presets.quick, method: 'shrsep' }).includes('insert-separable'), true);
});

const read = (text: string): string | Parameters<typeof overrideOf>[0] => {
  const reading = assignments.read(text);
  return 'wrong' in reading ? reading.wrong : reading.value;
};

test('given ones take the place of the method’s, and of those given before', () => {
  const set = (text: string): Settings => {
    const settings = read(text);
    return typeof settings === 'string' ? assert.fail(settings) : mergeSettings(presets.quick, overrideOf(settings));
  };
  const settings = set('operators={"split":1,"insert-convolution":2}');
  assert.deepEqual(settings.operators, { split: 1, 'insert-convolution': 2 });
  assert.deepEqual(kindsOf(settings), ['insert-convolution', 'split']);
  assert.deepEqual(mergeSettings(settings, { operators: { 'alter-channels': 1 } }).operators, { 'alter-channels': 1 });
  assert.equal(set('operators=null').operators, null);
});

test('operators that there are not, and weights that are none, are said', () => {
  const says = (text: string, pattern: RegExp): void => assert.match(String(read(text)), pattern);
  says('operators={"prune":1}', /prune|key/i);
  says('operators={"split":0}', /must be more than 0/);
  says('operators={}', /must have an operator/);
  says('operators=split', /must be a group of settings/);
});
