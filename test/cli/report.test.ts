/** `instar report` as a person calls it: what it writes, what it refuses, and the command line that it says begins the run again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { searchAgain } from '../../src/run/display/rerun-command.ts';
import { commandOptions } from '../../src/options/commands.ts';
import { createProgram, givenTo } from '../../src/cli/program.ts';
import { readSearch } from '../../src/cli/search.ts';
import { chainAnew } from '../../src/run/record/chain.ts';
import type { Config } from '../../src/run/record/config.ts';
import { type SearchOptions } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import { presets, type Settings } from '../../src/search/settings.ts';
import { must } from '../../src/util/assert.ts';
import { instar, makePhotos, newFolder, pretend, tiny } from './fixtures.ts';
import { config as sceneConfig } from './scene.ts';

let folder = '';
/** A folder's name, and so a class's. */
const strange = `<b onload='x'>&"`;

before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 20);
  renameSync(join(folder, 'photos', 'amber'), join(folder, 'photos', strange));
  const { code, err } = await instar(['search', 'photos', ...tiny, '--run', 'whole'], folder);
  assert.equal(code, 0, err);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const read = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');

test('a report stands beside the journal, which stays as it was; the figures in a folder of their own', async () => {
  const journal = read('whole', 'journal.jsonl');
  const { code, out, err } = await instar(['report', 'whole', '--figures', 'pictures/of it'], folder);
  assert.equal(code, 0, err);
  assert.match(out, /^whole\/report\.html: [\d.]+ KiB\npictures\/of it: \d+ figures\n$/);
  assert.equal(err, '');
  const page = read('whole', 'report.html');
  assert.match(page, /Of the \d+ validation images, final misclassifies \d+/);
  assert.ok(page.includes('&lt;b onload=&#39;x&#39;&gt;&amp;&quot;') && !page.includes('<b onload'));
  assert.ok(readdirSync(join(folder, 'pictures/of it')).includes('validation.svg'));
  assert.equal(read('whole', 'journal.jsonl'), journal);
});

test('without its data a run is reported still, and both page and stderr say what is missing', async () => {
  cpSync(join(folder, 'whole'), join(folder, 'moved'), { recursive: true });
  const moved = JSON.parse(read('moved', 'config.json')) as Config;
  const data = { ...moved.data, path: '/nowhere/gone.safetensors', hash: 'f'.repeat(64), reference: '/nowhere/photos' };
  const config = { ...moved, data };
  writeFileSync(join(folder, 'moved', 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'moved', 'journal.jsonl'), chainAnew(read('moved', 'journal.jsonl'), config));
  const { code, err } = await instar(['report', 'moved', '--out', 'moved.html'], folder);
  assert.equal(code, 0, err);
  assert.match(err, /^moved: no images: the decoded data \(\/nowhere\/gone\.safetensors\) is missing\n$/);
  assert.match(read('moved.html'), /Misclassified images are not shown: the decoded data/);
});

test('several runs go into one file, which must be named', async () => {
  const two = await instar(['report', 'whole', 'whole', '--out', 'both.html', '--figures', 'all'], folder);
  assert.equal(two.code, 0, two.err);
  assert.match(read('both.html'), /<h1>2 runs<\/h1>/);
  assert.ok(readdirSync(join(folder, 'all')).includes('2-whole-validation.svg'));
});

test('what cannot be: one line, exit 2, nothing written', async () => {
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'file'), '');
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /missing required argument 'run'/],
    [['whole', 'whole'], /^instar: --out FILE is missing: several runs go into one file\n$/],
    [['empty'], /^instar: empty holds no run/],
    [['whole', '--out', 'nowhere/x.html'], /^instar: --out nowhere\/x\.html: the folder does not exist\n$/],
    [['whole', '--out', 'empty'], /^instar: --out empty: exists and is not a file\n$/],
    [['whole', '--out', 'x.html', '--figures', 'file'], /^instar: --figures file cannot be made: /],
  ];
  for (const [parameters, line] of wrong) {
    const { code, out, err } = await instar(['report', ...parameters], folder);
    assert.equal(code, 2, parameters.join(' '));
    assert.match(err, line);
    assert.equal(out, '');
  }
  assert.ok(!existsSync(join(folder, 'empty', 'report.html')) && !existsSync(join(folder, 'x.html')));
});

/** A command line through a real shell and the real options, up to where the search would begin. */
async function asked(command: string): Promise<SearchOptions> {
  const words = execFileSync('sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
  const program = createProgram(pretend().io, () => undefined);
  let options: SearchOptions | undefined;
  const search = must(
    program.commands.find((each) => each.name() === 'search'),
    'search',
  );
  search.action((dataset: string) => void (options = readSearch(dataset, givenTo(search, commandOptions.search))));
  assert.equal(words[0], 'instar');
  await program.parseAsync(words.slice(1), { from: 'user' });
  return must(options, 'options');
}

const settingsOf = (options: SearchOptions): Settings => {
  const preset = presets[options.preset ?? 'laptop'];
  const merged = Object.entries(options.settings ?? {}).map(([name, value]) => {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return [name, isGroup ? { ...(preset[name as keyof Settings] as object), ...value } : value];
  });
  return { ...preset, ...(Object.fromEntries(merged) as Partial<Settings>) };
};

test('the command line that runs it again asks for the same run', async () => {
  const own = readRun(join(folder, 'whole')).config;
  const odd: Config = {
    ...sceneConfig,
    preset: 'paper',
    budget: 5400.5,
    workers: 3,
    data: { ...sceneConfig.data, reference: `it's a "folder" $HOME; ls`, folder: '/da ta', imageSize: 32 },
    settings: {
      ...presets.paper,
      seed: 7,
      method: 'shrsep',
      widths: [4],
      images: 100,
      weightDecay: 1e-7,
      baseline: true,
      augmentation: {
        ...presets.paper.augmentation,
        flip: false,
        normalise: false,
        shift: 0,
        cutout: 0.25,
        mixup: 0.2,
        edges: 'mirror',
        alternate: true,
        contrast: 0.3,
        policy: 'trivial',
      },
      limits: { ...presets.paper.limits, seconds: null, multiplyAdds: 5e7, memory: 123_456_789 },
    },
  };
  const given: Config = {
    ...odd,
    preset: 'laptop',
    settings: { ...presets.laptop, widths: [5] },
    from: { reference: 'my model.onnx', checkpoint: 'c', imageSize: null, normalises: true, compared: null },
    engine: { ...odd.engine, name: 'onnx', device: 'webgpu' },
  };
  const { dataset: whole } = await asked(searchAgain(own, 'from anywhere'));
  assert.equal(whole, join(folder, 'photos'));
  for (const config of [own, odd, given]) {
    const options = await asked(searchAgain(config, 'as given'));
    // The widths are those of the vanilla network, which a given one replaces.
    const widths = config.from === null ? {} : { widths: presets.laptop.widths };
    assert.deepEqual(settingsOf(options), { ...config.settings, ...widths });
    assert.deepEqual([options.from ?? null, options.device ?? 'cpu'], [config.from?.reference ?? null, config.engine.device]);
    const { dataset, preset, budget, workers, engine, convolution, dataFolder, imageSize } = options;
    assert.deepEqual(
      [dataset, preset, budget ?? null, workers, engine, convolution, dataFolder ?? null, imageSize ?? null],
      [
        config.data.reference,
        config.preset,
        config.budget,
        config.workers,
        config.engine.name,
        config.engine.convolution,
        config.data.folder,
        config.data.imageSize,
      ],
    );
  }
});
