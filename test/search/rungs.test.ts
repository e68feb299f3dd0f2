/** Rungs and learning rates, drawn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { coresOf, fewestEpochs, planRungs } from '../../src/search/rungs.ts';
import { rungSizes } from '../../src/search/methods/halving.ts';
import { presets } from '../../src/search/settings.ts';
import { methodNames, methods, type MethodName } from '../../src/search/methods/table.ts';
import { rateAt } from '../../src/training/schedule.ts';
import { contextOf, drawRungs } from '../support/simulation.ts';

await test('a task has the cores that the plan leaves it, and no more than was said', () => {
  const cores = (workers: number, threads: number): number[] => [8, 4, 2, 1].map((size) => coresOf({ workers, threads }, size));
  assert.deepEqual(cores(8, 8), [1, 2, 4, 8]);
  assert.deepEqual(cores(8, 3), [1, 2, 3, 3]);
  assert.deepEqual(cores(2, 2), [1, 1, 1, 2]);
  assert.deepEqual(cores(6, 1), [1, 1, 1, 1]);
});

await test('the rungs of successive halving and of hill climbing', () => {
  assert.equal(drawRungs('shr', 8, 160), '8×5 4×10 2×20 1×40');
  assert.equal(drawRungs('sh', 8, 160), '8×5 4×10 2×20 1×40');
  assert.equal(drawRungs('nash', 8, 160), '8×20');
  assert.equal(drawRungs('shr', 8, 64), '8×2 4×4 2×8 1×16');
  assert.equal(drawRungs('shr', 4, 12), '4×1 2×2 1×4');
  assert.equal(drawRungs('shr', 9, 81, 3), '9×3 3×9 1×27');
  assert.equal(drawRungs('shr', 7, 100), '7×3 4×6 2×12 1×25');
  assert.equal(drawRungs('shr', 2, 4), '2×1 1×2');
  assert.equal(drawRungs('shr', 5, 40, 8), '5×4 1×20');
  assert.equal(drawRungs('shr', 8, 31), '31 epochs a step are too few for 8 children in 4 rungs: use at least 32, or 7 children');
  assert.equal(drawRungs('shr', 8, 3), '3 epochs a step are too few for 8 children in 4 rungs: use at least 32');
  assert.equal(drawRungs('nash', 8, 7), '7 epochs a step are too few for 8 children in 1 rung: use at least 8, or 7 children');
});

await test('rungs: shrinking, within their epochs, and the numbers that are said to fit do', () => {
  const cases = fc.record({
    method: fc.constantFrom(...methodNames),
    children: fc.integer({ min: 2, max: 40 }),
    epochs: fc.integer({ min: 1, max: 400 }),
    eta: fc.integer({ min: 2, max: 9 }),
  });
  fc.assert(
    fc.property(cases, ({ method, children, epochs, eta }) => {
      const settings = (changes: { children?: number; epochs?: number }) =>
        contextOf({ method, step: { ...presets.paper.step, children, epochs, eta, ...changes } }).settings;
      const rungs = planRungs(settings({}));
      if (typeof rungs === 'string') {
        const [, fitting] = /use at least (\d+)/.exec(rungs) ?? [];
        assert.equal(Number(fitting), fewestEpochs(settings({})));
        assert.notEqual(typeof planRungs(settings({ epochs: Number(fitting) })), 'string');
        assert.equal(typeof planRungs(settings({ epochs: Number(fitting) - 1 })), 'string', 'one fewer does not fit');
        const [, fewer] = /, or (\d+) children/.exec(rungs) ?? [];
        if (fewer !== undefined) {
          assert.notEqual(typeof planRungs(settings({ children: Number(fewer) })), 'string');
          assert.equal(typeof planRungs(settings({ children: Number(fewer) + 1 })), 'string', 'one more does not fit');
        }
        return;
      }
      assert.ok(rungs.reduce((sum, rung) => sum + rung.size * rung.epochs, 0) <= epochs);
      assert.ok(rungs.every((rung) => rung.epochs >= 1));
      const sizes = rungs.map(({ size }) => size);
      if (method === 'asha') {
        assert.ok(rungs.length >= 2);
        rungs.slice(1).forEach((rung, index) => assert.ok(rung.epochs > (rungs[index]?.epochs ?? 0) * (eta - 1) * 0.99));
      } else if (['nash', 'grow', 'tune', 'shrink'].includes(method)) assert.equal(rungs.length, 1);
      else if (method === 'random' || method === 'vanilla') {
        assert.ok(sizes.every((size) => size === 1));
        const winners = planRungs({ ...settings({}), method: 'shr' });
        assert.deepEqual(
          rungs.map((rung) => rung.epochs),
          typeof winners === 'string' ? [] : winners.map((rung) => rung.epochs),
        );
      } else {
        assert.deepEqual(sizes, rungSizes({ children, eta }));
        rungs.slice(1).forEach((rung, index) => assert.equal(rung.size, Math.ceil((rungs[index]?.size ?? 0) / eta)));
      }
    }),
  );
});

/** The learning rate at the start of every fifth epoch that the winner sees (Figure 1), as a share of the first. */
function drawRates(method: MethodName, steps: number): string {
  const { settings } = contextOf({ method });
  const rungs = planRungs(settings);
  if (typeof rungs === 'string') return rungs;
  const perEpoch = 13;
  const rates: number[] = [];
  for (let step = 0; step < steps; step++)
    rungs.forEach(({ epochs }, rung) => {
      const schedule = methods[settings.method].learningRate.segment(settings.step, rungs, rung);
      for (let epoch = 0; epoch < epochs; epoch++) rates.push(rateAt(schedule, epoch * perEpoch, epochs * perEpoch) / 0.01);
    });
  return rates.flatMap((rate, epoch) => (epoch % 5 === 0 ? [rate.toFixed(2).replace(/^0/, '')] : [])).join(' ');
}

await test('the learning rate over the epochs of two steps, as Figure 1 draws it', () => {
  // One cosine over the 20 epochs of a step.
  assert.equal(drawRates('nash', 2), '1.00 .85 .50 .15 1.00 .85 .50 .15');
  // One cosine over the 75 epochs that the winner sees.
  assert.equal(drawRates('sh', 2), Array(2).fill('1.00 .99 .96 .90 .83 .75 .65 .55 .45 .35 .25 .17 .10 .04 .01').join(' '));
  // Restarts at 5, 15 and 35: cosines of 5, 10, 20 and 40 epochs.
  const restarting = Array(2).fill('1.00 1.00 .50 1.00 .85 .50 .15 1.00 .96 .85 .69 .50 .31 .15 .04').join(' ');
  assert.equal(drawRates('shr', 2), restarting);
  for (const method of ['shrsep', 'random', 'vanilla'] as const) assert.equal(drawRates(method, 2), restarting);
});

await test('a linear schedule falls to zero from 0 to 1, and rises from 1 to 0', () => {
  const rates = (from: number, to: number): readonly number[] =>
    [0, 25, 100].map((at) => rateAt({ kind: 'linear', rate: 0.2, from, to }, at, 100));
  assert.deepEqual(rates(0, 1), [0.2, 0.2 * 0.75, 0]);
  assert.deepEqual(rates(1, 0), [0, 0.2 * 0.25, 0.2]);
});

await test('the rate of a schedule: its start, its end, and a cut anywhere changes nothing', () => {
  const cosine = { kind: 'cosine', rate: 0.025, from: 0, to: 1 } as const;
  assert.equal(rateAt(cosine, 0, 100), 0.025);
  assert.ok(Math.abs(rateAt(cosine, 50, 100) - 0.0125) < 1e-12);
  assert.ok(rateAt(cosine, 99, 100) > 0 && rateAt(cosine, 99, 100) < 1e-5);
  assert.equal(rateAt({ kind: 'constant', rate: 0.01 }, 57, 100), 0.01);
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 500 }), fc.nat(), (count, anywhere) => {
      const cut = 1 + (anywhere % (count - 1));
      const [head, tail] = [
        { ...cosine, to: cut / count },
        { ...cosine, from: cut / count },
      ];
      for (let index = 0; index < count; index++) {
        const rate = index < cut ? rateAt(head, index, cut) : rateAt(tail, index - cut, count - cut);
        assert.ok(Math.abs(rate - rateAt(cosine, index, count)) < 1e-12);
      }
    }),
  );
});
