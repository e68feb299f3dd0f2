/** Fine-tuning as decisions: the head first, then all layers behind a warm-up, and back where that was worse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countMultiplyAdds } from '../../src/network/cost.ts';
import { freeze, nextId, outputOf, type Node } from '../../src/network/network.ts';
import { neededCheckpoints } from '../../src/run/record/folder.ts';
import { next, type Context, type Task } from '../../src/search/next.ts';
import { mergeSettings, presetFor, presets } from '../../src/search/settings.ts';
import { bestCandidate } from '../../src/search/ranking.ts';
import { endsWithHead } from '../../src/search/head-alone.ts';
import { candidateOf, emptyState, networkOf, reduce, validationOf } from '../../src/search/state.ts';
import { plannedWork, planWork, settingsOfWork, tuningWork } from '../../src/search/work-plan.ts';
import { headMinibatches, workDone } from '../../src/search/work.ts';
import type { TrainingTask } from '../../src/search/next.ts';
import { walk as walkOf, type Walk } from '../support/walk.ts';
import { sha256 } from '../../src/util/hash.ts';
import { draft } from '../support/networks.ts';
import { contextOf } from '../support/simulation.ts';

const network = (() => {
  const { block, pool, head } = draft(1, 8);
  return head(block(pool(block(0, 4)), 5));
})();
const origin = { network, checkpoint: sha256('given'), compared: null };
const plain = contextOf();
const base = mergeSettings(presets.tune, { batch: 10, limits: { memory: 2 ** 40 } });
const work = tuningWork(base, plain.counts, network);
const settings = settingsOfWork(base, work, planWork(base, plain.counts, work, {}, network));
const context: Context = { ...plain, settings, origin };

const walk = (right: (task: Task) => number, of = context): Walk => walkOf(right, of);

const drawn = (tasks: readonly TrainingTask[]): string[] =>
  tasks.map(
    ({ id, part, minibatches, schedule, whole }) =>
      `${id}: ${part ?? 'all'}, ${minibatches.count}${whole ? ' of all images' : ''}, ${schedule.kind === 'constant' ? '' : `${schedule.from}–${schedule.to}`}`,
  );

test('the head, a warm-up, and the rest; the validation images stay apart', () => {
  const { tasks, events } = walk(({ id }) => (id === 'vanilla' ? 0.5 : 0.6));
  const head = headMinibatches(context);
  assert.equal(head, Math.ceil((2 * 130 + 14) / 3 / 10));
  const rest = Math.floor((work - 3 * countMultiplyAdds(network) * head * 10) / (3 * countMultiplyAdds(network) * 10));
  const rising = Math.round(0.05 * rest);
  assert.deepEqual(drawn(tasks), [
    `vanilla: head, ${head}, 1–0`,
    `final/0: all, ${rising}, 1–0`,
    `final/1: all, ${rest - rising}, 0–1`,
  ]);
  assert.ok(!events.some(({ type }) => type === 'undone' || type === 'step'));
  assert.equal(events.at(-1)?.type, 'finished');
});

test('the work that was planned is done, and no more', () => {
  const { state } = walk(() => 0.5);
  const done = workDone(state, settings);
  assert.ok(done <= work && done > 0.99 * work, `${done} of ${work}`);
  const { start, steps } = plannedWork(settings, context.counts, planWork(base, context.counts, work, {}, network), network);
  assert.equal(steps, 0);
  assert.equal(start, 3 * countMultiplyAdds(network) * headMinibatches(context) * 10);
});

test('a final training that validates worse than the head alone is taken back', () => {
  const { state, events } = walk(({ id }) => (id === 'vanilla' ? 0.9 : 0.5));
  assert.deepEqual(
    events.filter(({ type }) => type === 'undone'),
    [{ type: 'undone', line: 'final', to: 'vanilla', checkpoint: sha256('vanilla') }],
  );
  assert.equal(candidateOf(state, 'final').checkpoint, sha256('vanilla'));
  assert.deepEqual(networkOf(state, 'final'), network);
  assert.equal(validationOf(state, 'final')?.accuracy, 0.9);
  assert.ok(state.finished && state.tests.has('final'));
  // As good is good enough.
  assert.ok(!walk(() => 0.7).events.some(({ type }) => type === 'undone'));
});

test('few images that it is behind by are chance, however many validate', () => {
  for (const [validation, most] of [
    [5, 2],
    [10, 2],
    [14, 3],
    [100, 4],
    [2000, 4],
  ] as const)
    for (let behind = 0; behind <= 5; behind++) {
      const of = { ...context, counts: { ...context.counts, validation } };
      const { events } = walk(({ id }) => (id === 'vanilla' ? 5 : 5 - behind) / validation, of);
      assert.equal(
        events.some(({ type }) => type === 'undone'),
        behind > most,
        `${behind} of ${validation}`,
      );
    }
});

test('a head alone is trained once: no final training follows, and a baseline has nothing to say', () => {
  for (const given of [{}, { baseline: true }, { optimizer: { freeze: 9000 } }]) {
    const frozen = mergeSettings(settings, { optimizer: { freeze: 'all-but-head' }, ...given });
    const { tasks, events, state } = walk(() => 0.7, { ...context, settings: frozen });
    assert.deepEqual(drawn(tasks), [`vanilla: head, ${headMinibatches(context)}, 1–0`]);
    assert.ok(!events.some(({ type }) => type === 'slice'));
    assert.equal(candidateOf(state, 'final').checkpoint, sha256('vanilla'));
    assert.equal(bestCandidate(state), 'final');
    assert.deepEqual([...state.tests.keys()], ['final']);
    assert.ok(state.finished && endsWithHead(state));
  }
  // Layers beside it are trained after it.
  const some = mergeSettings(settings, { optimizer: { freeze: 1 } });
  assert.ok(walk(() => 0.7, { ...context, settings: some }).events.some(({ type }) => type === 'slice'));
});

test('a head that is not linear goes on after its first minibatches', () => {
  const nodes = network.nodes.map((node) => ({ ...node }));
  const output = outputOf(network);
  const bent = freeze([...nodes, { id: nextId(network), layer: { kind: 'relu' }, inputs: [output.id] } as Node]);
  const frozen = mergeSettings(settings, { optimizer: { freeze: 'all-but-head' } });
  const { events } = walk(() => 0.7, { ...context, settings: frozen, origin: { ...origin, network: bent } });
  assert.ok(events.some(({ type }) => type === 'slice'));
});

test('so is one that is lost', () => {
  const { events } = walk(() => 0.7);
  let state = emptyState;
  for (const event of events) {
    state = reduce(state, event);
    if (event.type === 'slice') break;
  }
  const [task] = ((): readonly Task[] => {
    const decision = next(state, context);
    return decision.kind === 'work' ? decision.tasks : [];
  })();
  assert.ok(task !== undefined);
  const failure = { type: 'failed', line: 'final', task: task.id, failure: 'diverged', message: 'the loss became NaN' } as const;
  assert.deepEqual(next(reduce(state, { ...failure, retried: true }), context), next(state, context));
  state = reduce(state, { ...failure, retried: false });
  const back = next(state, context);
  assert.deepEqual(back, {
    kind: 'record',
    event: { type: 'undone', line: 'final', to: 'vanilla', checkpoint: sha256('vanilla') },
  });
  assert.ok(back.kind === 'record');
  const then = next(reduce(state, back.event), context);
  assert.ok(then.kind === 'work' && then.tasks[0]?.kind === 'test' && then.tasks[0].checkpoint === sha256('vanilla'));
});

test('what it may be taken back to is kept until then', () => {
  const first = walk(({ id }) => (id === 'vanilla' ? 0.9 : 0.5)).events;
  let state = emptyState;
  for (const event of first) {
    if (event.type === 'undone') break;
    state = reduce(state, event);
    if (state.candidates.get('final') !== undefined) assert.ok(neededCheckpoints(state).has(sha256('vanilla')));
  }
});

test('over many epochs photos are augmented strongly, unless it was said how', () => {
  const planned = (epochs: number, given = {}) => {
    const some =
      epochs * 3 * countMultiplyAdds(network) * plain.counts.train +
      3 * countMultiplyAdds(network) * headMinibatches({ settings: base, counts: plain.counts }) * 10;
    return settingsOfWork(base, some, planWork(base, plain.counts, some, given, network)).augmentation;
  };
  assert.deepEqual(planned(11), base.augmentation);
  assert.deepEqual(planned(13), { ...base.augmentation, crop: 0.25, mixup: 0.2, policy: 'trivial' });
  assert.deepEqual(planned(13, { augmentation: { crop: 0.9 } }), base.augmentation);
  assert.notDeepEqual(planned(13, { augmentation: { shift: 0 } }), base.augmentation);
});

test('it grows between head and final training where steps are asked for', () => {
  const grown = settingsOfWork(base, work, planWork(base, plain.counts, work, { limits: { steps: 1 } }, network));
  const { events, tasks } = walk(() => 0.5, { ...context, settings: mergeSettings(grown, { limits: { parameters: 1e6 } }) });
  assert.ok(events.some(({ type }) => type === 'step'));
  assert.deepEqual(
    tasks.filter(({ id }) => id.startsWith('final')).map(({ schedule }) => schedule.kind === 'linear' && schedule.from),
    [0],
  );
});

test('the preset of a given network, unless a method or nothing is given', () => {
  assert.equal(presetFor({}, true), 'tune');
  assert.equal(presetFor({ method: 'tune' }), 'tune');
  assert.equal(presetFor({ method: 'grow' }, true), 'auto');
  assert.equal(presetFor({ method: 'shr' }, true), 'laptop');
  assert.equal(presetFor(), 'auto');
});
