/** What a budget buys: plans against a clock that is simulated, and runs against the real one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Pool } from '../../src/execution/pool.ts';
import { countMultiplyAdds } from '../../src/network/cost.ts';
import { planBudget, planSegment, plannedSettings, type BudgetQuestion } from '../../src/run/planning/budget.ts';
import { measureBudget } from '../../src/run/planning/measure.ts';
import { resume, search, type SearchOptions } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { startNetwork } from '../../src/search/next.ts';
import { planRungs } from '../../src/search/rungs.ts';
import { presetNames, presets } from '../../src/search/settings.ts';
import type { Segment } from '../../src/search/state.ts';
import { UserError } from '../../src/util/user-error.ts';
import { config as sceneConfig } from '../cli/scene.ts';
import { collect, newFolder, tiny } from '../support/runs.ts';
import { contextOf } from '../support/simulation.ts';

const questions = fc.record({
  preset: fc.constantFrom(...presetNames),
  children: fc.integer({ min: 2, max: 16 }),
  budget: fc.integer({ min: 20, max: 7200 }),
  elapsed: fc.integer({ min: 0, max: 30 }),
  images: fc.integer({ min: 200, max: 50_000 }),
  workers: fc.integer({ min: 1, max: 8 }),
  /** Nanoseconds a thousand multiply-adds. */
  speed: fc.integer({ min: 5, max: 500 }),
  slower: fc.double({ min: 1, max: 2, noNaN: true }),
});

const questionOf = ({
  preset,
  children,
  speed,
  slower,
  workers,
  ...rest
}: typeof questions extends fc.Arbitrary<infer T> ? T : never): BudgetQuestion => {
  const settings = { ...presets[preset], batch: 32 };
  const alone = (speed * 1e-12) / workers;
  return {
    ...rest,
    workers,
    settings: { ...settings, step: { ...settings.step, children } },
    multiplyAdds: 10_000_000,
    validated: (images) => Math.min(rest.images / 9, Math.max(2000, images / 9)),
    testImages: rest.images / 5,
    growth: [2, 3.5],
    alone,
    beside: workers === 1 ? alone : speed * 1e-12 * slower,
  };
};

await test('a plan is one that settings allow and that its time pays for; else the number that is said fits', () => {
  let [fitted, refused] = [0, 0];
  fc.assert(
    fc.property(questions, (drawn) => {
      const question = questionOf(drawn);
      const { settings, budget, elapsed, multiplyAdds, beside, alone, workers } = question;
      let plan: ReturnType<typeof planBudget>;
      try {
        plan = planBudget(question);
      } catch (error) {
        assert.ok(error instanceof UserError, String((error as Error).stack));
        const [, seconds] = /use at least (\d+)s$/.exec(error.message) ?? assert.fail(error.message);
        assert.doesNotThrow(() => planBudget({ ...question, budget: Number(seconds) }), error.message);
        assert.ok(Number(seconds) > budget, error.message);
        refused++;
        return;
      }
      fitted++;
      const planned = plannedSettings(settings, plan);
      assert.notEqual(typeof planRungs(planned), 'string');
      assert.ok(plan.images <= question.images && plan.images >= Math.min(question.images, 4 * settings.batch));
      assert.ok(plan.children <= settings.step.children && plan.stepEpochs <= Math.max(settings.step.epochs, plan.children * 8));
      assert.ok(plan.vanillaEpochs <= settings.vanilla.epochs);
      assert.ok(plan.searchUntil > elapsed && plan.searchUntil < budget);
      const time = budget - elapsed;
      // One epoch of it is had in any case.
      if (plan.vanillaEpochs > 1) assert.ok(plan.vanillaEpochs * plan.images * multiplyAdds * alone <= 0.15 * time);
      assert.ok((plan.stepEpochs * plan.images * multiplyAdds * beside) / workers <= 0.6 * time);
    }),
    { numRuns: 500 },
  );
  assert.ok(fitted > 50 && refused > 10, `${fitted} fitted, ${refused} refused`);
});

await test('segments end in the last tenth of the budget, though the plan’s speed was wrong by half and the machine’s is not steady', () => {
  const cases = fc.record({
    budget: fc.integer({ min: 60, max: 3600 }),
    gone: fc.double({ min: 0.3, max: 0.7, noNaN: true }),
    /** Minibatches a second, and what the plan thought instead. */
    speed: fc.double({ min: 5, max: 200, noNaN: true }),
    wrong: fc.double({ min: 0.5, max: 2, noNaN: true }),
    baseline: fc.boolean(),
    unsteady: fc.array(fc.double({ min: 0.93, max: 1.07, noNaN: true }), { minLength: 16, maxLength: 16 }),
    /** From which slice on something else takes three quarters of the machine; 99: never. */
    slowFrom: fc.constantFrom(99, 99, 2, 3, 4, 5, 6, 7, 8, 9, 10),
  });
  fc.assert(
    fc.property(cases, ({ budget, gone, speed, wrong, baseline, unsteady, slowFrom }) => {
      let elapsed = gone * budget;
      let measured = (1 / speed) * wrong;
      const planned: Segment[] = [];
      const slow = slowFrom < 99;
      const baselineMinibatch = baseline && !slow ? 0.5 / speed : 0;
      const baselineSearched = baseline && !slow ? Math.floor(0.1 * budget * speed) : 0;
      while ((planned.at(-1)?.to ?? 0) < 1) {
        const slice = planSegment({
          budget,
          elapsed,
          planned,
          rate: 0.025,
          minibatch: measured,
          baselineMinibatch,
          baselineSearched,
          test: 0.5,
          start: 0.2,
        });
        assert.equal(slice.from, planned.at(-1)?.to ?? 0);
        assert.ok(slice.to > slice.from && slice.to <= 1 && slice.count >= 1);
        assert.equal(slice.restart, planned.length === 0);
        planned.push(slice);
        measured = (1 / speed) * (unsteady[planned.length] ?? 1) * (planned.length >= slowFrom ? 4 : 1);
        elapsed += 0.2 + slice.count * measured;
        assert.ok(planned.length < 16);
      }
      const trained = planned.reduce((sum, { count }) => sum + count, 0);
      elapsed += (baselineSearched + trained) * baselineMinibatch + 0.5;
      // The slice under way runs at a quarter of its speed; of each later one at least a minibatch is trained.
      const late = slow ? 0.1 * budget + (planned.length - slowFrom) * (4.3 / speed) : 0;
      assert.ok(elapsed <= budget + late, `${elapsed} of ${budget}`);
      assert.ok(elapsed >= 0.9 * budget, `${elapsed} of ${budget}`);
    }),
    {
      numRuns: 300,
      examples: [
        [
          {
            budget: 60,
            gone: 0.3,
            speed: 5,
            wrong: 0.5,
            baseline: false,
            unsteady: Array<number>(16).fill(0.93).with(6, 1.03),
            slowFrom: 6,
          },
        ],
      ],
    },
  );
});

await test('a limit of seconds without a budget stops the search, and the final training has all its epochs', async () => {
  const run = newFolder();
  const limits = { ...tiny.settings?.limits, steps: null, seconds: 4 };
  await collect(search({ ...tiny, settings: { ...tiny.settings, limits, final: { epochs: 3, rate: 0.025 } }, run }));
  const { state, config } = readRun(run);
  assert.equal(config.budget, null);
  assert.equal(state.search.finished, true);
  assert.equal(state.search.stop?.reason, 'time');
  assert.ok(state.seconds > 4);
  // 240 images, those of validation among them: 15 minibatches of 16 an epoch.
  const slice: Segment = { rate: 0.025, from: 0, to: 1, count: 45, whole: true, restart: true };
  assert.deepEqual(state.search.segments.final, [slice]);
  assert.equal(state.search.candidates.get('final')?.epochs.length, 3);
});

await test('the speed that a budget is planned by is the worker’s own, also where all that it says is results at once', async () => {
  const context = contextOf();
  const secondsAMinibatch = 0.25;
  const pool: Pool = {
    run(job, watch) {
      const count = job.kind === 'probe' ? job.minibatches : 0;
      for (let done = 1; done <= count; done++)
        watch.report({ kind: 'progress', done, loss: 0 }, 0, 100 + secondsAMinibatch * done);
      return Promise.resolve();
    },
    forget: () => Promise.resolve(),
    workers: () => [],
    close: () => undefined,
  };
  const measuring = {
    config: sceneConfig,
    pool,
    signal: new AbortController().signal,
    elapsed: () => 1,
    contextFor: () => context,
  };
  const event = await measureBudget({ ...measuring, config: { ...sceneConfig, settings: context.settings } }, context, 3600);
  assert.ok(event.type === 'plan');
  const { settings } = context;
  const expected = secondsAMinibatch / settings.batch / countMultiplyAdds(startNetwork(context));
  for (const measured of [event.plan.alone, event.plan.beside])
    assert.ok(Math.abs(measured / expected - 1) < 1e-9, `${measured}`);
});

/** Seconds. The machine may be busy with other tests: bounds are wider here than in the benchmark. */
const budget = 20;
const budgeted: SearchOptions = {
  ...tiny,
  budget,
  settings: { ...tiny.settings, limits: { ...tiny.settings?.limits, steps: 3 } },
};

await test('a budgeted run ends in its time, its schedule at its end; more budget goes on with it', async () => {
  const run = newFolder();
  const began = performance.now();
  await collect(search({ ...budgeted, run }));
  const seconds = (performance.now() - began) / 1000;
  const { state: first, replay } = readRun(run);
  // The training is planned to the end of the budget; what comes after it is not.
  const trained = replay.entries.findLast(({ type }) => type === 'epoch')?.t ?? 0;
  assert.ok(trained > 0.8 * budget && trained < 1.1 * budget && seconds < 1.5 * budget, `${trained}, ${seconds} of ${budget} s`);
  assert.equal(first.search.segments.final.at(-1)?.to, 1);
  assert.ok(first.search.segments.final.length >= 2, 'planned anew from the speed that was measured');
  assert.equal(first.search.finished, true);
  assert.equal(first.search.readings, 1);
  assert.equal(first.budget, budget);

  const again = await collect(resume(run, { budget: 8 }));
  assert.deepEqual(
    again.slice(0, 3).map(({ type }) => type),
    ['resumed', 'extended', 'reopened'],
  );
  const second = readRun(run).state;
  assert.equal(second.search.finished, true);
  assert.equal(second.budget, budget + 8);
  assert.equal(second.search.readings, 2, 'each reading of the test set is counted');
  assert.ok(second.seconds > first.seconds + 4 && second.seconds < 1.4 * (budget + 8), `${second.seconds} s`);
});

await test('interrupted while its speed is measured, extended, and gone on with', async () => {
  const run = newFolder();
  const controller = new AbortController();
  const items: string[] = [];
  for await (const { type } of search({ ...budgeted, run, signal: controller.signal })) {
    items.push(type);
    // The measurement is what comes next.
    controller.abort();
  }
  assert.deepEqual(items, ['run', 'interrupted']);
  const early = await collect(resume(run, { budget: -8 }));
  assert.equal(early.at(-1)?.type, 'finished');
  const { state } = readRun(run);
  assert.equal(state.budget, budget - 8);
  assert.ok(state.plan !== null && state.search.segments.final.at(-1)?.to === 1);
});

await test('a run without a budget cannot be given more of one; one that is too short says what would fit', async () => {
  const run = newFolder();
  const controller = new AbortController();
  for await (const item of search({ ...tiny, run, signal: controller.signal })) if (item.type === 'run') controller.abort();
  await assert.rejects(
    collect(resume(run, { budget: 10 })),
    (error: Error) => error instanceof UserError && /the run has no budget/.test(error.message),
  );
  await assert.rejects(
    collect(search({ ...budgeted, budget: 0.05, run: newFolder() })),
    (error: Error) =>
      error instanceof UserError && /--budget 0s is too short on this machine: use at least \d+s/.test(error.message),
  );
});
