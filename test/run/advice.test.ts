/** What a result says of its data and of next steps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviseTrainedStart, nextSteps, usedData, weakClasses } from '../../src/run/display/advice.ts';
import { observe, emptyView } from '../../src/run/display/view.ts';
import type { Config } from '../../src/run/record/config.ts';
import type { RunState } from '../../src/run/record/replay.ts';
import { must } from '../../src/util/assert.ts';
import { config, items, viewAt } from '../cli/scene.ts';

const done = items.reduce((view, { item, t }) => observe(view, item, t), emptyView).run;

/** Photos of three classes, of which the second is right least often. */
const photos: Config = {
  ...config,
  data: {
    ...config.data,
    where: '/photos',
    classes: ['cat', 'dog', 'emu'],
    shape: { channels: 3, height: 64, width: 64 },
    trainImages: 1800,
    testImages: 60,
  },
};

function tested(run: RunState, confusion: number[][], accuracy: number): RunState {
  const tests = new Map(run.search.tests).set('final', {
    ...must(run.search.tests.get('final'), 'test'),
    measured: { loss: 1, accuracy },
    confusion,
  });
  return { ...run, search: { ...run.search, tests } };
}
const confusion = [
  [19, 1, 0],
  [8, 10, 2],
  [0, 2, 18],
];
const ofPhotos = { run: tested(done, confusion, 47 / 60), config: photos, root: 'runs/my photos' };

test('what was used of the data, all of it or a part', () => {
  assert.equal(
    usedData({ run: done, config, root: '' }),
    'all 6,000 training images, 600 of them to compare networks; 1,000 test images',
  );
  const few = { ...config, settings: { ...config.settings, images: 1000 } };
  assert.match(usedData({ run: done, config: few, root: '' }), /^1,600 of 6,000 training images, 600 of them/);
});

test('classes are weak where they are below all, and were tested on enough images', () => {
  assert.deepEqual(
    weakClasses(ofPhotos).map(({ name }) => name),
    ['dog'],
  );
  const rare = tested(
    done,
    [
      [19, 1, 0],
      [2, 1, 0],
      [0, 2, 18],
    ],
    0.9,
  );
  assert.deepEqual(weakClasses({ run: rare, config: photos }), []);
  assert.deepEqual(weakClasses({ run: viewAt('final').view.run, config: photos }), []);
});

test('next steps, the most helpful first, at most three', () => {
  const budget = { ...photos, budget: 1800 };
  assert.deepEqual(nextSteps({ ...ofPhotos, config: budget }), [
    "give it more time: instar resume 'runs/my photos' --budget +30m",
    'add photos of the class that is right least often: dog (50.0 % right)',
    'start from a network that was trained on similar images: --from MODEL.onnx, or --from another run',
  ]);
  assert.deepEqual(nextSteps({ run: done, config, root: 'r' }).length, 2);
});

test('with few photos of a class a trained start is the first step, with what it gave and the command', () => {
  const few = { ...photos, data: { ...photos.data, reference: 'my photos', trainImages: 1499 } };
  const stepsOf = (changed: Config, run = ofPhotos.run): readonly string[] => nextSteps({ run, config: changed, root: 'r' });
  const [first = '', second = ''] = stepsOf(few);
  assert.match(
    first,
    /^begin with a network .*: instar search 'my photos' --from start\.onnx\ndocs\/trained-starts\.md says .* \d+\.\d %, from scratch \d+\.\d/,
  );
  assert.match(second, /--steps/);
  assert.match(stepsOf(few, viewAt('final').view.run)[1] ?? '', /^begin with/);
  const of = (data: Partial<Config['data']>): Config => ({ ...few, data: { ...few.data, ...data } });
  assert.doesNotMatch(stepsOf(of({ trainImages: 1500 })).join(), /begin with/);
  // Of many a sample was decoded.
  assert.doesNotMatch(stepsOf(of({ sampledFrom: 9000 })).join(), /begin with/);
  const { where: _where, ...named } = few.data;
  assert.doesNotMatch(stepsOf({ ...few, data: named }).join(), /begin with/);
});

test('a plan says it in two lines, and not where a network is given or photos are many', () => {
  const few = { ...photos, data: { ...photos.data, reference: 'photos', trainImages: 1499 } };
  const from: Config['from'] = { reference: 'm', checkpoint: '', imageSize: null, normalises: false, compared: null };
  const lines = adviseTrainedStart(few);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /instar search photos --from start\.onnx$/);
  assert.deepEqual(adviseTrainedStart({ ...few, from }), []);
  for (const trainImages of [1500, 30_000])
    assert.deepEqual(adviseTrainedStart({ ...few, data: { ...few.data, trainImages } }), []);
});

test('each step is said only where it can help', () => {
  const steps = (changed: Config, run = ofPhotos.run): string => nextSteps({ run, config: changed, root: 'r' }).join('\n');
  const grown: Config['from'] = { reference: 'm', checkpoint: '', imageSize: null, normalises: false, compared: null };
  assert.match(steps(photos), /--steps/);
  assert.match(
    steps({ ...photos, settings: { ...photos.settings, images: 300 } }),
    /use all 1,800 training images: without --images 300/,
  );
  const right = tested(
    done,
    [
      [20, 0, 0],
      [0, 20, 0],
      [0, 0, 20],
    ],
    1,
  );
  assert.match(steps(photos, right), /--image-size 96 \(now 64; each takes 2\.3 times as long\)/);
  assert.doesNotMatch(steps({ ...photos, from: grown }, right), /--from|--image-size/);
  const small = { ...photos, data: { ...photos.data, shape: { channels: 3, height: 48, width: 48 } } };
  assert.doesNotMatch(steps(small, right), /--image-size/);
  const limited = { ...done, search: { ...done.search, stop: { line: 's1c3', reason: 'limits' as const } } };
  assert.match(steps(photos, limited), /^allow larger networks/);
  const work = { ...photos, settings: { ...photos.settings, work: 15e12 } };
  assert.match(steps(work), /^train for longer: --work 30T/);
  assert.match(steps(photos, viewAt('final').view.run), /^let it finish/);
  // Files of fixed images: neither more photos nor larger ones.
  assert.doesNotMatch(steps(config, tested(done, confusion, 0.8)), /photos|--image-size|--from/);
});
