/** A vanilla network that another run trained; and what is measured without deciding anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { search, type SearchOptions } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { candidateOf } from '../../src/search/state.ts';
import { UserError } from '../../src/util/user-error.ts';
import { collect, newFolder, tiny, winnerOf } from '../support/runs.ts';

const shared = newFolder();
const runToEnd = (options: SearchOptions) => collect(search(options));
const tinyWith = (settings: NonNullable<SearchOptions['settings']>): SearchOptions => ({
  ...tiny,
  settings: { ...tiny.settings, ...settings },
});
await runToEnd({ ...tinyWith({ limits: { ...tiny.settings?.limits, steps: 0 }, final: { epochs: 0 } }), run: shared });

/** One that trained its own. */
const own = newFolder();
await runToEnd({ ...tiny, run: own });

await test('without steps and final training a run is the vanilla network, validated and not tested', () => {
  const { state } = readRun(shared);
  assert.ok(state.search.finished);
  assert.equal(state.search.readings, 0);
  assert.deepEqual([...state.search.candidates.keys()], ['vanilla', 'final']);
  assert.equal(candidateOf(state.search, 'final').checkpoint, null);
  assert.equal(state.exports.get('vanilla')?.problem, null, 'its export is verified');
});

await test('a run that takes over a vanilla network ends as one that trained it', async () => {
  const taking = newFolder();
  await runToEnd({ ...tiny, run: taking, vanilla: shared });
  assert.equal(winnerOf(taking), winnerOf(own));
  const epochs = (run: string) => candidateOf(readRun(run).state.search, 'vanilla').epochs;
  assert.deepEqual(epochs(taking), epochs(own));
});

await test('another seed grows otherwise, from the same network', async () => {
  const other = newFolder();
  await runToEnd({ ...tinyWith({ seed: 2 }), run: other, vanilla: shared });
  const { search: state } = readRun(other).state;
  assert.equal(candidateOf(state, 'vanilla').checkpoint, candidateOf(readRun(shared).state.search, 'vanilla').checkpoint);
  assert.ok(state.finished);
});

await test('what was trained otherwise, or not to its end, is not taken over', async () => {
  const taken = async (options: SearchOptions): Promise<string> => {
    const run = newFolder();
    try {
      await runToEnd({ ...options, run });
    } catch (error) {
      assert.ok(error instanceof UserError);
      return error.message.replace(options.vanilla ?? '', 'RUN');
    }
    throw new Error('it was taken over');
  };
  assert.equal(
    await taken({ ...tinyWith({ widths: [3, 5] }), vanilla: shared }),
    'RUN: its vanilla network was trained with widths [3,4], not [3,5]',
  );
  const short = newFolder();
  for await (const event of search({ ...tiny, run: short })) if (event.type === 'epoch') break;
  assert.equal(await taken({ ...tiny, vanilla: short }), 'RUN: its vanilla network is not trained to the end');
});

await test('validation under the training augmentation is measured beside the clean one, and changes nothing', async () => {
  const measured = newFolder();
  await runToEnd({ ...tinyWith({ augmentedValidation: true }), run: measured });
  assert.equal(winnerOf(measured), winnerOf(own));
  const mixed = newFolder();
  const mixup = { flip: false, shift: 0, cutout: 0, mixup: 1 };
  await runToEnd({ ...tinyWith({ augmentedValidation: true, augmentation: mixup }), run: mixed });
  const pointsOf = (run: string) => [...readRun(run).state.search.candidates.values()].flatMap(({ epochs }) => epochs);
  // Validation images are not mixed, and mixup is all that this run has.
  for (const { augmented, validation } of pointsOf(mixed)) assert.deepEqual(augmented, validation);
  const points = pointsOf(measured);
  assert.ok(points.some(({ augmented }) => augmented !== null));
  for (const { augmented, validation } of points) {
    assert.equal(augmented === null, validation === null);
    if (augmented === null) continue;
    assert.ok(augmented.accuracy >= 0 && augmented.accuracy <= 1);
    assert.notEqual(augmented.loss, validation?.loss);
  }
});
