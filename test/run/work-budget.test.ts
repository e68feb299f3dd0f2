/** The plan of a budget as work: it ends within the budget, whatever the machine and the data. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planWorkBudget, type WorkQuestion } from '../../src/run/planning/budget.ts';
import { presets } from '../../src/search/settings.ts';
import { UserError } from '../../src/util/user-error.ts';

const questions = fc
  .record({
    budget: fc.integer({ min: 20, max: 7200 }),
    spent: fc.double({ min: 0, max: 0.3, noNaN: true }),
    /** ln of multiply-adds a second, forward: from a slow core to many fast ones. */
    speed: fc.double({ min: Math.log(2e9), max: Math.log(1e12), noNaN: true }),
    train: fc.integer({ min: 10, max: 60_000 }),
    side: fc.constantFrom(16, 32, 64, 128),
    workers: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ budget, spent, speed, train, side, workers }): WorkQuestion => {
    const validation = Math.max(2, Math.round(train / 20));
    const alone = 1 / Math.exp(speed);
    return {
      budget,
      elapsed: spent * budget,
      settings: { ...presets.auto, batch: Math.min(128, train) },
      counts: { shape: { channels: 3, height: side, width: side }, classes: 5, train, validation },
      from: null,
      given: {},
      alone,
      beside: alone * Math.min(workers, 2),
      workers,
      testImages: Math.round(train / 5),
    };
  });

test('start network and steps end before the budget does, also where they take longer than planned', () => {
  let planned = 0;
  fc.assert(
    fc.property(questions, (question) => {
      const { budget, elapsed } = question;
      let plan: ReturnType<typeof planWorkBudget>;
      try {
        plan = planWorkBudget(question);
      } catch (error) {
        // Too short: it says a time that would do, and that does.
        assert.ok(error instanceof UserError, String(error));
        const enough = Number(/at least (\d+)s$/.exec(error.message)?.[1]);
        assert.ok(enough > budget, error.message);
        assert.doesNotThrow(() => planWorkBudget({ ...question, budget: enough }));
        return;
      }
      planned++;
      assert.ok(plan.searchUntil > elapsed && plan.searchUntil < budget, `until ${plan.searchUntil} of ${budget}`);
    }),
    { numRuns: 300, seed: 1 },
  );
  assert.ok(planned > 100, String(planned));
});
