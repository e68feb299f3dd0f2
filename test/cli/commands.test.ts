/** The built program as a process: what it prints, writes and exits with. */
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readConfig } from '../../src/run/record/config.ts';
import type { PlanReport } from '../../src/run/planning/plan.ts';
import { linkOf } from '../../src/run/record/chain.ts';
import { readRun } from '../../src/run/record/read.ts';
import { replay } from '../../src/run/record/replay.ts';
import type { Entry } from '../../src/run/record/events.ts';
import { differingNames, settingNames } from '../../src/search/setting-names.ts';
import { must } from '../../src/util/assert.ts';
import { version } from '../../src/util/version.ts';
import { instar, makePhotos, newFolder, start, tiny, until, type Ended } from './fixtures.ts';

let folder = '';
let finished: Ended;
const search = (run: string, ...more: string[]): string[] => ['search', 'photos', ...tiny, '--run', run, ...more];

before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 20);
  finished = await instar(search('whole', '--json', '--baseline'), folder);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const entriesOf = (text: string): Entry[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Entry);

// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0009\u000b-\u001f\u007f]/;

/** The last checkpoint of the final line: equal for runs that are equal to the bit. */
const finalOf = (run: string): string | null =>
  must(readRun(join(folder, run)).state.search.candidates.get('final'), 'final').checkpoint;

test('search prints its journal as JSON lines, tells the rest on stderr, and leaves the best network', () => {
  assert.equal(finished.code, 0, finished.err);
  const journal = readFileSync(join(folder, 'whole', 'journal.jsonl'), 'utf8');
  // Without the hashes of its lines.
  const contents = journal.split('\n').map((line) => linkOf(line).content);
  assert.equal(finished.out, contents.join('\n'));
  const state = replay(entriesOf(finished.out));
  assert.ok(state.search.finished);
  assert.deepEqual(state, readRun(join(folder, 'whole')).state);
  for (const words of [
    'photos: 85 training images',
    'vanilla: epoch 2',
    'step 1, rung 3 of 3',
    'test accuracy',
    'Done in',
    'baseline',
    'all 85 training images',
    'to improve',
  ])
    assert.ok(finished.err.includes(words), `${words} in\n${finished.err}`);
  assert.doesNotMatch(finished.err, control);
  for (const file of ['best.safetensors', 'best.json']) assert.ok(existsSync(join(folder, 'whole', file)));
});

test('evaluate finds what the journal says of the test set, and predict sees what evaluate counts', async () => {
  const measured = must(readRun(join(folder, 'whole')).state.search.tests.get('final'), 'test');
  const { code, out, err } = await instar(['evaluate', 'whole', 'photos', '--json'], folder);
  assert.equal(code, 0, err);
  const found = JSON.parse(out) as { accuracy: number; loss: number; confusion: number[][]; own: boolean; images: number };
  assert.equal(found.accuracy, measured.measured.accuracy);
  assert.ok(Math.abs(found.loss - measured.measured.loss) < 1e-5);
  assert.deepEqual(found.confusion, measured.confusion);
  assert.ok(found.own);
  assert.equal(found.images, 15);

  const [text, all, predicted] = await Promise.all([
    instar(['evaluate', 'whole', 'photos'], folder),
    instar(['evaluate', 'whole', 'photos', '--part', 'all', '--json'], folder),
    instar(['predict', 'whole/best.safetensors', '--engine', 'reference', '--json', '--top', '5', ...photos()], folder),
  ]);
  assert.match(text.out, /accuracy [\d.]+ %/);
  assert.match(text.out, /the run's own data/);
  const right = (JSON.parse(predicted.out) as { image: string; classes: { name: string; probability: number }[] }[]).map(
    ({ image, classes }) => {
      assert.ok(Math.abs(classes.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-9);
      return image.split('/')[1] === classes[0]?.name ? 1 : 0;
    },
  );
  const share = right.reduce<number>((sum, one) => sum + one, 0) / right.length;
  assert.ok(
    share > 0.2 && Math.abs((JSON.parse(all.out) as { accuracy: number }).accuracy - share) < 1e-9,
    `${share} ${all.out}`,
  );
});

test('evaluate measures all of a folder that is not the run’s own, one class alone too, and says which part', async () => {
  const copyOf = (name: string, to: string, count: number): void => {
    mkdirSync(join(folder, to, name), { recursive: true });
    for (let index = 0; index < count; index++)
      cpSync(join(folder, 'photos', name, `${index}.png`), join(folder, to, name, `${index}.png`));
  };
  copyOf('coral', 'others', 7);
  copyOf('blue', 'others', 4);
  copyOf('green', 'alone', 6);
  mkdirSync(join(folder, 'unknown', 'strange'), { recursive: true });
  cpSync(join(folder, 'photos', 'amber', '0.png'), join(folder, 'unknown', 'strange', '0.png'));
  cpSync(join(folder, 'photos'), join(folder, 'copied'), { recursive: true });
  const evaluate = (...words: string[]): Promise<Ended> => instar(['evaluate', ...words], folder);
  const [others, alone, model, copied, held, unknown] = await Promise.all([
    evaluate('whole', 'others', '--json'),
    evaluate('whole', 'alone', '--json'),
    evaluate('whole/best.onnx', 'alone'),
    evaluate('whole', 'copied'),
    evaluate('whole/best.onnx', 'photos'),
    evaluate('whole', 'unknown'),
  ]);
  const counts = (text: string): number[] =>
    (JSON.parse(text) as { confusion: number[][] }).confusion.map((row) => row.reduce((sum, each) => sum + each, 0));
  assert.deepEqual(counts(others.out), [0, 4, 7, 0, 0], others.err);
  const said = JSON.parse(others.out) as { own: boolean; part: string; images: number };
  assert.deepEqual([said.own, said.part, said.images], [false, 'all', 11]);
  assert.deepEqual(counts(alone.out), [0, 0, 0, 6, 0], alone.err);
  assert.match(model.out, /on 6 images \(all that are there\) of alone\n/, model.err);
  assert.match(copied.out, /on 15 test images \(held out: 15 % of the folder\) of copied\n/, copied.err);
  assert.match(copied.out, /this is the run's own data/);
  assert.match(held.out, /on 15 test images \(held out[^\n]*\n[^]*The network was trained on photos, so only images/, held.err);
  assert.match(unknown.err, /^instar: unknown: the network does not know the class strange; it knows amber, /);
});

test('views: evaluate and an exported file have the same mean, and say so', async () => {
  const exported = await instar(['export', 'whole', '--onnx', 'flips.onnx', '--views', 'flips', '--json'], folder);
  assert.equal(exported.code, 0, exported.err);
  const { verified } = JSON.parse(exported.out) as { verified: { accuracy: number; fileAccuracy: number; images: number } };
  const [text, json, file] = await Promise.all([
    instar(['evaluate', 'whole', 'photos', '--views', 'flips'], folder),
    instar(['evaluate', 'whole', 'photos', '--views', 'flips', '--json'], folder),
    instar(['evaluate', 'flips.onnx', 'photos', '--json'], folder),
  ]);
  assert.match(text.out, /accuracy [\d.]+ %, mean over flips, loss/);
  const [ours, theirs] = [json, file].map(({ out }) => JSON.parse(out) as { accuracy: number; views: string; notes: string[] });
  assert.equal(must(ours, 'run').views, 'flips');
  assert.equal(verified.images, 15);
  assert.equal(must(ours, 'run').accuracy, verified.accuracy);
  assert.equal(must(theirs, 'file').accuracy, verified.fileAccuracy);
  assert.ok(must(theirs, 'file').notes.some((note) => note.includes('flips')));
});

const photos = (): string[] =>
  readdirSync(join(folder, 'photos')).flatMap((name) =>
    Array.from({ length: 20 }, (_none, index) => join('photos', name, `${index}.png`)),
  );

test('show tells a finished run, and changes nothing in its folder', async () => {
  const names = (): string[] => readdirSync(join(folder, 'whole'), { recursive: true, encoding: 'utf8' }).toSorted();
  const untouched = names();
  const [text, json] = await Promise.all([instar(['show', 'whole'], folder), instar(['show', 'whole', '--json'], folder)]);
  assert.equal(text.code, 0, text.err);
  for (const words of [
    'finished',
    'Step 1',
    'rungs 4×1 2×2 1×4',
    '★',
    'lineage',
    'certificates',
    '2 test evaluations',
    'dense 5',
  ])
    assert.ok(text.out.includes(words), `${words} in\n${text.out}`);
  assert.doesNotMatch(text.out, control);
  const shown = JSON.parse(json.out) as {
    state: string;
    readings: number;
    best: { line: string };
    steps: { children: unknown[] }[];
  };
  assert.deepEqual([shown.state, shown.readings, shown.best.line, shown.steps[0]?.children.length], ['finished', 2, 'final', 4]);
  assert.deepEqual(names(), untouched);
});

test('show passes over a torn last line and says so', async () => {
  cpSync(join(folder, 'whole'), join(folder, 'torn'), { recursive: true });
  appendFileSync(join(folder, 'torn', 'journal.jsonl'), '{"n":');
  const { code, out } = await instar(['show', 'torn'], folder);
  assert.equal(code, 0);
  assert.match(out, /last line of the journal is incomplete \(5 bytes\)/);
});

test('a damaged journal is one line and exit 2', async () => {
  cpSync(join(folder, 'whole'), join(folder, 'damaged'), { recursive: true });
  appendFileSync(join(folder, 'damaged', 'journal.jsonl'), 'nonsense\n');
  const { code, out, err } = await instar(['show', 'damaged'], folder);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /^instar: damaged\/journal.jsonl:\d+: not a line of JSON\n$/);
});

test('Ctrl-C keeps the best network; resume ends as an undisturbed run does', async () => {
  const program = start(search('stopped', '--json', '--baseline'), folder);
  await until(() => program.out().includes('"type":"step"'));
  program.process.kill('SIGINT');
  const stopped = await program.ended;
  assert.equal(stopped.code, 130, stopped.err);
  assert.equal(entriesOf(stopped.out).at(-1)?.type, 'interrupted');
  assert.match(stopped.err, /instar resume stopped/);
  assert.doesNotMatch(stopped.err, /\n {4}at /);
  assert.ok(existsSync(join(folder, 'stopped', 'best.safetensors')));
  const shown = await instar(['show', 'stopped'], folder);
  assert.match(shown.out, /interrupted/);
  assert.match(shown.out, /Best so far \(vanilla\)/);

  const resumed = await instar(['resume', 'stopped'], folder);
  assert.equal(resumed.code, 0, resumed.err);
  assert.match(resumed.out, /^Done in/);
  assert.equal(finalOf('stopped'), finalOf('whole'));
  const again = await instar(['resume', 'stopped'], folder);
  assert.equal(again.code, 0);
  assert.match(again.err, /the run is finished/);
});

test('a reader that goes away stops a search in order, and no command shows a stack', async () => {
  const program = start(search('unread', '--json'), folder);
  await until(() => program.out() !== '');
  program.process.stdout?.destroy();
  const stopped = await program.ended;
  assert.equal(stopped.code, 130, stopped.err);
  assert.equal(readRun(join(folder, 'unread')).state.interrupted, true);
  const show = start(['show', 'whole'], folder);
  show.process.stdout?.destroy();
  const shown = await show.ended;
  assert.deepEqual([shown.code, shown.err], [0, '']);
});

test('two processes on one run: the second is refused', async () => {
  const program = start(search('taken', '--json', '--set', 'step.epochs=1200'), folder);
  await until(() => program.out() !== '');
  const second = await instar(['resume', 'taken'], folder);
  program.process.kill('SIGTERM');
  assert.equal(second.code, 2);
  assert.match(second.err, /^instar: taken\/lock: the run is in use by another process \(\d+\)\n$/);
  assert.equal((await program.ended).code, 130);
});

test('data that cannot be learned from is one line, exit 2, and nothing is written', async () => {
  const { code, out, err } = await instar(['search', 'cache', ...tiny, '--run', 'nothing'], folder);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /^instar: [^\n]+\n$/);
  assert.ok(!existsSync(join(folder, 'nothing')) && !existsSync(join(folder, 'runs')));
});

const planned = (...more: string[]): string[] => ['plan', 'photos', ...tiny, ...more];

test('plan says what a search would do: a table of 80 columns, and the same as JSON', async () => {
  const there = readdirSync(folder).toSorted();
  const [text, json] = [await instar(planned('--baseline'), folder), await instar(planned('--baseline', '--json'), folder)];
  assert.deepEqual([text.code, json.code], [0, 0], text.err + json.err);
  for (const words of [
    'photos: 85 training images',
    'vanilla         2 epochs of 75 images',
    'step 1          4×1 2×2 1×4',
    'final training',
    'baseline',
    'total',
    'ends at the step limit',
    'insert-convolution',
    'With so few photos begin with a network',
    '\n  instar search photos --from start.onnx\n',
  ])
    assert.ok(text.out.includes(words), `${words} in\n${text.out}`);
  assert.doesNotMatch(text.out, control);
  assert.ok(
    text.out.split('\n').every((line) => line.length <= 80),
    text.out,
  );
  const report = JSON.parse(json.out) as PlanReport;
  assert.equal(json.out.split('\n').length, 2);
  const run = readRun(join(folder, 'whole')).state.search;
  const done = [...run.tasks.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(report.forecast.minibatches, done, 'what the search of the same options trained');
  // The memory limit comes from what is free.
  const determined = settingNames.filter((name) => name !== 'limits.memory');
  assert.deepEqual(
    differingNames(report.config.settings, readConfig(join(folder, 'whole', 'config.json')).settings, determined),
    [],
  );
  assert.deepEqual(readdirSync(folder).toSorted(), there);
});

test('plan says what a budget buys, or that it is too short', async () => {
  const [enough, short] = [await instar(planned('--budget', '30s'), folder), await instar(planned('--budget', '0.05s'), folder)];
  assert.equal(enough.code, 0, enough.err);
  assert.match(enough.out, /plan for 30s: \d+ of 85 training images/);
  assert.deepEqual([short.code, short.out], [2, '']);
  assert.match(short.err, /\ninstar: --budget 0s is too short on this machine: use at least \d+s\n$/);
});

test('searches of one second without --run have folders of their own; one that is refused leaves none', async () => {
  const short = await instar(['search', 'photos', ...tiny, '--budget', '0.05s'], folder);
  assert.equal(short.code, 2);
  assert.ok(!existsSync(join(folder, 'runs')));
  const both = await Promise.all([0, 1].map(() => instar(['search', 'photos', ...tiny, '--steps', '0'], folder)));
  for (const { code, err } of both) assert.equal(code, 0, err);
  assert.equal(readdirSync(join(folder, 'runs')).length, 2);
});

test('Ctrl-C ends a plan at once with 130', async () => {
  const program = start(planned(), folder);
  let told = '';
  program.process.stderr?.on('data', (part: string) => (told += part));
  await until(() => told.includes('measuring this machine'));
  const signalled = performance.now();
  program.process.kill('SIGINT');
  const { code, out } = await program.ended;
  assert.deepEqual([code, out], [130, '']);
  assert.ok(performance.now() - signalled < 5000);
});

test('help and version', async () => {
  const [help, about] = await Promise.all([instar(['search', '--help'], folder), instar(['--version'], folder)]);
  assert.deepEqual([help.code, help.err, about.code, about.out], [0, '', 0, `${version}\n`]);
  assert.match(help.out, /--max-params <n> +parameters of a network, such as 500k \(20M; laptop 2M, quick 500k\)/);
});

test('--cache names the folder of decoded data, for what a command starts too', async () => {
  const place = newFolder();
  await makePhotos(join(place, 'photos'), 12);
  const { code, err } = await instar(['plan', 'photos', ...tiny, '--cache', 'mine'], place);
  assert.equal(code, 0, err);
  assert.ok(readdirSync(join(place, 'mine')).some((name) => name.endsWith('.safetensors')));
  assert.equal(existsSync(join(place, 'cache')), false);
});
