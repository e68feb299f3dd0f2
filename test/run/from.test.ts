/** Searches that start from a given network: read, brought to the data, grown; killed and resumed; refused in one line. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { summary } from '../../src/cli/summary.ts';
import type { DataEvent } from '../../src/data/source.ts';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { linearHeadOf } from '../../src/network/head.ts';
import { parameterName } from '../../src/network/parameters.ts';
import { inputShapeOf, outputOf } from '../../src/network/network.ts';
import { neededCheckpoints } from '../../src/run/record/folder.ts';
import { readBest } from '../../src/run/record/best.ts';
import { resume, search, type SearchOptions } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { endsWithHead } from '../../src/search/head-alone.ts';
import { candidateOf, networkOf } from '../../src/search/state.ts';
import { fileCheckpoints } from '../../src/training/checkpoint.ts';
import { must } from '../../src/util/assert.ts';
import { UserError } from '../../src/util/user-error.ts';
import { fixture } from '../support/onnx-fixtures.ts';
import { handmadeModel, headOf } from '../support/onnx-models.ts';
import { collect, engine, finishedRun, newFolder, place, quadrantFolder, startProcess, tiny, winnerOf } from '../support/runs.ts';

const { widths: _widths, ...others } = tiny.settings ?? {};
const settings = { ...others, step: { children: 2, mutations: 3, epochs: 4 }, final: { epochs: 2 } };
const from = (name: string): SearchOptions => ({
  ...tiny,
  engine,
  from: fixture(name),
  settings: { ...settings, limits: { steps: 1, parameters: 40_000, multiplyAdds: 2_000_000, memory: 2 ** 32 } },
});

/** What it tells while it begins. */
function listening(options: SearchOptions): { readonly options: SearchOptions; readonly notes: string[] } {
  const notes: string[] = [];
  const onData = (event: DataEvent): void =>
    void (event.kind === 'note' && !event.message.startsWith('images are also') && notes.push(event.message));
  return { options: { ...options, onData }, notes };
}

const { options, notes } = listening(from('resnet-11'));
const whole = await finishedRun(options);

await test('the given network stands where the vanilla one would, and grows', async () => {
  const { config, state, folder, replay } = readRun(whole);
  assert.deepEqual(
    notes.map((note) => note.replace(/[\d.]+ %$/, '# %')),
    [
      "resnet-11.onnx does not say how its pixels are scaled; assumed: pixels normalised by the mean and deviation of the dataset's training images, which is usual; this may be wrong (--pixels, --mean, --std say otherwise)",
      'resnet-11.onnx was made for images of 28×28; it continues with 8×8, the size of quadrants',
      'resnet-11.onnx has 10 classes, quadrants has 4: its last layer is initialized again',
      'resnet-11.onnx: 6 batch normalisations are added after its convolutions, which training needs; logits are unchanged, the loss in training mode changes by # %',
    ],
  );
  const given = must(config.from, 'from');
  assert.equal(given.reference, fixture('resnet-11'));
  assert.equal(given.normalises, false);
  assert.ok(must(given.compared, 'comparison').difference <= 1e-5 && given.compared?.images === 24);
  const first = must(
    replay.entries.find((entry) => entry.type === 'vanilla'),
    'first network',
  );
  assert.ok(first.type === 'vanilla' && first.from?.checkpoint === given.checkpoint);
  assert.deepEqual(first.from?.compared, given.compared);
  const vanilla = candidateOf(state.search, 'vanilla');
  assert.deepEqual(inputShapeOf(networkOf(state.search, 'vanilla')), { channels: 1, height: 8, width: 8 });
  assert.deepEqual(outputOf(networkOf(state.search, 'vanilla')).layer, { kind: 'dense', features: 4 });
  assert.equal(networkOf(state.search, 'vanilla').nodes.filter(({ layer }) => layer.kind === 'batch-normalization').length, 6);
  assert.equal(vanilla.epochs.length, 2);
  assert.ok(
    [...state.search.candidates.values()].some(
      (line) => line.edits.length > 0 && line.certificate !== null && line.end?.kind !== 'lost',
    ),
  );
  // What it started from is not needed any more.
  const left = readdirSync(folder.checkpoints).map((name) => name.replace('.safetensors', ''));
  assert.deepEqual(new Set(left), neededCheckpoints(state.search, { hash: given.checkpoint, teaches: false }));
  assert.ok(!left.includes(given.checkpoint));
  assert.equal((await readBest(whole)).about.line, 'final');
});

await test('killed before its first epoch, and later, and resumed: the winner is the same', async () => {
  const run = newFolder();
  const plain = from('resnet-11');
  let running = startProcess('search', run, plain);
  for (const stop of ['vanilla', 'rung']) {
    for await (const { type } of running.events) if (type === stop) break;
    running.child.kill('SIGKILL');
    await running.ended;
    running = startProcess('resume', run, {});
  }
  assert.deepEqual(await running.ended, { code: 0, signal: null, errors: '' });
  assert.equal(winnerOf(run), winnerOf(whole));
});

await test('interrupted before its first event is written: what it starts from is read from its checkpoint', async () => {
  const run = newFolder();
  const controller = new AbortController();
  for await (const item of search({ ...from('resnet-11'), run, signal: controller.signal }))
    if (item.type === 'run') controller.abort();
  const { state, config, folder } = readRun(run);
  assert.equal(state.search.candidates.size, 0);
  const { checkpoint } = must(config.from, 'from');
  assert.deepEqual(readdirSync(folder.checkpoints), [`${checkpoint}.safetensors`]);
  await fileCheckpoints(folder.checkpoints).read(checkpoint);
  await collect(resume(run));
  assert.equal(winnerOf(run), winnerOf(whole));
});

await test('a model that normalises its images is seen as it was trained, by every job', async () => {
  const heard = listening({
    ...from('keras-global'),
    settings: { ...from('keras-global').settings, baseline: true, final: { epochs: 1 } },
  });
  const run = await finishedRun(heard.options);
  const { config, state } = readRun(run);
  assert.ok(config.from?.normalises === true);
  assert.ok(Math.abs((config.data.mean[0] as number) - 0.5) < 1e-6 && Math.abs((config.data.std[0] as number) - 0.5) < 1e-6);
  assert.deepEqual((await readBest(run)).about.mean, config.data.mean);
  assert.match(heard.notes[0] ?? '', /^keras-global\.onnx takes pixels from 0 to 255 and normalises them itself/);
  assert.deepEqual([...state.search.tests.keys()], ['final', 'baseline']);
  // From there, a run: nothing to compare, nothing to put in, its own normalisation and head.
  const next = listening({ ...from('keras-global'), from: run });
  const second = readRun(await finishedRun(next.options));
  assert.match(next.notes.join('\n'), /^run-\d+: [\d.]+ % of the validation images are right before training$/);
  assert.deepEqual(second.config.data.mean, config.data.mean);
  assert.equal(second.config.from?.compared, null);
  const best = await readBest(run);
  const exported = second.replay.entries.filter((entry) => entry.type === 'exported');
  assert.ok(exported.length > 0 && exported.every(({ problem }) => problem === null));
  // And from the file that the run gives people to take away, as from any other model.
  const taken = listening({ ...from('keras-global'), from: join(run, 'best.onnx'), budget: 60 });
  const controller = new AbortController();
  const third = newFolder();
  for await (const item of search({ ...taken.options, run: third, signal: controller.signal }))
    if (item.type === 'run') controller.abort();
  assert.match(
    taken.notes[0] ?? '',
    /^best\.onnx takes bytes and normalises them itself \(mean 0\.5, deviation 0\.5\), channels last$/,
  );
  assert.match(taken.notes[1] ?? '', /^best\.onnx: [\d.]+ % of the validation images are right before training$/);
  const accuracy = (of: readonly string[]): string => /[\d.]+ %/.exec(of[0] ?? '')?.[0] ?? '';
  assert.equal(accuracy(taken.notes.slice(1)), accuracy(next.notes));
  assert.ok((readRun(third).config.from?.compared?.difference ?? 1) <= 1e-5);
  assert.deepEqual(networkOf(second.state.search, 'vanilla'), best.network);
});

await test('a budget is planned with the given network', async () => {
  const run = newFolder();
  const controller = new AbortController();
  for await (const item of search({ ...from('resnet-11'), budget: 60, run, signal: controller.signal }))
    if (item.type === 'vanilla') controller.abort();
  assert.ok(readRun(run).state.plan !== null);
});

/** What is refused before anything is written, with these words. */
const write = (name: string, model: Parameters<typeof encodeModel>[0]): string => {
  const path = join(place, name);
  writeFileSync(path, encodeModel(model));
  return path;
};

await test('refused in one line, and nothing is written', async () => {
  const colour = write(
    'colour.onnx',
    handmadeModel((g, x) => headOf(g, g.node('Relu', [x]), 3), { extents: [3, 8, 8] }),
  );
  const endless = write(
    'pool.onnx',
    handmadeModel((g, x) => g.node('GlobalAveragePool', [g.node('Relu', [x])]), { extents: [1, 8, 8] }),
  );
  const damaged = join(place, 'damaged.onnx');
  writeFileSync(damaged, readFileSync(fixture('vgg-11')).subarray(0, 20_000));
  const fifo = join(place, 'fifo.onnx');
  execFileSync('mkfifo', [fifo]);
  const limits = (changed: object): SearchOptions => ({
    ...from('resnet-11'),
    settings: { ...settings, limits: { steps: 1, memory: 2 ** 32, ...changed } },
  });
  const refused: readonly (readonly [options: SearchOptions, says: RegExp])[] = [
    [from('vgg-11'), /vgg-11\.onnx takes images of 28×28 only; those of quadrants are 8×8$/],
    [{ ...tiny, from: colour }, /colour\.onnx takes images of 3 channels, those of quadrants have 1$/],
    [
      { ...tiny, from: endless },
      /pool\.onnx: its last layer is global-average-pool; a dense layer or a convolution with one row a class is needed$/,
    ],
    [{ ...tiny, from: damaged }, /^damaged\.onnx: not a valid ONNX file: /],
    [{ ...tiny, from: fifo }, /fifo\.onnx: neither a file nor a folder$/],
    [{ ...tiny, from: join(place, 'missing.onnx') }, /missing\.onnx: does not exist/],
    [{ ...tiny, from: quadrantFolder }, /holds no run/],
    [limits({ parameters: 5000 }), /resnet-11\.onnx has 5,[\d]+ parameters, over the limit of 5,000 \(--max-params\)$/],
    [
      limits({ multiplyAdds: 1000 }),
      /resnet-11\.onnx has [\d,]+ multiply-adds an image, over the limit of 1,000 \(--max-macs\)$/,
    ],
    [limits({ memory: 2 ** 20 }), /a worker needs about \d+ MiB for .*resnet-11\.onnx/],
    [
      { ...from('keras-global'), settings: { ...settings, augmentation: { normalise: false } } },
      /^--no-normalise: .*keras-global\.onnx was trained with images that are normalised/,
    ],
  ];
  for (const [asked, says] of refused) {
    const run = newFolder();
    await assert.rejects(collect(search({ ...asked, run })), (error: unknown) => {
      assert.ok(error instanceof UserError, String((error as Error).stack));
      assert.match(error.message, says);
      assert.ok(!error.message.includes('\n'));
      return true;
    });
    assert.ok(!existsSync(run), `${run} was written`);
  }
});

await test('without a method it is fine-tuned: its head first, then all layers, and the same bits after a kill', async () => {
  const { method: _method, step: _step, final: _final, vanilla: _vanilla, augmentation: _augmentation, ...rest } = settings;
  const asked: SearchOptions = {
    ...tiny,
    engine,
    from: join(whole, 'best.safetensors'),
    settings: { ...rest, limits: { memory: 2 ** 32 }, work: 4e9 },
  };
  const { preset: _preset, ...tuned } = asked;
  const run = newFolder();
  await collect(search({ ...tuned, run }));
  const { config, state } = readRun(run);
  assert.equal(config.preset, 'tune');
  assert.equal(config.settings.method, 'tune');
  const head = candidateOf(state.search, 'vanilla');
  assert.equal(head.epochs.length, 1);
  const [warming, falling, ...more] = state.search.segments.final;
  assert.ok(warming?.from === 1 && warming.to === 0 && falling?.from === 0 && falling.to === 1 && more.length === 0);
  assert.ok(candidateOf(state.search, 'final').epochs.every(({ validation }) => validation !== null));
  assert.ok(state.search.finished);
  const again = newFolder();
  let running = startProcess('search', again, tuned);
  for (const stop of ['vanilla', 'slice']) {
    for await (const { type } of running.events) if (type === stop) break;
    running.child.kill('SIGKILL');
    await running.ended;
    running = startProcess('resume', again, {});
  }
  assert.deepEqual(await running.ended, { code: 0, signal: null, errors: '' });
  assert.equal(winnerOf(again), winnerOf(run));
});

await test('where all but the head stays as it is, the head is trained once, tested and written; the rest keeps its bits', async () => {
  const { preset: _preset, ...plain } = tiny;
  const run = newFolder();
  const start = join(whole, 'best.safetensors');
  const limits = { memory: 2 ** 32 };
  await collect(
    search({ ...plain, engine, from: start, settings: { limits, work: 4e9, optimizer: { freeze: 'all-but-head' } }, run }),
  );
  const { state, replay, config } = readRun(run);
  assert.ok(state.search.finished && endsWithHead(state.search));
  assert.deepEqual(
    replay.entries.flatMap((entry) => (entry.type === 'task' ? [entry.task] : [])),
    ['vanilla', 'final/test'],
  );
  const { tensors, about, network } = await readBest(run);
  assert.equal(about.line, 'final');
  const before = (await readBest(start)).tensors;
  const head = must(linearHeadOf(network), 'head').node.id;
  const changed = Object.keys(tensors).filter((name) => !isDeepStrictEqual(tensors[name], before[name]));
  assert.deepEqual(changed.toSorted(), [parameterName(head, 'bias'), parameterName(head, 'kernel')].toSorted());
  assert.ok(state.exports.get('final')?.problem === null);
  const story = summary(state, config, run, '', false)[0] ?? '';
  assert.match(story, /best\.safetensors with a head of its own$/);
});

await test('a fine-tuning that diverges leaves the head that was trained before it', async () => {
  const { preset: _preset, ...plain } = tiny;
  const run = newFolder();
  await collect(
    search({
      ...plain,
      engine,
      from: join(whole, 'best.safetensors'),
      // Rates that destroy it: the first layer's too.
      settings: {
        batch: 16,
        limits: { memory: 2 ** 32 },
        work: 2e9,
        final: { rate: 10 },
        optimizer: { firstRate: 1 },
        weightDecay: 1,
      },
      run,
    }),
  );
  const { state } = readRun(run);
  assert.ok(state.search.undone && state.search.finished);
  assert.equal(candidateOf(state.search, 'final').checkpoint, candidateOf(state.search, 'vanilla').checkpoint);
  assert.equal((await readBest(run)).about.line, 'final');
});

await test('fine-tuning without a network is refused', async () => {
  const { preset: _preset, ...plain } = tiny;
  await assert.rejects(
    collect(search({ ...plain, engine, settings: { method: 'tune' }, run: newFolder() })),
    new UserError('--method tune fine-tunes a network that is given: name it with --from'),
  );
});
