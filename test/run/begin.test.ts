/** What a preset leaves room for: whatever the size of the images, networks can grow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countMultiplyAdds } from '../../src/network/cost.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { withLimit } from '../../src/run/preparing/begin.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { presetNames, presets } from '../../src/search/settings.ts';

for (const name of presetNames)
  test(`${name}: children are mutated, and as much as those of small images, whatever the images' size`, () => {
    const settings = presets[name];
    const editsAt = (side: number): number => {
      const shape = { channels: 3, height: side, width: side };
      const own = withLimit(settings, undefined, shape);
      const vanilla = vanillaNetwork(shape, 5, settings.widths);
      assert.ok(countMultiplyAdds(vanilla) <= (own.limits.multiplyAdds ?? Infinity), `${side}`);
      const counts = { shape, classes: 5, train: 1000, validation: 100 };
      const { children } = sampleStep({ settings: own, counts, fits: () => true, startStep: sampleStep }, 1, vanilla);
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
