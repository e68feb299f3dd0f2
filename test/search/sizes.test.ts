/** Limits of bytes and of working memory steer as those of parameters do: start network, children, shrinking. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { workingBytesOf, weightBytesOf } from '../../src/deploy/size.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import { refuseSmallest } from '../../src/run/preparing/least-size.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { mergeSettings, presets, type SettingsOverride } from '../../src/search/settings.ts';
import {
  excessOf,
  keepsLimits,
  limitedSizes,
  limitsOn,
  noLimits,
  sizes,
  sizesOver,
  type SizeLimits,
} from '../../src/search/sizes.ts';
import { startNetwork, type Context } from '../../src/search/next.ts';
import { lineage, networkOf } from '../../src/search/state.ts';
import { leastWidths, planWork, settingsOfWork } from '../../src/search/work-plan.ts';
import { sha256 } from '../../src/util/hash.ts';
import { UserError } from '../../src/util/user-error.ts';
import { grownNetwork } from '../support/networks.ts';
import { madeUpTimes } from '../support/operator-times.ts';
import { walk } from '../support/walk.ts';

const shape = { channels: 3, height: 32, width: 32 };
const times = madeUpTimes(1e-10);
const counts = { shape, classes: 10, train: 4500, validation: 500, times };

function contextFor(preset: 'auto' | 'quick', limits: Partial<SizeLimits>, more: SettingsOverride = {}): Context {
  const base = mergeSettings(mergeSettings(presets[preset], { batch: 50, ...more }), {
    limits: { memory: Number.MAX_SAFE_INTEGER, ...limits },
  });
  const { work } = base;
  const settings = work === null ? base : settingsOfWork(base, work, planWork(base, counts, work, { limits }));
  return { settings, counts, passesFor: () => 1, startStep: sampleStep };
}

const kilobytes = (least: number, most: number) => fc.integer({ min: least, max: most }).map((count) => 1024 * count);

test('a network keeps limits where nothing is over, and is as far over them as the furthest', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 300 }),
      fc.record({
        parameters: fc.integer({ min: 1, max: 20_000 }),
        multiplyAdds: fc.option(fc.integer({ min: 1, max: 1_000_000 })),
        bytes: fc.option(fc.integer({ min: 1, max: 20_000 })),
        activations: fc.option(fc.integer({ min: 1, max: 5_000 })),
        latency: fc.option(fc.double({ min: 1e-5, max: 1e-3, noNaN: true })),
        times: fc.constant(times),
      }),
      (seed, limits) => {
        const network = grownNetwork(seed, 3);
        const ratios = limitedSizes.map((name) => sizes[name].of(network, times) / (limits[name] ?? Infinity));
        assert.equal(excessOf(network, limits), Math.max(...ratios));
        assert.equal(keepsLimits(network, limits), excessOf(network, limits) <= 1);
        assert.deepEqual(
          sizesOver(network, limits).map(({ name }) => name),
          limitedSizes.filter((_name, at) => (ratios[at] as number) > 1),
        );
        assert.ok(keepsLimits(network, noLimits));
      },
    ),
    { numRuns: 40 },
  );
});

test('auto: whatever the limits, the start network and all children keep them, and most of the room is used', () => {
  fc.assert(
    fc.property(
      fc.option(kilobytes(12, 200)),
      fc.option(kilobytes(28, 96)),
      fc.option(fc.double({ min: 0.5e-3, max: 5e-3, noNaN: true })),
      fc.constantFrom(0.5e12, 5e12, 30e12),
      fc.integer({ min: 1, max: 1000 }),
      (bytes, activations, latency, work, seed) => {
        const context = contextFor('auto', { bytes, activations, latency }, { work, seed });
        const { state } = walk(({ id }) => (id.length % 7) / 10 + 0.2, context);
        assert.ok(state.finished);
        for (const { id } of state.candidates.values()) {
          const network = networkOf(state, id);
          assert.ok(weightBytesOf(network) <= (bytes ?? Infinity), `${id}: ${weightBytesOf(network)} of ${bytes}`);
          assert.ok(sizes.latency.of(network, times) <= (latency ?? Infinity), `${id}: ${latency}`);
          assert.ok(workingBytesOf(network) <= (activations ?? Infinity), `${id}: ${workingBytesOf(network)} of ${activations}`);
        }
        const last = networkOf(state, state.stop?.line ?? 'vanilla');
        const planned = context.settings.limits.multiplyAdds ?? Infinity;
        const used = Math.max(excessOf(last, limitsOn(context)), countMultiplyAdds(last) / planned);
        assert.ok(used > 0.7, `${used.toFixed(2)} of ${bytes} bytes, ${activations} working, ${latency} s`);
      },
    ),
    { numRuns: 12 },
  );
});

test('methods in steps: no child is over a limit of bytes or of working memory', () => {
  const plain = contextFor('quick', {});
  const start = startNetwork(plain);
  const limits = { bytes: Math.floor(1.3 * weightBytesOf(start)), activations: Math.floor(1.3 * workingBytesOf(start)) };
  const context = contextFor('quick', limits);
  const { state } = walk(({ id }) => (id.length % 7) / 10 + 0.2, context);
  const free = walk(({ id }) => (id.length % 7) / 10 + 0.2, plain).state;
  const isOver = (of: typeof state) =>
    [...of.candidates.keys()].some((id) => !keepsLimits(networkOf(of, id), { ...noLimits, ...limits }));
  assert.ok(!isOver(state));
  assert.ok(isOver(free), 'without the limits some are larger');
});

test('shrinking ends within bytes and working memory', () => {
  const large = startNetwork({ settings: { ...presets.auto, widths: [16, 32, 48, 64] }, counts });
  fc.assert(
    fc.property(
      fc.double({ min: 0.3, max: 0.9, noNaN: true }),
      fc.double({ min: 0.65, max: 0.95, noNaN: true }),
      fc.constantFrom('bytes', 'activations', 'both'),
      (share, working, which) => {
        const limits = {
          ...(which === 'activations' ? {} : { bytes: Math.floor(share * weightBytesOf(large)) }),
          ...(which === 'bytes' ? {} : { activations: Math.floor(working * workingBytesOf(large)) }),
        };
        const base = mergeSettings(presets.shrink, { batch: 50, limits: { memory: Number.MAX_SAFE_INTEGER, ...limits } });
        const work = 2e12;
        const settings = settingsOfWork(base, work, planWork(base, counts, work, { limits }, large));
        const origin = { network: large, checkpoint: sha256('given'), compared: null };
        const context: Context = { settings, counts, passesFor: () => 1, startStep: sampleStep, origin };
        const { state } = walk(({ id }) => (id.length % 7) / 10 + 0.2, context);
        assert.equal(state.stop?.reason, 'kept');
        const line = lineage(state, state.stop?.line ?? 'vanilla').map(({ id }) =>
          excessOf(networkOf(state, id), settings.limits),
        );
        line.slice(1).forEach((size, at) => assert.ok(size < (line[at] as number), line.join()));
        assert.ok((line.at(-1) as number) > 0.5, `not far below: ${line.join()}`);
      },
    ),
    { numRuns: 10 },
  );
});

test('limits that no start network keeps are refused with the least that is possible', () => {
  const settings = (limits: Partial<SizeLimits>, preset: 'auto' | 'quick' = 'auto') => mergeSettings(presets[preset], { limits });
  const network = startNetwork({ settings: { ...presets.auto, widths: [...leastWidths(presets.auto.widths)] }, counts });
  const whole = { classes: 10, size: shape, channels: 3, times };
  for (const name of limitedSizes) {
    const least = sizes[name].of(network, times);
    const below = name === 'latency' ? 0.9 * least : least - 1;
    refuseSmallest(settings({ [name]: least }), {}, whole);
    assert.throws(
      () => refuseSmallest(settings({ [name]: below }), {}, whole),
      (error) =>
        error instanceof UserError &&
        error.message ===
          `the smallest staged network for images of 32×32 in 10 classes has ${sizes[name].words(least)}, over the limit of ${sizes[name].number(below)} (${sizes[name].option})`,
    );
    // Before anything is known of the images, only what is certain.
    const unknown = { classes: null, size: null, channels: null };
    const refuse = () => refuseSmallest(settings({ [name]: 1 }), {}, unknown);
    if (name !== 'parameters' && name !== 'bytes') refuse();
    else assert.throws(refuse, /^Error: the smallest staged network has at least [\d,]+ .*over the limit of 1 \(--max-/);
  }
  const small = countParameters(startNetwork({ settings: presets.quick, counts }));
  assert.throws(
    () => refuseSmallest(settings({ parameters: small - 1 }, 'quick'), {}, whole),
    /^Error: the vanilla network .*, or smaller --widths\)$/,
  );
});

test('whatever widths and images there are, nothing but a limit is refused', () => {
  const side = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(
      fc.constantFrom('auto' as const, 'quick' as const),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }),
      fc.option(fc.record({ height: side, width: side })),
      (preset, widths, size) => {
        const { start } = presets[preset];
        const given = { widths, limits: { parameters: 1e9, multiplyAdds: null } };
        refuseSmallest(mergeSettings(presets[preset], given), given, { classes: null, size, channels: null });
        assert.throws(() => {
          const small = { ...given, limits: { ...given.limits, bytes: 1 } };
          refuseSmallest(mergeSettings(presets[preset], small), small, { classes: null, size, channels: null });
          // Too small for the blocks: that is said elsewhere.
          if (start.network === 'vanilla') throw new UserError('too small');
        }, UserError);
      },
    ),
  );
});
