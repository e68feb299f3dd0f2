/** What a preset leaves room for: whatever the size of the images, networks can grow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { withFittedBatch, withLimit, withStages } from '../../src/run/preparing/begin.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { methods } from '../../src/search/methods/table.ts';
import { mergeSettings, presetNames, presets } from '../../src/search/settings.ts';

for (const name of presetNames)
  test(`${name}: children are mutated, and as much as those of small images, whatever the images' size`, () => {
    const settings = presets[name];
    const editsAt = (side: number): number => {
      const shape = { channels: 3, height: side, width: side };
      const limited = withLimit(settings, undefined, shape);
      const vanilla = vanillaNetwork(shape, 5, settings.widths);
      // One that shrinks has to be over its limits.
      const parameters = methods[settings.method].shrinks ? Math.floor(countParameters(vanilla) / 2) : limited.limits.parameters;
      const own = mergeSettings(limited, { limits: { parameters } });
      assert.ok(countMultiplyAdds(vanilla) <= (own.limits.multiplyAdds ?? Infinity), `${side}`);
      const counts = { shape, classes: 5, train: 1000, validation: 100 };
      const { children } = sampleStep({ settings: own, counts, passesFor: () => 1, startStep: sampleStep }, 1, vanilla);
      return children.reduce((sum, { edits }) => sum + edits.length, 0);
    };
    const small = editsAt(32);
    assert.ok(small > 0);
    for (const side of [16, 64, 96, 224])
      assert.ok(editsAt(side) >= 0.8 * small, `${side} pixels: ${editsAt(side)}, not ${small}`);
  });

test('a limit that is given is kept as it is', () => {
  const shape = { channels: 3, height: 64, width: 64 };
  const asked = { ...presets.laptop, limits: { ...presets.laptop.limits, multiplyAdds: 5e7 } };
  assert.equal(withLimit(asked, { limits: { multiplyAdds: 5e7 } }, shape).limits.multiplyAdds, 5e7);
});

test('the staged network has a stage more for each doubling of the side, so that its last stage is as small', () => {
  for (const [side, stages] of [
    [16, 3],
    [28, 3],
    [32, 3],
    [64, 4],
    [96, 5],
    [128, 5],
    [2048, 7],
  ] as const) {
    const { widths } = withStages(presets.auto, undefined, { channels: 3, height: side, width: side });
    assert.equal(widths.length - 1, stages, `${side} pixels`);
    assert.deepEqual(widths.slice(-3), presets.auto.widths.slice(1));
  }
  const large = { channels: 3, height: 128, width: 128 };
  assert.deepEqual(withStages(presets.auto, { widths: [8, 8] }, large).widths, presets.auto.widths);
  for (const name of ['paper', 'laptop', 'quick'] as const)
    assert.equal(withStages(presets[name], undefined, large), presets[name]);
});

test('fewer images, smaller batches, with rates that fall alike; what is given stays', () => {
  for (const [images, batch] of [
    [100, 32],
    [3_500, 32],
    [6_400, 64],
    [12_799, 64],
    [12_800, 128],
    [60_000, 128],
  ] as const) {
    const fitted = withFittedBatch(presets.auto, undefined, images);
    assert.equal(fitted.batch, batch, `${images} images`);
    const rates = [fitted.vanilla.rate, fitted.step.rate, fitted.final.rate];
    assert.deepEqual(rates, Array<number>(3).fill((presets.auto.final.rate * batch) / 128));
  }
  const given = withFittedBatch(presets.auto, { final: { rate: 0.3 } }, 1000);
  assert.deepEqual([given.batch, given.vanilla.rate, given.final.rate], [32, 0.05, 0.3]);
  assert.equal(withFittedBatch(presets.auto, { batch: 128 }, 1000), presets.auto);
  for (const name of ['paper', 'laptop', 'quick'] as const)
    assert.equal(withFittedBatch(presets[name], undefined, 1000), presets[name]);
});
