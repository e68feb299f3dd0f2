/** A journal replayed at once and entry by entry: the same state, no map copied twice, and what was before stays as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyRun, replay, replayEntry, type RunState } from '../../src/run/record/replay.ts';
import { copiedOnce } from '../../src/util/copies.ts';
import { grownRun } from '../report/grown.ts';

const { entries } = grownRun({ steps: 3, children: 4, epochs: 24, mutations: 2, baseline: true });
const mapsOf = ({ search, taskStarted, exports }: RunState): readonly ReadonlyMap<string, unknown>[] => [
  search.candidates,
  search.tasks,
  search.failures,
  search.tests,
  taskStarted,
  exports,
];

test('at once or entry by entry, from any entry on: the same state', () => {
  const states = [emptyRun];
  for (const entry of entries) states.push(replayEntry(states.at(-1) as RunState, entry));
  assert.deepEqual(replay(entries), states.at(-1));
  for (const at of [0, 1, Math.floor(entries.length / 2), entries.length - 1]) {
    const before = states[at] as RunState;
    const sizes = mapsOf(before).map(({ size }) => size);
    const copy = copiedOnce();
    const after = entries.slice(at).reduce((state, entry) => replayEntry(state, entry, copy), before);
    assert.deepEqual(after, states.at(-1));
    assert.deepEqual(
      mapsOf(before).map(({ size }) => size),
      sizes,
      'what was before is not touched',
    );
  }
  assert.deepEqual(
    mapsOf(emptyRun).map(({ size }) => size),
    [0, 0, 0, 0, 0, 0],
  );
});

test('a long replay copies each map once, however many entries there are', () => {
  const copy = copiedOnce();
  const seen = mapsOf(emptyRun).map((map) => new Set([map]));
  let state = emptyRun;
  for (const entry of entries) {
    state = replayEntry(state, entry, copy);
    for (const [index, map] of mapsOf(state).entries()) seen[index]?.add(map);
  }
  assert.ok(entries.length > 150);
  for (const each of seen) assert.ok(each.size <= 2, `${each.size} maps`);
});
