/** How much is done and left, and how long that takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imagesPerSecond, observe } from '../../src/run/display/view.ts';
import { timeLeft, workOf } from '../../src/run/display/time-left.ts';
import { config, items, progress, viewAt } from '../cli/scene.ts';

const costs = { vanilla: 282_000 };
const without = { ...config, settings: { ...config.settings, baseline: false } };

test('in the final training all is known: what is left are its minibatches, and the baseline', () => {
  const { view } = viewAt('final');
  const { multiplyAdds: final } = view.run.search.candidates.get('final') ?? { multiplyAdds: 0 };
  const { multiplyAdds: vanilla } = view.run.search.candidates.get('vanilla') ?? { multiplyAdds: 0 };
  assert.ok(Math.abs(vanilla - costs.vanilla) < 1000);
  assert.equal(workOf(view, without).left, (600 - 90) * final);
  // Seven epochs of 54 minibatches that the winner had in its step, and the final training's.
  assert.equal(workOf(view, config).left, (600 - 90) * final + (7 * 54 + 600) * vanilla);
  const nearly = observe(view, progress('final/0', 600, 600, 0.5), 160);
  assert.equal(workOf(nearly, without).left, 0);
});

test('done work counts every task, the lost ones too, and what runs now', () => {
  const { view } = viewAt('rung');
  const cost = (id: string): number => view.run.search.candidates.get(id)?.multiplyAdds ?? 0;
  assert.equal(workOf(view, config).done, 216 * cost('vanilla') + 27 * cost('s1c1'));
});

test('in one state, more done is as much less left', () => {
  const { view, now } = viewAt('second rung');
  const later = observe(view, progress('s1c3/1', 101, 108, 0.9), now + 1);
  const [before, after] = [workOf(view, config), workOf(later, config)];
  assert.ok(after.done > before.done);
  assert.equal(after.done - before.done, before.left - after.left);
});

test('an estimate follows from the speed; a budget is what is left of it; a finished run has none', () => {
  const { view, now } = viewAt('final');
  const { done, left } = workOf(view, config);
  const begun = 0.3;
  const estimate = timeLeft(view, config, now);
  assert.equal(estimate?.kind, 'estimate');
  assert.ok(Math.abs((estimate?.seconds ?? 0) - (left / done) * (now - begun)) < 1e-9);
  assert.deepEqual(timeLeft(view, { ...config, budget: 600 }, now), { kind: 'budget', seconds: 600 - now });
  assert.deepEqual(timeLeft(view, { ...config, budget: 60 }, now), { kind: 'budget', seconds: 0 });
  assert.equal(timeLeft(viewAt('begun').view, config, 1), null);
  const finished = items.reduce((before, { item, t }) => observe(before, item, t), viewAt('begun').view);
  assert.equal(finished.run.search.finished, true);
  assert.equal(timeLeft(finished, config, 200), null);
  const stopped = { ...view, run: { ...view.run, interrupted: true } };
  assert.equal(timeLeft(stopped, config, now), null, 'a run that does not run has no time left');
  assert.equal(timeLeft(stopped, { ...config, budget: 600 }, now), null);
  assert.equal(imagesPerSecond(stopped, config, now), null);
});
