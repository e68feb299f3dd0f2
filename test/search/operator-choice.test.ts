/** The learned choice of mutations: gains where they are known by construction, and what follows from them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeOf, type OperatorName } from '../../src/morphism/edit.ts';
import { sampleEdits, weightedPermutation } from '../../src/morphism/mutate.ts';
import { operatorNames, paperOperators } from '../../src/morphism/operators.ts';
import { shapesOf } from '../../src/network/shapes.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { searchEventSchema, type SearchEvent } from '../../src/search/events.ts';
import { gainsByOperator, gainsOf, kindsOfChild, lossPerWork, placesOf } from '../../src/search/gains.ts';
import { expectationsOf, mostFactor, preferenceOf, type Expectation } from '../../src/search/operator-choice.ts';
import { deviation, priorGains } from '../../src/search/operator-prior.ts';
import { candidateOf, emptyState, networkOf, reduce, type SearchState } from '../../src/search/state.ts';
import type { Settings } from '../../src/search/settings.ts';
import { mean } from '../../src/util/numbers.ts';
import { random } from '../../src/util/random.ts';
import { contextOf, eventsOf, simulate } from '../support/simulation.ts';
import { tinyLimits } from '../support/networks.ts';

/** A search in which a child's ln loss is what its mutations are worth, and what its size brings. */
function searchWith(worth: (state: SearchState, id: string) => number, settings: Partial<Settings>) {
  const context = contextOf({ method: 'nash', operatorChoice: 'learned', ...settings });
  return simulate(context, {
    instead: (task, state) =>
      task.kind === 'test'
        ? null
        : eventsOf(task, context).map((event) => {
            if (event.type !== 'epoch' || candidateOf(state, event.line).step === 0) return event;
            const { multiplyAdds } = candidateOf(state, event.line);
            const loss = Math.exp(-worth(state, event.line) - lossPerWork * Math.log(multiplyAdds));
            return { ...event, loss, validation: event.validation === null ? null : { ...event.validation, loss } };
          }),
  });
}

const step = { children: 16, mutations: 1, epochs: 32, eta: 2, rate: 0.01 };
const limits = (steps: number) => ({ ...contextOf().settings.limits, steps });

/** What one mutation of the child is, and where. */
const kindOf = (state: SearchState, id: string) => kindsOfChild(state, candidateOf(state, id))[0];

test('gains are the worth of mutations over the mean of their step, whatever sizes they have', () => {
  const worth = (state: SearchState, id: string): number => (kindOf(state, id)?.operator === 'split' ? 0.3 : 0);
  const { state } = searchWith(worth, { step, limits: limits(2), seed: 3 });
  const steps = gainsOf(state);
  assert.equal(steps.length, 2);
  for (const children of steps) {
    const middle = mean(children.map(({ child }) => worth(state, child.id)));
    assert.ok(Math.abs(mean(children.map(({ gain }) => gain))) < 1e-12, 'they add up to nothing');
    for (const { child, gain } of children) assert.ok(Math.abs(gain - (worth(state, child.id) - middle)) < 1e-9, child.id);
  }
  const gains = gainsByOperator(state);
  const mutated = steps.flat().filter(({ child }) => child.edits.length > 0);
  const weights = [...gains.values()].map(({ weight }) => weight);
  assert.ok(Math.abs(weights.reduce((a, b) => a + b, 0) - mutated.length) < 1e-9, 'each child counts once');
  for (const { weight, sum, places } of gains.values()) {
    const all = [...places.values()];
    assert.ok(Math.abs(all.reduce((a, b) => a + b.weight, 0) - weight) < 1e-9);
    assert.ok(Math.abs(all.reduce((a, b) => a + b.sum, 0) - sum) < 1e-9);
  }
});

test('places count how often the image was halved, in the network that each edit is applied to', () => {
  const network = vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [4, 6, 8]);
  const shapes = shapesOf(network);
  const place = placesOf(network);
  for (const { id } of network.nodes) {
    const height = shapes.get(id)?.height ?? 0;
    assert.equal(place(id), { 32: 0, 16: 1, 8: 2, 4: 3, 1: 5 }[height], `${id}: ${height}`);
  }
  // A later edit may name a node that an earlier one made.
  const { state } = searchWith(() => 0, { step: { ...step, mutations: 5 }, limits: limits(2) });
  for (const { children, parent } of state.steps)
    for (const id of children) {
      const child = candidateOf(state, id);
      const kinds = kindsOfChild(state, child);
      assert.deepEqual(
        kinds.map(({ operator }) => operator),
        child.edits.map(({ kind }) => kind),
      );
      const first = child.edits[0];
      if (first !== undefined) assert.equal(kinds[0]?.place, placesOf(networkOf(state, parent))(nodeOf(first)));
    }
});

test('an operator that gains is sampled more often, and one that loses less', () => {
  const share = (choice: Settings['operatorChoice'], good: OperatorName): number => {
    const worth = (state: SearchState, id: string): number => (kindOf(state, id)?.operator === good ? 3 * deviation : 0);
    const { state } = searchWith(worth, { step, limits: limits(6), operatorChoice: choice, seed: 5 });
    // Of the later steps: the first are what is learned from.
    const late = state.steps.slice(3).flatMap(({ children }) => children.flatMap((id) => kindOf(state, id) ?? []));
    return late.filter(({ operator }) => operator === good).length / late.length;
  };
  for (const good of ['split', 'insert-convolution'] as const) {
    const [fixed, learned] = [share('fixed', good), share('learned', good)];
    assert.ok(learned > fixed + 0.1, `${good}: ${learned} of mutations where it is learned, ${fixed} where not`);
  }
});

test('factors stay within their bounds, rise with the gain, and begin with what recorded runs say', () => {
  const before = expectationsOf(emptyState, paperOperators);
  for (const { operator, place, gain, children } of before) {
    assert.equal(children, 0);
    const known = priorGains[operator];
    const expected = place === null ? (known?.gain ?? 0) : (known?.places[place] ?? 0);
    assert.ok(Math.abs(gain - expected) < 1e-12, `${operator} ${place}`);
  }
  fc.assert(
    fc.property(fc.nat(1000), fc.double({ min: -20, max: 20, noNaN: true }), (seed, size) => {
      const worth = (_state: SearchState, id: string): number => size * random('worth', seed, id).normal();
      const { state } = searchWith(worth, { step, limits: limits(2), seed });
      const after = expectationsOf(state, paperOperators);
      for (const { operator, gain, factor } of after) {
        assert.ok(factor >= 1 / mostFactor && factor <= mostFactor);
        assert.ok(Number.isFinite(gain) && operator in paperOperators);
      }
      const whole = after.filter(({ place }) => place === null).toSorted((a, b) => a.gain - b.gain);
      for (const [at, { factor }] of whole.entries()) assert.ok(at === 0 || factor >= (whole[at - 1]?.factor ?? 0));
    }),
    { numRuns: 20, seed: 1 },
  );
});

test('the journal says what each step was chosen by; a replay chooses the same; `fixed` leaves no trace', () => {
  const worth = (state: SearchState, id: string): number => (kindOf(state, id)?.operator === 'split' ? 0.1 : 0);
  const { state, events, context } = searchWith(worth, { step: { ...step, mutations: 3 }, limits: limits(3) });
  let now = emptyState;
  for (const event of events) {
    if (event.type === 'step') {
      assert.deepEqual(event.expected, expectationsOf(now, paperOperators));
      const again = context.startStep(context, event.step, networkOf(now, event.parent), event.expected);
      assert.deepEqual(
        again.children.map(({ edits }) => edits),
        event.children.map(({ edits }) => edits),
      );
      assert.deepEqual(searchEventSchema.parse(JSON.parse(JSON.stringify(event))), event);
    }
    now = reduce(now, event);
  }
  assert.deepEqual(
    state.steps.map(({ expected }) => expected),
    events
      .filter((event): event is Extract<SearchEvent, { type: 'step' }> => event.type === 'step')
      .map(({ expected }) => expected),
  );
  const fixed = searchWith(worth, { step, limits: limits(2), operatorChoice: 'fixed' });
  assert.ok(fixed.events.every((event) => event.type !== 'step' || !('expected' in event)));
});

test('lost children, and steps with fewer than two, tell nothing; siblings are compared after the same epochs', () => {
  const context = contextOf({ method: 'shr', operatorChoice: 'learned', step: { ...step, children: 8 }, limits: limits(1) });
  // The loss falls with the epochs: who trains longer would look better.
  const lost = new Set<string>();
  const { state } = simulate(context, {
    instead(task) {
      if (task.kind === 'test') return null;
      if (task.line === 's1c3') {
        lost.add(task.line);
        return [{ type: 'failed', line: task.line, task: task.id, failure: 'diverged', message: 'x', retried: false }];
      }
      return eventsOf(task, context).map((event) =>
        event.type === 'epoch' ? { ...event, loss: 1 / event.epoch, validation: null } : event,
      );
    },
  });
  assert.equal(lost.size, 1);
  const [children] = gainsOf(state);
  assert.deepEqual(
    children?.map(({ child }) => child.id).toSorted(),
    state.steps[0]?.children.filter((id) => !lost.has(id)).toSorted(),
  );
  const worth = children?.map(({ child, gain }) => gain + lossPerWork * Math.log(child.multiplyAdds)) ?? [];
  for (const each of worth)
    assert.ok(Math.abs(each - (worth[0] ?? 0)) < 1e-9, 'all have the loss of the last epoch that all have');
});

test('a place that is preferred is chosen more often, in proportion', () => {
  const network = vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [8, 8, 8]);
  const expected: readonly Expectation[] = [
    { operator: 'insert-convolution', place: null, gain: 0, children: 0, factor: 1 },
    { operator: 'insert-convolution', place: 2, gain: 0, children: 0, factor: 4 },
  ];
  const operators = { 'insert-convolution': 1 };
  const limitsHere = { ...tinyLimits, admits: () => true };
  const share = (preference: ReturnType<typeof preferenceOf> | undefined): number => {
    const place = placesOf(network);
    const drawn = Array.from({ length: 600 }, (_none, seed) => {
      const { edits } = sampleEdits(network, { operators, limits: limitsHere, mutations: 1, preference }, random('place', seed));
      return edits[0] === undefined ? -1 : place(nodeOf(edits[0]));
    });
    return drawn.filter((each) => each === 2).length / drawn.length;
  };
  const [plain, preferred] = [share(undefined), share(preferenceOf(expected))];
  // Of sites with the share p, four times as likely: 4p / (1 + 3p).
  assert.ok(Math.abs(preferred - (4 * plain) / (1 + 3 * plain)) < 0.07, `${plain} to ${preferred}`);
});

test('a weighted permutation is one, and begins with each index by its weight', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { maxLength: 40 }), fc.nat(), (weights, seed) => {
      const order = weightedPermutation(weights, random('order', seed));
      assert.deepEqual(
        order.toSorted((a, b) => a - b),
        weights.map((_weight, index) => index),
      );
    }),
  );
  const weights = [1, 2, 5];
  const firsts = Array.from({ length: 8000 }, (_none, seed) => weightedPermutation(weights, random('first', seed))[0]);
  for (const [index, weight] of weights.entries()) {
    const share = firsts.filter((first) => first === index).length / firsts.length;
    assert.ok(Math.abs(share - weight / 8) < 0.02, `${index}: ${share}`);
  }
});

test('the table of recorded gains is of operators, and of the size of what siblings differ by', () => {
  for (const [name, known] of Object.entries(priorGains)) {
    assert.ok(operatorNames.includes(name as OperatorName));
    assert.ok([known.gain, ...Object.values(known.places)].every((gain) => Math.abs(gain) < 3 * deviation));
  }
});
