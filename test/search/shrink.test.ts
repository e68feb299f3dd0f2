/** Shrinking as decisions: smaller by each step, within the limits in the end, by the work that was planned. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { narrowEvenly } from '../../src/morphism/mutate.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import type { Network } from '../../src/network/network.ts';
import { excessOf } from '../../src/search/sizes.ts';
import type { Context } from '../../src/search/next.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { mergeSettings, presetFor, presets, type Settings } from '../../src/search/settings.ts';
import { lineage, networkOf } from '../../src/search/state.ts';
import { planWork, settingsOfWork } from '../../src/search/work-plan.ts';
import { costOfTraining, workDone } from '../../src/search/work.ts';
import { sha256 } from '../../src/util/hash.ts';
import { draft } from '../support/networks.ts';
import { contextOf } from '../support/simulation.ts';
import { walk } from '../support/walk.ts';

/** Two blocks, a sum, a block of 5×5. */
function given(width: number): Network {
  const { block, pool, sum, head } = draft(1, 8);
  const first = block(0, width);
  return head(block(pool(sum(first, block(block(first, width), width))), 2 * width, 5), 5);
}

const plain = contextOf();

/** `shares`: of parameters and multiply-adds that are to be left. */
function contextFor(network: Network, shares: readonly [number | null, number | null], changes: Partial<Settings> = {}): Context {
  const [parameters, multiplyAdds] = shares;
  const limits = {
    memory: 2 ** 40,
    ...(parameters === null ? {} : { parameters: Math.floor(parameters * countParameters(network)) }),
    ...(multiplyAdds === null ? {} : { multiplyAdds: Math.floor(multiplyAdds * countMultiplyAdds(network)) }),
  };
  const base = mergeSettings(presets.shrink, { batch: 10, limits, ...changes });
  const work = costOfTraining(countMultiplyAdds(network), 60 * plain.counts.train);
  const settings = settingsOfWork(base, work, planWork(base, plain.counts, work, {}, network));
  return { ...plain, settings, startStep: sampleStep, origin: { network, checkpoint: sha256('given'), compared: null } };
}

test('the method has a preset of its own, and is not the default of a given network', () => {
  assert.equal(presetFor({ method: 'shrink' }, true), 'shrink');
  assert.equal(presetFor({}, true), 'tune');
});

test('whatever the limits: each step is smaller, the last keeps them, and the work is that which was planned', () => {
  const share = fc.double({ min: 0.25, max: 0.9, noNaN: true });
  fc.assert(
    fc.property(
      fc.constantFrom(24, 40, 64),
      fc.constantFrom('parameters', 'multiply-adds', 'both'),
      share,
      share,
      fc.constantFrom(0, 0.5),
      (width, which, parameters, multiplyAdds, distillation) => {
        const network = given(width);
        const shares = [which === 'multiply-adds' ? null : parameters, which === 'parameters' ? null : multiplyAdds] as const;
        const context = contextFor(network, shares, { distillation });
        const { settings } = context;
        // Which child wins is not for this test to say.
        const { state, tasks } = walk(({ id }) => (id.length % 7) / 10 + 0.2, context);
        assert.ok(state.finished);
        const line = lineage(state, state.stop?.line ?? 'vanilla');
        assert.ok(line.length >= 2 && line.length <= 1 + (settings.limits.steps ?? 0));
        const sizes = line.map(({ id }) => excessOf(networkOf(state, id), settings.limits));
        sizes.slice(1).forEach((size, index) => assert.ok(size < (sizes[index] as number), sizes.join()));
        assert.ok((sizes.at(-1) as number) <= 1, sizes.join());
        for (const { children } of state.steps) assert.equal(children.length, settings.step.children);
        const [done, work] = [workDone(state, settings), settings.work as number];
        assert.ok(done <= work && done > 0.9 * work, `${done} of ${work}`);
        for (const { line: of, teacher } of tasks)
          assert.deepEqual(
            teacher,
            distillation === 0 || of === 'vanilla' ? undefined : { network, checkpoint: sha256('given') },
          );
        const [first] = tasks;
        assert.ok(first?.schedule.kind === 'linear' && first.schedule.from === 1 && first.schedule.to === 0);
      },
    ),
    { seed: 1, numRuns: 25 },
  );
});

test('narrowed evenly: all by about one factor; or by more where that saves more', () => {
  const network = given(64);
  const sizeOf = countParameters;
  const limits = { maxChannels: 600, admits: () => true };
  const isEnough = (of: Network): boolean => sizeOf(of) <= 0.5 * sizeOf(network);
  const widths = (of: Network): readonly number[] =>
    of.nodes.flatMap(({ layer }) => (layer.kind === 'convolution' ? [layer.channels] : []));
  const [even, saving] = [0, 1].map((bySaving) => narrowEvenly(network, { limits, isEnough, sizeOf, bySaving }));
  assert.ok(even !== undefined && saving !== undefined);
  for (const { network: narrowed, edits } of [even, saving]) {
    assert.ok(isEnough(narrowed));
    assert.ok(edits.every(({ kind }) => kind === 'narrow'));
    assert.ok(widths(narrowed).every((width) => width % 8 === 0 && width >= 8));
  }
  const factors = widths(even.network).map((width, index) => width / (widths(network)[index] as number));
  assert.ok(Math.max(...factors) - Math.min(...factors) <= 0.2, factors.join());
  const removed = ({ network: narrowed }: typeof even): number =>
    widths(network).reduce((sum, width, index) => sum + width - (widths(narrowed)[index] as number), 0);
  assert.ok(removed(saving) < removed(even), `${removed(saving)} and ${removed(even)} channels`);
});
