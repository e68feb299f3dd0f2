/** `plan` on a small dataset: that it says what the search then does, writes nothing, and ends when it is told to. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EngineName } from '../../src/engine/engine.ts';
import { chooseEngine } from '../../src/engine/open.ts';
import { plan, type PlanReport } from '../../src/run/planning/plan.ts';
import { readRun } from '../../src/run/record/read.ts';
import { UserError } from '../../src/util/user-error.ts';
import { finishedRun, longer, place, tiny } from '../support/runs.ts';

/** Every number of a report, by its path. */
function numbersOf(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => numbersOf(member, `${path}.${key}`));
}

const isSound = (report: PlanReport): void => {
  for (const [path, value] of numbersOf({ forecast: report.forecast, timings: report.timings }))
    assert.ok(Number.isFinite(value) && value >= 0, `${path} is ${value}`);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report, 'it is JSON');
};

const native: EngineName = await chooseEngine('auto', 'cpu', process.env);

for (const engine of new Set<EngineName>(['reference', 'onnx', native]))
  await test(`engine ${engine}: timed, foretold, and nothing left behind`, async () => {
    const report = await plan({ ...tiny, threads: 2, engine });
    isSound(report);
    assert.equal(report.config.engine.name, engine);
    assert.equal(report.plan, null);
    const { operators, beside, alone } = report.timings;
    assert.equal(operators.length, 6);
    assert.ok(operators.some(({ seconds }) => seconds !== null && seconds > 0));
    // The first network and two children side by side; the middle one also alone.
    assert.deepEqual([beside.minibatches.length, alone.minibatches.length], [3, 2]);
    assert.ok([...beside.minibatches, ...alone.minibatches].every(({ seconds }) => seconds > 0));
    assert.deepEqual(
      readdirSync(place).filter((name) => name !== 'cache' && name !== 'quadrants'),
      [],
    );
  });

await test('what it foretells of a search is what that then trains', async () => {
  const report = await plan(tiny);
  const { search } = readRun(await finishedRun()).state;
  const done = [...search.tasks.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(report.forecast.minibatches, done);
  const children = search.steps[0]?.children.map((id) => search.candidates.get(id)?.parameters);
  assert.deepEqual(
    report.forecast.steps[0]?.children.map(({ parameters }) => parameters),
    children,
  );
});

await test('a budget is planned as the search plans it; one that is too short is the search’s mistake', async () => {
  const report = await plan({ ...longer, budget: 20 });
  isSound(report);
  // What comes after the final training is not planned.
  const until = report.forecast.phases.find(({ name }) => name === 'final')?.until ?? 0;
  assert.ok(report.plan !== null && until > 15 && until < 20.5, `${until}`);
  assert.equal(report.settings.step.children, report.plan.children);
  await assert.rejects(
    plan({ ...tiny, budget: 0.05 }),
    (error: Error) =>
      error instanceof UserError && /--budget 0s is too short on this machine: use at least \d+s/.test(error.message),
  );
});

await test('aborted while it measures it ends at once, and no worker stays', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const running = plan({ ...tiny, signal: controller.signal, onMeasuring: () => setTimeout(() => controller.abort(reason), 50) });
  await assert.rejects(running, (error: Error) => error === reason);
  assert.ok(!existsSync(join(place, 'runs')));
});
