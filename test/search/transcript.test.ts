/** The search's decisions against transcripts written by hand, and what must hold of any of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SearchEvent } from '../../src/search/events.ts';
import { baselineSegments, next } from '../../src/search/next.ts';
import { limitsOf } from '../../src/search/sampling.ts';
import { presets } from '../../src/search/settings.ts';
import { methodNames, methods } from '../../src/search/methods/table.ts';
import { emptyState, candidateOf, reduce, type SearchState, networkOf } from '../../src/search/state.ts';
import { countParameters } from '../../src/network/cost.ts';
import { bestCandidate, rank, stopForTime } from '../../src/search/ranking.ts';
import { random } from '../../src/util/random.ts';
import { contextOf, eventsOf, simulate, type Simulation } from '../support/simulation.ts';

const small = { vanilla: { epochs: 2, rate: 0.01 }, final: { epochs: 3, rate: 0.025 } };
const step = { ...presets.paper.step, children: 4, epochs: 12, mutations: 2 };
const steps = (count: number) => ({ limits: { ...presets.paper.limits, steps: count } });
/** Validation by line, whatever the epoch. */
const scores =
  (accuracies: Readonly<Record<string, number>>, context = contextOf()) =>
  (task: Parameters<typeof eventsOf>[0]): SearchEvent[] =>
    eventsOf(task, context).map((event) =>
      event.type === 'epoch' && event.validation !== null
        ? { ...event, validation: { loss: 1, accuracy: accuracies[event.line] ?? 0.1 } }
        : event,
    );

const draw = ({ transcript }: Simulation): string => transcript.join('\n');
const lines = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => line.replace(/^ {4}/, ''))
    .join('\n');

const ranking = { s1c2: 0.9, s1c0: 0.8, s1c3: 0.7, s1c1: 0.6 };

await test('SHR: one step of 4×1 2×2 1×4, momentum anew at each rung', () => {
  const context = contextOf({ ...small, method: 'shr', step, ...steps(1) });
  assert.equal(
    draw(simulate(context, { instead: scores(ranking, context) })),
    lines(`
    vanilla
      vanilla: epochs 0–2 at 0.01, anew
    step 1 of vanilla: s1c0(0) s1c1(2) s1c2(2) s1c3(2)
      s1c0/0: epochs 0–1 at 0.01 from 0 to 1, on
      s1c1/0: epochs 0–1 at 0.01 from 0 to 1, grown
      s1c2/0: epochs 0–1 at 0.01 from 0 to 1, grown
      s1c3/0: epochs 0–1 at 0.01 from 0 to 1, grown
    rung 0: s1c2 s1c0 | s1c3 s1c1
      s1c2/1: epochs 1–3 at 0.01 from 0 to 1, on
      s1c0/1: epochs 1–3 at 0.01 from 0 to 1, on
    rung 1: s1c2 | s1c0
      s1c2/2: epochs 3–7 at 0.01 from 0 to 1, on
    rung 2: s1c2 | 
    selected s1c2
    stop (steps) with s1c2
    slice of final: 42 minibatches from 0 to 1, anew
      final/0: epochs 0–3 at 0.025 from 0 to 1, on
      test final
    finished
    `),
  );
});

await test('SH: one cosine over all rungs, momentum carried across them and not into the next step', () => {
  const context = contextOf({ ...small, method: 'sh', step, ...steps(2) });
  const said = simulate(context, { instead: scores({ ...ranking, s2c0: 0.9 }, context) }).transcript;
  assert.deepEqual(
    said.filter((line) => /s1c2\/|s2c0\//.test(line)),
    [
      '  s1c2/0: epochs 0–1 at 0.01 from 0 to 0.143, grown',
      '  s1c2/1: epochs 1–3 at 0.01 from 0.143 to 0.429, on with momentum',
      '  s1c2/2: epochs 3–7 at 0.01 from 0.429 to 1, on with momentum',
      '  s2c0/0: epochs 0–1 at 0.01 from 0 to 0.143, on',
      '  s2c0/1: epochs 1–3 at 0.01 from 0.143 to 0.429, on with momentum',
      '  s2c0/2: epochs 3–7 at 0.01 from 0.429 to 1, on with momentum',
    ],
  );
});

await test('NASH: all children alike in one rung; SHRsep: as SHR, and separable convolutions are among the edits', () => {
  const nash = contextOf({ ...small, method: 'nash', step, ...steps(1) });
  assert.equal(
    draw(simulate(nash, { instead: scores(ranking, nash) })),
    lines(`
    vanilla
      vanilla: epochs 0–2 at 0.01, anew
    step 1 of vanilla: s1c0(0) s1c1(2) s1c2(2) s1c3(2)
      s1c0/0: epochs 0–3 at 0.01 from 0 to 1, on
      s1c1/0: epochs 0–3 at 0.01 from 0 to 1, grown
      s1c2/0: epochs 0–3 at 0.01 from 0 to 1, grown
      s1c3/0: epochs 0–3 at 0.01 from 0 to 1, grown
    rung 0: s1c2 | s1c0 s1c3 s1c1
    selected s1c2
    stop (steps) with s1c2
    slice of final: 42 minibatches from 0 to 1, anew
      final/0: epochs 0–3 at 0.025 from 0 to 1, on
      test final
    finished
    `),
  );
  for (const method of ['nash', 'sh', 'shr', 'shrsep'] as const) {
    const { events } = simulate(contextOf({ ...small, method, step: { ...step, mutations: 8 }, ...steps(2) }));
    const kinds = new Set(
      events
        .flatMap((event) => (event.type === 'step' ? event.children : []))
        .flatMap(({ edits }) => edits.map(({ kind }) => kind)),
    );
    assert.equal(kinds.has('insert-separable'), method === 'shrsep', method);
    assert.ok(kinds.size >= 5);
  }
});

await test('the paper: 8×5 4×10 2×20 1×40, and the second step begins with the first one’s winner', () => {
  const context = contextOf({ method: 'shr', final: { epochs: 200, rate: 0.025 } });
  const { transcript, state } = simulate(context, { instead: scores({ s1c5: 0.9, s2c0: 0.95 }, context) });
  assert.deepEqual(
    transcript.filter((line) => line.includes('s1c5/')),
    [
      '  s1c5/0: epochs 0–5 at 0.01 from 0 to 1, grown',
      '  s1c5/1: epochs 5–15 at 0.01 from 0 to 1, on',
      '  s1c5/2: epochs 15–35 at 0.01 from 0 to 1, on',
      '  s1c5/3: epochs 35–75 at 0.01 from 0 to 1, on',
    ],
  );
  assert.ok(transcript.some((line) => line.startsWith('step 2 of s1c5: s2c0(0) s2c1(5)')));
  assert.ok(transcript.includes('stop (steps) with s2c0'));
  assert.equal(networkOf(state, 's2c0'), networkOf(state, 's1c5'), 'child 0 is the unmutated parent');
  assert.equal(candidateOf(state, 's1c5').epochs.length, 75);
  assert.ok(transcript.some((line) => line.includes('final/0: epochs 0–200 at 0.025')));
});

await test('random growth: children are drawn as ever, and one of them alone is trained, in the epochs of halving’s winner', () => {
  const context = contextOf({ ...small, method: 'random', step, ...steps(2) });
  const { transcript, state, events } = simulate(context, { instead: scores(ranking, context) });
  const [first, second] = state.steps;
  assert.equal(first?.children.length, 4);
  const drawnIn = (of: SearchState): readonly string[] =>
    of.steps.flatMap(({ children }) => children.filter((id) => candidateOf(of, id).end?.kind !== 'undrawn'));
  const drawn = drawnIn(state)[0] ?? '';
  assert.deepEqual(
    transcript.filter((line) => line.startsWith('  s1')).map((line) => line.replace(/, (on|grown)$/, '')),
    [
      `  ${drawn}/0: epochs 0–1 at 0.01 from 0 to 1`,
      `  ${drawn}/1: epochs 1–3 at 0.01 from 0 to 1`,
      `  ${drawn}/2: epochs 3–7 at 0.01 from 0 to 1`,
    ],
  );
  assert.ok(transcript.includes(`selected ${drawn}`));
  assert.equal(second?.parent, drawn);
  const same = simulate(contextOf({ ...small, method: 'shr', step, ...steps(1) })).events;
  const childrenOf = (of: readonly SearchEvent[]) => of.flatMap((event) => (event.type === 'step' ? [event.children] : []))[0];
  assert.deepEqual(childrenOf(events), childrenOf(same), 'drawn as where they compete');
  const draws = Array.from({ length: 60 }, (_none, seed) => simulate({ ...context, settings: { ...context.settings, seed } }));
  for (const child of ['c0', 'c1', 'c2', 'c3']) {
    const times = draws.flatMap((each) => drawnIn(each.state)).filter((id) => id.endsWith(child)).length;
    assert.ok(times >= 15 && times <= 45, `${child}: ${times} of 120`);
  }
});

await test('vanilla: the network is not mutated, and trained in the cycles of SHR’s winner', () => {
  const context = contextOf({ ...small, method: 'vanilla', step, ...steps(1) });
  assert.equal(
    draw(simulate(context, { instead: scores(ranking, context) })),
    lines(`
    vanilla
      vanilla: epochs 0–2 at 0.01, anew
    step 1 of vanilla: s1c0(0)
      s1c0/0: epochs 0–1 at 0.01 from 0 to 1, on
    rung 0: s1c0 | 
      s1c0/1: epochs 1–3 at 0.01 from 0 to 1, on
    rung 1: s1c0 | 
      s1c0/2: epochs 3–7 at 0.01 from 0 to 1, on
    rung 2: s1c0 | 
    selected s1c0
    stop (steps) with s1c0
    slice of final: 42 minibatches from 0 to 1, anew
      final/0: epochs 0–3 at 0.025 from 0 to 1, on
      test final
    finished
    `),
  );
});

await test('without a final training the search ends with the winner, and the test set is not read', () => {
  const context = contextOf({ ...small, method: 'shr', step, ...steps(1), final: { epochs: 0, rate: 0.025 } });
  const { transcript, state } = simulate(context, { instead: scores(ranking, context) });
  assert.deepEqual(transcript.slice(-3), ['selected s1c2', 'stop (steps) with s1c2', 'finished']);
  assert.equal(state.readings, 0);
  assert.equal(bestCandidate(state), 's1c2');
});

await test('a child starts from its parent’s last checkpoint, a survivor from its own, the final training from the winner’s', () => {
  const context = contextOf({ ...small, method: 'shr', step, ...steps(2) });
  const scored = scores({ ...ranking, s2c1: 0.95 }, context);
  const starts = new Map<string, string>();
  simulate(context, {
    instead(task, state) {
      // What each line's checkpoint is when the task is given out, by the name of the line.
      const named = new Map([...state.candidates.values()].map(({ id, checkpoint }) => [checkpoint, id]));
      if (task.kind === 'training' && !starts.has(task.id)) {
        const { from } = task.start;
        starts.set(task.id, from.kind === 'initial' ? 'anew' : String(named.get(from.hash)));
      }
      return scored(task);
    },
  });
  assert.deepEqual(
    ['vanilla', 's1c0/0', 's1c2/0', 's1c2/1', 's1c2/2', 's2c0/0', 's2c1/0', 's2c1/2', 'final/0'].map((id) => starts.get(id)),
    ['anew', 'vanilla', 'vanilla', 's1c2', 's1c2', 's1c2', 's1c2', 's2c1', 's2c1'],
  );
});

await test('without a step: the vanilla network is trained to the end', () => {
  const context = contextOf({ ...small, ...steps(0) });
  assert.equal(
    draw(simulate(context)),
    lines(`
    vanilla
      vanilla: epochs 0–2 at 0.01, anew
    stop (steps) with vanilla
    slice of final: 42 minibatches from 0 to 1, anew
      final/0: epochs 0–3 at 0.025 from 0 to 1, on
      test final
    finished
    `),
  );
});

await test('ties: lower validation loss, then fewer parameters, then the lower index', () => {
  const context = contextOf({ ...small, step, ...steps(1) });
  const { state } = simulate(context);
  const ids = ['s1c0', 's1c1', 's1c2', 's1c3'];
  const ranked = (fields: Readonly<Record<string, readonly [accuracy: number, loss: number, parameters: number]>>): string => {
    const tied = { ...state, candidates: new Map(state.candidates) };
    for (const [id, [accuracy, loss, parameters]] of Object.entries(fields))
      tied.candidates.set(id, {
        ...candidateOf(state, id),
        parameters,
        epochs: [{ epoch: 1, loss: 0, validation: { accuracy, loss }, augmented: null }],
      });
    return rank(tied, ids.toReversed()).join(' ');
  };
  assert.equal(ranked({ s1c0: [0.1, 0, 1], s1c1: [0.3, 9, 9], s1c2: [0.2, 0, 1], s1c3: [0.4, 9, 9] }), 's1c3 s1c1 s1c2 s1c0');
  assert.equal(ranked({ s1c0: [0.5, 4, 1], s1c1: [0.5, 3, 1], s1c2: [0.5, 2, 9], s1c3: [0.5, 1, 9] }), 's1c3 s1c2 s1c1 s1c0');
  assert.equal(ranked({ s1c0: [0.5, 1, 4], s1c1: [0.5, 1, 3], s1c2: [0.5, 1, 2], s1c3: [0.5, 1, 1] }), 's1c3 s1c2 s1c1 s1c0');
  assert.equal(ranked({ s1c0: [0.5, 1, 1], s1c1: [0.5, 1, 1], s1c2: [0.5, 1, 1], s1c3: [0.5, 1, 1] }), 's1c0 s1c1 s1c2 s1c3');
});

const lose = (task: { readonly id: string; readonly line: string }, retried = false): SearchEvent => ({
  type: 'failed',
  line: task.line,
  task: task.id,
  failure: 'diverged',
  message: 'the loss became NaN',
  retried,
});

await test('random growth: a drawn child that is lost leaves the parent', () => {
  const context = contextOf({ ...small, method: 'random', step, ...steps(1) });
  const { state } = simulate(context, {
    instead: (task) => (task.id.startsWith('s1') ? [lose(task)] : eventsOf(task, context)),
  });
  assert.equal(state.stop?.line, 'vanilla');
});

await test('children lost on the way leave the planned sizes of later rungs as they are', () => {
  const context = contextOf({ ...small, method: 'shr' });
  const lost = new Set(['s1c1/0', 's1c2/0', 's1c3/0', 's1c4/0', 's1c0/1']);
  const { transcript } = simulate(context, { instead: (task) => (lost.has(task.id) ? [lose(task)] : null) });
  const sizes = transcript
    .slice(
      0,
      transcript.findIndex((line) => line.startsWith('selected')),
    )
    .filter((line) => line.startsWith('rung'))
    .map((line) => (line.split('|')[0] ?? '').trim().split(' ').length - 2);
  // Of 8 children 4 are left, and 4 are planned; then of these one is lost, 2 planned.
  assert.deepEqual(sizes, [4, 2, 1, 1]);
  assert.equal(transcript.filter((line) => /s1c[0-7]\/1:/.test(line)).length, 4);
  assert.equal(transcript.filter((line) => /s1c[0-7]\/3: epochs 35–75/.test(line)).length, 1);
});

await test('fewer survivors than a rung has room for: all go on', () => {
  const context = contextOf({ ...small, method: 'shr' });
  const { transcript } = simulate(context, { instead: (task) => (/s1c[1-7]\/0/.test(task.id) ? [lose(task)] : null) });
  assert.ok(transcript.includes('rung 0: s1c0 | '));
  assert.ok(transcript.includes('selected s1c0'));
});

await test('all children lost, in the first rung or a later one: the parent goes on', () => {
  for (const rung of [0, 1, 2]) {
    const context = contextOf({ ...small, method: 'shr', step, ...steps(2) });
    const { transcript } = simulate(context, {
      instead: (task) => (new RegExp(`^s1c\\d/${rung}`).test(task.id) ? [lose(task)] : null),
    });
    assert.ok(transcript.includes('selected vanilla'), `rung ${rung}`);
    assert.ok(transcript.some((line) => line.startsWith('step 2 of vanilla')));
  }
});

await test('a task that failed and is tried again goes on from its last checkpoint', () => {
  const context = contextOf({ ...small, method: 'nash', step, ...steps(1) });
  let state = emptyState;
  const { transcript } = simulate(context, {
    instead(task, now) {
      state = now;
      const failedBefore = now.failures.has(task.id);
      return task.id === 's1c2/0' && !failedBefore ? [...eventsOf(task, context).slice(0, 2), lose(task, true)] : null;
    },
  });
  assert.ok(transcript.includes('  s1c2/0: epochs 0–3 (13 of 39 done) at 0.01 from 0 to 1, on with momentum'));
  assert.equal(candidateOf(state, 's1c2').epochs.length, 3);
});

await test('limits that admit no mutation stop the search', () => {
  const base = contextOf({ ...small, step });
  const full = countParameters(networkOf(simulate(contextOf({ ...small, ...steps(0) })).state, 'vanilla'));
  const context = { ...base, settings: { ...base.settings, limits: { ...presets.paper.limits, steps: 2, parameters: full } } };
  assert.ok(simulate(context).transcript.includes('stop (limits) with vanilla'));
  const memory = { ...contextOf({ ...small, step }), passesFor: () => null };
  assert.ok(simulate(memory).transcript.includes('stop (limits) with vanilla'));
});

const stopNow = (state: SearchState): SearchEvent => stopForTime(state, false);

await test('stopped in the middle of a step: the best measured so far is trained to the end', () => {
  const context = contextOf({ ...small, method: 'shr', step, ...steps(3) });
  const { transcript, state } = simulate(context, {
    instead: scores({ ...ranking, vanilla: 0.5 }, context),
    before: (now) => (now.stop === null && now.tasks.has('s1c2/1') ? stopNow(now) : null),
  });
  assert.deepEqual(transcript.slice(transcript.indexOf('stop (time) with s1c2')), [
    'stop (time) with s1c2',
    'slice of final: 42 minibatches from 0 to 1, anew',
    '  final/0: epochs 0–3 at 0.025 from 0 to 1, on',
    '  test final',
    'finished',
  ]);
  assert.equal(state.steps[0]?.winner, 's1c2', 'the step that was cut short ends');
  assert.equal(candidateOf(state, 'final').parent, 's1c2');
});

await test('stopped before a child was measured: the parent, even where a child’s inherited accuracy is the same', () => {
  const context = contextOf({ ...small, method: 'shr', step, ...steps(3) });
  const { transcript } = simulate(context, {
    before: (now) => (now.stop === null && now.steps.length === 1 && !now.tasks.has('s1c0/0') ? stopNow(now) : null),
  });
  assert.ok(transcript.includes('stop (time) with vanilla'));
});

await test('reopened: the final training is thrown away, the search goes on from what it stopped with', () => {
  const context = contextOf({ ...small, method: 'shr', step, baseline: true, ...steps(2) });
  const scored = scores({ ...ranking, vanilla: 0.5, s2c1: 0.95 }, context);
  const first = simulate(context, {
    instead: scored,
    before: (now) => (now.stop === null && now.tasks.has('s1c2/1') ? stopNow(now) : null),
  });
  assert.equal(first.state.readings, 2);
  const again = simulate(context, { instead: scored, from: [...first.events, { type: 'reopened' }] });
  assert.ok(again.transcript[0]?.startsWith('step 2 of s1c2'), again.transcript[0]);
  assert.ok(again.transcript.includes('stop (steps) with s2c1'));
  assert.ok(again.transcript.includes('  final/0: epochs 0–3 at 0.025 from 0 to 1, on'));
  assert.equal(again.state.readings, 4, 'each reading of the test set is counted');
  assert.equal(candidateOf(again.state, 'final').parent, 's2c1');
});

await test('the baseline has the winner’s cycles and then its final training', () => {
  for (const method of methodNames) {
    const context = contextOf({ ...small, method, step, baseline: true, ...steps(2) });
    const { state, events, transcript } = simulate(context, { instead: scores({ ...ranking, s2c1: 0.95 }, context) });
    const winner = events.filter((event) => event.type === 'epoch' && state.steps.some((each) => each.winner === event.line));
    const ofCandidate = (line: string): number => candidateOf(state, line).epochs.length;
    assert.equal(ofCandidate('baseline'), winner.length + ofCandidate('final'), method);
    assert.equal(networkOf(state, 'baseline'), networkOf(state, 'vanilla'));
    assert.deepEqual(state.segments.baseline, baselineSegments(state, context));
    assert.deepEqual(state.segments.baseline.slice(-1), state.segments.final);
    const restarts = state.segments.baseline.filter(({ restart }) => restart).length;
    // Two steps and the final training; or each rung of the two steps.
    const { continuous, learningRate, rungs } = methods[method];
    assert.equal(
      restarts,
      continuous ? 0 : learningRate.restart === 'step' ? 3 : 2 * rungs(context.settings.step).length + 1,
      method,
    );
    const carried = transcript.filter((line) => /^ +baseline\/\d+:.* with momentum$/.test(line)).length;
    assert.equal(carried, state.segments.baseline.length - restarts, `${method}: momentum starts anew where the rate does`);
    assert.ok(state.tests.has('baseline') && state.tests.has('final'));
  }
});

await test('the baseline of a line that was cut in a rung is cut there too', () => {
  const context = contextOf({ ...small, method: 'shr', step, baseline: true, ...steps(3) });
  const { state } = simulate(context, {
    instead: scores({ ...ranking, vanilla: 0.5 }, context),
    before: (now) => (now.stop === null && now.tasks.get('s1c2/2') === 26 ? stopNow(now) : null),
  });
  assert.deepEqual(
    state.segments.baseline.map(({ count, from, to, whole }) => `${count} from ${from} to ${to}${whole ? ', whole' : ''}`),
    ['13 from 0 to 1', '26 from 0 to 1', '26 from 0 to 0.5', '42 from 0 to 1, whole'],
  );
});

const cases = fc.record({
  method: fc.constantFrom(...methodNames),
  seed: fc.nat({ max: 1000 }),
  orders: fc.array(fc.nat(), { minLength: 2, maxLength: 2 }),
});
const contextFor = ({ method, seed }: { method: (typeof methodNames)[number]; seed: number }) =>
  contextOf({ ...small, method, seed, step, baseline: true, ...steps(2) });
const essence = ({ state }: Simulation): string =>
  JSON.stringify([
    state.stop,
    candidateOf(state, 'final').checkpoint,
    networkOf(state, 'final'),
    state.steps.map(({ children, rungs, winner }) => [children, rungs, winner]),
  ]);

await test('whatever order tasks end in, the same children are drawn and the same one wins', () => {
  fc.assert(
    fc.property(cases, ({ method, seed, orders }) => {
      // Promotions follow the order of results.
      fc.pre(method !== 'asha');
      const context = contextFor({ method, seed });
      const [one, two] = orders.map((order) => essence(simulate(context, { order: random('order', order) })));
      assert.equal(one, two);
      assert.equal(one, essence(simulate(context)));
    }),
    { numRuns: 30 },
  );
});

await test('ASHA: each promotion follows from the events before it, whatever the order of results', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (seed, order) => {
      const context = contextFor({ method: 'asha', seed });
      const { events } = simulate(context, { order: random('order', order) });
      let state = emptyState;
      const entered = new Set<string>();
      for (const event of events) {
        if (event.type === 'promotion') {
          const decision = next(state, context);
          const decided = decision.kind === 'record' ? decision.event : decision.kind === 'work' ? decision.whenIdle : null;
          assert.deepEqual(decided, event);
          assert.ok(event.rung === 0 || entered.has(`${event.line}/${event.rung - 1}`), 'no rung is skipped');
          assert.ok(!entered.has(`${event.line}/${event.rung}`), 'a rung is entered once');
          entered.add(`${event.line}/${event.rung}`);
        }
        state = reduce(state, event);
      }
      assert.ok(
        [...entered].some((entry) => !entry.endsWith('/0')),
        'some are promoted',
      );
      for (const { children } of state.steps) for (const id of children) assert.ok(entered.has(`${id}/0`), `${id} is trained`);
    }),
    { numRuns: 30 },
  );
});

await test('any prefix of the events goes on to the same end', () => {
  fc.assert(
    fc.property(cases, fc.nat(), ({ method, seed }, cut) => {
      const context = contextFor({ method, seed });
      const whole = simulate(context);
      const prefix = whole.events.slice(0, cut % (whole.events.length + 1));
      assert.equal(essence(simulate(context, { from: prefix })), essence(whole));
      const state = prefix.reduce((before, event) => reduce(before, event), emptyState);
      assert.deepEqual(next(state, context), next(state, context), 'deciding is pure');
    }),
    { numRuns: 30 },
  );
});

await test('no child passes a limit, whatever is drawn; edits that do not fit are not made', () => {
  let refused = 0;
  fc.assert(
    fc.property(cases, fc.integer({ min: 110, max: 300 }), ({ method, seed }, parameters) => {
      const base = contextFor({ method, seed });
      const limits = { ...base.settings.limits, parameters, multiplyAdds: 8_000, channels: 12 };
      const context = { ...base, settings: { ...base.settings, limits } };
      const { state } = simulate(context);
      const { admits } = limitsOf(context);
      for (const line of state.candidates.values()) {
        if (line.edits.length === 0) continue;
        assert.ok(line.parameters <= parameters && line.multiplyAdds <= 8_000);
        assert.ok(admits(networkOf(state, line.id)));
        if (line.edits.length < step.mutations) refused++;
      }
    }),
    { numRuns: 40 },
  );
  assert.ok(refused > 0, `the limits bite: ${refused}`);
});
