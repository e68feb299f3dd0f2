/** What is foretold, against cases by hand, against the search's own decisions, and for every budget and number of workers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import { planBudget, plannedSettings } from '../../src/run/planning/budget.ts';
import {
  costsOf,
  fitSeconds,
  sizeOf,
  type Costs,
  type Size,
  type Timings,
  type ModeTimings,
} from '../../src/run/planning/costs.ts';
import { forecast, type Question } from '../../src/run/planning/forecast.ts';
import type { SearchEvent } from '../../src/search/events.ts';
import { startNetwork, type Context, type Task } from '../../src/search/next.ts';
import { medianFirst, simulate as simulateSearch } from '../../src/search/simulation.ts';
import { emptyState, reduce } from '../../src/search/state.ts';
import { presets, type Settings } from '../../src/search/settings.ts';
import { methodNames, methods } from '../../src/search/methods/table.ts';
import { must } from '../../src/util/assert.ts';
import { UserError } from '../../src/util/user-error.ts';
import { contextOf, eventsOf, simulate } from '../support/simulation.ts';

const near = (actual: number, expected: number, what = ''): void =>
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)), `${what} ${actual}, not ${expected}`);

/** When the first step of hill climbing ends whose children take so long, of so many workers, some of which wait as processes. */
function stepOf(seconds: readonly number[], workers: number, waiting: number, planned = seconds.length) {
  const base = contextOf().settings;
  const step = { ...base.step, children: Math.max(2, seconds.length), epochs: Math.max(2, seconds.length), mutations: 1 };
  const context = contextOf({ method: 'nash', vanilla: { epochs: 1, rate: 0.1 }, step, limits: { ...base.limits, steps: 1 } });
  const begun = simulate(context).events.findIndex(({ type }) => type === 'step');
  const from = simulate(context)
    .events.slice(0, begun + 1)
    .reduce((state, event) => reduce(state, event), emptyState);
  for (const { t, event } of simulateSearch({
    context,
    cores: { workers, threads: Math.max(1, Math.floor(workers / planned)) },
    from,
    waiting,
    model: {
      cost: ({ line }, _threads, isNew) => ({
        start: isNew ? 10 : 0,
        minibatch: 0,
        epoch: must(seconds[Number(/c(\d+)/.exec(line)?.[1])], 'seconds'),
      }),
      validation: medianFirst,
    },
  }))
    if (event.type === 'selected') return t;
  return NaN;
}

await test('jobs in their order, each as soon as a worker is idle; a worker process that waits needs no start', () => {
  // Two workers: 0–5 and 5–7 on one, 0–3 and 3–7 on the other.
  assert.equal(stepOf([5, 3, 4, 2], 2, 2), 7);
  // 0–5, 5–9, 9–11 on the one that waits; the other starts and is busy until 13.
  assert.equal(stepOf([5, 3, 4, 2], 2, 1), 13);
  assert.equal(stepOf([5, 3], 2, 0), 15);
  // Four workers, two tasks of two threads at once.
  assert.equal(stepOf([3, 4], 4, 2, 2), 4);
});

const size = (multiplyAdds: number, activations: number): Size => ({ parameters: 100, multiplyAdds, activations, nodes: 10 });

await test('seconds from networks that were timed: what two features explain, none of them below nothing', () => {
  const timed = [size(10, 4), size(30, 4), size(20, 10)].map((each) => ({
    size: each,
    seconds: 0.2 * each.multiplyAdds + 0.5 * each.activations,
  }));
  near(fitSeconds(timed)(size(50, 20)), 0.2 * 50 + 0.5 * 20);
  near(fitSeconds(timed.slice(0, 1))(size(20, 1)), 8, 'one network: by its multiply-adds');
  // Of one shape: by multiply-adds.
  const alike = [size(10, 5), size(20, 10)].map((each) => ({ size: each, seconds: each.multiplyAdds }));
  near(fitSeconds(alike)(size(40, 1)), 40);
  // What was timed is as it was timed, though the others say otherwise.
  const odd = [...timed, { size: size(40, 40), seconds: 1 }];
  near(fitSeconds(odd)(size(40, 40)), 1);
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.integer({ min: 1, max: 1000 }),
          fc.integer({ min: 1, max: 1000 }),
          fc.double({ min: 0.01, max: 10, noNaN: true }),
        ),
        { minLength: 1, maxLength: 5 },
      ),
      (rows) => {
        const fit = fitSeconds(rows.map(([m, a, seconds]) => ({ size: size(m, a), seconds })));
        for (const [m, a] of [
          [1, 0],
          [0, 1],
          [5000, 5000],
        ] as const) {
          const seconds = fit(size(m, a));
          assert.ok(Number.isFinite(seconds) && seconds >= 0, `${seconds}`);
        }
      },
    ),
  );
});

const way = (fields: Partial<ModeTimings>, seconds: number): ModeTimings => ({
  start: 0,
  preparation: 0,
  evaluation: 0,
  saving: 0,
  verification: { first: 0, further: 0 },
  minibatches: [{ size: size(10, 10), seconds }],
  ...fields,
});

await test('threads between one and all; evaluation, growth and verification scale with training', () => {
  const timings: Timings = {
    workers: 4,
    threads: 4,
    beside: way({ start: 2, preparation: 1, evaluation: 0.5, saving: 0.1, verification: { first: 3, further: 1 } }, 8),
    alone: way({ start: 1, preparation: 1, evaluation: 0.25, verification: { first: 3, further: 0.25 } }, 2),
    operators: [
      { operator: 'split', seconds: 4, size: size(20, 20) },
      { operator: 'merge-concat', seconds: null, size: size(10, 10) },
    ],
    certificate: { seconds: 6, size: size(20, 20) },
    grown: [],
  };
  const costs = costsOf(timings);
  const twice = size(20, 20);
  near(costs.minibatch(twice, 1), 16);
  near(costs.minibatch(twice, 4), 4);
  near(costs.minibatch(twice, 2), 8, 'two threads stand between one and four');
  near(costs.evaluation(twice, 4), 0.5);
  near(costs.start(1), 2);
  near(costs.verification(twice, 1, 3), 2 * (3 + 2));
  // A split takes 4 s for what trains 16 s a minibatch; the certificate of both 6 s for 8 s and 16 s. A merge is taken for a split.
  near(costs.growth(size(10, 10), [{ operator: 'split', size: twice }]), 4 + 6);
  near(
    costs.growth(size(10, 10), [
      { operator: 'split', size: twice },
      { operator: 'merge-concat', size: size(40, 40) },
    ]),
    4 + 8 + (6 * (8 + 32)) / 24,
  );
  near(costs.growth(size(10, 10), []), 0, 'the unmutated child');
  // A child that took twice as long as that makes all of them take so long.
  const slow = costsOf({
    ...timings,
    grown: [{ parent: size(10, 10), steps: [{ operator: 'split', size: twice }], seconds: 20 }],
  });
  near(slow.growth(size(10, 10), [{ operator: 'split', size: twice }]), 20);
});

/** Costs that follow from multiply-adds alone: seconds each on one thread, and how well more threads do. */
function simpleCosts(perMultiplyAdd: number, power: number, fields: Partial<Costs> = {}): Costs {
  const minibatch = ({ multiplyAdds }: Size, threads: number): number => (perMultiplyAdd * multiplyAdds) / threads ** power;
  return {
    minibatch,
    evaluation: (one, threads) => 0.3 * minibatch(one, threads),
    preparation: () => 0,
    saving: () => 0,
    growth: (_parent, steps) => 2 * steps.length,
    verification: () => 0,
    start: () => 0,
    ...fields,
  };
}

const question = (context: Context, workers: number, costs: Costs, fields: Partial<Question> = {}): Question => ({
  context,
  costs,
  workers,
  threads: workers,
  testImages: 20,
  elapsed: 1,
  planned: null,
  ...fields,
});

await test('each phase of a small search, by hand', () => {
  const base = contextOf().settings;
  // 130 images in batches of 10: 13 minibatches an epoch, 14 with the validation images; 14 of them validate in 2 batches.
  const context = contextOf({
    method: 'nash',
    vanilla: { epochs: 2, rate: 0.1 },
    step: { ...base.step, children: 3, epochs: 6, mutations: 1 },
    limits: { ...base.limits, steps: 1 },
    final: { epochs: 3, rate: 0.1 },
    baseline: true,
  });
  const second = { minibatch: () => 1, evaluation: () => 0.5, preparation: () => 4, saving: () => 0.25 };
  const costs = simpleCosts(1, 1, {
    ...second,
    growth: (_parent, steps) => 8 * steps.length,
    verification: () => 2,
    start: () => 16,
  });
  const { phases, steps, minibatches, stop } = forecast(question(context, 2, costs));
  const epoch = 13 + 2 * 0.5 + 0.25;
  const expected = {
    beginning: 1,
    vanilla: 16 + 4 + 2 * epoch,
    // Three children, of which the first is not grown, of two epochs on two workers: the first on the one that is there, and the
    // third after it; beside them half a verification, whose worker starts.
    steps: 4 + 2 * epoch + (8 + 4 + 2 * epoch) + (16 + 2) / 2,
    final: (16 + 2) / 2 + 4 + 3 * 14 + 3 * 0.25,
    test: 4 + 2 * 0.5,
    // The winner's two epochs and three more, a reading of the test set, and beside it a verification.
    baseline: 4 + 2 * epoch + 4 + 3 * 14 + 3 * 0.25 + (4 + 2 * 0.5) + (16 + 2) / 2,
  };
  assert.deepEqual(
    phases.map(({ name }) => name),
    Object.keys(expected),
  );
  for (const { name, seconds } of phases) near(seconds, must(expected[name as keyof typeof expected], name), name);
  near(
    must(phases.at(-1), 'phase').until,
    phases.reduce((sum, { seconds }) => sum + seconds, 0),
  );
  assert.equal(stop, 'steps');
  assert.deepEqual(
    steps[0]?.rungs.map(({ size: children, epochs, threads }) => [children, epochs, threads]),
    [[3, 2, 1]],
  );
  assert.equal(minibatches, 13 * (2 + 6) + 3 * 14 + (2 * 13 + 3 * 14));
});

const withEqualLoss = (event: SearchEvent): SearchEvent =>
  event.type === 'epoch' && event.validation !== null ? { ...event, validation: { ...event.validation, loss: 1 } } : event;

await test('the minibatches that are foretold are those of the search’s own decisions, for every method', () => {
  for (const method of methodNames)
    for (const seed of [1, 2, 3]) {
      const base = contextOf().settings;
      const start = countParameters(startNetwork(contextOf()));
      // One that shrinks has to be over its limits.
      const sizes = methods[method].shrinks ? { parameters: Math.floor(start / 2) } : {};
      const context = contextOf({
        method,
        seed,
        vanilla: { epochs: 2, rate: 0.1 },
        step: { ...base.step, children: 5, epochs: 40, mutations: 2 },
        limits: { ...base.limits, ...sizes, steps: 2 },
        final: { epochs: 3, rate: 0.1 },
        baseline: true,
      });
      // Losses by chance would now and then end growth before its time, which no forecast knows.
      const instead = (task: Task): SearchEvent[] | null =>
        methods[method].parentWins === null ? null : eventsOf(task, context).map(withEqualLoss);
      const { state } = simulate(context, { instead });
      const done = [...state.tasks.values()].reduce((sum, count) => sum + count, 0);
      const told = forecast(question(context, 3, simpleCosts(1e-6, 0.8)));
      // A winner that was the best from the first rung on has the same line as any other.
      // How many are promoted without a barrier follows from the order of results.
      if (method !== 'asha') assert.equal(told.minibatches, done, `${method} ${seed}`);
      else assert.ok(Math.abs(told.minibatches / done - 1) < 0.2, `${told.minibatches} after ${done}`);
      assert.equal(told.steps.length, state.steps.length);
      const first = must(state.steps[0], 'step').children.map((id) => state.candidates.get(id)?.multiplyAdds);
      assert.deepEqual(
        told.steps[0]?.children.map(({ multiplyAdds }) => multiplyAdds),
        first,
        'the first step is the search’s own',
      );
    }
});

await test('seconds limit a search without a number of steps; limits of size end one; without either it is said to be open', () => {
  const base = contextOf().settings;
  const step = { ...base.step, children: 4, epochs: 12, mutations: 1 };
  const limited = (limits: Partial<Settings['limits']>): Context =>
    contextOf({ step, vanilla: { epochs: 1, rate: 0.1 }, limits: { ...base.limits, steps: null, seconds: null, ...limits } });
  const costs = simpleCosts(1e-5, 1);
  const timed = forecast(question(limited({ seconds: 300, parameters: 20_000 }), 2, costs));
  assert.equal(timed.stop, 'time');
  assert.equal(timed.steps.at(-1)?.ends, false);
  near(
    must(
      timed.phases.find(({ name }) => name === 'steps'),
      'steps',
    ).until,
    300,
  );
  const vanilla = sizeOf(startNetwork(limited({})));
  assert.equal(forecast(question(limited({ parameters: vanilla.parameters }), 2, costs)).stop, 'limits');
  assert.equal(forecast(question(limited({ parameters: 20_000, multiplyAdds: 50_000 }), 2, costs)).stop, 'open');
});

const cases = fc.record({
  // The short ones are the tight ones: a minibatch may take a large share.
  budget: fc.oneof(fc.integer({ min: 60, max: 7200 }), fc.integer({ min: 60, max: 180 })),
  workers: fc.constantFrom(1, 2, 3, 4, 8),
  /** Seconds for a minibatch of the vanilla network on one thread. */
  speed: fc.double({ min: 0.001, max: 0.2, noNaN: true }),
  seed: fc.integer({ min: 1, max: 20 }),
  baseline: fc.boolean(),
  steps: fc.constantFrom(1, 2, 4),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

const available = 4000;
/** Of these images; a plan scales them. */
function contextFor(settings: Settings): Context {
  const context = contextOf(settings);
  return { ...context, counts: { ...context.counts, train: Math.min(available, settings.images ?? available), validation: 200 } };
}

function budgeted({ budget, workers, speed, seed, baseline, steps }: Case) {
  const settings: Settings = {
    ...presets.quick,
    seed,
    baseline,
    widths: [2, 3],
    batch: 16,
    images: null,
    limits: { ...presets.quick.limits, steps, parameters: 20_000, memory: Number.MAX_SAFE_INTEGER },
  };
  const context = contextFor(settings);
  const multiplyAdds = countMultiplyAdds(startNetwork(context));
  const power = 0.8;
  const costs = simpleCosts(speed / multiplyAdds, power);
  const perImage = speed / multiplyAdds / settings.batch;
  const elapsed = 3;
  const plan = planBudget({
    budget,
    elapsed,
    settings,
    images: available,
    validated: () => 200,
    testImages: 100,
    multiplyAdds,
    growth: [1.5, 2],
    workers,
    alone: perImage / workers ** power,
    beside: perImage,
  });
  const scaled = contextFor(plannedSettings(settings, plan));
  return forecast(question(scaled, workers, costs, { elapsed, planned: { budget, plan }, testImages: 100 }));
}

const refused = (error: unknown): boolean => error instanceof UserError && /too short/.test(error.message);

await test('a budget’s phases end within it and use most of it', () => {
  let told = 0;
  fc.assert(
    fc.property(cases, (drawn) => {
      let found: ReturnType<typeof budgeted>;
      try {
        found = budgeted(drawn);
      } catch (error) {
        assert.ok(refused(error), String(error));
        return;
      }
      told++;
      assert.ok(found.seconds <= drawn.budget, `${found.seconds} of ${drawn.budget}`);
      // What tasks may take to start is reserved, however short the budget.
      assert.ok(found.seconds >= 0.85 * drawn.budget - 25, `${found.seconds} of ${drawn.budget}`);
    }),
    { numRuns: 160 },
  );
  assert.ok(told > 40, `${told}`);
});

await test('more budget never buys fewer minibatches in all, where the same network is trained to the end', () => {
  let told = 0;
  fc.assert(
    fc.property(cases, fc.double({ min: 1.3, max: 4, noNaN: true }), (drawn, more) => {
      const one: Case = { ...drawn, steps: 1 };
      try {
        const [less, greater] = [budgeted(one), budgeted({ ...one, budget: Math.round(one.budget * more) })];
        // A step more, or another child in the middle, makes minibatches larger instead.
        if (less.final?.size.multiplyAdds !== greater.final?.size.multiplyAdds) return;
        // A step that time cuts short trains less than it was planned to.
        if (!greater.steps.every(({ ends }) => ends)) return;
        told++;
        assert.ok(greater.minibatches >= less.minibatches, `${greater.minibatches} after ${less.minibatches}`);
      } catch (error) {
        if (!refused(error)) throw error;
      }
    }),
    { numRuns: 80 },
  );
  assert.ok(told > 25, `${told}`);
});

await test('more workers never make a search longer, where a start costs nothing', () => {
  const searches = fc.record({
    method: fc.constantFrom(...methodNames),
    workers: fc.integer({ min: 1, max: 12 }),
    more: fc.integer({ min: 1, max: 4 }),
    children: fc.integer({ min: 2, max: 9 }),
    seed: fc.integer({ min: 1, max: 5 }),
    baseline: fc.boolean(),
  });
  fc.assert(
    fc.property(searches, ({ method, workers, more, children, seed, baseline }) => {
      const base = contextOf().settings;
      const step = { ...base.step, children, epochs: 60, mutations: 2 };
      const context = contextOf({
        method,
        seed,
        baseline,
        step,
        limits: { ...base.limits, steps: 2 },
        final: { epochs: 3, rate: 0.1 },
      });
      const costs = simpleCosts(1e-5, 0.7, { verification: () => 3 });
      const [few, many] = [workers, workers + more].map((count) => forecast(question(context, count, costs)).seconds);
      assert.ok((many ?? 0) <= (few ?? 0) + 1e-9, `${many} after ${few}`);
    }),
    { numRuns: 60 },
  );
});
