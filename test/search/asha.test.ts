/** Asynchronous halving against Algorithm 2 of Li et al. (2020) written down literally: sort a rung, cut it, take the first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { next, type Context } from '../../src/search/next.ts';
import { rungsOf } from '../../src/search/rungs.ts';
import { presets } from '../../src/search/settings.ts';
import { candidateOf, emptyState, reduce, type SearchState, type Step } from '../../src/search/state.ts';
import { random } from '../../src/util/random.ts';
import { contextOf, simulate } from '../support/simulation.ts';

/** Children that ended a rung and were not lost, the best first, by what validation said at its end. */
function rankedAtEnd(state: SearchState, step: Step, epochs: number): readonly string[] {
  const ended = step.children.flatMap((id) => {
    const { end, epochs: points, parameters, child } = candidateOf(state, id);
    const validation = points.find(({ epoch }) => epoch === epochs)?.validation;
    return validation && end === null ? [{ id, parameters, child, ...validation }] : [];
  });
  return ended
    .toSorted((a, b) => b.accuracy - a.accuracy || a.loss - b.loss || a.parameters - b.parameters || a.child - b.child)
    .map(({ id }) => id);
}

/** What an idle worker is to begin: `s1c3 enters 1`. */
function entering(state: SearchState, step: Step, context: Context): string | null {
  const rungs = rungsOf(context.settings);
  const entered = new Set(step.promotions.map(({ candidate, rung }) => `${candidate} enters ${rung}`));
  for (let rung = rungs.length - 1; rung > 0; rung--) {
    const epochs = rungs.slice(0, rung).reduce((sum, each) => sum + each.epochs, 0);
    const ranked = rankedAtEnd(state, step, epochs);
    const best = ranked.slice(0, Math.floor(ranked.length / context.settings.step.eta)).map((id) => `${id} enters ${rung}`);
    const found = best.find((each) => !entered.has(each));
    if (found !== undefined) return found;
  }
  const fresh = step.children.filter((id) => !entered.has(`${id} enters 0`));
  const costs = fresh.map((id) => candidateOf(state, id).multiplyAdds);
  return fresh.length === 0 ? null : `${fresh[costs.indexOf(Math.max(...costs))]} enters 0`;
}

test('the candidate that an idle worker begins is that of Algorithm 2, also where some are lost', () => {
  let [promoted, lost] = [0, 0];
  const cases = fc.record({ seed: fc.nat(), children: fc.integer({ min: 4, max: 18 }), eta: fc.constantFrom(2, 3, 4) });
  fc.assert(
    fc.property(cases, ({ seed, children, eta }) => {
      const step = { ...presets.paper.step, children, eta, epochs: 10 * children, mutations: 1 };
      const limits = { ...presets.paper.limits, steps: 1 };
      const vanilla = { epochs: 1, rate: 0.01 };
      const context = contextOf({ method: 'asha', seed, step, limits, vanilla, final: { epochs: 0, rate: 0.01 } });
      const { events } = simulate(context, {
        order: random('order', seed),
        instead: (task) =>
          task.id.startsWith('s') && random('lost', seed, task.id).float() < 0.1
            ? [{ type: 'failed', line: task.line, task: task.id, failure: 'diverged', message: 'NaN', retried: false }]
            : null,
      });
      let state = emptyState;
      for (const event of events) {
        const open = state.steps.find(({ winner }) => winner === null);
        const decision = next(state, context);
        if (open !== undefined && decision.kind !== 'end') {
          const decided = decision.kind === 'record' ? decision.event : decision.kind === 'work' ? decision.whenIdle : undefined;
          const said = decided?.type === 'promotion' ? `${decided.line} enters ${decided.rung}` : null;
          assert.equal(said, entering(state, open, context));
        }
        if (event.type === 'promotion' && event.rung > 0) promoted++;
        if (event.type === 'failed') lost++;
        state = reduce(state, event);
      }
    }),
    { numRuns: 40 },
  );
  assert.ok(promoted > 100 && lost > 20, `${promoted} promotions, ${lost} lost`);
});
