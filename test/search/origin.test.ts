/** A search that starts from a trained network: the same decisions, another beginning. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { neededCheckpoints } from '../../src/run/record/folder.ts';
import { next, startNetwork, type Context } from '../../src/search/next.ts';
import { emptyState, reduce, networkOf } from '../../src/search/state.ts';
import { searchEventSchema } from '../../src/search/events.ts';
import { sha256 } from '../../src/util/hash.ts';
import { contextOf, eventsOf, simulate } from '../support/simulation.ts';
import { draft } from '../support/networks.ts';

const network = (() => {
  const { block, pool, head } = draft(1, 8);
  return head(block(pool(block(0, 4)), 5));
})();
const checkpoint = sha256('given');
const compared = { images: 14, difference: 1e-7 };
const context: Context = { ...contextOf(), origin: { network, checkpoint, compared } };

test('the first network is the given one, and its training starts from its checkpoint', () => {
  assert.equal(startNetwork(context), network);
  const first = next(emptyState, context);
  assert.ok(first.kind === 'record' && first.event.type === 'vanilla');
  assert.deepEqual(first.event.from, { checkpoint, compared });
  assert.deepEqual(searchEventSchema.parse(JSON.parse(JSON.stringify(first.event))), first.event);
  const state = reduce(emptyState, first.event);
  assert.deepEqual(networkOf(state, 'vanilla'), network);
  const work = next(state, context);
  const [task] = work.kind === 'work' ? work.tasks : [];
  assert.ok(task?.kind === 'training');
  assert.deepEqual(task.start, { from: { kind: 'checkpoint', hash: checkpoint }, edits: [], optimizerState: 'reset' });
  // Its epochs are those of a vanilla network.
  const [usual] = ((): readonly unknown[] => {
    const plain = contextOf();
    const begun = next(emptyState, plain);
    assert.ok(begun.kind === 'record');
    const then = next(reduce(emptyState, begun.event), plain);
    return then.kind === 'work' ? then.tasks : [];
  })();
  assert.deepEqual({ ...task, network: null, start: null }, { ...(usual as typeof task), network: null, start: null });
});

test('its checkpoint is kept until it has one of its own, and to the end where others learn from it', () => {
  const keeps = (state: typeof emptyState, teaches = false): boolean =>
    neededCheckpoints(state, { hash: checkpoint, teaches }).has(checkpoint);
  assert.ok(keeps(emptyState));
  const first = next(emptyState, context);
  assert.ok(first.kind === 'record');
  let state = reduce(emptyState, first.event);
  assert.ok(keeps(state));
  const work = next(state, context);
  const [task] = work.kind === 'work' ? work.tasks : [];
  assert.ok(task !== undefined);
  const [epoch] = eventsOf(task, context);
  assert.ok(epoch !== undefined);
  state = reduce(state, epoch);
  assert.ok(!keeps(state) && keeps(state, true));
  const again = next(state, context);
  const [on] = again.kind === 'work' ? again.tasks : [];
  assert.ok(
    on?.kind === 'training' &&
      on.start.from.kind === 'checkpoint' &&
      on.start.from.hash !== checkpoint &&
      on.start.optimizerState === 'kept',
  );
});

test('a whole search from it makes the decisions that it makes without, up to what is drawn', () => {
  const kinds = (of: Context): string[] => simulate(of).events.map(({ type }) => type);
  assert.deepEqual(kinds(context).slice(0, 5), kinds(contextOf()).slice(0, 5));
  assert.equal(kinds(context).at(-1), 'finished');
});
