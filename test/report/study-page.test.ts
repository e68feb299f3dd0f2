/** The page of a study: what it says and draws is what the study has, and nothing in it can be anything but text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agreementsOf } from '../../src/report/figures/agreement.ts';
import { swarm } from '../../src/report/chart.ts';
import { svgFile } from '../../src/report/figure.ts';
import { listFigures } from '../../src/report/figures.ts';
import { agreementsOfArm, studyFigures } from '../../src/report/study-figures.ts';
import { studyPage } from '../../src/report/study-page.ts';
import { nameLines } from '../../src/report/study/accuracy-figures.ts';
import { addressOf } from '../../src/report/study/runs-html.ts';
import { bestRunOf, runsOf, type StudyDetails } from '../../src/report/study/study.ts';
import { conclusionsOf } from '../../src/study/conclusions.ts';
import { tablesOf } from '../../src/study/tables.ts';
import { must } from '../../src/util/assert.ts';
import { madeUp } from '../study/made-up.ts';
import { hostile } from './hostile.ts';
import { simulatedStudy } from './study.ts';

const quick = { steps: 2, children: 4, epochs: 24, mutations: 2 } as const;
const study = simulatedStudy({ repetitions: 4, run: quick });
const page = (of: StudyDetails): string => studyPage(of, '2026-01-02 03:04 UTC');
const textOf = (text: string): string => text.replaceAll(/<(style|script)>[^]*?<\/\1>/g, '');
const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;
/** As `escape` writes it. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

test('every conclusion and every table stands on the page, conclusions first', () => {
  const text = textOf(page(study)).replaceAll(/\s+/g, ' ');
  for (const { text: said } of conclusionsOf(study.result)) assert.ok(text.includes(escaped(said)), said);
  for (const { title, groups } of tablesOf(study.result)) {
    assert.ok(text.includes(escaped(title)), title);
    for (const { title: group } of groups) if (group !== null) assert.ok(text.includes(group));
  }
  const places = ['Conclusions', 'Table 2', 'Table 3', 'Runs', 'Study file'].map((part) => text.indexOf(`>${part}</h`));
  assert.ok(
    places.every((place, index) => place > (places[index - 1] ?? 0)),
    places.join(),
  );
  assert.ok(text.includes('All 28 runs have finished.'));
  assert.ok(text.includes('repetitions: 4'), 'the file');
});

test('figures: a mark an outcome, a star a winner, each its own name', () => {
  const figures = studyFigures(study);
  const names = listFigures(figures).map(({ name }) => name);
  assert.deepEqual(names, [
    'accuracies',
    'size',
    'learning-rate',
    'step-nash',
    'step-sh',
    'step-asha',
    'validation-nash',
    'validation-sh',
    'validation-shr',
    'validation-shrsep',
    'validation-asha',
    'agreement-nash',
    'agreement-sh',
    'agreement-shr',
    'agreement-shrsep',
    'agreement-asha',
  ]);
  const outcomes = study.result.arms.flatMap((arm) => arm.outcomes);
  for (const figure of [must(figures.accuracies, 'accuracies'), must(figures.size, 'size')])
    for (const drawing of [figure.narrow, must(figure.wide, 'wide')]) {
      const marks = [...drawing.content.text.matchAll(/class="arm [^"]*"\s+transform="translate\((-?[\d.]+) (-?[\d.]+)\)"/g)];
      // The legend of sizes has one of each arm.
      assert.equal(marks.length, outcomes.length + (figure.name === 'size' ? study.result.arms.length : 0), figure.name);
      for (const [, x, y] of marks)
        assert.ok(Number(x) >= 0 && Number(x) <= drawing.width && Number(y) >= 0 && Number(y) <= drawing.height);
    }
  // Also where few values have intervals that reach beyond all of them.
  for (const repetitions of [2, 8]) {
    const { narrow } = must(studyFigures(simulatedStudy({ repetitions })).accuracies, 'accuracies');
    const lines = [...narrow.content.text.matchAll(/class="interval" x1="(-?[\d.]+)" y1="[\d.]+" x2="(-?[\d.]+)"/g)];
    assert.ok(lines.length > 0);
    for (const [, x1, x2] of lines) assert.ok(Number(x1) >= 116 && Number(x2) <= narrow.width - 20, `${x1} to ${x2}`);
  }
  for (const figure of listFigures(figures)) {
    const file = svgFile(figure);
    assert.doesNotMatch(file, /\sstyle=|NaN|undefined|Infinity/, figure.name);
  }
});

test('the best run of an arm is the one of the highest test accuracy whose journal is there', () => {
  const [arm] = study.result.arms;
  const nash = must(arm, 'arm');
  const best = must(bestRunOf(study, nash), 'best');
  const accuracyOf = (run: typeof best): number =>
    nash.outcomes.find(({ repetition }) => repetition === run.repetition)?.test ?? Number.NaN;
  assert.equal(accuracyOf(best), Math.max(...nash.outcomes.map(({ test: share }) => share ?? 0)));
  const without = { ...study, runs: study.runs.filter((run) => run !== best) };
  assert.ok(accuracyOf(must(bestRunOf(without, nash), 'second')) < accuracyOf(best));
  assert.equal(bestRunOf({ ...study, runs: [] }, nash), null);
});

test('orders are pooled over all runs of an arm, pairs of one step at a time', () => {
  for (const arm of study.result.arms) {
    const single = runsOf(study, arm).flatMap(({ details }) => agreementsOf(details));
    const pooled = agreementsOfArm(study, arm);
    const total = (of: readonly { pooled: { concordant: number; discordant: number; tied: number } }[]): readonly number[] => [
      of.reduce((sum, each) => sum + each.pooled.concordant, 0),
      of.reduce((sum, each) => sum + each.pooled.discordant, 0),
      of.reduce((sum, each) => sum + each.pooled.tied, 0),
    ];
    assert.deepEqual(total(pooled), total(single));
    assert.equal(new Set(pooled.map(({ from, to }) => `${from}→${to}`)).size, pooled.length);
    // One drawn child has no order.
    assert.equal(pooled.length === 0, arm.baseline);
  }
});

test('names from the file stay text: of the study, of arms, of folders, of the command', () => {
  const [first = '', second = '', third = ''] = hostile;
  const strange = simulatedStudy({
    methods: ['nash', 'shr', 'random'],
    repetitions: 2,
    run: { ...quick, steps: 1, classes: hostile },
    title: first,
    armName: (method) => ({ nash: first, shr: second, random: third })[method as 'nash'] ?? method,
  });
  const whole = page({ ...strange, command: `instar study '${first}'`, result: { ...strange.result, scale: second } });
  const text = textOf(whole);
  assert.equal(whole.match(/<script/g)?.length, 1);
  assert.doesNotMatch(text, /<script|<img|onerror=alert\(1\)>|<svg\/onload/);
  assert.ok(text.includes('&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;'));
  for (const [tag] of text.matchAll(/<[a-z][^<>]*>/g)) assert.equal((tag.match(/"/g)?.length ?? 0) % 2, 0, tag);
  const names = listFigures(studyFigures(strange)).map(({ name }) => name);
  for (const name of names) assert.match(name, /^[a-z0-9-]+$/);
  assert.equal(new Set(names).size, names.length);
});

test('arms whose names have no letter in common with a file’s have figures of their own all the same', () => {
  const names = { nash: '???', shr: '!!!' } as const;
  const odd = simulatedStudy({
    methods: ['nash', 'shr'],
    repetitions: 1,
    run: quick,
    armName: (method) => names[method as 'nash'],
  });
  const files = listFigures(studyFigures(odd)).map(({ name }) => name);
  assert.ok(files.includes('validation-arm') && files.includes('validation-arm-2'), files.join());
  assert.equal(new Set(files).size, files.length);
});

test('an address stays below the page, whatever a folder is called', () => {
  assert.equal(addressOf('sh-1/report.html'), './sh-1/report.html');
  assert.equal(addressOf('javascript:alert(1)'), './javascript%3Aalert(1)');
  assert.equal(addressOf('//host/a"b?c#d'), './//host/a%22b%3Fc%23d');
  const text = textOf(page(study));
  assert.ok(text.includes('href="./nash-1/report.html"'));
  assert.ok(!text.includes('href="./nash-2/report.html"'), 'without a report there is no link');
});

test('headings follow each other, ids are there once, links within the page lead somewhere, tables have heads', () => {
  const text = textOf(page(study));
  const levels = [...text.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
  assert.equal(levels.filter((level) => level === 1).length, 1);
  levels.forEach((level, index) => assert.ok(level <= (levels[index - 1] ?? 0) + 1, `heading ${index} skips a level`));
  const ids = [...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  assert.deepEqual(ids, [...new Set(ids)]);
  for (const [, target] of text.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(target ?? ''), `#${target}`);
  for (const [, label] of text.matchAll(/aria-labelledby="([^"]*)"/g)) assert.ok(ids.includes(label ?? ''), label);
  for (const [table] of text.matchAll(/<table[^]*?<\/table>/g)) assert.match(table, /<caption>[^]*<th\s+scope="col"/);
  assert.doesNotMatch(text, /\sstyle=|\son[a-z]+=|<link|<iframe|https?:/);
});

test('a study wherever it stands has its page', () => {
  const cases: readonly StudyDetails[] = [
    { ...study, runs: [], result: madeUp([]) },
    { ...study, runs: [], result: madeUp([], 'vanilla') },
    { ...study, runs: [] },
    simulatedStudy({ methods: ['shr', 'random'], repetitions: 8, ended: 1, run: quick }),
    // Runs that have not come far, and no outcome yet.
    ...[2, 10, 40].map((until) => simulatedStudy({ methods: ['shr'], repetitions: 2, run: quick, until })),
    {
      ...study,
      runs: [],
      result: madeUp(
        [
          { name: 'flip', test: [null], augmentation: { mixup: 0 }, vanilla: () => [{ clean: 0.7, augmented: null }] },
          { name: 'all', test: [null, null], vanilla: () => Array.from({ length: 6 }, () => ({ clean: 0.6, augmented: 0.5 })) },
        ],
        'vanilla',
      ),
    },
  ];
  for (const [index, each] of cases.entries()) {
    const text = textOf(page(each));
    assert.doesNotMatch(text, /NaN|undefined|Infinity|\[object/, `case ${index}`);
    assert.match(text, /Conclusions/);
    if (index > 2) assert.match(text, /runs have finished: this is the state/, `case ${index}`);
  }
});

test('marks of a row keep apart where there is room, and move no further than they may', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 12 }), (places) => {
      const heights = swarm(places, 8, 18);
      assert.equal(heights.length, places.length);
      assert.ok(heights.every((height) => Math.abs(height) <= 18));
      const crowded = places.some((x) => places.filter((other) => Math.abs(other - x) < 8).length > 4);
      if (crowded) return;
      places.forEach((x, i) =>
        places.forEach((other, j) => {
          if (i < j) assert.ok(Math.hypot(x - other, (heights[i] ?? 0) - (heights[j] ?? 0)) >= 8, `${x} and ${other}`);
        }),
      );
    }),
  );
});

test('long names are nameLines, and told to be cut where they are', () => {
  assert.deepEqual(nameLines('SHR', 16), ['SHR']);
  assert.deepEqual(nameLines('flip + mixup + cutout + shift', 16), ['flip + mixup +', 'cutout + shift']);
  assert.deepEqual(nameLines('a'.repeat(30), 16), [`${'a'.repeat(15)}…`]);
  assert.equal(nameLines('one two three four five six seven', 6).at(-1)?.at(-1), '…');
});

test('the page of four methods and two baselines is small', () => {
  assert.ok(Buffer.byteLength(page(study)) < 3e6);
  assert.ok(count(page(study), /<figure/g) >= 13);
});
