/** The best network so far: what is kept, and what a search goes on with whose time is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeze } from '../../src/network/network.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { neededCheckpoints } from '../../src/run/record/folder.ts';
import type { SearchEvent } from '../../src/search/events.ts';
import { next, type Context } from '../../src/search/next.ts';
import { bestNetwork, resultOf, stopForTime } from '../../src/search/ranking.ts';
import { sampleStep } from '../../src/search/sampling.ts';
import { presets, type Settings } from '../../src/search/settings.ts';
import { emptyState, reduce, type SearchState } from '../../src/search/state.ts';

const shape = { channels: 1, height: 12, width: 12 };
const start = vanillaNetwork(shape, 4, [4, 8]);
const nodes = freeze(start.nodes).nodes.map((node) => ({ ...node, inputs: [...node.inputs] }));
const hashOf = (line: string, epoch: number): string => `${line} ${epoch}`;

/** An epoch of a candidate, validated where an accuracy is given. */
const epoch = (line: string, number: number, accuracy: number | null, loss = 1): SearchEvent => ({
  type: 'epoch',
  line,
  task: line === 'vanilla' ? line : `${line}/0`,
  done: number,
  epoch: number,
  loss,
  validation: accuracy === null ? null : { accuracy, loss: 1 - accuracy },
  checkpoint: hashOf(line, number),
});

const child = (line: string) => ({ line, edits: [], parameters: 1, multiplyAdds: 1 });

/** A start network that was best after its second epoch, a child that was best of all and then dropped, and one in training. */
const events: readonly SearchEvent[] = [
  { type: 'vanilla', network: { ...start, nodes } },
  epoch('vanilla', 1, 0.5),
  epoch('vanilla', 2, 0.7),
  epoch('vanilla', 3, 0.6),
  { type: 'step', step: 1, parent: 'vanilla', children: [child('s1c0'), child('s1c1')] },
  epoch('s1c0', 1, 0.4),
  epoch('s1c1', 1, 0.8),
  epoch('s1c1', 2, 0.3),
  { type: 'rung', step: 1, rung: 0, survivors: ['s1c0'], dropped: ['s1c1'] },
  epoch('s1c0', 2, 0.65, 0.9),
];

const after = (more: readonly SearchEvent[] = [], count = events.length): SearchState =>
  [...events.slice(0, count), ...more].reduce((state, event) => reduce(state, event), emptyState);

test('what is best never falls: restarts, worse children and dropped ones do not change it', () => {
  const best = events.map((_event, index) => bestNetwork(after([], index + 1))?.checkpoint ?? null);
  const [first, second, child1] = [hashOf('vanilla', 1), hashOf('vanilla', 2), hashOf('s1c1', 1)];
  assert.deepEqual(best, [null, first, second, second, second, second, child1, child1, child1, child1]);
  assert.equal(resultOf(after(), 's1c1').validation?.accuracy, 0.8);
  assert.equal(resultOf(after(), 's1c0').checkpoint, hashOf('s1c0', 2), 'others stand for their latest');
  for (let count = 2; count <= events.length; count++) {
    const state = after([], count);
    assert.ok(neededCheckpoints(state).has(bestNetwork(state)?.checkpoint ?? ''), `${count}`);
  }
});

test('of equal accuracies the lower loss is best, and of equal ones the earlier', () => {
  const tie = (loss: number): SearchEvent => {
    const event = epoch('s1c0', 3, 0.8);
    return event.type === 'epoch' ? { ...event, validation: { accuracy: 0.8, loss } } : event;
  };
  assert.equal(bestNetwork(after([tie(0.1)]))?.candidate, 's1c0');
  assert.equal(bestNetwork(after([tie(1 - 0.8)]))?.candidate, 's1c1');
  assert.equal(bestNetwork(after([tie(0.5)]))?.candidate, 's1c1');
});

test('when time is over the final training starts from the best, as it was; in a continuous search from the last', () => {
  const cut = stopForTime(after(), false);
  assert.deepEqual(cut, { type: 'stop', reason: 'time', line: 's1c1', checkpoint: hashOf('s1c1', 1) });
  const settings: Settings = { ...presets.quick, batch: 8, widths: [4, 8] };
  const context: Context = {
    settings,
    counts: { shape, classes: 4, train: 80, validation: 8 },
    passesFor: () => 1,
    startStep: sampleStep,
  };
  const slice: SearchEvent = { type: 'slice', line: 'final', rate: 0.1, from: 0, to: 1, count: 4, whole: true, restart: true };
  const state = after([cut, slice]);
  assert.ok(neededCheckpoints(state).has(hashOf('s1c1', 1)));
  const decision = next(state, context);
  assert.equal(decision.kind, 'work');
  const from = decision.kind === 'work' && decision.tasks[0]?.kind === 'training' ? decision.tasks[0].start.from : null;
  assert.deepEqual(from, { kind: 'checkpoint', hash: hashOf('s1c1', 1) });
  assert.deepEqual(stopForTime(after(), true), { type: 'stop', reason: 'time', line: 's1c0' });
});

test('the final network is best once it has learnt more than what it began with, or has ended', () => {
  const cut: SearchEvent = { type: 'stop', reason: 'steps', line: 's1c0' };
  const slice: SearchEvent = { type: 'slice', line: 'final', rate: 0.1, from: 0, to: 1, count: 4, whole: true, restart: true };
  const bestAfter = (...losses: readonly number[]): string | undefined =>
    bestNetwork(after([cut, slice, ...losses.map((loss, index) => epoch('final', index + 1, null, loss))]))?.candidate;
  assert.equal(bestAfter(), 's1c1');
  assert.equal(bestAfter(0.95), 's1c1', 'at a high rate it knows less');
  assert.equal(bestAfter(0.85), 's1c1', 'too early to tell');
  assert.equal(bestAfter(0.95, 0.85), 'final');
  assert.equal(bestAfter(0.95, 0.95, 0.95, 0.95), 'final', 'its schedule has ended');
});
