/** The file of a study: what it means, and what is said of mistakes, with line and column. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { planRungs } from '../../src/search/rungs.ts';
import { presets } from '../../src/search/settings.ts';
import { folderName, readStudy } from '../../src/study/file.ts';
import { plannedRuns } from '../../src/study/run.ts';
import { UserError } from '../../src/util/user-error.ts';

const problem = (text: string): string => {
  try {
    readStudy(text, 's.yaml');
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.ok(!error.message.includes('\n'));
    return error.message;
  }
  return assert.fail('it was accepted');
};

const head = 'title: T\ndataset: mnist\n';

await test('methods with settings of their own, over those of the study, over those of the preset', () => {
  const study = readStudy(
    `${head}preset: quick
seed: 5
repetitions: 3
settings:
  step: { children: 6, epochs: 72 }
methods:
  - shr
  - { name: four, method: nash, settings: { step: { children: 4 } } }
  - vanilla
`,
    's.yaml',
  );
  assert.equal(study.kind, 'growth');
  assert.deepEqual(
    study.arms.map(({ name, baseline, settings: { method, step } }) => [name, baseline, method, step.children, step.epochs]),
    [
      ['shr', false, 'shr', 6, 72],
      ['four', false, 'nash', 4, 72],
      ['vanilla', true, 'vanilla', 6, 72],
    ],
  );
  assert.deepEqual(study.arms[0]?.settings.widths, presets.quick.widths);
  const { vanilla, runs } = plannedRuns(study);
  assert.equal(vanilla?.settings.seed, 5);
  assert.equal(vanilla.settings.limits.steps, 0);
  assert.deepEqual(
    runs.map(({ folder, settings }) => `${folder} ${settings.seed}`),
    ['shr-1 5', 'four-1 5', 'vanilla-1 5', 'shr-2 6', 'four-2 6', 'vanilla-2 6', 'shr-3 7', 'four-3 7', 'vanilla-3 7'],
    'all methods of a repetition before the next, with its seed',
  );
});

await test('variants are vanilla networks: no step, no final training, each trained by itself', () => {
  const study = readStudy(
    `${head}repetitions: 1\nvariants:\n  - { name: plain, settings: { augmentation: { mixup: 0 } } }\n  - { name: with mixup }\n`,
    's.yaml',
  );
  const { vanilla, runs } = plannedRuns(study);
  assert.equal(vanilla, null);
  assert.deepEqual(
    runs.map(({ folder, settings: { limits, final, augmentation } }) => [folder, limits.steps, final.epochs, augmentation.mixup]),
    [
      ['plain-1', 0, 0, 0],
      ['with-mixup-1', 0, 0, 1],
    ],
  );
});

await test('what a study decides does not follow from the memory that is free', () => {
  const { arms } = readStudy(`${head}methods: [sh]\n`, 's.yaml');
  assert.equal(arms[0]?.settings.limits.memory, Number.MAX_SAFE_INTEGER);
});

await test('eight repetitions where nothing is said', () => {
  assert.equal(readStudy(`${head}methods: [sh]\n`, 's.yaml').repetitions, 8);
});

await test('a minibatch that any part of the file gives is kept for all', () => {
  const given = (text: string): boolean => readStudy(`${head}${text}`, 's.yaml').batchGiven;
  assert.equal(given('variants: [{ name: a }]\n'), false);
  assert.equal(given('settings: { batch: 32 }\nmethods: [sh]\n'), true);
  const variants = 'variants:\n  - { name: a, settings: { batch: 32 } }\n  - { name: b, settings: { batch: 64 } }\n';
  assert.equal(given(variants), true);
  assert.deepEqual(
    readStudy(`${head}${variants}`, 's.yaml').arms.map(({ settings }) => settings.batch),
    [32, 64],
  );
});

for (const [text, expected] of [
  ['title: T\n', '1:1: dataset is missing'],
  [`${head}methods: [shr]\nrepetition: 3\n`, '4:1: there is no repetition; did you mean repetitions?'],
  [`${head}methods: [shr]\nrepetitions: 0\n`, '4:14: repetitions must be at least 1'],
  [
    `${head}methods: [shr, darts]\n`,
    '3:16: methods.1 must be one of grow, tune, shrink, nash, sh, shr, shrsep, asha, random, vanilla',
  ],
  [`${head}methods: [shr, shr]\n`, '3:16: the name shr is already taken: choose another one'],
  [`${head}methods: [{ name: a b, method: sh }, { name: a/b, method: sh }]\n`, '3:38: the name a/b is already taken'],
  [`${head}methods:\n  - { name: a, method: shr, setings: {} }\n`, '4:29: there is no setings; did you mean settings?'],
  [`${head}settings:\n  step:\n    etta: 3\nmethods: [sh]\n`, '5:5: there is no setting step.etta; did you mean step.eta?'],
  [`${head}settings:\n  step: { eta: 1 }\nmethods: [sh]\n`, '4:16: setting step.eta must be at least 2'],
  [`${head}settings:\n  seed: 3\nmethods: [sh]\n`, '4:3: give the seed beside the settings, not in them'],
  [`${head}settings:\n  method: sh\nmethods: [sh]\n`, '4:3: give methods in the list `methods`, not in settings'],
  [`${head}settings:\n  step: 7\nmethods: [sh]\n`, '4:9: setting step must be a group of settings'],
  [`${head}methods:\n  - { name: a, method: sh, settings: { widths: [0] } }\n`, '4:49: setting widths.0 must be at least 1'],
  [`${head}variants: [{ name: a }]\nmethods: [sh]\n`, '1:1: give either methods (networks that grow) or variants'],
  [`${head}methods:\n  - { name: a, method: shh }\n`, '4:24: methods.0.method must be one of grow, tune, shrink, nash, sh, shr,'],
  [`${head}methods:\n  - { name: a }\n`, '4:5: methods.0.method is missing'],
  ['', '1:1: a study must be a group of settings'],
  ['- 1\n', '1:1: a study must be a group of settings'],
  [`${head}settings: 3\nmethods: [sh]\n`, '3:11: settings must be a group of settings'],
  ['title: *x\ndataset: mnist\nmethods: [sh]\n', '1:8: Unresolved alias'],
  [`${head}methods: [sh]\n---\ntitle: b\n`, '4:1: a study is one document'],
  [`${head}methods: [{ name: a, method: sh, settings: { final: { epochs: 0 } } }]\n`, '3:11: a: without a final training'],
  [`${head}methods: [sh\n`, '4:1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  [`${head}title: again\nmethods: [sh]\n`, '3:1: Map keys must be unique'],
  [
    `${head}methods: [sh, { name: b, method: sh, settings: { vanilla: { epochs: 3 } } }]\n`,
    '3:15: b would need its own vanilla network: all methods start from the same one, so vanilla must be the same for all',
  ],
  [
    `${head}settings:\n  step: { epochs: 4 }\nmethods: [shr]\n`,
    '5:11: shr: 4 epochs a step are too few for 8 children in 4 rungs',
  ],
] as const)
  await test(`a mistake: ${expected}`, () => {
    const said = problem(text);
    assert.ok(said.startsWith(`s.yaml:${expected}`), said);
  });

await test('the studies that come with Instar can be read and begun', () => {
  const files = readdirSync('studies').filter((name) => name.endsWith('.yaml'));
  assert.deepEqual(files.toSorted(), ['table-1.yaml', 'table-2-small.yaml', 'table-2.yaml']);
  for (const file of files) {
    const study = readStudy(readFileSync(`studies/${file}`, 'utf8'), file);
    for (const { settings } of study.arms) assert.notEqual(typeof planRungs(settings), 'string');
  }
});

test('names in any script give folders of their own', () => {
  assert.deepEqual(['größer', 'gräßer', '大', 'A b/c'].map(folderName), ['größer', 'gräßer', '大', 'a-b-c']);
});
