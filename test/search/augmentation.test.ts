/** The settings of augmentations: what was not there before is off, and options reach it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { additionsOff } from '../../src/data/augmentation/augmentation.ts';
import { readTexts, settingsIn } from '../../src/options/option.ts';
import { planOptions } from '../../src/options/table.ts';
import { mergeSettings, presets, settingsSchema } from '../../src/search/settings.ts';
import { UserError } from '../../src/util/user-error.ts';

test('a config with the paper’s five augmentations alone has no other', () => {
  for (const name of ['paper', 'laptop', 'quick'] as const) {
    const { flip, normalise, shift, cutout, mixup } = presets[name].augmentation;
    const old = { ...presets[name], augmentation: { flip, normalise, shift, cutout, mixup } };
    // As text: runs are compared by it.
    assert.equal(JSON.stringify(settingsSchema.parse(old).augmentation), JSON.stringify(presets[name].augmentation));
    assert.deepEqual({ ...presets[name].augmentation, ...additionsOff }, presets[name].augmentation);
  }
});

test('options set the augmentations, and values out of range are refused', () => {
  const texts = {
    alternateFlip: [''],
    edges: ['mirror'],
    crop: ['0.25'],
    jitter: ['0.4'],
    policy: ['trivial'],
    smoothing: ['0.1'],
  };
  const override = settingsIn(planOptions, readTexts(planOptions, texts));
  const additions = { alternate: true, edges: 'mirror', crop: 0.25, policy: 'trivial', smoothing: 0.1 };
  const factors = { brightness: 0.4, contrast: 0.4, saturation: 0.4 };
  const settings = settingsSchema.parse(mergeSettings(presets.paper, override));
  assert.deepEqual(settings.augmentation, { ...presets.paper.augmentation, ...additions, ...factors });
  for (const wrong of [{ crop: ['0'] }, { crop: ['1.1'] }, { jitter: ['-0.1'] }, { policy: ['some'] }, { smoothing: ['2'] }])
    assert.throws(() => readTexts(planOptions, wrong), UserError, JSON.stringify(wrong));
});
