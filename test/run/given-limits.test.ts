/** A search from a given network: limits that leave it room, all that stands in the way at once and before decoding, budgets that are too short. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { begin } from '../../src/run/preparing/begin.ts';
import { budgetProblem, withGivenLimits } from '../../src/run/preparing/given-limits.ts';
import { temporaryCache } from '../../src/run/preparing/spare-cache.ts';
import { mergeSettings, presets } from '../../src/search/settings.ts';
import { UserError } from '../../src/util/user-error.ts';
import { handmadeModel, headOf } from '../support/onnx-models.ts';
import { newFolder } from '../support/runs.ts';

const network = vanillaNetwork({ channels: 3, height: 64, width: 64 }, 5, [64, 128, 256]);
const [parameters, multiplyAdds] = [countParameters(network), countMultiplyAdds(network)];

test('limits are twice the given network where the preset is lower and none was given', () => {
  const low = mergeSettings(presets.quick, { limits: { parameters: 1000, multiplyAdds: 1000 } });
  const { limits } = withGivenLimits(low, undefined, network);
  assert.deepEqual([limits.parameters, limits.multiplyAdds], [2 * parameters, 2 * multiplyAdds]);
  const high = mergeSettings(low, { limits: { parameters: 5 * parameters, multiplyAdds: null } });
  const kept = withGivenLimits(high, undefined, network).limits;
  assert.deepEqual([kept.parameters, kept.multiplyAdds], [5 * parameters, null]);
  const given = withGivenLimits(low, { limits: { parameters: 1000 } }, network).limits;
  assert.deepEqual([given.parameters, given.multiplyAdds], [1000, 2 * multiplyAdds]);
});

test('all limits that stand in the way are one line, before an image is decoded', async () => {
  const folder = newFolder();
  const model = join(folder, 'wide.onnx');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    model,
    encodeModel(
      handmadeModel((g, x) => headOf(g, g.node('Relu', [g.node('Conv', [x, g.weights(64, 3, 3, 3), g.weights(64)])]), 64), {
        extents: [3, 32, 32],
      }),
    ),
  );
  const photos = join(folder, 'photos');
  for (const kind of ['a', 'b'])
    for (let at = 0; at < 12; at++) {
      mkdirSync(join(photos, kind), { recursive: true });
      // No image at all: whoever decodes it says so.
      writeFileSync(join(photos, kind, `${at}.png`), `not an image ${at}`);
    }
  const cache = process.env['INSTAR_CACHE'];
  process.env['INSTAR_CACHE'] = join(folder, 'cache');
  const spare = temporaryCache();
  const events: string[] = [];
  const limits = { parameters: 1000, multiplyAdds: 100_000, memory: 2 ** 20 };
  const asked = {
    dataset: photos,
    from: model,
    engine: 'reference',
    settings: { limits },
    onData: ({ kind }: { kind: string }) => void events.push(kind),
  } as const;
  try {
    await assert.rejects(begin(asked, spare), (error: unknown) => {
      assert.ok(error instanceof UserError, String((error as Error).stack));
      assert.match(
        error.message,
        /wide\.onnx has [\d,]+ parameters, over the limit of 1,000 \(--max-params\) and has [\d,]+ multiply-adds an image, over the limit of 100,000 \(--max-macs\); a worker needs about \d+ MiB for it at batch 1, over the limit of 1 MiB \(--max-memory, --workers or --batch\)$/,
      );
      return true;
    });
    assert.ok(!events.includes('decode'), events.join());
    const budget = begin({ ...asked, settings: {}, budget: 1e-6 }, spare);
    await assert.rejects(budget, /^Error: --budget 0s is too short: training wide\.onnx on \d+ images once takes about /);
    const head = begin({ ...asked, settings: { optimizer: { freeze: 'all-but-head' } }, budget: 1e-6 }, spare);
    await assert.rejects(head, /^Error: --budget 0s is too short: training the head of wide\.onnx on \d+ images takes about /);
    await assert.rejects(begin({ ...asked, settings: { work: 1e9 }, budget: 10 }, spare), /two limits of the same/);
    const { from: _from, ...without } = asked;
    await assert.rejects(begin({ ...without, settings: { method: 'tune' } }, spare), /name it with --from$/);
    await assert.rejects(begin({ ...without, settings: { method: 'shrink' } }, spare), /name it with --from$/);
    await assert.rejects(
      begin({ ...without, settings: { optimizer: { freeze: 3 } } }, spare),
      /^Error: --freeze keeps .* --from$/,
    );
    const flat = join(folder, 'flat.onnx');
    const whole = handmadeModel((g, x) => g.node('Gemm', [g.node('Flatten', [x]), g.weights(243, 3)]), { extents: [3, 9, 9] });
    writeFileSync(flat, encodeModel(whole));
    const sized = begin({ ...asked, from: flat, settings: {}, imageSize: 12 }, spare);
    await assert.rejects(sized, /flat\.onnx takes images of 9×9 only; those of photos are 12×12$/);
    assert.ok(!events.includes('decode'), events.join());
    // Within them the images are what is wrong.
    await assert.rejects(begin({ ...asked, settings: {} }, spare), /photos/);
  } finally {
    spare.remove();
    if (cache === undefined) delete process.env['INSTAR_CACHE'];
    else process.env['INSTAR_CACHE'] = cache;
  }
  assert.ok(readdirSync(folder).includes('wide.onnx'));
});

test('a budget that no machine can keep is refused, one that is short is said, with what to lower', () => {
  const shape = { channels: 3, height: 64, width: 64 };
  const problem = (budget: number): string | null =>
    budgetProblem(budget, network, 'net.onnx', shape.height, 100_000, 2, 'onednn');
  const usual = (3 * multiplyAdds * 100_000) / 2.5e10 / 2;
  assert.equal(problem(usual * 1.01), null);
  const words = problem(usual / 2) ?? '';
  assert.match(
    words,
    /^--budget \d+s may be too short: training net\.onnx on 100,000 images once takes about .*; lower --images \(to about (50,000|49,999)\) or --image-size \(to about 45\), or use at least --budget \d+s$/,
  );
  assert.throws(() => problem(usual / 5), /^Error: --budget \d+s is too short: training net\.onnx/);
});
