/** Images brought to size in the browser: nearly the bytes that sharp makes of them where a folder is decoded. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { fits } from '../../src/data/fit.ts';
import { readImage, usualRendering } from '../../src/data/image.ts';
import { resampled } from '../../src/web/client/network/resample.ts';
import { picture } from '../examples/models.ts';
import { place } from '../support/runs.ts';

for (const [width, height, detail, size, most] of [
  [32, 32, 8, 32, 0],
  [20, 24, 6, 32, 0.2],
  [100, 100, 30, 32, 0.6],
  [347, 211, 40, 16, 0.8],
  [480, 640, 100, 32, 0.8],
  [80, 30, 20, 64, 0.6],
  [13, 500, 12, 48, 0.8],
  [2000, 3, 40, 32, 0.8],
] as const)
  for (const fit of fits)
    test(`${width}×${height} to ${size}×${size}, ${fit}, in colour and grey`, async () => {
      const { png } = await picture('resample', { channels: 3, height, width }, detail);
      const path = join(place, 'picture.png');
      writeFileSync(path, png);
      const data = new Uint8ClampedArray(await sharp(png).ensureAlpha().raw().toBuffer());
      for (const channels of [3, 1]) {
        const shape = { channels, height: size, width: size };
        const expected = await readImage(path, shape, { ...usualRendering, fit });
        const actual = resampled({ data, width, height }, shape, fit);
        const differences = Array.from(expected, (value, at) =>
          Math.abs(value - (actual[(at % size ** 2) * channels + Math.floor(at / size ** 2)] as number)),
        );
        const mean = differences.reduce((sum, each) => sum + each, 0) / differences.length;
        assert.ok(mean <= most, `${mean} of 255 on the average`);
        assert.ok(Math.max(...differences) <= 12, `${Math.max(...differences)} of 255 at the most`);
      }
    });
