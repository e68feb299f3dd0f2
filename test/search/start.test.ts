/** Which network a search starts from, and how it begins: settings, tasks, words, and what stays as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stagedNetwork } from '../../src/network/staged.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { determining } from '../../src/run/driving/shared-start.ts';
import { next, startNetwork, type Context, type TrainingTask } from '../../src/search/next.ts';
import { mergeSettings, presets, settingsSchema } from '../../src/search/settings.ts';
import { emptyState, reduce, startWords, type SearchState } from '../../src/search/state.ts';
import { contextOf, simulate } from '../support/simulation.ts';

/** The search once its start network is known, and the training of that. */
function begun(context: Context): { readonly state: SearchState; readonly task: TrainingTask } {
  const first = next(emptyState, context);
  assert.ok(first.kind === 'record');
  const state = reduce(emptyState, first.event);
  const work = next(state, context);
  const [task] = work.kind === 'work' ? work.tasks : [];
  assert.ok(task?.kind === 'training');
  return { state, task };
}

const staged = { start: { network: 'staged', initialisation: 'identity' } } as const;
const { counts, settings } = contextOf();

test('the presets of the paper’s methods start from the vanilla network, uniform, and so do settings that say nothing', () => {
  for (const name of ['paper', 'laptop', 'quick'] as const) {
    assert.deepEqual(presets[name].start, { network: 'vanilla', initialisation: 'uniform' });
    const { start: _start, ...older } = presets[name];
    assert.deepEqual(settingsSchema.parse(older).start, { network: 'vanilla', initialisation: 'uniform' });
  }
  assert.deepEqual(startNetwork(contextOf()), vanillaNetwork(counts.shape, counts.classes, settings.widths));
  assert.deepEqual(begun(contextOf()).task.start.from, { kind: 'initial', key: [settings.seed, 'vanilla', 'initial'] });
  assert.equal(startWords(begun(contextOf()).state), 'vanilla network');
});

test('the staged network, initialised by identity', () => {
  const context = contextOf(staged);
  assert.deepEqual(startNetwork(context), stagedNetwork(counts.shape, counts.classes, settings.widths));
  const { state, task } = begun(context);
  assert.deepEqual(task.network, startNetwork(context));
  assert.deepEqual(task.start, {
    from: { kind: 'initial', key: [settings.seed, 'vanilla', 'initial'], initialisation: 'identity' },
    edits: [],
    optimizerState: 'reset',
  });
  assert.equal(startWords(state), 'staged network');
});

test('one of the two alone', () => {
  assert.deepEqual(mergeSettings(settings, { start: { network: 'staged' } }).start, {
    network: 'staged',
    initialisation: 'uniform',
  });
  const vanilla = contextOf({ start: { network: 'vanilla', initialisation: 'identity' } });
  assert.deepEqual(startNetwork(vanilla), startNetwork(contextOf()));
  const { from } = begun(vanilla).task.start;
  assert.ok(from.kind === 'initial' && from.initialisation === 'identity');
});

test('a whole search from it ends; a start network that began otherwise is not taken over', () => {
  const kinds = simulate(contextOf(staged)).events.map(({ type }) => type);
  assert.equal(kinds[0], 'vanilla');
  assert.equal(kinds.at(-1), 'finished');
  assert.ok(determining.includes('start'));
});
