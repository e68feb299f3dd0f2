/** Targets are limits by name: what is given replaces them, and the configuration holds the limits alone. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { readOption } from '../../src/options/option.ts';
import { planOptions } from '../../src/options/table.ts';
import { begin } from '../../src/run/preparing/begin.ts';
import { configOf } from '../../src/run/preparing/config-of.ts';
import { temporaryCache } from '../../src/run/preparing/spare-cache.ts';
import { presets } from '../../src/search/settings.ts';
import { limitedSizes } from '../../src/search/sizes.ts';
import { targets, withTarget, type TargetName } from '../../src/search/targets.ts';
import { newFolder, tiny } from '../support/runs.ts';

const names = Object.keys(targets) as TargetName[];

test('each target limits something, and nothing else; what is given stays', () => {
  for (const name of names) {
    const target = targets[name];
    const keys = Object.keys(target.limits);
    assert.ok(keys.length > 0 && keys.every((key) => (limitedSizes as readonly string[]).includes(key)), name);
    assert.deepEqual(withTarget(undefined, target), { limits: target.limits });
    const given = { seed: 3, limits: { steps: 2, bytes: 5 } };
    assert.deepEqual(withTarget(given, target), { seed: 3, limits: { ...target.limits, steps: 2, bytes: 5 } });
  }
});

test('the documentation has a source for each', () => {
  const page = readFileSync(new URL('../../../docs/devices.md', import.meta.url), 'utf8');
  for (const name of names) assert.match(page, new RegExp(`^\\| \`${name}\` \\|.*\\(https://`, 'm'));
});

test('a name that is none names those there are', () => {
  const reading = readOption(planOptions.target, 'nonsense');
  assert.ok('wrong' in reading && names.every((name) => reading.wrong.includes(name)));
  assert.deepEqual(readOption(planOptions.target, 'rp2040'), { value: 'rp2040' });
});

test('photos are brought to the size of a target, unless another is given; files of fixed images are as they are', async () => {
  const folder = newFolder();
  for (const [at, kind] of ['a', 'b'].entries()) {
    mkdirSync(join(folder, kind), { recursive: true });
    for (let index = 0; index < 24; index++) {
      const background = { r: 100 * at, g: 5 * index, b: 50 };
      writeFileSync(
        join(folder, kind, `${index}.png`),
        await sharp({ create: { width: 48, height: 48, channels: 3, background } })
          .png()
          .toBuffer(),
      );
    }
  }
  const cache = process.env['INSTAR_CACHE'];
  process.env['INSTAR_CACHE'] = join(newFolder(), 'cache');
  const spare = temporaryCache();
  const configFor = async (options: object) => {
    const asked = { dataset: folder, engine: 'reference', target: 'mlperf-tiny', settings: { work: 1e9 }, ...options } as const;
    return configOf(asked, await begin(asked, spare), null);
  };
  try {
    const plain = await configFor({});
    assert.deepEqual([plain.data.shape.height, plain.data.imageSize], [32, 32]);
    assert.equal(plain.settings.limits.bytes, 96_000);
    const own = await configFor({ imageSize: 16, settings: { work: 1e9, limits: { bytes: 50_000 } } });
    assert.deepEqual([own.data.shape.height, own.data.imageSize, own.settings.limits.bytes], [16, 16, 50_000]);
    const asked = { ...tiny, target: 'mlperf-tiny' } as const;
    const fixed = configOf(asked, await begin(asked, spare), null);
    assert.deepEqual([fixed.data.shape.height, fixed.data.imageSize], [8, null]);
  } finally {
    spare.remove();
    if (cache === undefined) delete process.env['INSTAR_CACHE'];
    else process.env['INSTAR_CACHE'] = cache;
  }
});

test('no preset has a limit that only devices have: the paper’s least of all', () => {
  for (const { limits } of Object.values(presets))
    assert.deepEqual([limits.bytes, limits.activations, limits.latency], [null, null, null]);
});
