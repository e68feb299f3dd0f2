/** The table of options: what each kind reads; and that a row is all that an option needs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { z } from 'zod';
import { addOptions, choiceLines, givenTo } from '../../src/cli/program.ts';
import { checkOptions, checkPlan, checkResume, checkSearch } from '../../src/options/check.ts';
import { fieldOf, formShape, pageOptions, wordsOf } from '../../src/options/form.ts';
import { bytes, choice, colour, count, numbers, time, whole } from '../../src/options/kinds.ts';
import { defaultOf, readOption, readTexts, runOptionsIn, settingsIn, type Options } from '../../src/options/option.ts';
import { assignments } from '../../src/options/setting-values.ts';
import { planOptions, queueOptions, runOptions } from '../../src/options/table.ts';
import { methodNames } from '../../src/search/methods/table.ts';
import { settingNames, valueOf } from '../../src/search/setting-names.ts';
import { mergeSettings, presetNames, presets, settingsSchema } from '../../src/search/settings.ts';
import { readAddress } from '../../src/util/file-address.ts';
import { UserError } from '../../src/util/user-error.ts';
import { searchForm } from '../../src/web/api.ts';

const valueIn = (reading: object): unknown => ('value' in reading ? reading.value : reading);

test('counts, bytes, times and lists as people write them', () => {
  const read = (kind: typeof count, texts: readonly string[]): unknown => texts.map((text) => valueIn(kind.read(text)));
  assert.deepEqual(read(count, ['500k', '1.5M', '20M', '20000000', '7']), [5e5, 1.5e6, 2e7, 2e7, 7]);
  assert.deepEqual(read(bytes, ['512M', '2G', '2GiB', '1024']), [2 ** 29, 2 ** 31, 2 ** 31, 1024]);
  assert.deepEqual(read(time, ['90s', '30m', '1h30m', '45']), [90, 1800, 5400, 45]);
  assert.deepEqual(valueIn(numbers.read('32, 64')), [32, 64]);
  assert.equal(valueIn(colour.read('#FF8000')), '#ff8000');
  for (const [kind, text] of [
    [count, '2GiB'],
    [count, '0'],
    [count, '1e3'],
    [bytes, '2Gx'],
    [time, '0'],
    [numbers, '8,,9'],
    [colour, '#fff'],
    [colour, 'white'],
  ] as const)
    assert.ok('wrong' in kind.read(text), text);
  assert.deepEqual(
    [7, 950, 12_000, 500_000, 1_234_567, 40_000_000].map((value) => count.write?.(value)),
    ['7', '950', '12k', '500k', '1.23M', '40M'],
  );
});

test('--set reaches every setting with its own value', () => {
  for (const name of settingNames) {
    const value = valueOf(presets.paper, name);
    assert.deepEqual(valueIn(assignments.read(`${name}=${JSON.stringify(value)}`)), [{ name, value }]);
  }
  const set = ['step.eta=3', 'step.children=9', 'widths=8,16', 'images=null', 'step.eta=4'];
  assert.deepEqual(settingsIn(planOptions, readTexts(planOptions, { set, eta: ['2'] })), {
    step: { eta: 4, children: 9 },
    widths: [8, 16],
    images: null,
  });
  assert.deepEqual(valueIn(assignments.read('widths=8')), [{ name: 'widths', value: [8] }]);
});

test('--set reaches single values of a setting that holds them by name, beside each other and after the whole', () => {
  const set = ['optimizer.rates.shift=8', 'optimizer.rates.head-kernel=2', 'optimizer.decays.shift=1', 'operators.split=3'];
  const given = settingsIn(planOptions, readTexts(planOptions, { set }));
  assert.deepEqual(given, {
    optimizer: { rates: { shift: 8, 'head-kernel': 2 }, decays: { shift: 1 } },
    operators: { split: 3 },
  });
  const { optimizer } = settingsSchema.parse(mergeSettings(presets.quick, given));
  assert.deepEqual(optimizer, { ...presets.quick.optimizer, rates: { shift: 8, 'head-kernel': 2 }, decays: { shift: 1 } });
  const replaced = [
    'optimizer.rates.shift=8',
    'optimizer.rates={"kernel":2}',
    'optimizer.rates.mix=3',
    'optimizer.name=nesterov',
  ];
  assert.deepEqual(settingsIn(planOptions, readTexts(planOptions, { set: replaced })), {
    optimizer: { rates: { kernel: 2, mix: 3 }, name: 'nesterov' },
  });
  for (const [text, wrong] of [
    ['optimizer.rates.shfit=8', /^there is no setting optimizer\.rates\.shfit; did you mean optimizer\.rates\.shift\?$/],
    ['optimizer.rates.shift=-1', /^must be at least 0$/],
    ['optimizer.rates.shift=fast', /^must be a number$/],
    ['optimizer.rates={"shift":"fast"}', /^must be a number$/],
    ['optimizer.rates={"shfit":8}', /shfit|one of/],
    ['optimizer.name.shift=8', /^there is no setting optimizer\.name\.shift/],
    ['operators.split=0', /^must be more than 0$/],
  ] as const)
    assert.match((assignments.read(text) as { wrong: string }).wrong, wrong, text);
  const settings = { optimizer: { rates: { shift: 8 } }, operators: { split: 1 } };
  assert.deepEqual(checkSearch({ dataset: './photos', settings }), { dataset: './photos', settings });
});

test('every default can be written as it is shown, and choices are those of their owners', () => {
  for (const [key, option] of Object.entries<Options[string]>(planOptions))
    for (const preset of presetNames) {
      const text = defaultOf(option, preset);
      if (option.usual !== undefined || text === '' || ['all', 'no limit', 'planned'].includes(text)) continue;
      assert.deepEqual(
        valueIn(readOption(option, text)),
        valueOf(presets[preset], option.settings?.[0] ?? ''),
        `${key} of ${preset}`,
      );
    }
  assert.deepEqual(Object.keys(planOptions.method.kind.choices ?? {}), methodNames);
  assert.deepEqual(Object.keys(planOptions.preset.kind.choices ?? {}), presetNames);
});

const dummies = {
  ...planOptions,
  sheen: {
    kind: whole,
    group: 'Polish',
    bounds: z.int().min(2).max(9),
    help: 'how bright the leaves are',
    usual: '3',
    advanced: true,
  },
  leafShape: { kind: choice({ oval: 'like an egg', star: 'like a star' }), group: 'Polish', help: 'the outline', usual: 'oval' },
  secondSeed: { kind: whole, group: 'Search', settings: ['seed'], help: 'the seed again' },
} as const satisfies Options;

test('a row is all that an option of the command line needs', () => {
  const command = new Command('dummy').exitOverride();
  addOptions(command, dummies);
  command.configureHelp({ helpWidth: 110 });
  const help = command.helpInformation();
  assert.match(
    help,
    /^Polish:\n {2}--sheen <n> +how bright the leaves are \(3\)\n {2}--leaf-shape <name> +the outline \(oval\)$/m,
  );
  assert.match(help, /--second-seed <n> +the seed again \(1\)$/m);
  assert.match(choiceLines(dummies), /^--leaf-shape:\n {2}oval {2}like an egg\n {2}star {2}like a star$/m);
  command.parse(['--sheen', '4', '--leaf-shape', 'star', '--second-seed', '8', '--no-flip'], { from: 'user' });
  const given = givenTo(command, dummies);
  assert.deepEqual(given, { sheen: 4, leafShape: 'star', secondSeed: 8, noFlip: true });
  assert.deepEqual(settingsIn(dummies, given), { seed: 8, augmentation: { flip: false } });
  assert.deepEqual(runOptionsIn(dummies, given), { sheen: 4, leafShape: 'star' });
  for (const [words, augmentation] of [
    ['--flip', { flip: true }],
    ['--no-flip', { flip: false }],
  ] as const) {
    const one = new Command('dummy').exitOverride();
    addOptions(one, dummies);
    one.parse([words, '--no-balance'], { from: 'user' });
    assert.deepEqual(settingsIn(dummies, givenTo(one, dummies)), { balance: false, augmentation });
  }
  const refused = new Command('dummy').exitOverride();
  addOptions(refused, dummies);
  refused.parse(['--sheen', '10'], { from: 'user' });
  assert.throws(() => givenTo(refused, dummies), new UserError('--sheen 10: must be at most 9'));
});

test('a row is all that an option of the dashboard needs', () => {
  const form = z.strictObject(formShape(dummies));
  assert.deepEqual(form.parse({ sheen: 4, leafShape: 'star', baseline: true }), {
    sheen: '4',
    leafShape: 'star',
    baseline: true,
  });
  for (const wrong of [{ sheen: '1' }, { sheen: true }, { leafShape: 'round' }, { baseline: 'yes' }, { run: 'x' }])
    assert.ok(!form.safeParse(wrong).success, JSON.stringify(wrong));
  assert.deepEqual(wordsOf(dummies, { sheen: '4', baseline: true, noFlip: false, budget: undefined }), [
    '--baseline',
    '--sheen=4',
  ]);
  assert.ok(pageOptions(dummies).some(([key]) => key === 'sheen'));
  const field = fieldOf('leafShape', dummies.leafShape, 'laptop', { leafShape: 'star' });
  const { problem, ...shown } = field;
  assert.deepEqual(shown, {
    id: 'leaf-shape',
    label: 'Leaf shape',
    kind: 'select',
    help: 'The outline. star: like a star.',
    usual: 'oval',
    choices: [
      ['', 'oval (default)'],
      ['star', 'star'],
    ],
  });
  assert.equal(problem('round'), 'must be one of oval, star');
  const sheen = fieldOf('sheen', dummies.sheen, 'quick', {});
  assert.deepEqual([sheen.kind, sheen.usual, sheen.problem('x'), sheen.problem('')], ['numeric', '3', 'must be a number', null]);
});

test('a row is all that an option of the library needs', () => {
  assert.deepEqual(checkOptions({ sheen: 4, leafShape: 'star', budget: '1h', engine: undefined }, dummies), {
    sheen: 4,
    leafShape: 'star',
    budget: 3600,
  });
  assert.throws(() => checkOptions({ sheen: 1 }, dummies), new UserError('sheen: must be at least 2', 'INSTAR_WRONG_OPTION'));
  assert.throws(
    () => checkOptions({ shene: 4 }, dummies),
    new UserError('there is no option shene; did you mean sheen?', 'INSTAR_UNKNOWN_OPTION'),
  );
});

test('the library says in one line which option is wrong', () => {
  const dataset = './photos';
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{}, /^dataset: is missing/],
    [{ dataset: 3 }, /^dataset: must be a string/],
    [{ dataset, preset: 'laptopp' }, /^preset: must be one of auto, tune, shrink, paper, laptop, quick; did you mean laptop\?$/],
    [{ dataset, presett: 'quick' }, /^there is no option presett; did you mean preset\?$/],
    [{ dataset, budget: 'soon' }, /^budget: must be a time such as 90s, 30m or 1h30m$/],
    [{ dataset, budget: 0 }, /^budget: must be more than 0$/],
    [{ dataset, budget: null }, /^budget: must be a time such as 90s, 30m or 1h30m$/],
    [{ dataset, workers: '4' }, /^workers: must be a number$/],
    [{ dataset, workers: 1.5 }, /^workers: must be a whole number$/],
    [{ dataset, steps: 2 }, /^steps: is a setting; write it as limits\.steps in settings$/],
    [{ dataset, set: ['a=1'] }, /^there is no option set/],
    [
      { dataset, settings: { step: { etta: 3 } } },
      /^settings: step\.etta: there is no setting step\.etta; did you mean step\.eta\?$/,
    ],
    [{ dataset, settings: { method: 'darts' } }, /^settings: method: must be one of grow, tune, shrink, nash, /],
    [{ dataset, settings: { augmentation: false } }, /^settings: augmentation: there is no setting augmentation/],
    [{ dataset, settings: 'sh' }, /^settings: must be a group of settings$/],
    [{ dataset, from: 'a.onnx', settings: { widths: [8] } }, /^settings\.widths are those of the vanilla network/],
    [
      { dataset, from: 'a.onnx', settings: { start: { network: 'staged' } } },
      /^settings\.start\.network names a start network, which from/,
    ],
    [{ dataset, settings: { start: { network: 'resnet' } } }, /^settings: start\.network: must be one of vanilla, staged$/],
    [{ dataset, background: 'white' }, /^background: must be a colour such as #ffffff$/],
    [{ dataset, strict: 'yes' }, /^strict: /],
    [{ dataset, signal: {} }, /^signal: must be an AbortSignal$/],
    [{ dataset, onData: 1 }, /^onData: must be a function$/],
  ];
  for (const check of [checkPlan, checkSearch])
    for (const [options, message] of wrong)
      assert.throws(
        () => check(options),
        (error) => error instanceof UserError && message.test(error.message) && !error.message.includes('\n'),
        JSON.stringify(options),
      );
  assert.throws(() => checkPlan({ dataset, run: 'x' }), /^.*there is no option run/);
  assert.throws(() => checkSearch({ dataset, elsewhere: { queu: 'x' } }), /there is no option queu; did you mean queue\?/);
  assert.throws(() => checkResume({ workers: 2 }), /there is no option workers/);
  const signal = new AbortController().signal;
  const settings = { method: 'sh', step: { eta: 3 }, images: null, limits: { steps: undefined } };
  const right = { dataset, settings, signal, dataFolder: 'd', vanilla: 'v', budget: 60, elsewhere: { queue: 'q', store: 's' } };
  assert.deepEqual(checkSearch(right), right);
  assert.deepEqual(checkResume({ budget: '10m', mixed: true }), { budget: 600, mixed: true });
});

test('a choice that is no default can be left again, and one that goes with another option is offered with it', () => {
  const fit = fieldOf('fit', planOptions.fit, 'auto', {});
  assert.deepEqual(fit.choices[0], ['', planOptions.fit.usual]);
  const offered = (form: Readonly<Record<string, string>>, preset: 'auto' | 'tune'): readonly string[] =>
    fieldOf('method', planOptions.method, preset, form).choices.map(([, words]) => words);
  assert.ok(!offered({}, 'auto').some((words) => words.startsWith('tune')));
  assert.ok(!offered({ from: '' }, 'auto').some((words) => words.startsWith('tune')));
  assert.equal(
    offered({ from: 'net.onnx' }, 'tune').find((words) => words.includes('default')),
    'tune (default)',
  );
});

test('a network is named by a path or by an address with its hash', () => {
  const digits = 'aB0'.repeat(21) + 'c';
  const read = (text: string): unknown => valueIn(readOption(planOptions.from, text));
  for (const right of [
    'net.onnx',
    './runs/one',
    'C:\\net.onnx',
    `https://example.org/net.onnx#sha256=${digits}`,
    `http://localhost:8000/net.onnx#sha256=${digits}`,
    `http://[::1]:8000/net.onnx#sha256=${digits}`,
    // Whoever downloads it says what it has to be.
    'https://example.org/net.onnx',
  ]) {
    assert.equal(read(right), right);
    assert.deepEqual(checkSearch({ dataset: 'd', from: right }), { dataset: 'd', from: right });
  }
  for (const [wrong, message] of [
    ['', /^must not be empty$/],
    ['https://example.org/net.onnx#net', /^must end with #sha256= and the 64 digits/],
    [`https://example.org/net.onnx#sha256=${digits}0`, /^must end with #sha256=/],
    [`https://example.org/net.onnx#sha1=${digits}`, /^must end with #sha256=/],
    [`http://example.org/net.onnx#sha256=${digits}`, /^must be a path or begin with https:/],
    [`http://localhost.example.org/net.onnx#sha256=${digits}`, /^must be a path or begin with https:/],
    [`file:///net.onnx#sha256=${digits}`, /^must be a path or begin with https:/],
    [`https://user@example.org/net.onnx#sha256=${digits}`, /^must not hold a user or a password$/],
    ['https://exa mple/', /^must be a path or an address$/],
  ] as const) {
    assert.match((read(wrong) as { wrong: string }).wrong, message, wrong);
    if (wrong !== '')
      assert.throws(() => checkSearch({ dataset: 'd', from: wrong }), /^UserError: from: must|^Error: from: must/);
  }
  assert.deepEqual(readAddress(`https://example.org/a/net.onnx?x=1#sha256=${digits}`), {
    value: { url: 'https://example.org/a/net.onnx?x=1', sha256: digits.toLowerCase(), name: 'net.onnx' },
  });
});

test('the form of the dashboard has each option that makes sense on a page, and no path but that of a network', () => {
  const form = searchForm.parse({ data: 'mnist', name: 'one', seed: 3, steps: '1', method: 'asha', baseline: false });
  assert.deepEqual(form, { data: 'mnist', name: 'one', seed: '3', steps: '1', method: 'asha', baseline: false });
  const rows: Options = { ...planOptions, ...runOptions, ...queueOptions };
  assert.deepEqual(
    Object.keys(rows).filter((key) => !pageOptions(rows).some(([each]) => each === key)),
    ['data', 'labels', 'set', 'vanilla', 'run', 'queue', 'store', 'mixed'],
  );
  for (const more of [
    { from: 'https://example.org/x#x' },
    { pixels: 'many' },
    { mean: 'grey' },
    { run: 'x' },
    { maxParams: '--json' },
    { budget: '1m --from=x' },
    { name: '../x' },
  ])
    assert.ok(!searchForm.safeParse({ data: 'mnist', ...more }).success, JSON.stringify(more));
});
