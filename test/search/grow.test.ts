/** Grow: the search as one training, and its plan by work. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import type { Counts } from '../../src/search/counts.ts';
import { next, startNetwork, type TrainingTask } from '../../src/search/next.ts';
import { mergeSettings, presets, type Settings, type SettingsOverride } from '../../src/search/settings.ts';
import { simulate, medianFirst, type Model } from '../../src/search/simulation.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { candidateOf, lineage, minibatchesOf, networkOf, type SearchState } from '../../src/search/state.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { plannedWork, planWork, settingsOfWork } from '../../src/search/work-plan.ts';
import { workDone } from '../../src/search/work.ts';
import { rateAt } from '../../src/training/schedule.ts';
import { must } from '../../src/util/assert.ts';

const counts: Counts = { shape: { channels: 3, height: 16, width: 16 }, classes: 4, train: 1900, validation: 100 };

/** As planned for even seeds; for odd ones with more steps and children, as may be asked for. */
const givenFor = (seed: number): SettingsOverride =>
  seed % 2 === 0 ? {} : { step: { children: 1 + (seed % 4) }, limits: { steps: 1 + (seed % 5) } };

function settingsFor(
  work: number,
  seed: number,
  override: Partial<Settings> = {},
  given: SettingsOverride = givenFor(seed),
): Settings {
  const settings = { ...mergeSettings(presets.auto, override), seed, batch: 20 };
  return settingsOfWork(settings, work, planWork(settings, counts, work, given));
}

/** A search by the simulation: its tasks in order, each with the state in which it was asked for, and its last state. */
function searchOf(settings: Settings, validation: Model['validation'] = medianFirst) {
  const tasks: { readonly task: TrainingTask; readonly state: SearchState }[] = [];
  const context = { settings, counts, passesFor: () => 1, startStep: sampleStep };
  let state: SearchState | null = null;
  const seen = new Set<string>();
  const simulation = simulate({
    context,
    cores: { workers: 2, threads: 1 },
    model: { cost: () => ({ start: 1, minibatch: 1, epoch: 1 }), validation },
    onDecision(decision, now) {
      for (const task of decision.kind === 'work' ? decision.tasks : [])
        if (task.kind === 'training' && !seen.has(task.id)) {
          seen.add(task.id);
          tasks.push({ task, state: now });
        }
    },
  });
  for (const { state: after } of simulation) state = after;
  return { tasks, context, state: must(state ?? undefined, 'state') };
}

const works = fc.record({ exponent: fc.double({ min: 10, max: 12.3, noNaN: true }), seed: fc.nat(1000) });

test('the whole work is spent, and none more', () => {
  fc.assert(
    fc.property(works, ({ exponent, seed }) => {
      const work = Math.round(10 ** exponent);
      const { state, context } = searchOf(settingsFor(work, seed));
      assert.ok(state.finished);
      assert.equal(next(state, context).kind, 'end');
      const done = workDone(state, context.settings);
      const minibatch = 3 * candidateOf(state, 'final').multiplyAdds * context.settings.batch;
      assert.ok(done <= work || minibatchesOf(state, 'final') === 1, `${done} of ${work}`);
      assert.ok(done > work - minibatch, `${done} of ${work}`);
    }),
    { numRuns: 25 },
  );
});

test('the learning rate rises, stays, and falls to zero; states and minibatches go on from parent to child', () => {
  fc.assert(
    fc.property(works, ({ exponent, seed }) => {
      const settings = settingsFor(Math.round(10 ** exponent), seed);
      const { tasks } = searchOf(settings);
      for (const { task, state } of tasks) {
        const { schedule, minibatches, start, stream } = task;
        const rates = [0, 0.5, 1].map((at) => rateAt(schedule, at * minibatches.count, minibatches.count));
        const { rate } = settings.step;
        const expected =
          task.line === 'vanilla' ? [0, rate / 2, rate] : task.line === 'final' ? [rate, rate / 2, 0] : [rate, rate, rate];
        rates.forEach((each, index) => assert.ok(Math.abs(each - must(expected[index], 'rate')) < 1e-12, task.id));
        assert.equal(start.optimizerState, task.line === 'vanilla' ? 'reset' : 'kept', task.id);
        if (task.whole) continue;
        const ancestors = lineage(state, task.line).slice(0, -1);
        const before = ancestors.reduce((sum, { id }) => sum + minibatchesOf(state, id), 0);
        assert.deepEqual(
          stream,
          { key: [settings.seed, 'minibatches'], before },
          'siblings read the same stream at the same place',
        );
      }
    }),
    { numRuns: 25 },
  );
});

test('the children of a step have the size that it aims at, up to the limit', () => {
  fc.assert(
    fc.property(works, ({ exponent, seed }) => {
      const settings = settingsFor(Math.round(10 ** exponent), seed);
      const { state } = searchOf(settings);
      const [steps, most] = [
        must(settings.limits.steps ?? undefined, 'steps'),
        must(settings.limits.multiplyAdds ?? undefined, 'limit'),
      ];
      for (const step of state.steps) {
        const parent = countMultiplyAdds(networkOf(state, step.parent));
        const aim = parent * (most / parent) ** (1 / (steps - step.step + 1));
        for (const id of step.children) {
          const { multiplyAdds, edits } = candidateOf(state, id);
          assert.ok(multiplyAdds <= Math.min(most, 1.05 * aim) && multiplyAdds >= parent);
          if (edits.length > 0) assert.ok(multiplyAdds >= 0.95 * aim || edits.length === 8 || multiplyAdds > parent);
        }
      }
    }),
    { numRuns: 25 },
  );
});

test('the first child of a step is its parent widened evenly, and an only child grows without sampling', () => {
  const settings = settingsFor(1e13, 3);
  const { state } = searchOf(settings);
  for (const { parent, children } of state.steps) {
    const [before, after] = [networkOf(state, parent), networkOf(state, must(children[0], 'child'))];
    assert.equal(after.nodes.length, before.nodes.length);
    assert.ok(countMultiplyAdds(after) > countMultiplyAdds(before));
  }
  const alone = (seed: number): string => {
    const { state: grown } = searchOf({ ...settingsFor(1e13, seed, {}, {}), step: { ...settings.step, children: 1, epochs: 1 } });
    return JSON.stringify(grown.steps.map(({ children }) => children.map((id) => candidateOf(grown, id).edits)));
  };
  assert.equal(alone(1), alone(2));
  assert.notEqual(alone(1), '[]');
});

test('a parent that was much better than every child goes on, and growth ends when that happens twice in a row', () => {
  const settings = settingsFor(1e13, 3, {}, { step: { children: 2 }, limits: { steps: 8 } });
  /** In these steps every child is worse than its parent by so much of its loss; in the others the first child is as good. */
  const stateOf = (isWorse: (step: number) => boolean, by = 1): SearchState =>
    searchOf(settings, ({ id, step }) => {
      const loss = step === 0 || id === `s${step}c0` ? 0 : 1;
      // The mean with the loss in training, which is 1, counts.
      return { loss: step > 0 && isWorse(step) ? 2 * by * 0.5 : loss, accuracy: 0.5 };
    }).state;
  const always = stateOf(() => true);
  assert.deepEqual([always.steps.length, always.stop?.reason], [2, 'parent']);
  assert.ok(always.steps.every(({ winner, parent }) => winner === parent && parent === 'vanilla'));
  assert.equal(candidateOf(always, 'final').multiplyAdds, candidateOf(always, 'vanilla').multiplyAdds);
  for (const { children } of always.steps) assert.ok(children.every((id) => candidateOf(always, id).edits.length > 0));
  // A little worse is what a short step costs.
  const little = stateOf(() => true, 0.05);
  assert.deepEqual([little.steps.length, little.stop?.reason], [settings.limits.steps, 'steps']);
  const later = stateOf((step) => step === 2 || step >= 5);
  assert.deepEqual([later.steps.length, later.stop?.reason], [6, 'parent']);
  assert.ok(candidateOf(later, 'final').multiplyAdds > candidateOf(later, 'vanilla').multiplyAdds);
  const inTurns = stateOf((step) => step % 2 === 1);
  assert.deepEqual([inTurns.steps.length, inTurns.stop?.reason], [settings.limits.steps, 'steps']);
  // A parent that went on once is grown from, and the plan's size is reached by larger steps.
  assert.ok(candidateOf(inTurns, 'final').multiplyAdds > 0.9 * must(settings.limits.multiplyAdds, 'size'));
});

test('more work: no smaller limit or fewer steps, and a start network below the limit; what is given stays', () => {
  let before = { most: 0, steps: 0 };
  for (let exponent = 9; exponent <= 15; exponent += 0.25) {
    const plan = planWork(presets.auto, counts, Math.round(10 ** exponent));
    const start = countMultiplyAdds(startNetwork({ settings: { ...presets.auto, widths: [...plan.widths] }, counts }));
    const now = { most: plan.multiplyAdds, steps: plan.steps };
    assert.ok(now.most >= before.most && now.steps >= before.steps, JSON.stringify([before, now]));
    assert.ok(plan.multiplyAdds >= start && plan.rounds >= 1 && plan.stepEpochs >= plan.children);
    before = now;
  }
  const given = planWork(presets.auto, counts, 1e12, {
    widths: [8, 16],
    step: { children: 3 },
    limits: { steps: 2 },
  });
  assert.deepEqual([given.widths, given.children, given.steps], [[8, 16], 3, 2]);
});

test('a limit of parameters or of multiply-adds is kept by the plan and by the search, and nearly reached', () => {
  const limit = fc.record({
    parameters: fc.option(fc.integer({ min: 20_000, max: 400_000 })),
    multiplyAdds: fc.option(fc.integer({ min: 1_500_000, max: 10_000_000 })),
    exponent: fc.double({ min: 10, max: 13, noNaN: true }),
  });
  fc.assert(
    fc.property(limit, ({ parameters, multiplyAdds, exponent }) => {
      const limits = {
        ...presets.auto.limits,
        ...(parameters === null ? {} : { parameters }),
        ...(multiplyAdds === null ? {} : { multiplyAdds }),
      };
      const settings = settingsFor(Math.round(10 ** exponent), 1, { limits }, {});
      const { state } = searchOf(settings);
      for (const each of state.candidates.values()) {
        assert.ok(each.parameters <= limits.parameters, `${each.parameters} of ${limits.parameters}`);
        assert.ok(each.multiplyAdds <= (limits.multiplyAdds ?? Infinity), `${each.multiplyAdds} of ${limits.multiplyAdds}`);
      }
      // The final network has the size that was planned, unless the limit of parameters comes first.
      const last = candidateOf(state, 'final');
      const share = Math.max(last.multiplyAdds / must(settings.limits.multiplyAdds, 'size'), last.parameters / limits.parameters);
      assert.ok(share > 0.6, `${share}, ${last.parameters} parameters, ${last.multiplyAdds}`);
    }),
    { numRuns: 60 },
  );
  const start = (most: number): number => {
    const settings = settingsFor(1e13, 1, { limits: { ...presets.auto.limits, parameters: most } }, {});
    return countParameters(startNetwork({ settings, counts }));
  };
  assert.ok(start(50_000) < 0.6 * 50_000 && start(50_000) > 0.2 * 50_000, String(start(50_000)));
});

test('without steps, epochs are divided for the start network alone', () => {
  for (const work of [1e11, 1e12, 1e13]) {
    const plan = planWork(presets.auto, counts, work, { limits: { steps: 0 } });
    assert.equal(plan.rounds, planWork(presets.auto, counts, work, { limits: { steps: 0 }, step: { children: 8 } }).rounds);
    const { start, steps } = plannedWork(presets.auto, counts, plan);
    assert.equal(steps, 0);
    assert.ok(plan.rounds === 1 || plan.vanillaEpochs <= 2, JSON.stringify(plan));
    assert.ok(start > 0.06 * work && start < 0.2 * work, `${start / work}`);
  }
});

test('a given network is where growth starts, however large it is', () => {
  for (const width of [4, 64]) {
    const from = vanillaNetwork(counts.shape, counts.classes, [width, 2 * width]);
    const plan = planWork(presets.auto, counts, 1e11, {}, from);
    assert.deepEqual(plan.widths, presets.auto.widths);
    assert.ok(plan.multiplyAdds >= countMultiplyAdds(from));
    const { start } = plannedWork(presets.auto, counts, plan, from);
    const round = Math.floor(Math.floor(counts.train / presets.auto.batch) / plan.rounds) * presets.auto.batch;
    assert.equal(start, 3 * countMultiplyAdds(from) * plan.vanillaEpochs * round);
  }
});
