/** The runs of a study: stopped and gone on with, extended, and what a run that fails costs. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { readConfig } from '../../src/run/record/config.ts';
import { readRun } from '../../src/run/record/read.ts';
import { candidateOf, networkOf } from '../../src/search/state.ts';
import { settingsSchema } from '../../src/search/settings.ts';
import { collectStudy } from '../../src/study/collect.ts';
import { configurationsOf } from '../../src/study/configurations.ts';
import { readStudy, type Study } from '../../src/study/file.ts';
import { checkFolder, plannedRuns, runStudy, strangersIn, type StudyItem } from '../../src/study/run.ts';
import { UserError } from '../../src/util/user-error.ts';
import { putSided } from '../data/places.ts';
import { newFolder, quadrantFolder, winnerOf } from '../support/runs.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Wanted {
  readonly repetitions?: number;
  readonly methods?: string;
  readonly epochs?: number;
}

const studyOf = ({ repetitions = 1, methods = 'shr, random', epochs = 12 }: Wanted = {}): Study =>
  readStudy(
    `title: Quadrants
dataset: ${JSON.stringify(quadrantFolder)}
preset: quick
engine: reference
repetitions: ${repetitions}
settings:
  widths: [3, 4]
  batch: 16
  augmentation: { flip: false, cutout: 0, mixup: 0.2 }
  vanilla: { epochs: 2 }
  step: { children: 4, mutations: 3, epochs: ${epochs} }
  limits: { steps: 1, parameters: 20000, multiplyAdds: 30000 }
  final: { epochs: 2 }
methods: [${methods}]
`,
    'study.yaml',
  );

/** The study from where it stands. `until`: after that item it is stopped, as Ctrl-C does. */
async function go(study: Study, root: string, until: (item: StudyItem) => boolean = () => false): Promise<StudyItem[]> {
  const controller = new AbortController();
  const items: StudyItem[] = [];
  for await (const item of runStudy(study, { root, jobs: 2, signal: controller.signal })) {
    items.push(item);
    if (until(item)) controller.abort(new Error('stopped'));
  }
  return items;
}

const told = (items: readonly StudyItem[]): string[] =>
  items.flatMap((item) =>
    item.kind === 'begun'
      ? [`${item.run.folder} ${item.resumed ? 'goes on' : 'begins'}`]
      : item.kind === 'ended'
        ? [`${item.run.folder} ${item.finished ? 'finished' : 'stopped'}`]
        : item.kind === 'failed'
          ? [`${item.run.folder} failed`]
          : [],
  );

const undisturbed = newFolder();
const first = await go(studyOf(), undisturbed);

await test('the vanilla network first, then the runs, which start from it', () => {
  assert.deepEqual(told(first).slice(0, 2), ['vanilla begins', 'vanilla finished']);
  assert.deepEqual(told(first).slice(2).toSorted(), ['random-1 begins', 'random-1 finished', 'shr-1 begins', 'shr-1 finished']);
  const checkpoints = ['vanilla', 'shr-1', 'random-1'].map(
    (folder) => candidateOf(readRun(join(undisturbed, folder)).state.search, 'vanilla').checkpoint,
  );
  assert.equal(new Set(checkpoints).size, 1);
  assert.equal(readRun(join(undisturbed, 'vanilla')).state.search.readings, 0, 'it does not read the test set');
});

await test('what is collected are the winners', () => {
  const { result, runs, vanilla } = collectStudy(studyOf(), undisturbed);
  assert.ok(vanilla !== null && runs.length === 2);
  assert.deepEqual(
    result.arms.map(({ name, baseline, outcomes }) => [name, baseline, outcomes.length]),
    [
      ['shr', false, 1],
      ['random', true, 1],
    ],
  );
  for (const { outcomes } of result.arms)
    for (const { run, test: accuracy, parameters, epochs, network } of outcomes) {
      const { search } = readRun(join(undisturbed, run)).state;
      assert.equal(accuracy, search.tests.get('final')?.measured.accuracy);
      assert.equal(parameters, candidateOf(search, 'final').parameters);
      assert.deepEqual(network, networkOf(search, 'final'));
      const winner = search.stop?.line ?? '';
      const grown = winner === 'vanilla' ? 0 : candidateOf(search, winner).epochs.length;
      assert.equal(epochs, 2 + grown + 2);
    }
});

await test('their configurations: what all share once, of each the rest, and no path', () => {
  const { runs } = collectStudy(studyOf(), undisturbed);
  const text = configurationsOf(runs);
  const { all, runs: each } = parse(text) as { all: Fields; runs: Readonly<Record<string, Fields>> };
  assert.deepEqual(Object.keys(each), ['shr-1', 'random-1']);
  assert.deepEqual(each['random-1'], { settings: { method: 'random' } });
  for (const { run, read } of runs) {
    const { path: _path, folder: _folder, where: _where, ...data } = read.config.data;
    const written = { ...(all['settings'] as Fields), ...(each[run.folder]?.['settings'] as Fields) };
    assert.ok(!('rounds' in written), 'a setting at its default is left out');
    const own = { ...all, settings: settingsSchema.parse(written) };
    assert.deepEqual(own, { ...read.config, data, vanilla: 'shared' });
  }
  for (const path of [undisturbed, runs[0]?.read.config.data.path ?? '']) assert.ok(!text.includes(path), text);
  assert.equal(configurationsOf(runs.slice(0, 1)).split('\nruns:\n')[1], '  shr-1: {}\n');
  assert.equal(configurationsOf([]), 'all: {}\nruns: {}\n', 'before a run has begun');
});

await test('stopped anywhere and gone on with: the same winners, and what had ended is left as it was', async () => {
  const root = newFolder();
  const stopped = await go(studyOf(), root, (item) => item.kind === 'item' && item.item.type === 'step');
  assert.ok(
    told(stopped).some((line) => line.endsWith('stopped')),
    told(stopped).join(),
  );
  const rest = await go(studyOf(), root);
  assert.ok(!told(rest).some((line) => line.startsWith('vanilla')), 'the vanilla network had ended');
  assert.ok(told(rest).some((line) => line.endsWith('goes on')));
  for (const folder of ['shr-1', 'random-1'])
    assert.equal(winnerOf(join(root, folder)), winnerOf(join(undisturbed, folder)), folder);
  assert.deepEqual(await go(studyOf(), root), [], 'then there is nothing left to do');
});

await test('more repetitions and methods are added, and the runs that are there are kept', async () => {
  const journal = join(undisturbed, 'shr-1', 'journal.jsonl');
  const before = statSync(journal).mtimeMs;
  const wider = studyOf({ repetitions: 2, methods: 'shr, random, vanilla' });
  checkFolder(wider, undisturbed);
  const items = await go(wider, undisturbed);
  assert.deepEqual(
    told(items)
      .filter((line) => line.endsWith('begins'))
      .toSorted(),
    ['random-2 begins', 'shr-2 begins', 'vanilla-1 begins', 'vanilla-2 begins'],
  );
  assert.equal(statSync(journal).mtimeMs, before);
  const other = [1, 2].map((repetition) => winnerOf(join(undisturbed, `shr-${repetition}`)));
  assert.notEqual(other[0], other[1], 'each repetition has a seed of its own');
});

await test('runs that were begun with other settings are refused before anything is written', () => {
  const refused = (study: Study, root: string, message: RegExp): void =>
    assert.throws(
      () => checkFolder(study, root),
      (error) => error instanceof UserError && message.test(error.message),
    );
  refused(studyOf({ epochs: 24 }), undisturbed, /was started with step.epochs 12, the file says 24/);
  refused({ ...studyOf(), engine: 'onnx' }, undisturbed, /was started with engine reference, the file says onnx/);
  refused({ ...studyOf(), imageSize: 4 }, undisturbed, /was started with imageSize null, the file says 4/);
  const other = newFolder();
  cpSync(undisturbed, other, { recursive: true });
  const path = join(other, 'shr-1', 'config.json');
  const config = readFileSync(path, 'utf8');
  writeFileSync(path, config.replace(/"hash": "[0-9a-f]+"/, `"hash": "${'0'.repeat(64)}"`));
  refused(studyOf(), other, /shr-1 was started with other images than the other runs of the study/);
});

await test('runs that the file does not name are known; the vanilla network takes one worker, however many run side by side', () => {
  const others = strangersIn(studyOf(), undisturbed);
  assert.ok(!others.includes('shr-1') && !others.includes('vanilla'), others.join());
  assert.deepEqual(
    strangersIn(studyOf({ methods: 'shr' }), undisturbed).filter((name) => !others.includes(name)),
    ['random-1'],
  );
  assert.equal(readRun(join(undisturbed, 'vanilla')).config.workers, 1);
});

await test('what a study was measured on is told by the settings that it is true of', () => {
  const variants = readStudy(
    `title: Widths
dataset: ${JSON.stringify(quadrantFolder)}
settings: { vanilla: { epochs: 2 } }
variants:
  - { name: narrow, settings: { widths: [2, 3] } }
  - { name: wide, settings: { widths: [8, 9] } }
  - { name: wider, settings: { widths: [8, 9], momentum: 0.8 } }
`,
    'study.yaml',
  );
  const { scale } = collectStudy(variants, newFolder()).result;
  assert.match(
    scale,
    /^narrow: .*; vanilla network of widths 2-3, 2 epochs; wide and wider: .*; vanilla network of widths 8-9, 2 epochs\.$/,
  );
});

await test('a run that cannot go on costs the study that run alone', async () => {
  const root = newFolder();
  await go(studyOf(), root, (item) => item.kind === 'item' && item.item.type === 'step');
  const damaged = plannedRuns(studyOf())
    .runs.map(({ folder }) => join(root, folder))
    .find((folder) => existsSync(join(folder, 'journal.jsonl')));
  assert.ok(damaged !== undefined);
  const journal = join(damaged, 'journal.jsonl');
  writeFileSync(journal, readFileSync(journal, 'utf8').replace('"type":"step"', '"type":"stepp"').replace('{"n":0', '{"n":7'));
  const items = await go(studyOf(), root);
  assert.equal(items.filter(({ kind }) => kind === 'failed').length, 1);
  assert.equal(items.filter((item) => item.kind === 'ended' && item.finished).length, 1);
  const { damaged: unreadable, runs } = collectStudy(studyOf(), root);
  assert.deepEqual([unreadable.length, runs.length], [1, 1]);
});

await test('how images become squares belongs to the file, else to the runs that are there', async () => {
  const place = newFolder();
  await putSided(join(place, 'wide'), [24, 9], 8, 2);
  const study = (fit: string, repetitions: number): Study =>
    readStudy(
      `title: Wide
dataset: ${JSON.stringify(join(place, 'wide'))}
preset: quick
engine: reference
repetitions: ${repetitions}
${fit}
settings: { widths: [2], batch: 4, vanilla: { epochs: 1 } }
variants: [{ name: one }]
`,
      'study.yaml',
    );
  const root = join(place, 'study');
  const fitsOf = (): unknown[] =>
    ['one-1', 'one-2'].map((name) => {
      const path = join(root, name, 'config.json');
      return existsSync(path) ? readConfig(path).data.reading?.fit : null;
    });
  await go(study('fit: crop', 1), root);
  assert.deepEqual(fitsOf(), ['crop', null]);
  assert.throws(() => checkFolder(study('fit: pad', 2), root), /one-1 was started with fit crop, the file says pad/);
  const wider = study('', 2);
  checkFolder(wider, root);
  await go(wider, root);
  assert.deepEqual(fitsOf(), ['crop', 'crop']);
  assert.throws(() => study('fit: cover', 1), /study\.yaml:6:6: fit must be one of crop, pad, stretch/);
});
